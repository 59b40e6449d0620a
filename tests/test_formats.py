"""Files of music: what is written is read back, what is broken is refused with a reason, bytes do not vary."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.errors import EtudeError, UnreadableFile
from etude.formats.audio import FORMATS, audio_info, read_audio, stream_audio, write_audio
from etude.formats.midi import read_midi, write_midi
from etude.formats.musicxml import read_musicxml, write_musicxml
from etude.types import Audio, Score

# MIDI


@st.composite
def scores(draw):
    """Scores whose tracks never repeat a pitch before it has ended: what a MIDI file can say."""
    rows, tracks = [], draw(st.integers(1, 18))
    for track in range(tracks):
        for pitch in draw(st.lists(st.integers(0, 127), min_size=1, max_size=3, unique=True)):
            now = 0
            for rest, length in draw(
                st.lists(st.tuples(st.integers(0, 900), st.integers(1, 900)), min_size=1, max_size=3)
            ):
                rows.append([now + rest, length, pitch, draw(st.integers(1, 127)), track])
                now += rest + length
    return Score(np.array(rows), draw(st.sampled_from([1, 24, 480, 960])), draw(st.sampled_from([40.0, 80.0, 120.0])))


@given(score=scores())
def test_midi_round_trip(tmp_path_factory, score):
    path = write_midi(score, tmp_path_factory.mktemp("midi") / "song.mid", program=19)
    read = read_midi(path)
    assert np.array_equal(read.notes, score.notes)
    assert (read.ticks_per_quarter, read.bpm) == (score.ticks_per_quarter, score.bpm)


def test_equal_scores_give_equal_midi_bytes(tmp_path):
    rows = np.array([[0, 480, 60, 80, 0], [480, 480, 60, 80, 0], [0, 960, 48, 70, 1]])
    one, other = (write_midi(Score(r, 480), tmp_path / f"{k}.mid") for k, r in enumerate((rows, rows[::-1])))
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(EtudeError, match="tempo"):
        write_midi(Score(rows, 480, bpm=1.0), tmp_path / "slow.mid")


METRES = [(4, 4), (3, 4), (6, 8), (2, 2), (3, 2), (2, 4)]


@pytest.mark.parametrize("pickup", [0, 0.25, 0.5, 1, 1.5, 1.75, 1 / 3, 1 / 6, 2 / 3])
@pytest.mark.parametrize("meter", METRES)
def test_metre_and_upbeat_come_back(tmp_path, meter, pickup):
    first = round(480 * pickup)
    rows = [[0, first, 67, 80, 0]] * (first > 0) + [[first + 240 * k, 240, 60 + k % 9, 80, 0] for k in range(30)]
    score = Score(np.array(rows), 480, 90.0, None, meter, (), pickup)
    for read in (
        read_midi(write_midi(score, tmp_path / "air.mid")),
        read_musicxml(write_musicxml(score, tmp_path / "air.musicxml")),
    ):
        assert (read.meter, read.pickup) == (meter, pickup)
        assert (read.notes[:, 0] / read.ticks_per_quarter).tolist() == (score.notes[:, 0] / 480).tolist()


def test_an_upbeat_is_a_bar_of_its_own_metre_in_a_midi_file(tmp_path):
    import mido

    score = Score(np.array([[0, 240, 67, 80, 0], [240, 1440, 60, 80, 0]]), 480, 90.0, None, (6, 8), (), 0.5)
    head = mido.MidiFile(write_midi(score, tmp_path / "jig.mid")).tracks[0]
    signatures = [(m.time, m.numerator, m.denominator) for m in head if m.type == "time_signature"]
    assert signatures == [(0, 1, 8), (240, 6, 8)]
    short = Score(score.notes[:1], 480, 90.0, None, (6, 8), (), 0.5)  # nothing after it
    assert read_midi(write_midi(short, tmp_path / "short.mid")).meter == (6, 8)


def test_programs_are_written_per_track(tmp_path):
    import mido

    rows = np.array([[0, 480, 60, 80, 0], [0, 960, 48, 70, 1]])
    path = write_midi(Score(rows, 480), tmp_path / "song.mid", program=[52, 19])
    messages = [m for track in mido.MidiFile(path).tracks for m in track if m.type == "program_change"]
    assert [(m.channel, m.program) for m in messages] == [(0, 52), (1, 19)]


# MusicXML and kern


@pytest.fixture
def notated() -> Score:
    """Two tracks: a melody with a tie over the bar line; thirds, a triplet and two notes that overlap."""
    melody = [(0, 480, 67), (480, 960, 69), (1440, 1920, 71)]
    lower = [(0, 480, 60), (0, 480, 64), (480, 160, 60), (640, 160, 62), (800, 160, 64), (960, 480, 65), (960, 960, 72)]
    rows = [(*row, 80, track) for track, line in enumerate((melody, lower)) for row in line]
    return Score(np.array(rows), 480, 90.0)


@pytest.mark.parametrize("suffix", [".musicxml", ".xml"])
def test_musicxml_round_trip(tmp_path, notated, suffix):
    read = read_musicxml(write_musicxml(notated, tmp_path / f"song{suffix}", title="Air", pickup=1))
    scaled = read.notes[:, :3] * [480 // read.ticks_per_quarter, 480 // read.ticks_per_quarter, 1]
    assert sorted(scaled.tolist()) == sorted(notated.notes[:, :3].tolist())
    assert read.bpm == 90.0 and read.ticks_per_quarter == 3
    assert read.notes[:, 4].max() == 2  # the note that overlaps has a line of its own


def test_musicxml_bytes_do_not_vary_and_say_title_metre_and_key(tmp_path, notated):
    first, second = (write_musicxml(notated, tmp_path / f"{k}.xml", "Air", "3/4", 1, -3).read_text() for k in range(2))
    assert first == second and "encoding-date" not in first
    assert "Air" in first and "<beats>3</beats>" in first and "<fifths>-3</fifths>" in first


def test_musicxml_says_an_upbeat_as_a_first_measure_that_is_implicit(tmp_path, notated):
    text = write_musicxml(notated, tmp_path / "air.xml", metre="3/4", pickup=1).read_text()
    numbers = re.findall(r'<measure implicit="(\w+)" number="(\d+)"', text)
    assert numbers[:3] == [("yes", "0"), ("no", "1"), ("no", "2")] and text.count("<beats>") == 3  # once a part
    read = read_musicxml(tmp_path / "air.xml")
    assert (read.meter, read.pickup) == ((3, 4), 1)
    with pytest.raises(EtudeError, match="less than a bar, 3"):
        write_musicxml(notated, tmp_path / "air.xml", metre="3/4", pickup=3)


def test_lengths_without_a_notation_go_to_the_nearest_48th_of_a_quarter(tmp_path):
    played = Score([[1, 3, 60, 80, 0], [480, 479, 62, 80, 0], [971, 123, 64, 80, 0]], 480)
    found = read_musicxml(write_musicxml(played, tmp_path / "played.musicxml"))
    in_48ths = found.notes[:, :3] * [48 // found.ticks_per_quarter, 48 // found.ticks_per_quarter, 1]
    assert in_48ths.tolist() == [[0, 1, 60], [48, 48, 62], [97, 12, 64]]


@pytest.mark.parametrize("tick", [1, 611, 1919])
def test_an_upbeat_without_a_notation_goes_there_too(tmp_path, tick):
    score = Score([[k * 480, 480, 60 + k, 80, 0] for k in range(12)], 480, meter=(4, 4)).excerpt(tick, 480 * 9)
    found = read_musicxml(write_musicxml(score, tmp_path / "cut.musicxml"))
    assert found.notes[:, 2].tolist() == score.notes[:, 2].tolist()
    assert found.pickup == pytest.approx(round(score.pickup * 48) / 48 % 4, abs=1e-6)


@pytest.mark.parametrize("text", ["", "<score-partwise><part>", "<html/>"], ids=["empty", "cut", "html"])
def test_broken_notation_is_refused(tmp_path, text):
    (tmp_path / "song.xml").write_text(text)
    with pytest.raises(UnreadableFile):
        read_musicxml(tmp_path / "song.xml")


def test_missing_notation_and_silence(tmp_path):
    with pytest.raises(UnreadableFile, match="no file"):
        read_musicxml(tmp_path / "none.xml")
    with pytest.raises(EtudeError, match="notes"):
        write_musicxml(Score(np.zeros((0, 5), int)), tmp_path / "song.xml")


# Sound


def tone(seconds: float = 1.0, rate: int = 22050, hertz: float = 440.0) -> Audio:
    return Audio(0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate), rate)


@pytest.mark.parametrize("suffix", FORMATS)
def test_sound_round_trip(tmp_path, suffix):
    sound = tone()
    read = read_audio(write_audio(sound, tmp_path / f"tone{suffix}"))
    assert (read.rate, len(read)) == (sound.rate, len(sound))
    error = np.sqrt(np.mean((read.samples - sound.samples) ** 2))
    assert error < (1 / 2**15 if suffix in (".wav", ".flac") else 0.02)
    assert audio_info(tmp_path / f"tone{suffix}") == (1.0, 22050)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_sound_bytes_do_not_vary(tmp_path, suffix):
    first, second = (write_audio(tone(), tmp_path / f"{k}{suffix}").read_bytes() for k in range(2))
    assert first == second


def test_quality_makes_files_larger(tmp_path):
    sizes = [write_audio(tone(3), tmp_path / f"{q}.mp3", quality=q).stat().st_size for q in (0.1, 0.5, 0.9)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[2]


def test_resampling_keeps_the_tone(tmp_path):
    path = write_audio(tone(2.0, 44100), tmp_path / "tone.wav")
    read, wanted = read_audio(path, 16000), tone(2.0, 16000)
    assert len(read) == len(wanted)
    assert np.abs(read.samples - wanted.samples)[200:-200].max() < 1e-3


def test_channels_are_averaged(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "pair.wav", np.array([[0.5, 0.1], [-0.5, 0.5]]), 8000, subtype="FLOAT")
    assert read_audio(tmp_path / "pair.wav").samples == pytest.approx([0.3, 0.0])


def test_samples_beyond_full_scale_are_scaled_alike_whole_and_in_blocks(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "loud.wav", np.array([0.5, -2.0, 1.0]), 8000, subtype="FLOAT")
    assert read_audio(tmp_path / "loud.wav").samples.tolist() == [0.25, -1.0, 0.5]
    (block,) = stream_audio(tmp_path / "loud.wav")
    assert block.samples.tolist() == [0.25, -1.0, 0.5]


@pytest.mark.parametrize("rate", [None, 8000, 48000])
def test_a_stream_joins_without_seams(tmp_path, rate):
    rng = np.random.default_rng(0)
    path = write_audio(Audio(rng.uniform(-0.3, 0.3, 30000), 22050), tmp_path / "noise.wav")
    blocks, whole = list(stream_audio(path, rate, 0.25)), read_audio(path, rate)
    size = round(0.25 * whole.rate)
    assert all(len(block) == size for block in blocks[:-1]) and 0 < len(blocks[-1]) <= size
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), whole.samples)
    assert {block.rate for block in blocks} == {whole.rate}


def test_a_stream_holds_a_block_and_not_the_file(tmp_path):
    import tracemalloc

    path = write_audio(Audio(np.zeros(60 * 44100, np.float32), 44100), tmp_path / "minute.flac")  # 10.6 MB decoded
    tracemalloc.start()
    count = sum(len(block) for block in stream_audio(path, 16000, 1.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60 * 16000 and peak < 3e6


def test_sound_that_cannot_be_read_or_written(tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"RIFF" + bytes(40))
    (tmp_path / "nan.wav").touch()
    import soundfile

    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    for name, words in [("noise.wav", "noise.wav"), ("none.wav", "none.wav"), ("nan.wav", "NaN")]:
        with pytest.raises(UnreadableFile, match=words):
            read_audio(tmp_path / name)
    with pytest.raises(EtudeError, match=r"\.mp3"):
        write_audio(tone(), tmp_path / "tone.mp4")
    with pytest.raises(EtudeError, match="22050"):
        write_audio(tone(rate=20000), tmp_path / "tone.mp3")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nan.wav", "noise.wav"]
