"""Sound files of every container: read whole, or refused in words; never a part taken for the whole."""

import struct

import numpy as np
import pytest
import soundfile

from etude.corpora.folder_reader import kind_of, read_file, read_sound
from etude.errors import UnreadableFile
from etude.formats import audio, mpeg_frames, ogg_pages, sound_file
from etude.formats.audio import read_audio, stream_audio

RATE = 16000
TONE = (0.5 * np.sin(np.arange(RATE) / 9)).astype(np.float32)
ID3 = b"ID3\x04\0\0\0\0\x02\0" + bytes(256)
TAG = b"TAG" + bytes(125)
CONTAINERS = [("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"),
              ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "ULAW"), ("WAVEX", "PCM_16"), ("RF64", "PCM_16"),
              ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"),
              ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]  # fmt: skip


def encoded(path, container="WAV", subtype="PCM_16", samples=TONE, rate=RATE) -> bytes:
    soundfile.write(path, samples, rate, subtype=subtype, format=container)
    return path.read_bytes()


def refused(path, words: str) -> None:
    """A file is refused by every way of reading it, and the words say what to do."""
    for read in (read_audio, lambda path: list(stream_audio(path)), lambda path: read_file(str(path), "audio", "")):
        with pytest.raises(UnreadableFile, match=words) as caught:
            read(path)
        assert caught.value.remedy


