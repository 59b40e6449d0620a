"""How far our readers of notes agree with others, note for note: onset, duration and pitch, after ties are merged.

Run: python benchmarks/audits/agreement.py [notation|midi [SCORES [SEED [READER ...]]]]; without a word, a few of both.
A reader has `SECONDS` of a processor for a score, in a process of its own; one that needs more is counted as late.

- notation: a random sample of the MusicXML and kern files that music21 carries, the short ones first, read by étude, by
  Verovio (its time map, repeats not expanded) and by music21 (`stripTies`). Grace notes, cue notes and drums, which
  étude leaves out, are taken out for Verovio.
- midi: every MIDI file of the installed packages, and scores of music21's corpus written as MIDI by music21; read by
  étude, symusic, mido and pretty_midi.

Two scores are equal where all notes can be paired with the same pitch, onset and end to within a fortieth of a quarter.
All are named, those that differ with the first difference, and counted by kind. `reports/benchmarks/agreement.txt`
explains the kinds.
"""

from __future__ import annotations

import io
import multiprocessing
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

TOLERANCE = 1 / 40  # quarters
SECONDS = 120  # of a processor, for one reading of one score
Rows = list[tuple[int, float, float]]  # pitch, onset, end


def rows_of(score) -> Rows:
    """Return the notes of an étude score."""
    quarter = score.ticks_per_quarter
    return sorted((int(p), t / quarter, (t + d) / quarter) for t, d, p, _, _ in score.notes.tolist())


def difference(ours: Rows, theirs: Rows) -> str:
    """Return "" where two readings are equal, else the kind of their difference."""
    unmatched = _unmatched(ours, theirs), _unmatched(theirs, ours)
    if not any(unmatched):
        return ""
    left = [{(p, round(a, 2)) for p, a, _ in rows} for rows in unmatched]
    if len(ours) != len(theirs):
        return f"{'more' if len(ours) > len(theirs) else 'fewer'} notes in ours"
    if left[0] == left[1]:
        return "durations"
    if sorted(row[0] for row in ours) == sorted(row[0] for row in theirs):
        return "onsets"
    return "pitches"


def _unmatched(some: Rows, others: Rows) -> Rows:
    """Return the notes of `some` that have no equal among `others`, each used once."""
    free: dict[int, list] = {}
    for pitch, onset, end in others:
        free.setdefault(pitch, []).append((onset, end))
    rest = []
    for pitch, onset, end in some:
        near = [k for k, (a, b) in enumerate(free.get(pitch, [])) if abs(a - onset) < TOLERANCE > abs(b - end)]
        if near:
            del free[pitch][near[0]]
        else:
            rest.append((pitch, onset, end))
    return rest


def notation_readers() -> dict[str, Callable[[Path], Rows]]:
    from etude.formats.music21_reader import parse_with_music21, score_of_parts
    from etude.formats.notation import notation_text
    from etude.formats.verovio_reader import read_with_verovio

    return {
        "Verovio": lambda path: rows_of(read_with_verovio(notation_text(path.read_bytes()), 80.0)),
        "music21": lambda path: rows_of(score_of_parts(list(parse_with_music21(path).parts))),
    }


def notation_files(count: int, seed: int) -> Iterator[tuple[str, Path]]:
    import music21

    root = Path(music21.__file__).parent / "corpus"
    files = sorted(path for path in root.rglob("*") if path.suffix in (".krn", ".mxl", ".xml", ".musicxml"))
    sample = random.Random(seed).sample(files, min(count, len(files)))
    for path in sorted(sample, key=lambda path: path.stat().st_size):  # the long ones last
        yield path.relative_to(root).as_posix(), path


def notation(count: int, seed: int, names: tuple[str, ...]) -> None:
    from etude.formats.musicxml import read_musicxml

    readers = {name: in_time(read) for name, read in _named(notation_readers(), names).items()}
    table(notation_files(count, seed), in_time(lambda path: rows_of(read_musicxml(path))), readers)


def in_time(read: Callable[[Path], Rows]) -> Callable[[Path], Rows]:
    """Return a reader that reads in a process of its own, with `SECONDS` of a processor."""

    def reading(path: Path) -> Rows:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=_read_apart, args=(read, path, theirs))
        worker.start()
        theirs.close()
        try:
            answer = ours.recv()
        except EOFError:
            raise TimeoutError(f"more than {SECONDS} s of a processor, or a crash") from None
        finally:
            worker.join()
        if isinstance(answer, Exception):
            raise answer
        return answer

    return reading


def _read_apart(read: Callable[[Path], Rows], path: Path, answer) -> None:
    resource.setrlimit(
        resource.RLIMIT_CPU, (SECONDS + int(time.process_time()), SECONDS + int(time.process_time()) + 1)
    )
    try:
        answer.send(read(path))
    except Exception as error:
        answer.send(ValueError(str(error)))


