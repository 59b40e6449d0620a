"""The chorales as sound: rendered once, kept as codes of a waveform, and read where they lie.

>>> sound = Rendered(instrument="piano", rate=16000, first=10)
>>> piece = sound.load("valid")[0]  # piece.score is what was played, piece.audio how it sounds

The instruments differ in what a model has to foresee: an oboe holds its tone as long as the note is written, a piano's
dies away from the moment it is struck. `voices="one"` is the soprano alone. The split is that of the chorales.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from etude.corpora.base import Corpus
from etude.corpora.chorales import Chorales
from etude.corpora.code_store import store_path, stored
from etude.corpora.sandbox import SECONDS, cores, in_order, read_all
from etude.errors import EtudeError, unknown_name
from etude.representations.coded_audio import CodedAudio
from etude.representations.waveform import Waveform
from etude.synthesis import program_number, render, sound_key
from etude.types import TRACK, Piece, Score

VOICES = {"four": None, "one": 0}  # the track that is played alone


class Rendered(Corpus):
    """Bach's chorales, played.

    Parameters
    ----------
    instrument : str or int
        A General MIDI instrument, for all voices.
    voices : {"four", "one"}
        All, or the soprano alone.
    rate : int
        Samples per second.
    coding, levels
        Of the waveform that the sound is kept as: `Waveform(rate, coding, levels)` gives its codes back, mapped from
        disk. Keep `coding="linear", levels=65536` for what shall not have the noise of 8 bits (spectrograms).
    first : int, optional
        Only so many pieces of each split. All of them, in four voices, play for four and a half hours.
    """

    name = "rendered"
    title = "Bach chorales as sound"
    source = "the corpus `chorales`, played by midirenderer with the soundfont TimGM6mb"
    licence = "music by J. S. Bach: public domain; encodings as for `chorales`; the soundfont's file states none"
    variants = ({"instrument": "oboe"}, {"instrument": "piano"})

    def __init__(
        self,
        instrument: str | int = "oboe",
        voices: str = "four",
        rate: int = 8000,
        coding: str = "mu-law",
        levels: int = 256,
        first: int | None = None,
    ):
        if voices not in VOICES:
            raise unknown_name("choice of voices", voices, VOICES)
        if first is not None and first < 1:
            raise EtudeError("the number of pieces of a split, at least 1", str(first), "Leave it out for all.")
        self.program = program_number({"piano": 0}.get(instrument, instrument))
        self.waveform = Waveform(rate, coding, levels)
        self.voices, self.first, self._chorales = voices, first, Chorales()

    def load(self, split: str) -> tuple[Piece, ...]:
        """Return the pieces of `train`, `valid` or `test`, with score and sound; the first call renders them."""
        pieces = self._scores(split)
        codes = self._codes(split, pieces)
        return tuple(piece.with_audio(CodedAudio(codes[piece.name], self.waveform)) for piece in pieces)

    def count(self, split: str) -> int:
        """Return how many pieces a split has; nothing is rendered."""
        return len(self._scores(split))

    def prepare(self) -> None:
        """Render all splits."""
        for split in self.splits:
            self.load(split)

    def digest(self) -> str:
        """Return the sha256 of names, splits and all that the sounds depend on; nothing is rendered."""
        made_of = [self._digest(split, self._scores(split)) for split in self.splits]
        return hashlib.sha256("\n".join(made_of).encode()).hexdigest()

    def _scores(self, split: str) -> list[Piece]:
        if split not in self.splits:
            raise unknown_name("split", split, self.splits)
        pieces = self._chorales.load(split)[: self.first]
        return [replace(piece, score=self._played(piece.score), source=self.source, licence=self.licence)
                for piece in pieces]  # fmt: skip

    def _played(self, score: Score) -> Score:
        track = VOICES[self.voices]
        return score if track is None else replace(score, notes=score.notes[score.notes[:, TRACK] == track])

    def _codes(self, split: str, pieces: list[Piece]) -> dict[str, np.ndarray]:
        folder = store_path("rendered", self._digest(split, pieces))
        return stored(folder, self.waveform.dtype, self._sounds(split, pieces))

    def _digest(self, split: str, pieces: list[Piece]) -> str:
        lines = [f"{split} {self.waveform.options}"]
        lines += [f"{piece.name} {sound_key(piece.score, self.waveform.rate, self.program)}" for piece in pieces]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _sounds(self, split: str, pieces: list[Piece]) -> Iterator[tuple[str, list[np.ndarray]]]:
        from tqdm.auto import tqdm

        tasks = [(vars(piece.score), self.program, self.waveform.options) for piece in pieces]
        answers = read_all("etude.corpora.rendered:played_codes", tasks, min(cores(), 8), 10 * SECONDS)
        shown = tqdm(answers, total=len(tasks), desc=f"Playing the chorales of {split} (once)", unit="piece")
        for piece, answer in zip(pieces, in_order(shown), strict=True):
            yield piece.name, [answer["codes"]]


def played_codes(score: dict, program: int, waveform: dict) -> dict:
    """Return the codes of a rendered score: what a worker does. The sound itself stays in the synthesizer's cache."""
    codes = Waveform(**waveform)
    audio = render(Score(**score), codes.rate, program)
    return {"codes": codes.encode(Piece("played", audio=audio)).astype(codes.dtype)}
