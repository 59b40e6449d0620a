"""Any folder of music: MIDI, ABC, MusicXML, kern, WAV, FLAC, MP3 and Ogg files, at any depth.

Every file is read in a worker process, which a broken one may crash, hang or starve without harm to the run
(`etude.corpora.sandbox`). What cannot be used stands in the ledger with the reason and the parsers tried. Pieces are
made on access, and few are held, so a folder of any size takes little memory.

The split depends on content alone, and no side of it is silently empty: `etude.corpora.folder_split` draws, ranks or
cuts, and `division` says in words what was done.

Sound is decoded from its file whenever a piece is made. With `coding` it is decoded once, a minute at a time, and kept
as codes of a waveform on disk, from which models learn without copying them: ten hours at 16 kHz are 0.6 GB there.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path

import numpy as np

from etude.corpora.base import Corpus
from etude.corpora.folder_cache import forget, read_score
from etude.corpora.folder_entries import Entry, Limits, Loss
from etude.corpora.folder_frame import described
from etude.corpora.folder_index import READER, find_files, read_sources
from etude.corpora.folder_reader import KINDS
from etude.corpora.folder_sounds import coded_recordings
from etude.corpora.folder_split import divided
from etude.corpora.sandbox import MEMORY, SECONDS, Sandbox, cores
from etude.errors import EtudeError, MissingData, UnreadableFile, one_line, unknown_name
from etude.files import expanded, is_there
from etude.formats.sound_file import HIGHEST_RATE
from etude.representations.coded_audio import CodedAudio
from etude.representations.waveform import Waveform
from etude.types import Audio, Piece

HELD = 2**28  # bytes of notes and samples kept in memory
SHOWN = 12  # rows of the ledger that are printed


class Folder(Corpus):
    """The music in a folder.

    Parameters
    ----------
    path : Path or str
        `~` is the reader's home.
    split : three floats
        Shares of train, valid and test; they sum to 1.
    rate : int, optional
        Samples per second of sounds; by default each file's own.
    longest : float
        Seconds of music in a piece at most; what is longer goes to the ledger. A recording is cut into equal pieces
        instead where `coding` is given; all of them are on one side.
    seconds : float
        Time for one file (for each MiB of a tune book; to code a sound, for each hour of it).
    memory : int
        Bytes of address space of a worker.
    workers : int, optional
        Processes; by default one a core, eight at most.
    verbose : bool
        Show progress and print the ledger.
    coding : {"mu-law", "linear"}, optional
        Keep the sounds as the codes that `Waveform(rate, coding, levels)` gives, and map them from disk.
    levels : int
        Of the coding.
    drums : bool
        Use files that hold percussion alone, too; beside pitched notes percussion is always left out.
    only : {"score", "audio"}, optional
        Files of notes, or of sound; the others are not looked at.

    Attributes
    ----------
    division : str
        How the pieces came to their sides, in words.

    Raises
    ------
    MissingData
        Where there is no such folder, or no file of music in it.
    UnreadableFile
        The folder cannot be listed; one in it that cannot be is a loss.
    EtudeError
        An option outside its range.
    """

    name = "folder"
    title = "A folder of one's own"
    source = "the reader's own files"
    licence = "the reader's own"
    variants = ()  # nothing to list without a path
    reader = READER

    def __init__(
        self,
        path: Path | str,
        split: Sequence[float] = (0.8, 0.1, 0.1),
        rate: int | None = None,
        longest: float = 1800.0,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        workers: int | None = None,
        verbose: bool = True,
        coding: str | None = None,
        levels: int = 256,
        drums: bool = False,
        only: str | None = None,
    ):
        self.path, self.split, self.rate, self.verbose = expanded(path), tuple(split), rate, verbose
        if len(self.split) != 3 or not min(self.split) >= 0 or not abs(sum(self.split) - 1) <= 1e-9:
            raise EtudeError("three shares that sum to 1", str(split))
        _check_options(rate, longest, workers)
        if coding is not None and rate is None:
            raise EtudeError("the rate at which sounds are to be coded", "none", "Give rate=8000, or another.")
        self.waveform = None if coding is None else Waveform(rate, coding, levels)
        workers = min(cores(), 8) if workers is None else workers
        self.limits = Limits(longest, seconds, memory, workers, cut=coding is not None, rate=rate, drums=drums)
        self._decode = Sandbox("etude.corpora.folder_reader:read_sound", seconds, memory)
        weakref.finalize(self, self._decode.close)
        self.source = str(self.path)
        self._held: OrderedDict[tuple, Piece] = OrderedDict()  # by file, part and span
        self._held_bytes = 0
        if only not in (None, "score", "audio"):
            raise EtudeError('only="score" or only="audio", or neither', repr(only))
        self._only = only
        found, self._losses = self._indexed()
        self._entries, self._sides, self.division = divided(found, self.split, self.splits, self._whole_score)
        if verbose:
            print(self._summary())

    def load(self, split: str) -> Pieces:
        """Return the pieces of a split in the order of their names, each made when it is asked for."""
        if split not in self.splits:
            raise unknown_name("split", split, self.splits)
        return Pieces(self, [entry for entry in self._entries if self._side(entry) == split])

    def digest(self) -> str:
        """Return the sha256 of the names, splits and contents of the pieces; nothing is read again."""
        lines = (f"{self._side(entry)}/{entry.name}/{entry.content}" for entry in self._entries)
        coded = "" if self.waveform is None else str(self.waveform.options)
        return hashlib.sha256(("\n".join(lines) + coded).encode()).hexdigest()

    def prepare(self) -> None:
        """Code the sounds, once, where they are to be coded."""
        if self.waveform is not None:
            _ = self._codes

    @property
    def ledger(self):
        """What cannot be used, as a pandas DataFrame: file, reason, tried."""
        import pandas

        return pandas.DataFrame(self._losses, columns=Loss._fields)

    def piece(self, name: str) -> Piece:
        """Return one piece by its name, or by its title where one piece alone has it."""
        found = [entry for entry in self._entries if entry.name == name]
        found = found or [entry for entry in self._entries if name and entry.title == name]
        if len(found) != 1:
            raise unknown_name("piece", name, [entry.name for entry in self._entries])
        return self._piece(found[0])

    def frame(self):
        """Return a pandas DataFrame, one row per usable piece: name, file, kind, split, seconds, and what it is.

        The further columns are those of `etude.corpora.folder_frame.described`; every piece is read for them.
        """
        import pandas

        rows = []
        for e in self._entries:
            rows.append({"name": e.name, "file": e.source.name, "kind": e.source.kind, "split": self._side(e)})
            piece = self._piece(e)
            rows[-1] |= {"seconds": piece.seconds, **described(piece)}
        return pandas.DataFrame(rows, columns=None if rows else ["name", "file", "kind", "split", "seconds"])

    def kinds(self) -> dict[str, int]:
        """Return how many pieces there are of each kind of file; nothing is read."""
        kinds = [entry.source.kind for entry in self._entries]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}

    def _piece(self, entry: Entry) -> Piece:
        """Return the piece of an entry, from memory, the cache or its file."""
        key = entry.source.path, entry.part, entry.span
        piece = self._held.get(key)
        if piece is None:
            piece = self._held[key] = self._made(entry)
            self._held_bytes += _size(piece)
        self._held.move_to_end(key)
        while len(self._held) > 1 and self._held_bytes > HELD:
            self._held_bytes -= _size(self._held.popitem(last=False)[1])
        return piece

    def _made(self, entry: Entry) -> Piece:
        source = str(entry.source.path)
        if entry.source.kind == "audio" and self.waveform is not None:
            return Piece(entry.name, None, CodedAudio(self._stretch(entry), self.waveform), source, self.licence)
        if entry.source.kind == "audio":
            sound = self._decode(source, self.rate)
            begin, end = _samples(entry, sound["rate"], len(sound["samples"]))
            audio = Audio(sound["samples"][begin:end], sound["rate"])
            return Piece(entry.name, None, audio, source, self.licence)
        score, text = read_score(entry) or self._read_again(entry)
        if entry.span is not None:
            score, text = score.excerpt(*entry.span), None
        return Piece(entry.name, score, None, source, self.licence, text, entry.title)

    def _whole_score(self, entry: Entry):
        """Return the score of an entry that is about to be cut."""
        return (read_score(entry) or self._read_again(entry))[0]

    def _stretch(self, entry: Entry) -> np.ndarray:
        """Return the codes of an entry's part of its recording."""
        codes = self._codes[entry.source.sha256]
        if entry.span is not None:
            begin, end = _samples(entry, self.waveform.rate, len(codes))
            return codes[begin:end]
        start, end = (len(codes) * part // entry.parts for part in (entry.part, entry.part + 1))
        return codes[start:end]

    @cached_property
    def _codes(self) -> dict[str, np.ndarray]:
        """The codes of every recording by the sha256 of its file, UInt[T]."""
        sources: dict[str, tuple] = {}
        for e in self._entries:
            if e.source.kind == "audio":
                seconds = e.seconds * e.parts if e.span is None else e.span[1]
                sources[e.source.sha256] = e.source, max(seconds, sources.get(e.source.sha256, (None, 0.0))[1])
        return coded_recordings(sources, self.waveform, self.limits, self._progress if self.verbose else None)

    def _read_again(self, entry: Entry):
        """Read a file whose cached notes were deleted or damaged since the folder was opened."""
        forget(entry.source)
        lost = [loss for loss in read_sources([entry.source], self.limits, self.reader) if isinstance(loss, Loss)]
        found = read_score(entry)
        if found is None:
            raise UnreadableFile(
                f"{entry.name} as it was when the folder was opened", lost[0].reason if lost else "not"
            )
        return found

    def _side(self, entry: Entry) -> str:
        return self._sides[entry.name]

    def _indexed(self) -> tuple[list[Entry], list[Loss]]:
        if not is_there(self.path, Path.is_dir):
            raise MissingData("a folder of music", f"no folder at {self.path}", "Check the path.")
        sources, losses = find_files(self.path)
        sources = [s for s in sources if self._only in (None, "audio" if s.kind == "audio" else "score")]
        if not sources and not losses:
            raise MissingData("a folder with music in it", f"none in {self.path}", f"Looked for {', '.join(KINDS)}.")
        found = list(read_sources(sources, self.limits, self.reader, self._progress if self.verbose else None))
        losses += [item for item in found if isinstance(item, Loss)]
        return sorted(item for item in found if isinstance(item, Entry)), sorted(losses)

    def _progress(self, answers, total: int):
        from tqdm.auto import tqdm

        return tqdm(answers, total=total, desc=f"Reading {one_line(self.path.name)}", unit="file")

    def _summary(self) -> str:
        lines = [f"{one_line(self.path)}: {len(self._entries)} pieces; not usable: {len(self._losses) or 'none'}"]
        lines += [f"  {self.division}"] * bool(self._entries)
        lines += [f"  {one_line(loss.file)[-40:]:<40}  {one_line(loss.reason)[:100]}" for loss in self._losses[:SHOWN]]
        return "\n".join([*lines, *([f"  ... all {len(self._losses)} in .ledger"] * (len(self._losses) > SHOWN))])


def _samples(entry: Entry, rate: int, length: int) -> tuple[int, int]:
    """Return where an entry begins and ends in the samples of its recording."""
    if entry.span is None:
        return 0, length
    begin, end = (min(length, round(second * rate)) for second in entry.span)
    return begin, end


def _check_options(rate: int | None, longest: float, workers: int | None) -> None:
    if rate is not None and not (isinstance(rate, Integral) and 1 <= rate <= HIGHEST_RATE):
        raise EtudeError(f"a rate of 1 to {HIGHEST_RATE} samples a second", repr(rate))
    if not (isinstance(longest, Real) and longest > 0):
        raise EtudeError("`longest`, the seconds of a piece at most, above 0", repr(longest))
    if workers is not None and not (isinstance(workers, Integral) and workers >= 1):
        raise EtudeError("workers as a whole number of at least 1", repr(workers), "None takes one a core.")


class Pieces(Sequence):
    """The pieces of a split, made when they are asked for."""

    def __init__(self, folder: Folder, entries: list[Entry]):
        self._folder, self._entries = folder, entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Pieces(self._folder, self._entries[index])
        return self._folder._piece(self._entries[index])

    def __repr__(self) -> str:
        return f"{len(self)} pieces of {self._folder.path}"


def _size(piece: Piece) -> int:
    return (0 if piece.score is None else piece.score.notes.nbytes) + (
        0 if piece.audio is None or isinstance(piece.audio, CodedAudio) else 4 * len(piece.audio)
    )