def midi_readers() -> dict[str, Callable[[bytes], Rows]]:
    return {"symusic": _symusic, "mido": _mido, "pretty_midi": _pretty_midi}


def _symusic(data: bytes) -> Rows:
    import symusic

    file = symusic.Score.from_midi(data)
    quarter = file.ticks_per_quarter
    notes = [note for track in file.tracks if not track.is_drum for note in track.notes]
    return sorted((n.pitch, n.time / quarter, (n.time + max(n.duration, 1)) / quarter) for n in notes)


def _mido(data: bytes) -> Rows:
    import mido

    file, rows = mido.MidiFile(file=io.BytesIO(data)), []
    for track in file.tracks:
        now, begun = 0, {}
        for message in track:
            now += message.time
            if message.type not in ("note_on", "note_off") or message.channel == 9:
                continue
            waiting = begun.setdefault((message.channel, message.note), [])
            if message.type == "note_on" and message.velocity:
                waiting.append(now)
            elif waiting:
                start = waiting.pop(0)
                rows.append((message.note, start / file.ticks_per_beat, max(now, start + 1) / file.ticks_per_beat))
    return sorted(rows)


def _pretty_midi(data: bytes) -> Rows:
    import pretty_midi

    file = pretty_midi.PrettyMIDI(io.BytesIO(data))
    notes = [note for instrument in file.instruments if not instrument.is_drum for note in instrument.notes]
    ticks = [(n.pitch, file.time_to_tick(n.start), file.time_to_tick(n.end)) for n in notes]
    return sorted(
        (pitch, start / file.resolution, max(end, start + 1) / file.resolution) for pitch, start, end in ticks
    )


def midi_files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    import music21

    packages = Path(music21.__file__).parent.parent
    for path in sorted(p for p in packages.rglob("*") if p.suffix.lower() in (".mid", ".midi")):
        yield path.relative_to(packages).as_posix(), path.read_bytes()
    for name, path in notation_files(count, seed):
        try:
            stream = music21.converter.parse(path, forceSource=True, storePickle=False)
            yield name, music21.midi.translate.streamToMidiFile(stream).writestr()
        except Exception as error:  # music21 cannot write some of its own scores
            print(f"  not written by music21: {name} ({type(error).__name__})")


def midi(count: int, seed: int, names: tuple[str, ...]) -> None:
    from etude.formats.midi_notes import midi_score

    table(midi_files(count, seed), lambda data: rows_of(midi_score(data)), _named(midi_readers(), names))


def _named(readers: dict[str, Callable], names: tuple[str, ...]) -> dict[str, Callable]:
    return {name: readers[name] for name in names or readers}


def table(files: Iterator, ours: Callable, readers: dict[str, Callable]) -> None:
    """Print, for each reader, the share of files that it reads as we do, and every file that it does not."""
    kinds = {name: Counter() for name in readers}
    notes, refused = Counter(), []
    for name, file in files:
        try:
            read = ours(file)
        except Exception as error:
            refused.append(f"{name}: {error}")
            read = None
        for reader, theirs in readers.items():
            kind, count, said = _compared(read, theirs, file)
            kinds[reader][kind] += 1
            notes[reader] += count
            print(f"  {reader}: {name}: {kind}{': ' * bool(said)}{said}", flush=True)
    for reader, counted in kinds.items():
        both = sum(n for kind, n in counted.items() if not kind.startswith("not read"))
        print(f"{reader}: equal {counted['equal']} of {both} that both read ({counted['equal'] / max(both, 1):.2%}), "
              f"{notes[reader]} equal notes; {dict(counted)}")  # fmt: skip
    print("not read by étude:", *refused, sep="\n  ")


def _compared(read: Rows | None, theirs: Callable, file) -> tuple[str, int, str]:
    """Return (kind of the difference or "equal", notes that are equal, what to print)."""
    if read is None:
        return "not read by étude", 0, ""
    try:
        others = theirs(file)
    except Exception as error:
        return "not read by the other", 0, f"{type(error).__name__}: {str(error)[:80]}"
    missing = sorted(_unmatched(read, others), key=lambda row: row[1])
    kind = difference(read, others)
    said = (
        f"{len(read)} notes and {len(others)}, {len(missing)} of ours unmatched, the first {missing[:1]}"
        if kind
        else ""
    )
    return kind or "equal", len(read) - len(missing), said


def main(what: str, count: str = "500", seed: str = "0", *names: str) -> None:
    {"notation": notation, "midi": midi}[what](int(count), int(seed), names)


if __name__ == "__main__":
    for arguments in [sys.argv[1:]] if sys.argv[1:] else (["notation", "20"], ["midi", "5"]):
        main(*arguments)
