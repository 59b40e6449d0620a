"""Sound as codes on disk: rendered chorales and recordings, coded once, mapped, and never loaded whole."""

import mmap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import score_of

import etude
from etude import Audio, Budget, EtudeError, Piece, Space, representation
from etude.corpora import code_store, rendered
from etude.corpora.chorales import Chorales
from etude.corpora.folder import Folder
from etude.corpora.folder_reader import code_sound
from etude.corpora.rendered import Rendered
from etude.evaluation import bits
from etude.evaluation.compressors import flac
from etude.formats.audio import read_audio, stream_audio, write_audio
from etude.representations.coded_audio import CodedAudio, opening
from etude.synthesis import render, rendering, sound_key
from etude.types import TRACK

RATE = 8000
TINY = score_of((0, 2, 72, 80, 0), (2, 2, 74, 80, 0), (0, 4, 60, 80, 1), (0, 4, 55, 80, 2), (0, 4, 48, 80, 3))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def mapping(x: np.ndarray) -> mmap.mmap | None:
    """Return the file mapping whose memory an array shows, None where it has memory of its own."""
    while x is not None and not isinstance(x, mmap.mmap):
        x = getattr(x, "base", None)
    return x


def tone(seconds: float, rate: int = RATE, pitch: float = 440.0) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return Audio((0.5 * np.sin(2 * np.pi * pitch * time)).astype(np.float32), rate)


