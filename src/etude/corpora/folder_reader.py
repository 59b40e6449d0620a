"""What a file in a reader's folder holds: the part of `folder` that runs in a worker process.

The kind of a file is told by its first bytes, and by its suffix only where they say nothing; so a WAV that is called
`song.mid` is read as a WAV. A kind has one or more parsers, tried in turn.
"""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from pathlib import Path

from etude.errors import UnreadableFile
from etude.formats.kern import is_kern
from etude.formats.text_files import decoded
from etude.types import Score

SUFFIXES = {
    "midi": (".mid", ".midi", ".kar", ".rmi"),
    "abc": (".abc",),
    "notation": (".musicxml", ".xml", ".mxl", ".krn", ".kern"),
    "audio": (".wav", ".flac", ".mp3", ".ogg", ".oga"),
}
KINDS = {suffix: kind for kind, suffixes in SUFFIXES.items() for suffix in suffixes}
PARSERS = {"midi": ("étude",), "abc": ("étude",), "notation": ("étude", "Verovio"), "audio": ("libsndfile",)}
SCORES = ("midi", "abc", "notation")
_MAGIC = ((b"MThd", "midi"), (b"RIFF", "audio"), (b"RIFX", "audio"), (b"RF64", "audio"), (b"riff", "audio"),
          (b"FORM", "audio"), (b"fLaC", "audio"), (b"OggS", "audio"), (b"ID3", "audio"),
          (b"PK\x03\x04", "notation"))  # fmt: skip
_WIDE = (b"\xff\xfe", b"\xfe\xff")  # marks of UTF-16, which an MP3's first byte resembles
LARGEST = {"midi": 64 * 2**20, "abc": 64 * 2**20, "notation": 64 * 2**20, "audio": 8 * 2**30}  # bytes of a file
MOST_TUNES = 200_000  # of a book: what is known of each waits in memory until the book is read


