"""Figures say what they show, players play one file, scores are engraved as they sound."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot
import numpy as np
import pandas
import pandas as pd
import pytest

import etude
from etude import display
from etude.display import engraving, receptive_fields
from etude.display.mei import write_mei
from etude.display.spelling import SEMITONES, key_signature, signature_alterations, spell
from etude.errors import EtudeError
from etude.models.sequence.dilated import receptive_field
from etude.types import Audio, History, Piece, Score

matplotlib.use("agg")
MEI = "{http://www.music-encoding.org/ns/mei}"
ALTERS = {"ff": -2, "f": -1, "n": 0, "s": 1, "x": 2}


def notes(*rows):
    return np.array([(onset, duration, pitch, 80, track) for onset, duration, pitch, track in rows], np.int64)


def chorale(quarters=18, seed=0):
    """Four random voices on sixteenths, none overlapping itself."""
    rng, rows = np.random.default_rng(seed), []
    for track, (low, high) in enumerate([(62, 79), (55, 72), (50, 66), (43, 60)]):
        time = 0
        while time < 4 * quarters:
            duration = min(int(rng.choice([1, 2, 2, 4, 4, 4, 6, 8])), 4 * quarters - time)
            if rng.random() < 0.9:
                rows.append((time, duration, int(rng.integers(low, high)), track))
            time += duration
    return Score(notes(*rows), 4)


def dense(seed=1, size=150):
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, 100, size), rng.integers(1, 20, size), rng.integers(21, 109, size), np.zeros(size, int)
    return Score(notes(*zip(*columns, strict=True)), 4)


SCORES = {
    "nothing": Score(np.zeros((0, 5), np.int64), 4),
    "silence": Score(np.zeros((0, 5), np.int64), 4, length=64),
    "one note": Score(notes((0, 4, 60, 0)), 4),
    "outermost pitches": Score(notes((0, 4, 0, 0), (4, 4, 127, 0)), 4),
    "nine tracks": Score(notes(*((2 * i, 4, 40 + 5 * i, i) for i in range(9))), 4),
    "two voices": Score(notes(*((4 * i, 4, 60 + i % 12, i % 2) for i in range(24))), 4),
    "a note of 25 bars": Score(notes((3, 400, 60, 0)), 4),
    "every key at once": Score(notes(*((0, 4, pitch, 0) for pitch in range(21, 109))), 4),
    "triplets": Score(notes(*((160 * i, 160, 60 + i, 0) for i in range(12))), 480),
    "chorale": chorale(),
    "chorale, common": chorale().common(),
    "dense": dense(),
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "01_midi")
    return tmp_path


@pytest.fixture(autouse=True)
def close_figures():
    yield
    matplotlib.pyplot.close("all")


def tone(seconds=2.0, rate=22050, amplitude=0.5):
    time = np.arange(round(seconds * rate)) / rate
    return Audio((amplitude * np.sin(2 * np.pi * 440 * time)).astype(np.float32), rate)


# Names ---------------------------------------------------------------------------------------------------------------


def test_every_name_of_the_package_is_there_and_none_hides_a_module():
    modules = {path.stem for path in Path(engraving.__file__).parent.glob("*.py")}
    for name in display.__all__:
        assert not inspect.ismodule(getattr(display, name)), name
    assert not modules & set(display.__all__)
    with pytest.raises(AttributeError):
        _ = display.plot_nothing


def test_engraving_loads_no_figures():
    code = "import sys; from etude.display import engrave_svg; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


# Notation ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", range(-5, 7))
def test_every_pitch_is_spelt_as_itself(signature):
    for pitch in range(128):
        letter, alteration, octave = spell(pitch, signature)
        assert SEMITONES[letter] + alteration + 12 * (octave + 1) == pitch
        assert abs(alteration) <= 2


@pytest.mark.parametrize("signature", range(-5, 7))
def test_a_scale_has_its_signature_and_needs_no_other_accidental(signature):
    scale = [(7 * signature + step) % 12 + 60 for step in (0, 2, 4, 5, 7, 9, 11)]
    score = Score(notes(*((4 * i, 4, pitch, 0) for i, pitch in enumerate(scale))), 4)
    assert key_signature(score) == signature
    altered = signature_alterations(signature)
    assert sum(map(abs, altered.values())) == abs(signature)
    assert all(spell(pitch, signature)[1] == altered[spell(pitch, signature)[0]] for pitch in scale)


def test_leading_tones_and_flat_sevenths_have_their_usual_names():
    assert spell(61, 0)[:2] == ("C", 1) and spell(68, 0)[:2] == ("G", 1) and spell(70, 0)[:2] == ("B", -1)
    assert spell(63, -3)[:2] == ("E", -1) and spell(66, -1)[:2] == ("F", 1)


def read(mei):
    """Play an MEI document back as a reader would: signature, printed accidentals in their bar, ties.

    Returns the notes (onset, end, pitch) and the sixteenths of every layer of every bar.
    """
    root = ElementTree.fromstring(mei)
    sign = root.find(f".//{MEI}scoreDef").get("keysig")
    altered = signature_alterations((1 if sign[-1] == "s" else -1) * int(sign[:-1]) if sign != "0" else 0)
    sounding, open_, lengths, start = [], {}, [], 0
    for measure in root.iter(f"{MEI}measure"):
        ends = {start}
        for staff in measure:
            printed, events = {}, []
            for layer in staff:
                now = start
                for event in layer.iter():
                    if event.tag.removeprefix(MEI) in ("note", "chord", "rest", "space") and event.get("dur"):
                        length = 16 // int(event.get("dur")) * (3 if event.get("dots") else 2) // 2
                        heads = [] if event.tag in (f"{MEI}rest", f"{MEI}space") else list(event.iter(f"{MEI}note"))
                        events.append((now, length, layer.get("n"), heads))
                        now += length
                if layer.find(f"{MEI}mRest") is None:
                    ends.add(now)
            for onset, length, layer, heads in sorted(events, key=lambda event: event[0]):
                for head in heads:
                    place = head.get("pname").upper(), int(head.get("oct"))
                    key = (staff.get("n"), layer, *place)
                    if head.get("accid"):
                        printed[place] = ALTERS[head.get("accid")]
                    if head.get("tie") in ("m", "t"):
                        alter = printed.get(place, altered[place[0]])
                        if (key, alter) not in open_:
                            alter = next(p for p in ALTERS.values() if (key, p) in open_)
                        begun, pitch = open_[key, alter]
                        del open_[key, alter]
                    else:
                        alter = printed.get(place, altered[place[0]])
                        begun, pitch = onset, SEMITONES[place[0]] + alter + 12 * (place[1] + 1)
                    if head.get("tie") in ("i", "m"):
                        open_[key, alter] = begun, pitch
                    else:
                        sounding.append((begun, onset + length, pitch))
        lengths.append(ends - {start})
        start = max(ends | {start + 4 * (measure.get("n") != "0")} if len(ends) == 1 else ends)
    assert not open_, "a tie leads nowhere"
    return sorted(sounding), lengths


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("merged", [False, True])
def test_the_notation_reads_back_as_the_notes_that_were_written(seed, merged):
    score = chorale(seed=seed).common() if merged else chorale(seed=seed)
    heard, lengths = read(write_mei(score, pickup=0))
    expected = sorted((n[0], n[0] + n[1], n[2]) for n in score.notes.tolist())
    assert heard == expected
    assert all(len(ends) == 1 for ends in lengths), "the layers of a bar differ in length"


def test_a_dense_score_keeps_every_sounding_sixteenth():
    score = dense().common()
    heard, _ = read(write_mei(score, pickup=0))
    cells = {(t, pitch) for on, off, pitch in heard for t in range(on, off)}
    assert cells == {(t, n[2]) for n in score.notes.tolist() for t in range(n[0], n[0] + n[1])}


def test_four_voices_share_two_staves_and_one_voice_has_one():
    staves = [
        len(ElementTree.fromstring(write_mei(s)).findall(f".//{MEI}staffDef")) for s in (chorale(), SCORES["one note"])
    ]
    assert staves == [2, 1]


def test_the_last_chord_tells_the_upbeat():
    with_upbeat = Score(notes(*((4 * i, 4, 60, 0) for i in range(5)), (20, 12, 60, 0)), 4)
    without = Score(notes(*((4 * i, 4, 60, 0) for i in range(4)), (16, 16, 60, 0)), 4)
    first = [ElementTree.fromstring(write_mei(s)).find(f".//{MEI}measure").get("n") for s in (with_upbeat, without)]
    assert first == ["0", "1"]


def test_bars_cut_the_score():
    measures = ElementTree.fromstring(write_mei(chorale(quarters=40), bars=3, pickup=1)).findall(f".//{MEI}measure")
    assert [m.get("n") for m in measures] == ["0", "1", "2", "3"]
    assert measures[-1].get("right") is None  # it goes on


MELODY = notes(*((2 * i, 2, 60 + i % 8, 0) for i in range(50)))  # eighths


def bars_of(mei) -> list[tuple]:
    """Return number, metcon and sixteenths of each bar."""
    measures, (_, ends) = list(ElementTree.fromstring(mei).iter(f"{MEI}measure")), read(mei)
    lengths = np.diff([0, *(end for (end,) in ends)]).tolist()
    return [(m.get("n"), m.get("metcon"), length) for m, length in zip(measures, lengths, strict=True)]


@pytest.mark.parametrize(
    ("meter", "pickup", "first", "whole"),
    [((6, 8), 0.5, 2, 12), ((3, 4), 1, 4, 12), ((4, 4), 3, 12, 16), ((2, 2), 1.5, 6, 16), ((6, 8), 0, 0, 12)],
)
def test_a_score_is_engraved_in_its_own_metre_from_its_upbeat_on(meter, pickup, first, whole, monkeypatch):
    seen = []
    monkeypatch.setattr(engraving, "write_mei", lambda *a, **o: seen.append(write_mei(*a, **o)) or seen[-1])
    score = Score(MELODY, 4, meter=meter, pickup=pickup)
    display.engrave_svg(score, bars=3)
    bars = bars_of(seen[-1])
    assert bars[: first > 0] == [("0", "false", first)][: first > 0]
    assert bars[first > 0 :] == [(str(k), None, whole) for k in (1, 2, 3)]
    display.engrave_svg(score, bars=3, pickup=0)  # what is asked for wins
    assert bars_of(seen[-1]) == [(str(k), None, whole) for k in (1, 2, 3)]


@pytest.mark.parametrize(
    ("length", "last"), [(3 + 36 + 9, ("4", "false", 9)), (3 + 36 + 8, ("4", None, 12)), (3 + 36 + 12, ("4", None, 12))]
)
def test_a_last_bar_that_completes_the_upbeat_ends_where_the_music_does(length, last):
    tune = notes(*((i, 1, 60 + i % 8, 0) for i in range(length)))
    bars = bars_of(write_mei(Score(tune, 4, meter=(3, 4), pickup=0.75), meter=(3, 4), pickup=0.75))
    assert bars[0] == ("0", "false", 3) and bars[-1] == last
    assert {bar[1:] for bar in bars[1:-1]} == {(None, 12)}


def test_without_a_metre_no_upbeat_is_engraved(monkeypatch):
    seen = []
    monkeypatch.setattr(engraving, "write_mei", lambda *a, **o: seen.append(o) or write_mei(*a, **o))
    display.engrave_svg(Score(MELODY, 4, pickup=1), bars=3)
    assert "pickup" not in seen[0] and "meter" not in seen[0]


@pytest.mark.parametrize("name", SCORES)
def test_any_score_is_engraved(name):
    svg = display.engrave_svg(SCORES[name], title="A & B <tag>")
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg") and root.get("viewBox")
    heads = len([g for g in root.iter() if g.get("class") == "notehead"])
    assert heads >= len(SCORES[name].common().notes) * (name != "every key at once")
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", svg)


def test_a_score_too_long_is_refused_before_it_is_engraved():
    with pytest.raises(EtudeError, match="400 bars"):
        display.engrave_svg(Score(notes((0, 2**30, 60, 0)), 4))


@pytest.mark.parametrize(
    "fault", ["import os; os.abort()", "import sys; sys.exit('no')", "import time; time.sleep(60)"]
)
def test_an_engraver_that_dies_or_hangs_is_an_error(fault, monkeypatch):
    monkeypatch.setattr(engraving, "ENGRAVER", fault)
    with pytest.raises(EtudeError):
        display.engrave_svg(SCORES["one note"], seconds=2)


def test_engrave_keeps_the_file_and_shows_it_with_a_text_alternative(run):
    shown = display.engrave(Piece("x", chorale()), "first", bars=2, caption="Two <bars>")
    assert shown.path == run / "reports/figures/01_midi/first.svg" and shown.path.read_text().startswith("<svg")
    assert 'alt="Score: Two &lt;bars&gt;, first 2 bars"' in shown.html
    assert 'href="../reports/figures/01_midi/first.svg"' in shown.html
    assert len(shown.html) < 60_000
    with pytest.raises(EtudeError, match="with a score"):
        display.engrave(Piece("x", audio=tone()), "x")


# Players -------------------------------------------------------------------------------------------------------------


def test_a_player_writes_one_small_file_and_links_to_it(run):
    shown = display.player(tone(60.0), "A tone, long", caption="440 Hz & more")
    files = [path for path in run.rglob("*") if path.is_file()]
    assert files == [run / "reports/audio/01_midi/a-tone-long.mp3"]
    assert files[0].stat().st_size < 300_000
    assert 'preload="none" src="../reports/audio/01_midi/a-tone-long.mp3"' in shown.html
    assert (run / "notebooks" / "../reports/audio/01_midi/a-tone-long.mp3").resolve() == files[0]
    assert "data:audio" not in shown.html and "440 Hz &amp; more" in shown.html and "1 min 00 s" in shown.html
    assert set(shown._repr_mimebundle_()) == {"text/html", "text/plain"}
    assert display.player(tone(60.0), "A tone, long").path == shown.path  # again: the same file, not a second


def test_a_player_plays_what_it_was_given(run):
    from etude.formats.audio import read_audio

    played = read_audio(display.player(tone(2.0), "tone").path)
    middle = played.samples[len(played) // 4 :][: played.rate]
    assert abs(np.abs(np.fft.rfft(middle)).argmax() - 440) <= 1
    assert display.player(tone(1.0, rate=10_000), "odd rate").path.is_file()


def test_long_sound_is_cut_and_says_so(run):
    assert "3.0 s of 5.0 s" in display.player(tone(5.0), "tone", seconds=3).html


@pytest.mark.parametrize(
    "music",
    [tone(1.0, amplitude=0), Audio(np.zeros(0, np.float32), 8000), SCORES["nothing"]],
    ids=["zero", "empty", "score"],
)
def test_silence_is_said_and_makes_no_player(run, music):
    shown = display.player(music, "nothing")
    assert "<audio" not in shown.html and "nothing to play" in shown.html
    assert not list(run.rglob("*.mp3"))


def test_a_score_is_rendered(run):
    pytest.importorskip("etude.synthesis", reason="no synthesis")
    assert "<audio" in display.player(chorale(4), "chorale").html


def test_several_players_stand_in_a_grid(run):
    shown = display.players({"a": (tone(1), "first"), "b": tone(1)}, caption="Which?")
    assert shown.html.count("<audio") == 2 and "first" in shown.html and "Which?" in shown.html
    with pytest.raises(EtudeError):
        display.players({})


@pytest.mark.parametrize("music", [tone(1), chorale(4), SCORES["nothing"], Piece("x", audio=tone(1))], ids=range(4))
def test_a_thumbnail_is_a_small_png_without_ground(music):
    from io import BytesIO

    from PIL import Image

    data = display.thumbnail(music)
    image = Image.open(BytesIO(data))
    assert image.size == (720, 96) and len(data) < 30_000
    assert np.asarray(image.convert("RGBA"))[0, 0, 3] == 0


def test_a_thumbnail_shows_what_is_played():
    twice = Score(notes((0, 4, 60, 0), (4, 4, 72, 0)), 4)
    half = display.thumbnail(twice, seconds=twice.seconds / 2)
    assert half != display.thumbnail(twice) == display.thumbnail(twice, seconds=100)


# Figures -------------------------------------------------------------------------------------------------------------

HISTORY = History([{"step": s, "train": 3 - s / 100, "valid": 3.1 - s / 100} for s in range(0, 100, 10)], best_step=90)
BITS = [
    {"model": m, "bits_per_second": v, "low": 0.9 * v, "high": 1.1 * v}
    for m, v in [("uniform", 88.0), ("counts", 18.0), ("xz", 30.0), ("rnn", 11.0)]
]
ROLL = np.zeros((32, 88), np.int64)
ROLL[4, 40], ROLL[5:9, 40] = 1, 2
ROWS = pd.DataFrame({"model": ["a", "a", "b"], "test": [4.0, 4.2, 7.0], "published": [5.5, 5.5, np.nan]})
CHANGES = pd.DataFrame({"part": ["output", "width"], "change": ["independent", "128"], "value": [8.0, 4.5]})
FIGURES = {
    "roll": lambda ax: display.plot_piano_roll(chorale(), ax, title="BWV"),
    "roll, empty": lambda ax: display.plot_piano_roll(SCORES["nothing"], ax),
    "roll of an array": lambda ax: display.plot_piano_roll(ROLL, ax, unit="bars"),
    "codes": lambda ax: display.plot_roll_codes(ROLL, ax),
    "surprise": lambda ax: display.plot_surprise(np.ones((72, 88)), chorale(), ax),
    "round trip": lambda ax: display.plot_round_trip(chorale(), chorale().common(), ax),
    "waveform": lambda ax: display.plot_waveform(tone(), ax),
    "waveform, zoomed": lambda ax: display.plot_waveform(tone(), ax, zoom=(0.5, 0.01)),
    "spectrogram": lambda ax: display.plot_spectrogram(
        np.ones((20, 65)), ax, frequencies=np.linspace(0, 4000, 65), frame_rate=31.25
    ),
    "learning curve": lambda ax: display.plot_learning_curve(HISTORY, ax, floors={"xz": 2.5}),
    "learning curves": lambda ax: display.plot_learning_curve({"a": HISTORY, "b": HISTORY}, ax),
    "bits": lambda ax: display.plot_bits(BITS, ax, unit="bits per second of music"),
    "benchmark": lambda ax: display.plot_against_published(ROWS, ax),
    "changes": lambda ax: display.plot_changes(CHANGES, ax, base=4.6),
    "pitch classes": lambda ax: display.plot_pitch_classes({"one": chorale(), "two": [chorale(seed=2)]}, ax),
    "durations": lambda ax: display.plot_durations([chorale()], ax),
    "voice ranges": lambda ax: display.plot_voice_ranges([chorale(), chorale(seed=2)], ax),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_into_the_axes_given_and_label_them(name):
    figure, ax = matplotlib.pyplot.subplots()
    assert FIGURES[name](ax) is ax
    figure.canvas.draw()
    labelled = [axes for axes in figure.axes if axes.xaxis.get_label_text() or axes.yaxis.get_label_text()]
    assert ax in labelled
    labels = " ".join(a.get_label_text() for axes in figure.axes for a in (axes.xaxis, axes.yaxis))
    units = "(s)", "(s ", "(ms)", "(steps)", "quarters", "(Hz)", "(dB", "(%)", "bits per", "voice", "nats per"
    assert any(unit in labels for unit in units), labels
    words = display.describe(figure)
    assert len(words) > 5 and "\n" not in words


def test_rolls_in_a_row_share_the_keys_and_are_lined_every_so_often():
    axs = display.plot_rolls_in_a_row({"a": ROLL, "b": np.roll(ROLL, 12, axis=1), "silence": 0 * ROLL}, every=8)
    assert [ax.get_title() for ax in axs] == ["a", "b", "silence"]
    assert len({ax.get_ylim() for ax in axs}) == 1 and axs[0].get_ylim()[0] < 61 < 73 < axs[0].get_ylim()[1]
    assert [[line.get_xdata()[0] for line in ax.lines] for ax in axs] == 3 * [[8, 16, 24]]
    assert np.array_equal(axs[1].images[0].get_array(), np.roll(ROLL, 12, axis=1).T)
    assert display.describe(axs[0].figure)
    with pytest.raises(EtudeError, match="at least one roll"):
        display.plot_rolls_in_a_row({})


def test_rows_of_the_benchmark_stand_best_on_top_with_their_medians():
    ax = display.plot_against_published(ROWS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    assert [text.get_text() for text in ax.texts] == ["7.00", "4.10"]


def test_changes_are_drawn_from_the_model_that_is_changed():
    ax = display.plot_changes(CHANGES, base=4.6)
    assert [round(bar.get_width(), 6) for bar in ax.patches] == [-0.1, 3.4]
    assert [text.get_text() for text in ax.texts] == ["-0.10", "+3.40"]
    spread = display.plot_changes(CHANGES.assign(lowest=CHANGES["value"] - 0.2, highest=9.0), base=4.6)
    assert [list(line.get_xdata().round(6)) for line in spread.lines[:2]] == [[-0.3, 4.4], [3.2, 4.4]]


def test_figures_make_their_own_axes_in_the_house_style():
    ax = display.plot_tokens(["Bar_None", "Pitch_60", "\n", "c"])
    assert [text.get_text() for text in ax.texts] == ["Bar", "Pitch\n60", "⏎", "c"]
    assert len(ax.patches) == 4 and ax.figure.get_facecolor() == (1, 1, 1, 1)
    assert not display.axes().spines["top"].get_visible()


def test_a_roll_has_a_bar_for_each_note():
    score = chorale()
    ax = display.plot_piano_roll(score)
    boxes = [path.get_extents() for collection in ax.collections for path in collection.get_paths()]
    assert len(boxes) == len(score)
    assert max(box.x1 for box in boxes) <= score.seconds + 1e-9
    assert sorted({round((b.y0 + b.y1) / 2) for b in boxes}) == sorted(set(score.notes[:, 2].tolist()))


def test_surprise_shares_the_time_axis_and_asks_for_one_time_a_step():
    ax = display.plot_surprise(np.arange(72.0), chorale())
    assert ax.figure.axes[-1].get_xlim() == ax.get_xlim()
    values, edges, _ = ax.figure.axes[-1].patches[0].get_data()
    np.testing.assert_allclose(values, np.arange(72))
    np.testing.assert_allclose(edges[-1], chorale().seconds)
    with pytest.raises(EtudeError, match="72 steps"):
        display.plot_surprise(np.arange(72.0), chorale(), times=np.arange(10))


def test_round_trips_count_what_was_kept_lost_and_added():
    before = Score(notes((0, 4, 60, 0), (4, 4, 62, 0), (8, 4, 64, 0)), 4)
    after = Score(notes((0, 4, 60, 0), (4, 4, 63, 0)), 4)
    legend = [text.get_text() for text in display.plot_round_trip(before, after).get_legend().get_texts()]
    assert legend == ["kept 1", "lost 2", "added 1"]


def test_bits_are_ranked_with_floors_in_grey():
    ax = display.plot_bits(BITS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["uniform", "xz", "counts", "rnn"]  # upwards
    colours = [matplotlib.colors.to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert colours == ["#9a9a9a", "#5f5f5f", "#9a9a9a", display.PALETTE[0]]


def test_shares_of_pitch_classes_are_of_time():
    ax = display.plot_pitch_classes(Score(notes((0, 12, 60, 0), (12, 4, 62, 0)), 4))
    heights = [bar.get_height() for bar in ax.patches]
    assert heights[0] == pytest.approx(75) and heights[2] == pytest.approx(25) and sum(heights) == pytest.approx(100)


def test_a_spectrogram_shows_a_tone_at_its_frequency():
    frequencies = np.arange(65) * 62.5
    magnitudes = np.zeros((10, 65))
    magnitudes[:, 16] = 0.5  # 1 kHz, -6 dB
    ax = display.plot_spectrogram(magnitudes, frequencies=frequencies, frame_rate=10)
    mesh = ax.collections[0]
    levels = np.asarray(mesh.get_array()).reshape(64, 10)
    assert levels.max() == pytest.approx(20 * np.log10(0.5))
    edges = mesh.get_coordinates()[:, 0, 1]
    row = levels[:, 0].argmax()
    assert edges[row] < 1000 < edges[row + 1]
    with pytest.raises(EtudeError, match=r"\(T, 65\)"):
        display.plot_spectrogram(magnitudes[:, :60], frequencies=frequencies, frame_rate=10)


@pytest.mark.parametrize("scale", ["stft", "mel", "cqt"])
def test_codes_of_a_spectrogram_are_drawn_in_hertz_and_decibels(scale):
    coded = etude.representation("spectrogram", scale=scale)
    codes = coded.encode(Piece("a", audio=tone(1.0, rate=8000, amplitude=0.5)))
    ax = display.plot_spectrogram(codes, representation=coded)
    mesh = ax.collections[0]
    levels = np.asarray(mesh.get_array()).reshape(-1, len(codes))
    row = levels[:, len(codes) // 2].argmax()
    low, high = mesh.get_coordinates()[row : row + 2, 0, 1]
    assert low < 440 < high or abs(np.sqrt(low * high) / 440 - 1) < 0.05  # the bin beside it, at most
    assert ax.get_xlim()[1] == pytest.approx(len(codes) / coded.space.rate)
    assert len(display.band_frequencies(coded)) == codes.shape[1]
    if scale == "stft":
        assert levels.max() == pytest.approx(20 * np.log10(0.5), abs=2)
    with pytest.raises(EtudeError, match="representation="):
        display.plot_spectrogram(codes)


@pytest.mark.parametrize("wrong", ["text", np.zeros((3, 4), int), Piece("x", audio=tone())])
def test_figures_refuse_what_is_no_score(wrong):
    with pytest.raises(EtudeError, match="Decode it first"):
        display.plot_piano_roll(wrong)


def test_in_a_notebook_figures_come_with_words_and_without_echo(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    source = """
    import numpy as np
    from etude import Score, display
    display.style()
    display.plot_piano_roll(Score(np.array([[0, 4, 60, 80, 0]]), 4), title="One note")"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(inspect.cleandoc(source))])
    nbclient.NotebookClient(book, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = [output for output in book.cells[0].outputs if output.output_type != "stream"]
    assert output.metadata["image/png"]["alt"] == output.data["text/plain"] == "One note (x: time (s); y: pitch)"
    assert 700 < output.metadata["image/png"]["width"] < 760 and len(output.data["image/png"]) < 60_000


# Pages ---------------------------------------------------------------------------------------------------------------


def test_tables_round_escape_and_mark_the_best():
    rows = [{"model": "a<b", "bits": 1.25, "n": 1234567}, {"model": "c", "bits": float("nan"), "n": 2, "ok": np.True_}]
    shown = display.plain_table(rows, "Bits & bytes", digits=1, units={"bits": "bits/s"}, bold="bits")
    assert "<caption>Bits &amp; bytes</caption>" in shown.html and "bits (bits/s)" in shown.html
    assert "a&lt;b" in shown.html and "<b>1.2</b>" in shown.html and "1,234,567" in shown.html and "–" in shown.html
    assert '<td align="left">c</td>' in shown.html and ">yes<" in shown.html and "style" not in shown.html
    assert "Bits & bytes" in repr(shown)


def test_tables_keep_the_names_of_their_rows():
    import pandas as pd

    frame = pd.DataFrame({"value": [1.0]}, index=pd.Index(["xz"], name="floor"))
    assert "floor" in display.plain_table(frame).html and "xz" in display.plain_table(frame).html
    assert "floor" not in display.plain_table(frame, index=False).html
    assert display.plain_table(pd.DataFrame({"a": [1, 2]}, index=[5, 3])).html.count("<th ") == 1


def test_a_definition_is_listed_as_it_stands_and_without_this_machine():
    shown = display.show_source(Score.transposed).data
    body = inspect.cleandoc("\n" + inspect.getsource(Score.transposed)).rstrip()
    assert f"```python\n{body}\n```" in shown
    assert shown.startswith("`src/etude/types.py`\n")
    assert str(Path(etude.__file__).parents[1]) not in shown
    with pytest.raises(EtudeError, match="with source"):
        display.show_source(3)


def test_say_shows_markdown():
    assert display.say("""\n    One **two**\n    three""").data == "One **two**\nthree"


def test_taps_are_those_on_which_the_newest_value_depends():
    assert receptive_fields.taps(2, [1, 2]) == [[(-3, -2), (-2, -2), (-1, 0), (0, 0)], [(-2, 0), (0, 0)]]
    for kernel, dilations in ((2, [1, 1, 2, 4, 8]), (3, [1, 2, 4]), (2, [1, 2, 1, 2])):
        first = min(source for source, _ in receptive_fields.taps(kernel, dilations)[0])
        assert 1 - first == receptive_field(kernel, dilations)


def test_a_reach_is_drawn_to_scale_and_stops_at_the_beginning():
    ax = display.plot_reach(chorale(), 4.0, {"short": 1.5, "long": 100.0})
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    assert bars == [(2.5, 4.0), (0.0, 4.0)]
    with pytest.raises(EtudeError, match="a moment"):
        display.plot_reach(chorale(), 0.0, {})


def test_activations_share_the_time_of_the_roll():
    score = chorale()
    ax = display.plot_activations(np.eye(6)[:, :4], score, labels=("low", "high"), label="gate")
    below = ax.figure.axes[1]
    assert ax.get_xlim() == below.get_xlim() == (0, score.seconds)
    assert np.array_equal(below.images[0].get_array(), np.eye(6)[:, :4].T)
    assert [text.get_text() for text in below.get_yticklabels()] == ["low", "high"]
    assert list(below.get_yticks()) == [1, 3]
    with pytest.raises(EtudeError, match="divides"):
        display.plot_activations(np.zeros((6, 4)), score, labels=("one", "two", "three"))
    with pytest.raises(EtudeError, match="activations"):
        display.plot_activations(np.zeros(6), score)


def test_attention_is_arcs_from_the_step_to_what_it_takes_from():
    score, weights = chorale(), np.zeros((2, 12, 12))
    weights[0, 8, [0, 3]], weights[1, 8, 8], weights[1, 8, 2] = (0.25, 0.75), 0.97, 0.03
    ax = display.plot_attention(weights, score, 8, labels=("bar", "echo"))
    above, step = ax.figure.axes[1], score.seconds / 12
    assert ax.get_xlim() == above.get_xlim() == (0, score.seconds)
    ends = [(arc.vertices[0, 0], arc.vertices[-1, 0]) for arcs in above.collections for arc in arcs.get_paths()]
    assert ends == [(0, 8.5 * step), (2.5 * step, 8.5 * step), (7.5 * step, 8.5 * step)]
    assert [list(c.get_linewidths()) for c in above.collections] == [[1.5, 4.5], [pytest.approx(5.82)]]
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["bar", "echo"]
    with pytest.raises(EtudeError, match="one of the T steps"):
        display.plot_attention(weights, score, 12)
    with pytest.raises(EtudeError, match="label for each of 2"):
        display.plot_attention(weights, score, 8, labels=("one",))


def test_a_learning_curve_can_be_drawn_over_time():
    rows = [{"step": n, "train": 2.0, "valid": 1.0, "seconds": 2.0 * n, "cpu_seconds": 3.0 * n} for n in (1, 2)]
    ax = display.plot_learning_curve(
        History([*rows, {"step": 3, "train": 1.0, "valid": 0.5}], 2), against="cpu_seconds"
    )
    assert ax.get_xlabel() == "CPU seconds" and ax.lines[1].get_xdata().tolist() == [3, 6]
    with pytest.raises(EtudeError, match="column of a history"):
        display.plot_learning_curve(History(rows, 1), against="hours")


@pytest.mark.parametrize("log", [False, True])
def test_a_grid_shows_every_number_and_leaves_gaps_white(log):
    table = pandas.DataFrame({"nade": [1.234, 5.0], "rbm": [2.0, np.nan]}, index=["rnn", "tcn"])
    ax = display.plot_grid(table.rename_axis("context"), unit="bits per second", log=log)
    assert [text.get_text() for text in ax.texts] == ["1.23", "2.00", "5.00"]
    assert ax.images[0].get_array().mask.tolist() == [[False, False], [False, True]]
    assert ax.get_ylabel() == "context"