def peak_of(call) -> float:
    """Return the most bytes that a call held beyond those before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# Sound that is kept as codes


@pytest.mark.parametrize(("coding", "levels"), [("mu-law", 256), ("linear", 256), ("linear", 65536)])
def test_coded_sound_gives_its_codes_back_as_they_lie_and_the_sound_they_stand_for(coding, levels):
    wave = representation("waveform", rate=RATE, coding=coding, levels=levels)
    x = wave.encode(Piece("tone", audio=tone(0.5)))
    codes = x.astype(wave.dtype)
    piece = Piece("kept", audio=CodedAudio(codes, wave))
    assert wave.encode(piece) is codes and codes.dtype == {256: np.uint8, 65536: np.uint16}[levels]
    assert len(piece.audio) == 4000 and piece.seconds == 0.5 and "4000 samples" in repr(piece.audio)
    np.testing.assert_array_equal(piece.audio.samples, wave.decode(x).audio.samples)
    np.testing.assert_array_equal(wave.encode(Piece("decoded", audio=wave.decode(codes).audio)), x)


def test_another_waveform_codes_the_decoded_sound_anew():
    wave, slower = representation("waveform", rate=RATE), representation("waveform", rate=RATE // 2)
    piece = Piece("kept", audio=CodedAudio(wave.encode(Piece("tone", audio=tone(1))).astype(np.uint8), wave))
    assert len(slower.encode(piece)) == 4000
    linear = representation("waveform", rate=RATE, coding="linear").encode(piece)
    assert linear.dtype == np.int64 and not np.array_equal(linear, piece.audio.codes)
    assert representation("spectrogram", rate=RATE).encode(piece).dtype == np.int64


def test_an_opening_is_a_view_of_the_codes_and_keeps_the_rest_of_the_piece():
    wave = representation("waveform", rate=RATE)
    codes = wave.encode(Piece("tone", audio=tone(1))).astype(wave.dtype)
    whole = Piece("kept", score_of((0, 4, 60)), CodedAudio(codes, wave), "somewhere")
    part = opening(whole, 0.25)
    assert np.shares_memory(wave.encode(part), codes) and np.array_equal(wave.encode(part), codes[: RATE // 4])
    assert (part.score, part.source) == (whole.score, "somewhere") and len(whole.audio) == RATE


def test_codes_out_of_range_are_refused_wherever_they_lie():
    wave = representation("waveform", rate=RATE, levels=16)
    with pytest.raises(EtudeError, match=r"codes 0 \.\. 15"):
        wave.encode(Piece("wrong", audio=CodedAudio(np.full(9, 16, np.uint8), wave)))


def test_flac_takes_small_integers_for_what_they_are():
    x = np.random.default_rng(0).integers(256, size=4000)
    assert flac(x.astype(np.uint8), RATE) == flac(x, RATE)


# The store


def test_a_store_maps_all_sounds_at_once_and_is_written_once(own_cache):
    sounds = {"a": [np.arange(5), np.arange(3)], "none": [], "b": [np.full(4, 255)]}
    folder = code_store.store_path("test", "a and b")
    made = code_store.stored(folder, np.uint8, sounds.items())
    assert {name: x.tolist() for name, x in made.items()} == {
        "a": [0, 1, 2, 3, 4, 0, 1, 2], "none": [], "b": [255] * 4}  # fmt: skip
    assert mapping(made["a"]) is mapping(made["b"]) is not None and not made["a"].flags.writeable
    again = code_store.stored(folder, np.uint8, _refusing())
    np.testing.assert_array_equal(again["b"], made["b"])
    assert code_store.store_path("test", "a") != folder


def _refusing():
    raise AssertionError("made again")
    yield


@pytest.mark.parametrize("damage", ["cut", "no index", "bad index"])
def test_a_damaged_store_is_made_again(own_cache, damage):
    folder = code_store.store_path("test", "a")
    code_store.stored(folder, np.uint8, [("a", [np.arange(9)])])
    if damage == "cut":
        (folder / "codes.bin").write_bytes(b"cut")
    else:
        (folder / "index.json").write_text("[]") if damage == "bad index" else (folder / "index.json").unlink()
    assert code_store.stored(folder, np.uint8, [("a", [np.arange(9)])])["a"].tolist() == list(range(9))


def test_a_store_that_could_not_be_finished_leaves_nothing(own_cache):
    def broken():
        yield "a", [np.arange(9)]
        raise KeyboardInterrupt

    folder = code_store.store_path("test", "a")
    with pytest.raises(KeyboardInterrupt):
        code_store.stored(folder, np.uint8, broken())
    assert not list(folder.parent.iterdir())


# The rendered chorales


@pytest.fixture
def tiny_chorales(own_cache, monkeypatch):
    """Put a piece of a second and a half on each side, under the names of the chorales."""
    sides = {side: tuple(Piece(f"{side}-{k}", TINY.transposed(k)) for k in range(3)) for side in Chorales.splits}
    monkeypatch.setattr(Chorales, "load", lambda self, split: sides[split])


def test_a_rendered_chorale_is_its_score_played_and_coded(tiny_chorales):
    corpus = etude.corpus("rendered", instrument="piano", first=2)
    pieces = corpus.load("valid")
    assert [piece.name for piece in pieces] == ["valid-0", "valid-1"] and corpus.count("test") == 2
    wave = representation("waveform", rate=8000)
    for k, piece in enumerate(pieces):
        played = render(TINY.transposed(k), 8000, "acoustic grand piano")
        np.testing.assert_array_equal(wave.encode(piece), wave.encode(Piece("played", audio=played)))
        assert mapping(wave.encode(piece)) is mapping(pieces[0].audio.codes) is not None
        assert piece.score == TINY.transposed(k) and piece.source and piece.licence


def test_one_voice_is_the_soprano(tiny_chorales):
    (piece,) = Rendered(voices="one", first=1, rate=16000, coding="linear").load("train")
    assert set(piece.score.notes[:, TRACK]) == {0} and piece.score.length == TINY.length
    played = render(piece.score, 16000, "oboe")
    wave = representation("waveform", rate=16000, coding="linear")
    np.testing.assert_array_equal(piece.audio.codes, wave.encode(Piece("played", audio=played)))


def test_what_is_rendered_once_is_not_rendered_again(tiny_chorales, monkeypatch):
    first = Rendered(first=1).load("train")[0].audio.codes
    monkeypatch.setattr(rendered, "read_all", lambda *_: _refusing())
    np.testing.assert_array_equal(Rendered(first=1).load("train")[0].audio.codes, first)
    with pytest.raises(AssertionError, match="made again"):
        Rendered(first=1, instrument="piano").load("train")


def test_the_digest_names_all_that_the_sound_depends_on(tiny_chorales, monkeypatch):
    monkeypatch.setattr(rendered, "read_all", lambda *_: _refusing())  # and renders nothing
    options = ({}, {"instrument": "piano"}, {"voices": "one"}, {"rate": 16000}, {"coding": "linear"}, {"first": 1})
    digests = [Rendered(**one).digest() for one in options]
    assert len(set(digests)) == len(options) and digests[0] == Rendered(instrument=68, voices="four").digest()
    monkeypatch.setattr(rendering, "FORMAT", 0)
    assert Rendered().digest() != digests[0]


def test_a_sound_key_is_the_key_under_which_the_sound_is_kept(own_cache):
    render(TINY, 8000, 68)
    (kept,) = (own_cache / "synthesis").rglob("*.sound")
    assert kept.stem == sound_key(TINY, 8000, "oboe") != sound_key(TINY, 8000, "piccolo")


def test_bad_options_are_refused():
    for options, words in (({"voices": "two"}, "four"), ({"first": 0}, "at least 1"), ({"coding": "ulaw"}, "mu-law"),
                           ({"instrument": "obo"}, "oboe")):  # fmt: skip
        with pytest.raises(EtudeError, match=words):
            Rendered(**options)
    with pytest.raises(EtudeError, match="test"):
        Rendered().load("reserve")


# Recordings


def recordings(folder, **options) -> Folder:
    return Folder(folder, verbose=False, workers=1, split=(1, 0, 0), **options)


def test_recordings_are_resampled_mixed_coded_and_mapped(tmp_path, own_cache):
    import soundfile

    music = tmp_path / "music"
    music.mkdir()
    write_audio(tone(1.5, 22050), music / "tone.flac")
    stereo = np.stack([tone(1, 16000).samples, tone(1, 16000, 660).samples], axis=1)
    soundfile.write(music / "two channels.wav", stereo, 16000)
    write_audio(tone(0.5), music / "tone.mp3")
    pieces = {piece.name: piece for piece in recordings(music, rate=RATE, coding="mu-law").load("train")}
    wave = representation("waveform", rate=RATE)
    assert set(pieces) == {"tone.flac", "two channels.wav", "tone.mp3"}
    for name, piece in pieces.items():
        x = wave.encode(piece)
        assert x.dtype == np.uint8 and mapping(x) is not None
        streamed = [block.samples for block in stream_audio(music / name, RATE)]
        np.testing.assert_array_equal(x, wave.encode(Piece(name, audio=Audio(np.concatenate(streamed), RATE))))
    assert len(pieces["tone.flac"].audio) == pytest.approx(1.5 * RATE, abs=2)


def test_a_long_recording_is_cut_into_equal_pieces_of_one_side(tmp_path, own_cache):
    music = tmp_path / "music"
    music.mkdir()
    whole = write_audio(tone(10.5, pitch=123.4), music / "long.wav")
    pieces = recordings(music, rate=RATE, coding="linear", longest=1.0).load("train")
    assert [piece.name for piece in pieces] == [f"long.wav#{k:02}" for k in range(1, 12)]
    assert {len(piece.audio) for piece in pieces} <= {7636, 7637} and len(recordings(music, longest=1.0).ledger) == 1
    joined = np.concatenate([piece.audio.codes for piece in pieces])
    wave = representation("waveform", rate=RATE, coding="linear")
    np.testing.assert_array_equal(joined, wave.encode(Piece("whole", audio=read_audio(whole))))
    coded = [recordings(music, rate=RATE, coding=coding).digest() for coding in ("linear", "mu-law")]
    assert len({*coded, recordings(music, rate=RATE).digest()}) == 3


def test_coding_needs_a_rate(tmp_path):
    with pytest.raises(EtudeError, match="rate=8000"):
        recordings(tmp_path, coding="mu-law")


# Memory


def recording_of(minutes: int, folder) -> Path:
    """Write minutes of a tone at 1000 Hz as the only file of a folder."""
    folder.mkdir()
    return write_audio(tone(60 * minutes, 1000), folder / "long.flac")


def test_coding_a_recording_holds_a_minute_of_it(tmp_path):
    options = {"rate": 1000, "coding": "mu-law", "levels": 256}
    paths = {minutes: recording_of(minutes, tmp_path / f"{minutes}") for minutes in (2, 24)}
    peaks = [peak_of(lambda path=path: code_sound(str(path), options, str(tmp_path / "x"))) for path in paths.values()]
    assert peaks[1] < 1.3 * peaks[0]
    assert (tmp_path / "x").stat().st_size == 24 * 60_000


def test_pieces_of_a_recording_are_views_of_one_mapping_and_encoding_copies_nothing(tmp_path, own_cache):
    path, wave = recording_of(24, tmp_path / "music"), representation("waveform", rate=1000)
    pieces, xs = recordings(path.parent, rate=1000, coding="mu-law", longest=10.0).load("train"), []
    pieces[0]  # codes the recording
    held = peak_of(lambda: xs.extend(wave.encode(piece) for piece in pieces))
    assert len(xs) == 144 and sum(map(len, xs)) == 24 * 60_000
    assert len({id(mapping(x)) for x in xs}) == 1 and mapping(xs[0]) is not None
    assert held < 24 * 60_000 / 2


def test_scoring_holds_some_pieces_at_a_time_and_gives_the_same_bits(monkeypatch):
    space, rng = Space((), 256, rate=1000), np.random.default_rng(0)
    xs = [rng.integers(256, size=1000 + k).astype(np.uint8) for k in range(400)]
    model, found, peaks = etude.model("marginal", space), {}, {}
    model.fit(xs, xs[:1])
    for entries in (10**9, 10_000):
        monkeypatch.setattr(bits, "ENTRIES_AT_ONCE", entries)
        peaks[entries] = peak_of(lambda entries=entries: found.update({entries: bits.code_lengths(model, xs).values}))
    np.testing.assert_array_equal(found[10**9], found[10_000])
    assert peaks[10_000] < peaks[10**9] / 10


def test_a_fit_reads_mapped_codes_and_holds_windows_only(tmp_path):
    """A file of 100 MB, nearly all of it a hole: copied, or widened, it would show."""
    with (tmp_path / "codes.bin").open("wb") as file:
        file.truncate(100_000_000)
    x = np.memmap(tmp_path / "codes.bin", np.uint8, "r")
    budget = Budget(steps=2, batch_size=2, window=64, valid_every=2)
    model = etude.model("wavenet", Space((), 256, rate=16000), residual=4, skip=4, stacks=1, dilations=2)
    model.fit([x[:1000]], [x[:1000]], budget)  # imports what a fit needs
    assert peak_of(lambda: model.fit([x], [x[:1000]], budget)) < 30_000_000
