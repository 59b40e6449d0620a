"""Hold the ABC reader against abc2midi (Debian's package abcmidi) over the tune books that music21 carries.

    python benchmarks/audits/agreement_abc.py [--every 1] [--show 3]

Both read the same tunes, note for note: onset, duration and pitch, in quarters. What étude leaves out by its own rules
(repeats and parts, grace notes, ornaments, chord names) is taken out of the text first; all else stays, so that the two
differ where their grammars do. Of the tunes that étude refuses, how many abc2midi reads alike is told apart.

The kinds of difference in those books: tuplets of 5, 7 and 9 in 3/4 (abc2midi takes the metre for compound, unlike the
standard), notes of unequal lengths in one chord (abc2midi cuts all to the first), and music after an empty line that
follows `K:` (abc2midi reads none).
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from etude.corpora.tune_books import books_folder
from etude.errors import UnreadableFile
from etude.formats.abc import decoded, read_abc, split_tunes
from etude.formats.abc_grammar import FIELD, HARMLESS, TOKEN

QUARTER = 480  # ticks of abc2midi; a note begins one tick late and ends one tick early
TOLERANCE = 3
BATCH = 250  # tunes for one run of abc2midi

PLAIN = "%%MIDI gchordoff\n%%MIDI chordattack 0\n"  # no accompaniment, no arpeggios

Rows = list[tuple[int, int, int]]


def all_tunes() -> Iterator[tuple[str, str]]:
    """Yield (file#number, text) of every ABC tune that music21 carries."""
    for path in sorted(books_folder().rglob("*.abc")):
        for number, text in enumerate(split_tunes(decoded(path.read_bytes())), 1):
            yield f"{path.relative_to(books_folder())}#{number}", text


def as_written(text: str) -> str:
    """Return a tune without what is played beyond the notes: repeats, parts, graces, ornaments, a hornpipe's swing."""
    kept = []
    for line in text.splitlines():
        if re.match(r"%[^%]|[PRwWsT]:|\s*$", line):
            continue
        kept.append(line if FIELD.match(line) or line.startswith("%") else _plain(line.partition("%")[0]))
    return "\n".join(kept) + "\n"


def _plain(line: str) -> str:
    parts = []
    for token in TOKEN.finditer(line):
        kind, text = token.lastgroup, token[0]
        if kind == "bar":
            text = "|"
        elif kind == "chord":
            text = re.sub(r'"[^"]*"|![^!]*!|[.~H-Wh-w]', "", text)
        elif _is_left_out(kind, text, line.startswith('["', token.start())):
            continue
        parts.append(text)
    return "".join(parts)


def _is_left_out(kind: str | None, text: str, opens_text: bool) -> bool:
    """Say whether a token is no note: a grace, an ornament, a part, the bracket of an ending with words."""
    if kind is None:
        return opens_text or text in HARMLESS - {"\\"}
    return kind in ("skip", "grace") or (kind == "field" and text[1] in "PRr")


def by_abc2midi(texts: list[str], folder: Path) -> list[Rows]:
    """Return the notes that abc2midi makes of each tune: onset and duration in 1/480 quarters, and pitch."""
    book = folder / "book.abc"
    numbered = (re.sub(r"^X:.*", f"X:{number}", text, count=1) for number, text in enumerate(texts, 1))
    book.write_text("\n\n".join(re.sub(r"(?m)^(K:)", f"{PLAIN}\\1", text, count=1) for text in numbered))
    for number in range(1, len(texts) + 1):
        (folder / f"book{number}.mid").unlink(missing_ok=True)
    subprocess.run(["abc2midi", str(book), "-silent", "-NGRA"], cwd=folder, capture_output=True, check=False)
    found = [_notes(folder / f"book{number}.mid") for number in range(1, len(texts) + 1)]
    if len(texts) == 1:
        return found
    return [rows or by_abc2midi([text], folder)[0] for rows, text in zip(found, texts, strict=True)]  # it may crash


def _notes(path: Path) -> Rows:
    import mido

    if not path.is_file():
        return []
    file, found = mido.MidiFile(str(path)), []
    scale = QUARTER / file.ticks_per_beat
    for track in file.tracks:
        tick, sounding = 0, defaultdict(list)
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                sounding[message.channel, message.note].append(tick)
            elif message.type in ("note_on", "note_off") and sounding[message.channel, message.note]:
                onset = sounding[message.channel, message.note].pop(0)
                found.append((round((onset - 1) * scale), round((tick - onset + 1) * scale), message.note))
    return sorted(found)


def by_etude(text: str) -> Rows:
    """Return the notes that étude reads, in the same unit."""
    score = read_abc(text)
    scale = QUARTER / score.ticks_per_quarter
    return sorted((round(row[0] * scale), round(row[1] * scale), row[2]) for row in score.notes.tolist())


def difference(ours: Rows, theirs: Rows) -> str:
    """Return how two readings of a tune differ: "" where they agree, else the first kind of difference."""
    if len(ours) != len(theirs):
        return (
            f"{'fewer' if len(ours) < len(theirs) else 'more'} notes than abc2midi" if theirs else "abc2midi: nothing"
        )
    ours, theirs = (sorted(rows, key=lambda row: (row[2], row[0])) for rows in (ours, theirs))
    if [row[2] for row in ours] != [row[2] for row in theirs]:
        return "pitch"
    if any(abs(a[0] - b[0]) > TOLERANCE for a, b in zip(ours, theirs, strict=True)):
        return "onset"
    return "duration" * any(abs(a[1] - b[1]) > TOLERANCE for a, b in zip(ours, theirs, strict=True))


def compared(tunes: list[tuple[str, str]]) -> Iterator[tuple[str, str, bool, str]]:
    """Yield (name, text as written, whether étude refuses the tune, difference) for each tune."""
    with tempfile.TemporaryDirectory() as folder:
        for batch in _batches(tunes):
            texts = [as_written(text) for _, text in batch]
            for (name, text), plain, theirs in zip(batch, texts, by_abc2midi(texts, Path(folder)), strict=True):
                yield name, plain, _refused(text), difference(by_etude(plain), theirs)


def _batches(tunes: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield tunes for runs of abc2midi, which keeps directives from tune to tune: tunes with some have their own."""
    plain = [tune for tune in tunes if "%%MIDI" not in tune[1]]
    yield from ([tune] for tune in tunes if "%%MIDI" in tune[1])
    yield from (plain[start : start + BATCH] for start in range(0, len(plain), BATCH))


def _refused(text: str) -> bool:
    try:
        read_abc(text, strict=True)
    except UnreadableFile:
        return True
    return False


def main() -> None:
    """Print the share of tunes that agree, by book, and examples of the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every n-th tune")
    parser.add_argument("--show", type=int, default=3, help="examples of each kind of difference")
    options = parser.parse_args()
    if shutil.which("abc2midi") is None:
        print("abc2midi is not installed: apt-get install abcmidi")
        return
    books, kinds, examples = defaultdict(Counter), Counter(), defaultdict(list)
    for name, _, refused, kind in compared(list(all_tunes())[:: options.every]):
        books[name.split("/")[0]][("refused, " if refused else "read, ") + ("other" if kind else "same")] += 1
        if kind and not refused:
            kinds[kind] += 1
            examples[kind].append(name)
    for book, counts in books.items():
        print(f"{book:20} {dict(counts)}")
    total = sum(books.values(), Counter())
    print(f"of those read, {total['read, same'] / (total['read, same'] + total['read, other']):.2%} agree")
    for kind, number in kinds.most_common():
        print(f"{number:5} {kind}: {', '.join(examples[kind][: options.show])}")


if __name__ == "__main__":
    main()