def kind_of(path: Path) -> str:
    """Return "midi", "abc", "notation" or "audio", by content first; raises UnreadableFile where nothing tells."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"RIFF") and head[8:12] == b"RMID":
        return "midi"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    text = decoded(head)
    if head[4:8] == b"ftyp" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and not head.startswith(_WIDE)):
        return "audio"  # MP4; frames of MP3 or AAC
    if is_kern(text) or re.match(r"!!|\s*<(\?xml|!DOCTYPE\s+score-|score-(partwise|timewise))", text):
        return "notation"
    if re.search(r"^X:\s*\d", text, re.MULTILINE):
        return "abc"
    if path.suffix.lower() not in KINDS:
        raise UnreadableFile(f"music ({', '.join(KINDS)})", path.name, "Convert it to one of these.")
    return KINDS[path.suffix.lower()]


def check_size(path: Path, kind: str) -> None:
    """Raise UnreadableFile where a file is larger than music of its kind is; nothing of it is read."""
    if (size := path.stat().st_size) > LARGEST[kind]:
        expected = f"a file of at most {LARGEST[kind] >> 20} MiB"
        raise UnreadableFile(expected, f"{path.name}, {size >> 20} MiB", "Split it into pieces.")


def read_file(path: str, kind: str, parser: str) -> dict:
    """Return {"pieces": [...]}: of a score its notes and time, of a sound (decoded once, not kept) its length and rate.

    A tune that cannot be read makes a piece {"error": (expected, got, remedy)}; a file that cannot be, UnreadableFile.
    """
    check_size(Path(path), kind)
    if kind == "midi":
        return {"pieces": [_midi(path)]}
    if kind == "notation":
        from etude.formats.limits import file_bytes
        from etude.formats.musicxml import notation_text, read_musicxml

        described = _described(read_musicxml(path, parser))
        return {"pieces": [_headed(described, notation_text(file_bytes(path, "a file of notated music")))]}
    return {"pieces": _tunes(Path(path)) if kind == "abc" else [_sound(path)]}


def read_sound(path: str, rate: int | None) -> dict:
    """Return the samples Float32[T] of a sound file and their rate."""
    from etude.formats.audio import read_audio

    check_size(Path(path), "audio")
    audio = read_audio(path, rate)
    if not len(audio):
        raise UnreadableFile("a sound", f"{Path(path).name}, without samples", "Look at where it was copied from.")
    return {"samples": audio.samples, "rate": audio.rate}


def code_sound(path: str, waveform: dict, target: str) -> dict:
    """Write the codes of a sound file to `target`, a minute at a time; return how many there are."""
    from etude.representations.waveform import Waveform

    coder, length = Waveform(**waveform), 0
    with Path(target).open("wb") as file:
        for codes in coder.stream(path):
            file.write(codes.astype(coder.dtype))
            length += len(codes)
    return {"length": length}


def _midi(path: str) -> dict:
    """Return what a MIDI file holds; one of percussion alone is marked with the reason why it has no pitches."""
    from etude.formats.midi import read_midi

    try:
        return _described(read_midi(path))
    except UnreadableFile as error:
        if "of percussion" not in error.got:
            raise
        return {**_described(read_midi(path, percussion=True)), "drums": str(error)}


def _headed(described: dict, text: str) -> dict:
    """Return what a text holds with its title, and with the metre of its heading where none holds at its beginning."""
    from etude.formats.headings import heading

    title, meter = heading(text)
    return {**described, "title": title, "meter": described["meter"] or (meter and list(meter))}


def _described(score: Score) -> dict:
    from etude.formats.limits import LONGEST_QUARTERS, check_within

    quarters = score.length / score.ticks_per_quarter  # silence at the end included
    if quarters > LONGEST_QUARTERS:
        raise UnreadableFile(f"at most {LONGEST_QUARTERS} quarters", f"{quarters:.0f}", "Cut the silence at its end.")
    check_within(score.notes, score.ticks_per_quarter, score.bpm)  # whoever has read it
    return {
        "notes": score.notes,
        "ticks_per_quarter": score.ticks_per_quarter,
        "bpm": score.bpm,
        "length": score.length,
        "seconds": score.seconds,
        "meter": score.meter and list(score.meter),
        "programs": list(score.programs),
        "pickup": score.pickup,
    }


def score_as_read(described: dict, notes=None) -> Score:
    """Return the score that a reader described."""
    notes = described["notes"] if notes is None else notes
    time = described["ticks_per_quarter"], described["bpm"], described["length"]
    programs = tuple(described.get("programs", ()))
    return Score(notes, *time, described.get("meter"), programs, described.get("pickup", 0.0))


def _tunes(path: Path) -> list[dict]:
    from etude.formats.abc import decoded, read_book

    pieces = [_tune(tune) for tune in islice(read_book(decoded(path.read_bytes())), MOST_TUNES + 1)]
    if len(pieces) > MOST_TUNES:
        raise UnreadableFile(f"a book of at most {MOST_TUNES} tunes", "more", "Split it into books.")
    return pieces


def _tune(tune: str | UnreadableFile) -> dict:
    """Return what a tune of a book holds; one bad tune does not spoil its book."""
    from etude.formats.abc import read_abc

    if isinstance(tune, UnreadableFile):
        return {"error": tune.args}
    try:
        score = read_abc(tune, strict=True)
        if len(score):
            return {**_headed(_described(score), tune), "text": tune}
    except UnreadableFile as error:
        return {"error": error.args}
    return {"error": ("a tune with notes", "none", "Check that its music follows its K:.")}


def _sound(path: str) -> dict:
    from etude.formats.sound_file import opened

    with opened(path) as file:
        samples, rate = file.survey(), file.rate  # decoded to the end: a header promises anything
    if not samples:
        raise UnreadableFile("a sound", f"{Path(path).name}, without samples", "Look at where it was copied from.")
    return {"seconds": samples / rate, "rate": rate}


def digest_of(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