@pytest.mark.parametrize(("container", "subtype"), CONTAINERS)
def test_what_is_cut_off_is_not_taken_for_a_shorter_sound(tmp_path, container, subtype):
    path = tmp_path / "a.wav"  # under whatever name: the bytes tell
    data = encoded(path, container, subtype)
    whole = len(read_audio(path))
    assert RATE <= whole < RATE + 4096
    for size in (len(data) // 2, len(data) - 1, 60):
        path.write_bytes(data[:size])
        refused(path, "whole|decoded|cut off|pages|sound file")
    if container != "OGG":
        for changed in (ID3 + data, data + TAG):
            path.write_bytes(changed)
            assert len(read_audio(path)) == whole


def test_a_wav_from_a_pipe_says_no_length_and_is_taken_whole(tmp_path):
    path = tmp_path / "a.wav"
    data = bytearray(encoded(path))
    place = data.index(b"data") + 4
    for unsaid in (0x7FFFF000, 0xFFFFFFFF):
        data[place : place + 4] = struct.pack("<I", unsaid)
        path.write_bytes(data)
        assert len(read_audio(path)) == RATE
    data[place : place + 4] = struct.pack("<I", 2 * RATE + 2)
    path.write_bytes(data)
    refused(path, "cut off: 32000 of 32002 bytes")
    data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    refused(path, "says that it is empty, with 32000 bytes behind it")


def test_a_damaged_flac_or_ogg_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    for container, subtype in (("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS")):
        path = tmp_path / f"a.{container.lower()}"
        data = encoded(path, container, subtype, np.column_stack([TONE, TONE**3]))
        for at in rng.integers(len(data) // 3, len(data), size=12):
            flipped = bytearray(data)
            flipped[at] ^= 1 << rng.integers(8)
            path.write_bytes(flipped)
            refused(path, "decoded|damaged|checksums|pages")


def test_a_chained_ogg_is_read_to_its_end(tmp_path):
    first = encoded(tmp_path / "a.ogg", "OGG", "VORBIS")
    second = encoded(tmp_path / "b.ogg", "OGG", "VORBIS", np.column_stack([TONE[:8000] / 2] * 2))
    other = encoded(tmp_path / "c.ogg", "OGG", "VORBIS", TONE, 8000)
    apart = np.concatenate([read_audio(tmp_path / name).samples for name in ("a.ogg", "b.ogg")])
    path = tmp_path / "chain.ogg"
    path.write_bytes(first + second)
    assert len(ogg_pages.links(path)) == 2
    assert np.array_equal(read_audio(path).samples, apart)
    assert read_file(str(path), "audio", "")["pieces"][0]["seconds"] == 1.5
    path.write_bytes(first + other)
    refused(path, "8000 Hz and 16000 Hz")
    path.write_bytes(first[: first.rindex(b"OggS")] + second)  # cut before its last page
    refused(path, "cut off")
    path.write_bytes(first + second[:-9])
    refused(path, "cut off")


def test_ogg_with_another_codec_says_which(tmp_path):
    body = b"\x7fFLAC" + bytes(40)
    page = struct.pack("<4sBBqIIIB", b"OggS", 0, 6, 0, 1, 0, 0, 1) + bytes([len(body)]) + body
    seal = ogg_pages.checksum(page).to_bytes(4, "little")
    (tmp_path / "a.ogg").write_bytes(page[:22] + seal + page[26:])
    refused(tmp_path / "a.ogg", "Ogg with FLAC")


@pytest.mark.parametrize(
    ("head", "name"),
    [(b"\0\0\0\x1cftypM4A ", "MP4"), (b"\xff\xf1\x50\x80\x02\x1f\xfc", "AAC"), (b"caff\0\1\0\0", "CAF"),
     (b"\x30\x26\xb2\x75\x8e\x66", "WMA"), (b"wvpk", "WavPack"), (b"MThd\0\0", "MIDI"), (b"words", "no such file")],
)  # fmt: skip
def test_other_kinds_are_named(tmp_path, head, name):
    (tmp_path / "a.mp3").write_bytes(head + bytes(400))
    refused(tmp_path / "a.mp3", name)
    (tmp_path / "a.mp3").write_bytes(b"")
    refused(tmp_path / "a.mp3", "sound")


def test_mp3_without_a_count_of_frames_is_told_by_its_last_frame(tmp_path):
    path = tmp_path / "a.mp3"
    data = encoded(path, "MP3", "MPEG_LAYER_III")
    start = mpeg_frames.first_frame(data, 0)
    bare = data[start + mpeg_frames.frame_at(data, start).length :]  # without the frame that holds the count
    path.write_bytes(bare)
    samples = read_audio(path).samples  # all of it, and a little of the silence that the count would cut off
    assert RATE <= len(samples) < RATE + 3000 and np.square(samples[2000:RATE]).mean() == pytest.approx(0.125, rel=0.05)
    path.write_bytes(bare[:-20])
    refused(path, "cut off")
    third = start
    for _ in range(3):
        third += mpeg_frames.frame_at(data, third).length
    path.write_bytes(data[:third] + bytes(4) + data[third + 4 :])
    refused(path, "cut off|decoded|frames")


def test_mp3s_joined_end_to_end_are_read_to_the_end(tmp_path):
    first = encoded(tmp_path / "a.mp3", "MP3", "MPEG_LAYER_III")
    second = encoded(tmp_path / "b.mp3", "MP3", "MPEG_LAYER_III", np.column_stack([TONE[:8000] / 2] * 2))
    other = encoded(tmp_path / "c.mp3", "MP3", "MPEG_LAYER_III", TONE, 8000)
    apart = np.concatenate([read_audio(tmp_path / name).samples for name in ("a.mp3", "b.mp3")])
    path = tmp_path / "chain.mp3"
    for between in (b"", b"TAG" + bytes(125), b"TAG" + bytes(125) + b"ID3\3\0\0\0\0\0\4" + bytes(4)):
        path.write_bytes(first + between + second)
        assert np.array_equal(read_audio(path).samples, apart)
    path.write_bytes(first + other)
    refused(path, "16000 Hz and 8000 Hz|8000 Hz and 16000 Hz")
    path.write_bytes(first + second[:-9])
    refused(path, "cut off")
    start = mpeg_frames.first_frame(first, 0)
    bare = first[start + mpeg_frames.frame_at(first, start).length :]  # says nothing of its frames
    path.write_bytes(bare + other)
    refused(path, "Hz and")


def test_frame_lengths_are_those_of_the_standard():
    header = bytes([0xFF, 0xFB, 0x90, 0x00])  # MPEG-1, layer 3, 128 kbit/s, 44100 Hz
    assert mpeg_frames.frame_at(header, 0).length == 417 and mpeg_frames.frame_at(b"\xff\xfb\x92\x00", 0).length == 418
    assert mpeg_frames.frame_at(b"\xff\xf3\x80\x00", 0).length == 208  # MPEG-2, 64 kbit/s, 22050 Hz
    assert mpeg_frames.frame_at(b"\xff\xf1\x50\x80", 0) is None  # layer 0 is AAC


def test_channels_that_cancel_leave_the_loudest(tmp_path):
    path = tmp_path / "a.wav"
    for right, expected in ((-TONE, TONE), (-0.95 * TONE, TONE), (-TONE / 2, TONE / 4), (0 * TONE, TONE / 2)):
        encoded(path, "WAV", "FLOAT", np.column_stack([TONE, right]))
        assert read_audio(path).samples == pytest.approx(expected, abs=1e-6)
        assert np.concatenate([b.samples for b in stream_audio(path, None, 0.3)]) == pytest.approx(expected, abs=1e-6)
    encoded(path, "WAV", "FLOAT", np.column_stack([TONE] + [0 * TONE] * 7))
    assert read_audio(path).samples == pytest.approx(TONE / 8, abs=1e-6)
    late = np.where(np.arange(len(TONE)) < len(TONE) // 2, TONE, -TONE)  # opposites in the second half
    encoded(path, "WAV", "FLOAT", np.column_stack([TONE, late]))
    assert read_audio(path).samples == pytest.approx(TONE, abs=1e-6)
    encoded(path, "WAV", "PCM_16", np.zeros((100, 2)))
    assert not read_audio(path).samples.any()


def test_a_passage_in_which_channels_cancel_is_not_lost(tmp_path):
    """Half a second of twenty: too little of the whole to be silent in its mean, and all of it sounds."""
    path, long = tmp_path / "a.wav", np.tile(TONE, 20)
    place = slice(5 * RATE, 5 * RATE + RATE // 2)
    right = long.copy()
    right[place] *= -1
    encoded(path, "WAV", "FLOAT", np.column_stack([long, right]))
    assert read_audio(path).samples == pytest.approx(long, abs=1e-6)
    left = long.copy()
    left[:RATE], right[-RATE:] = 0, 0  # neither channel holds all that sounds, nor does their mean
    encoded(path, "WAV", "FLOAT", np.column_stack([left, right]))
    refused(path, "channels cancel each other out")
    right[place] *= -1  # without that passage their mean does
    encoded(path, "WAV", "FLOAT", np.column_stack([left, right]))
    assert read_audio(path).samples == pytest.approx((left + right) / 2, abs=1e-6)
    right = long.copy()
    right[place.start : place.start + 500] *= -1  # a thirtieth of a second: a slip of the phase, as real sounds have
    encoded(path, "WAV", "FLOAT", np.column_stack([long, right]))
    assert read_audio(path).samples == pytest.approx((long + right) / 2, abs=1e-6)


@pytest.mark.parametrize("peak", [1.5, 1000.0, 1e30])
@pytest.mark.parametrize("rate", [None, 8000])
def test_a_sound_beyond_full_scale_is_one_sound_whole_and_in_blocks(tmp_path, peak, rate):
    encoded(tmp_path / "a.wav", "WAV", "FLOAT", TONE * (2 * peak))
    whole = read_audio(tmp_path / "a.wav", rate).samples
    blocks = [block.samples for block in stream_audio(tmp_path / "a.wav", rate, 0.25)]
    assert np.array_equal(np.concatenate(blocks), whole) and np.abs(whole).max() == pytest.approx(1, abs=2e-3)
    if rate is None:
        assert whole == pytest.approx(2 * TONE, abs=1e-3)


def test_a_lossy_decoder_that_overshoots_is_scaled_alike(tmp_path):
    square = np.sign(TONE).astype(np.float32) * 0.999
    for container, subtype in (("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS")):
        encoded(tmp_path / "a", container, subtype, square)
        assert np.abs(soundfile.read(tmp_path / "a")[0]).max() > 1.01
        blocks = np.concatenate([block.samples for block in stream_audio(tmp_path / "a", None, 0.25)])
        assert np.array_equal(blocks, read_audio(tmp_path / "a").samples) and np.abs(blocks).max() == 1


def test_samples_that_are_no_numbers_or_add_up_to_none(tmp_path):
    for samples in ([0.0, np.nan], [np.inf, 0.0], [[3e38, 3e38], [0.0, 0.0]]):
        encoded(tmp_path / "a.wav", "WAV", "FLOAT", np.array(samples, np.float32))
        refused(tmp_path / "a.wav", "finite|NaN")


@pytest.mark.parametrize("rate", [0, 1, 2, 999, 768_001, 2**31 - 1])
def test_absurd_rates_are_refused(tmp_path, rate):
    data = bytearray(encoded(tmp_path / "a.wav"))
    data[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(data)
    refused(tmp_path / "a.wav", "rate|decoded")


def test_no_samples_at_all(tmp_path):
    encoded(tmp_path / "a.wav", samples=np.zeros(0, np.float32))
    for read in (lambda path: read_file(path, "audio", ""), lambda path: read_sound(path, None)):
        with pytest.raises(UnreadableFile, match="without samples"):
            read(str(tmp_path / "a.wav"))


def test_many_channels_take_small_blocks(tmp_path, monkeypatch):
    import tracemalloc

    sound = np.zeros((192_000, 8), np.int16)
    sound[:, 3] = 1000
    encoded(tmp_path / "a.wav", samples=np.tile(sound, (4, 1)), rate=192_000)
    tracemalloc.start()
    count = sum(len(block) for block in stream_audio(tmp_path / "a.wav", 8000, 1.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4 * 8000 and peak < 16e6
    monkeypatch.setattr(audio, "MOST_SAMPLES", 192_000)
    with pytest.raises(UnreadableFile, match="at most 192000 samples"):
        read_audio(tmp_path / "a.wav")


def test_kinds_are_told_by_bytes(tmp_path):
    said = {b"RIFF\0\0\0\0RMIDdata": "midi", b"RIFF\0\0\0\0WAVEfmt ": "audio", b"\0\0\0\x20ftypisom": "audio",
            b"\xff\xf1\x50": "audio", b"\xff\xfb\x90": "audio", "X:1\nK:C\n".encode("utf-16"): "abc",
            "<score-partwise>".encode("utf-16"): "notation", b"RF64": "audio", b"riff\x2e\x91": "audio"}  # fmt: skip
    for data, kind in said.items():
        (tmp_path / "song.krn").write_bytes(data)
        assert kind_of(tmp_path / "song.krn") == kind
    (tmp_path / "a.txt").write_bytes(b"words")
    with pytest.raises(UnreadableFile, match=r"\.mid"):
        kind_of(tmp_path / "a.txt")


def test_the_bounds_are_those_of_the_module():
    assert sound_file.BLOCK_VALUES // 8 <= sound_file.BLOCK and audio.MOST_SAMPLES * 4 < 2**29
