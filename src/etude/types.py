"""The types that cross the borders between layers. NumPy only.

A piece of music is a `Piece`; it holds a `Score` (notes) or an `Audio` (samples) or both. A representation turns it
into an integer array that lives in a `Space`; a model is a probability over the arrays of a `Space`, and reports
code lengths as `Bits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import inf
from numbers import Integral
from typing import Literal

import numpy as np

from etude.errors import EtudeError, SpaceMismatch
from etude.masks import bars_open, given_voice, missing_voice, steps_of_a_bar

ONSET, DURATION, PITCH, VELOCITY, TRACK = range(5)
NOMINAL_BPM = 80.0  # tempo of a score that states none: a walking chorale
LOWEST_KEY, HIGHEST_KEY = 21, 108  # MIDI pitches of the 88 keys of a piano
COMMON_VELOCITY = 80
CUTS = ("random", "consecutive", "carried")  # how windows are cut from pieces


@dataclass(frozen=True, eq=False)
class Score:
    """Notes on a grid of ticks.

    Parameters
    ----------
    notes : Int[N, 5]
        Columns onset, duration (ticks), pitch (MIDI, 0-127), velocity (1-127), track. Kept sorted by onset, then
        pitch, track, duration, velocity.
    ticks_per_quarter : int
    bpm : float
        Quarter notes per minute.
    length : int, optional
        Ticks from the start to the end of the piece; by default the end of the last note.
    meter : (int, int), optional
        Beats of a bar and their unit, where the source states a metre.
    programs : tuple of int
        General MIDI instrument of tracks 0, 1, ... (128 for drums), where the source states any.
    pickup : float
        Quarters of an upbeat before the first whole bar, less than a bar (of 4/4 where no metre is stated).

    Notes
    -----
    Scores are equal where notes and time are: metre, upbeat and instruments are how a piece is written down and played,
    and no representation codes them. `like` gives them back.
    """

    notes: np.ndarray
    ticks_per_quarter: int = 480
    bpm: float = NOMINAL_BPM
    length: int | None = None
    meter: tuple[int, int] | None = None
    programs: tuple[int, ...] = ()
    pickup: float = 0.0

    def __post_init__(self):
        notes = _sorted_notes(self.notes)
        end = int((notes[:, ONSET] + notes[:, DURATION]).max(initial=0))
        if self.ticks_per_quarter < 1 or not (np.isfinite(self.bpm) and self.bpm > 0):
            raise EtudeError(
                "ticks_per_quarter >= 1 and a finite bpm > 0", f"{self.ticks_per_quarter} ticks, {self.bpm} bpm"
            )
        length = end if self.length is None else int(self.length)
        if length < end:
            raise EtudeError(f"a length of at least {end} ticks (the last note's end)", str(length))
        object.__setattr__(self, "notes", notes)
        object.__setattr__(self, "length", length)
        object.__setattr__(self, "meter", None if self.meter is None else tuple(map(int, self.meter)))
        object.__setattr__(self, "programs", tuple(map(int, self.programs)))
        object.__setattr__(self, "pickup", float(self.pickup))
        if self.pickup and not 0 < self.pickup < self.quarters_of_a_bar:
            raise EtudeError(
                f"a pickup of at least 0 quarters and less than a bar, {float(self.quarters_of_a_bar):g}",
                f"{self.pickup:g}",
                "Count the quarters before the first whole bar.",
            )

    def __eq__(self, other) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        same_time = (self.ticks_per_quarter, self.bpm, self.length) == (
            other.ticks_per_quarter,
            other.bpm,
            other.length,
        )
        return same_time and np.array_equal(self.notes, other.notes)

    def __len__(self) -> int:
        return len(self.notes)

    def __repr__(self) -> str:
        quarters = self.length / self.ticks_per_quarter
        return f"Score({len(self)} notes in {quarters:g} quarters at {self.bpm:g} bpm, {self.seconds:.1f} s)"

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.length / self.ticks_per_quarter * 60 / self.bpm

    @property
    def quarters_of_a_bar(self) -> Fraction:
        """Quarters of a bar, of 4/4 where no metre is stated."""
        beats, unit = self.meter or (4, 4)
        return Fraction(4 * beats, unit)

    @property
    def ticks_of_a_bar(self) -> int:
        """Ticks of a bar, at least 1; of 4/4 where no metre is stated."""
        return max(1, round(self.quarters_of_a_bar * self.ticks_per_quarter))

    @property
    def ticks_of_the_pickup(self) -> int:
        """Ticks before the first whole bar."""
        return round(self.pickup * self.ticks_per_quarter)

    def pickup_at(self, tick: int) -> float:
        """Return the quarters from a tick to the next bar line: the pickup of the music from there on."""
        if tick == 0 or self.meter is None:
            return 0.0 if tick else self.pickup
        bar = self.quarters_of_a_bar * self.ticks_per_quarter
        return float((self.ticks_of_the_pickup - tick) % bar / self.ticks_per_quarter)

    def excerpt(self, begin: int, end: int) -> Score:
        """Return a stretch of ticks as a score of its own: notes that begin in it, cut at its end.

        Its bar lines stand where they stood.
        """
        notes = self.notes[(self.notes[:, ONSET] >= begin) & (self.notes[:, ONSET] < end)].copy()
        notes[:, ONSET] -= begin
        notes[:, DURATION] = notes[:, DURATION].clip(max=end - begin - notes[:, ONSET])
        return replace(self, notes=notes, length=end - begin, pickup=self.pickup_at(begin))

    def transposed(self, semitones: int) -> Score:
        """Return the score moved by `semitones`; raises EtudeError where a pitch would leave 0-127."""
        notes = self.notes.copy()
        notes[:, PITCH] += semitones
        return replace(self, notes=notes)

    def part(self, tracks: int | Sequence[int]) -> Score:
        """Return the notes of one track or of several, in the same time; raises EtudeError where none has notes."""
        own = np.isin(self.notes[:, TRACK], tracks)
        if not own.any():
            there = np.unique(self.notes[:, TRACK]).tolist()
            raise EtudeError(f"a track among {there}", str(tracks), "Voices are counted from 0.")
        return replace(self, notes=self.notes[own])

    def like(self, other: Score) -> Score:
        """Return the score in the tempo, metre, upbeat and instruments of another, whose tracks it need not have.

        A track that the other does not have plays the instrument that sounds longest there.
        """
        tracks = range(int(self.notes[:, TRACK].max(initial=-1)) + 1)
        longest = other._longest_program()
        programs = tuple(other.programs[t] if len(other.programs) > t and len(tracks) > 1 else longest for t in tracks)
        kept = programs if other.programs else ()
        return replace(self, bpm=other.bpm, meter=other.meter, programs=kept, pickup=other.pickup)

    def _longest_program(self) -> int:
        """Return the program that sounds longest, 0 where none is stated."""
        times: dict[int, int] = {}
        for track, duration in self.notes[:, [TRACK, DURATION]].tolist():
            if track < len(self.programs):
                program = self.programs[track]
                times[program] = times.get(program, 0) + duration
        return max(times, key=lambda program: (times[program], -program), default=0)

    def common(self) -> Score:
        """Return what every score representation keeps: the projection onto sixteenths, one velocity, one track.

        Onsets and ends go to the nearest sixteenth (a note keeps at least one); pitches outside the 88 keys move by
        octaves into them; of notes with one pitch and onset the longest stays, and a note ends where the next of its
        pitch begins; silence after the last note is dropped; the tempo is `NOMINAL_BPM`. Applying it twice changes
        nothing.
        """
        notes = self.notes.copy()
        onset, end = (_to_sixteenths(t, self.ticks_per_quarter) for t in (notes[:, 0], notes[:, 0] + notes[:, 1]))
        notes[:, ONSET], notes[:, DURATION] = onset, np.maximum(end - onset, 1)
        notes[:, PITCH] = into_keyboard(notes[:, PITCH])
        notes[:, VELOCITY], notes[:, TRACK] = COMMON_VELOCITY, 0
        return Score(_without_overlaps(notes), ticks_per_quarter=4, bpm=NOMINAL_BPM)


_LOWEST, _HIGHEST = np.array([0, 1, 0, 1, 0]), np.array([2**40, 2**40, 127, 127, 2**20])  # of a note's columns


def _sorted_notes(notes) -> np.ndarray:
    notes = np.asarray(notes)
    if notes.size == 0:
        notes = np.zeros((0, 5), np.int64)
    if notes.ndim != 2 or notes.shape[1] != 5 or not np.issubdtype(notes.dtype, np.integer):
        raise EtudeError("notes as an integer array (N, 5)", f"{notes.dtype} {notes.shape}")
    notes = notes.astype(np.int64)
    outside = (notes < _LOWEST) | (notes > _HIGHEST)
    if outside.any():
        bad = np.flatnonzero(outside.any(axis=1))
        raise EtudeError(
            "onset >= 0, duration >= 1, pitch 0-127, velocity 1-127, track >= 0", f"note {notes[bad[0]].tolist()}"
        )
    order = np.lexsort((notes[:, VELOCITY], notes[:, DURATION], notes[:, TRACK], notes[:, PITCH], notes[:, ONSET]))
    notes = notes[order]
    notes.flags.writeable = False
    return notes


def _to_sixteenths(ticks: np.ndarray, ticks_per_quarter: int) -> np.ndarray:
    return (8 * ticks + ticks_per_quarter) // (2 * ticks_per_quarter)  # nearest, halves up


def into_keyboard(pitch: np.ndarray) -> np.ndarray:
    """Return pitches moved by octaves onto the 88 keys of a piano, Int[N]; those that lie there stay."""
    pitch = np.where(pitch < LOWEST_KEY, pitch + 12 * -((pitch - LOWEST_KEY) // 12), pitch)
    return np.where(pitch > HIGHEST_KEY, pitch - 12 * -((HIGHEST_KEY - pitch) // 12), pitch)


def _without_overlaps(notes: np.ndarray) -> np.ndarray:
    """Longest of equal (pitch, onset) stays; each note is cut at the next onset of its pitch."""
    notes = notes[np.lexsort((-notes[:, DURATION], notes[:, ONSET], notes[:, PITCH]))]
    first = np.ones(len(notes), bool)
    first[1:] = (np.diff(notes[:, PITCH]) != 0) | (np.diff(notes[:, ONSET]) != 0)
    notes = notes[first]
    same = np.flatnonzero(np.diff(notes[:, PITCH]) == 0)
    gap = notes[same + 1, ONSET] - notes[same, ONSET]
    notes[same, DURATION] = np.minimum(notes[same, DURATION], gap)
    return notes


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound: samples Float32[T] in [-1, 1] at `rate` samples per second."""

    samples: np.ndarray
    rate: int

    def __post_init__(self):
        samples = np.asarray(self.samples, np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all() or np.abs(samples).max(initial=0) > 1:
            raise EtudeError(
                "finite mono samples (T,) within [-1, 1]",
                f"shape {samples.shape}, peak {np.abs(samples).max(initial=0)}",
                "Mix to mono and scale by the peak first.",
            )
        if self.rate < 1:
            raise EtudeError("a rate of at least 1 Hz", str(self.rate))
        object.__setattr__(self, "samples", samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} samples at {self.rate} Hz, {self.seconds:.1f} s)"

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self) / self.rate


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of music: a score, a sound, or both, with where it comes from and under which licence.

    `text` is the piece as its source writes it (the ABC of a tune), where the source is text; `title` what the source
    calls it.
    """

    name: str
    score: Score | None = None
    audio: Audio | None = None
    source: str = ""
    licence: str = ""
    text: str | None = None
    title: str = ""

    def __repr__(self) -> str:
        held = [repr(part) for part in (self.score, self.audio) if part is not None]
        text = [] if self.text is None else [f"{len(self.text)} letters of text"]
        return f"Piece({', '.join([repr(self.name), *held, *text])})"

    @property
    def seconds(self) -> float:
        """Duration in seconds, of the score where there is one."""
        music = self.score if self.score is not None else self.audio
        return 0.0 if music is None else music.seconds

    def with_score(self, score: Score) -> Piece:
        """Return the piece with another score; its sound and its text no longer belong to it and are dropped."""
        return replace(self, score=score, audio=None, text=None)

    def with_audio(self, audio: Audio) -> Piece:
        """Return the piece with this sound."""
        return replace(self, audio=audio)


@dataclass(frozen=True)
class Space:
    """A finite alphabet on a grid: where the arrays of a representation, and the mass of a model, live.

    Parameters
    ----------
    event_shape : tuple of int
        Shape E of one step: `()` for tokens and samples, `(88,)` for a piano roll's frame.
    levels : int
        Every entry is one of 0 .. levels-1.
    rate : float, optional
        Steps per second of music, where steps have a fixed length.
    end : int, optional
        The code that closes a piece, where there is one; it may only stand last.
    """

    event_shape: tuple[int, ...]
    levels: int
    rate: float | None = None
    end: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "event_shape", tuple(int(size) for size in self.event_shape))
        if self.levels < 1 or (self.end is not None and not 0 <= self.end < self.levels):
            raise EtudeError("levels >= 1 and end among them", f"levels {self.levels}, end {self.end}")
        if self.end is not None and self.event_shape:
            raise EtudeError("an end code only for scalar steps", f"event_shape {self.event_shape}")

    def __repr__(self) -> str:
        steps = "x".join(map(str, self.event_shape)) + " entries" if self.event_shape else "scalar steps"
        rate = "" if self.rate is None else f", {self.rate:g} steps a second"
        return f"Space({steps} of {self.levels} levels{rate}{'' if self.end is None else f', end code {self.end}'})"

    @property
    def entries(self) -> int:
        """Entries in one step (1 for scalar steps)."""
        return int(np.prod(self.event_shape, dtype=np.int64))

    @property
    def is_signal(self) -> bool:
        """Say whether steps are the levels of a signal: scalars at a rate."""
        return self.rate is not None and not self.event_shape

    def check(self, x, complete: bool = False, widen: bool = True) -> np.ndarray:
        """Return `x` as Int64[T, *E], or raise SpaceMismatch. The only checker of arrays.

        With `complete`, a piece in a space with `end` must close with it. Without `widen`, `x` keeps its integers:
        hours of samples stay as small as they are, on disk too where `x` is mapped from it.
        """
        x = np.asarray(x)
        if x.size == 0 and x.ndim <= 1:
            x = np.zeros((0, *self.event_shape), np.int64)
        if not np.issubdtype(x.dtype, np.integer) or x.shape[1:] != self.event_shape or x.ndim == 0:
            shape = ", ".join(["T", *map(str, self.event_shape)])
            raise SpaceMismatch(f"an integer array ({shape})", f"{x.dtype} {x.shape}")
        if x.size and (x.min() < 0 or x.max() >= self.levels):
            raise SpaceMismatch(f"codes 0 .. {self.levels - 1}", f"codes {x.min()} .. {x.max()}")
        if self.end is not None and (x[:-1] == self.end).any():
            raise SpaceMismatch(f"the end code {self.end} only as the last step", "one before it")
        if complete and self.end is not None and (len(x) == 0 or x[-1] != self.end):
            raise SpaceMismatch(f"a piece closed by the end code {self.end}", "one that is open")
        return x.astype(np.int64, copy=False) if widen else x

    def evidence(self, evidence: Evidence) -> Evidence:
        """Return evidence about a piece, checked; where nothing is known, the values are some code of the space.

        Raises
        ------
        SpaceMismatch
            Of a known entry that is no code of this space, or of another shape.
        """
        known = evidence.known
        filler = int(self.end == 0 and self.levels > 1)  # no end code, which would have to stand last
        values = np.where(known, evidence.values, np.array(filler, evidence.values.dtype))
        values = self.check(values)
        return Evidence(values, known.reshape(values.shape))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is given of a piece: `values` Int[T, *E] where `known` Bool[T, *E] holds; the rest is to be filled in."""

    values: np.ndarray
    known: np.ndarray

    def __post_init__(self):
        values, known = np.asarray(self.values), np.asarray(self.known)
        if values.shape != known.shape or known.dtype != bool:
            raise EtudeError("values and a boolean mask of one shape", f"{values.shape}, {known.dtype} {known.shape}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "known", known)

    @classmethod
    def prefix(cls, x) -> Evidence:
        """Evidence that a piece begins with `x`."""
        return cls(np.asarray(x), np.ones(np.shape(x), bool))

    @classmethod
    def voice(cls, roll, piece: Piece, voices: int | Sequence[int] = 0, keys: str = "all") -> Evidence:
        """Evidence that a piece has these voices; all else is to be written.

        Parameters
        ----------
        roll : PianoRoll
            The representation (of any grid) whose codes the evidence is about.
        piece : Piece
            With a score, its voices as tracks.
        voices : int or sequence of int
            Tracks that are given: their notes stay as they are.
        keys : {"all", "below", "above", "between"}
            Where notes may be added: `below` keeps a melody on top, see `etude.masks.given_voice`.

        >>> Evidence.voice(roll, chorale, 0, keys="below")  # harmonise the soprano
        """
        own = _padded(roll.encode(piece.with_score(piece.score.part(voices))), len(roll.encode(piece)))
        return cls(own, given_voice(own, keys))

    @classmethod
    def without_voice(cls, roll, piece: Piece, voice: int) -> Evidence:
        """Evidence of all voices but one, which is to be written anew between its neighbours.

        >>> Evidence.without_voice(roll, chorale, 1)  # another alto, between soprano and tenor
        """
        tracks = np.unique(piece.score.notes[:, TRACK]).tolist()
        piece.score.part(voice)  # is there
        length = len(roll.encode(piece))

        def drawn(chosen: list[int]) -> np.ndarray | None:
            return _padded(roll.encode(piece.with_score(piece.score.part(chosen))), length) if chosen else None

        others = drawn([track for track in tracks if track != voice])
        others = np.zeros((length, *roll.space.event_shape), np.int64) if others is None else others
        above, below = [t for t in tracks if t < voice][-1:], [t for t in tracks if t > voice][:1]
        return cls(others, missing_voice(others, drawn(above), drawn(below)))

    @classmethod
    def bars(
        cls, x, first: int, last: int, meter: str = "4/4", grid: int = 4, pickup: int = 0, given: bool = False
    ) -> Evidence:
        """Evidence of all of a piece but the bars `first` to `last`, which are to be written anew.

        Parameters
        ----------
        x : Int[T, *E]
            Codes whose steps have a fixed length, as those of a piano roll.
        first, last : int
            Counted from 1, both included.
        meter : str
        grid : int
            Steps of `x` a quarter.
        pickup : int
            Steps of an upbeat before bar 1.
        given : bool
            The other way round: these bars are all that is given.

        >>> Evidence.bars(roll.encode(piece), 8, 16)  # a hole of nine bars
        """
        x = np.asarray(x)
        within = bars_open(len(x), first, last, steps_of_a_bar(meter, grid), pickup)
        return cls(x, np.broadcast_to((within == given).reshape(-1, *[1] * (x.ndim - 1)), x.shape).copy())

    def __or__(self, other: Evidence) -> Evidence:
        """Evidence of what either knows; raises EtudeError where the two know different things of one entry."""
        if self.values.shape != other.values.shape:
            raise EtudeError(f"evidence of one shape, {self.values.shape}", f"{other.values.shape}")
        if (self.values != other.values)[self.known & other.known].any():
            raise EtudeError("two pieces of evidence that agree", "different values of one known entry")
        return Evidence(np.where(self.known, self.values, other.values), self.known | other.known)

    def prefix_length(self) -> int | None:
        """Steps known from the start, or None where the evidence is not a prefix."""
        within = tuple(range(1, self.known.ndim))
        known = int(self.known.all(axis=within).cumprod().sum())
        return None if self.known[known:].any() else known

    def __repr__(self) -> str:
        return f"Evidence({self.known.sum()} of {self.known.size} entries known, {len(self.known)} steps)"


def _padded(roll: np.ndarray, length: int) -> np.ndarray:
    """Return a roll with silent steps behind it, to `length` steps in all."""
    return np.pad(roll, ((0, length - len(roll)), (0, 0)))


@dataclass(frozen=True, eq=False)
class Bits:
    """Code lengths -log2 p(x) of pieces, first symbol and end code included.

    `kind` says what the numbers are: "exact", a "bound" (never below the true length) or an "estimate", whose
    standard error per piece, where known, is `stderr`.
    """

    values: np.ndarray
    kind: Literal["exact", "bound", "estimate"] = "exact"
    stderr: np.ndarray | None = None

    def __post_init__(self):
        object.__setattr__(self, "values", np.asarray(self.values, np.float64))

    @property
    def total(self) -> float:
        """Bits of all pieces together."""
        return float(self.values.sum())

    def per(self, amounts: Sequence[float]) -> float:
        """Pooled rate: all bits over the sum of `amounts` (seconds, notes, samples: one per piece)."""
        return self.total / float(np.sum(amounts))


@dataclass(frozen=True)
class Budget:
    """How long a model may learn: optimiser steps, never seconds.

    Parameters
    ----------
    steps : int
        Optimiser steps at most.
    batch_size : int
        Windows in a batch.
    window : int
        Steps of a sequence seen at once; longer pieces are cut.
    learning_rate : float
        Peak of the schedule.
    valid_every : int
        Steps between two scores of the validation pieces; the best weights are kept.
    patience : int, optional
        Stop after so many scores without a better one.
    weight_decay : float
        Decoupled decay of matrices, relative to the learning rate (Loshchilov & Hutter 2019).
    average : float
        Decay d of an exponential moving average of the weights, which is what is scored and kept; 0 for none. After t
        steps the decay is min(d, (1 + t) / (10 + t)), so that the first weights are soon forgotten.
    cuts : {"random", "consecutive", "carried"}
        How windows are cut from pieces: anywhere; one after the other, through whole pieces; or so that each begins
        with the state in which the one before it ended, without its gradient. See `etude.training.consecutive`.

    Raises
    ------
    EtudeError
        A number outside its range.
    """

    steps: int = 1000
    batch_size: int = 32
    window: int = 256
    learning_rate: float = 2e-3
    valid_every: int = 100
    patience: int | None = None
    weight_decay: float = 0.01
    average: float = 0.0
    cuts: str = CUTS[0]

    def __post_init__(self):
        for name in ("steps", "batch_size", "window", "valid_every", "patience"):
            value = getattr(self, name)
            if not (value is None and name == "patience") and not (isinstance(value, Integral) and value >= 1):
                raise EtudeError(f"a budget whose {name} is a positive integer", repr(value))
        if not 0 < self.learning_rate < inf:
            raise EtudeError("a budget whose learning_rate is above 0, and finite", repr(self.learning_rate))
        if not 0 <= self.weight_decay < inf:
            raise EtudeError("a budget whose weight_decay is 0 or above", repr(self.weight_decay))
        if not 0 <= self.average < 1:
            remedy = "0 keeps the weights as they are; 0.999 averages over the last thousand steps or so."
            raise EtudeError("a budget whose average is at least 0 and below 1", repr(self.average), remedy)
        if self.cuts not in CUTS:
            raise EtudeError(f"a budget whose cuts are one of {', '.join(CUTS)}", repr(self.cuts))

    def __repr__(self) -> str:
        words = (
            f"{self.steps} steps, batches of {self.batch_size}, windows of {self.window}, rate {self.learning_rate:g}"
        )
        patience = "" if self.patience is None else f", patience {self.patience}"
        average = f", average {self.average:g}" if self.average else ""
        cuts = "" if self.cuts == CUTS[0] else f", {self.cuts}"
        return f"Budget({words}, scored every {self.valid_every}{patience}, decay {self.weight_decay:g}{average}{cuts})"


@dataclass
class History:
    """What a fit did: one row of `rows` per validation score.

    Rows hold step, train and valid bits per step of the sequence (None where there are none to be had), and since the
    start seconds and CPU seconds, of all threads together. `fit` is the digest, in 16 digits, of all that the fit
    depends on; "" without a checkpoint.
    """

    rows: list[dict] = field(default_factory=list)
    best_step: int = 0
    seconds: float = 0.0
    parameters: int = 0
    fit: str = ""
