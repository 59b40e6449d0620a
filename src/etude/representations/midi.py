"""Event tokens: a score as the sequence of things that happen, written by MidiTok.

`REMI` (Huang & Yang 2020, "Pop Music Transformer", ACM Multimedia) says where in which bar a note stands: Bar,
Position, Pitch, Duration. `TSD` and `Structured` count the time since the last note instead (TimeShift, Pitch,
Duration; Structured before every note, 0 included), `MIDILike` (Oore et al. 2018, "This Time with Feeling") presses
and releases keys, and `BEAT` writes the three-state roll of each key and beat as one token. The names of the tokens
are MidiTok's: `Duration_1.2.4` lasts 1 beat and 2 positions of 4.

Kept is `Score.common()` at the chosen grid, and loudness by option; tempo and tracks are not coded. Bars are 4/4 from
the first onset of the piece's time line, since a `Score` carries no metre. Notes longer than `longest` quarters are
cut to it (MIDILike and BEAT have no such limit); Structured also shortens rests beyond it (two of Bach's chorales,
whose voices wait for the orchestra, need `longest=64` there).

Decoding is total: MidiTok reads the tokens in Python and passes over what has no place; what it makes is then put
on the grid and inside the keyboard. Two rules are ours: in MIDILike, keys still down when the tokens end are released
there, and notes without length or before the beginning are dropped.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

from etude.errors import EtudeError, MissingPackage, unknown_name
from etude.representations.base import Representation
from etude.representations.grid import checked_range, fitting, on_grid
from etude.representations.score_loss import score_loss
from etude.types import DURATION, HIGHEST_KEY, LOWEST_KEY, ONSET, PITCH, VELOCITY, Piece, Score, Space

_SEVERAL = "writes several tokens at once, each from an alphabet of its own: no sequence over one alphabet"
TOKENIZERS = ("REMI", "TSD", "MIDILike", "Structured", "BEAT")
REFUSED = {
    "CPWord": _SEVERAL,
    "Octuple": _SEVERAL,
    "MuMIDI": _SEVERAL,
    "MMM": "writes one track after the other, and score representations merge the tracks",
    "PerTok": "codes timing off the grid, which score representations drop; on the grid it is TSD with bars",
}
_END = "EOS_None"
_LAST_TICK = 2**31 - 1  # of the native notes' clock


class Midi(Representation):
    """A step is an event token; the end code is MidiTok's EOS.

    Parameters
    ----------
    tokenizer : str
        One of `TOKENIZERS`.
    grid : int
        Positions a quarter (MidiTok's `beat_res`); 4 are sixteenths. BEAT knows 4 only.
    velocities : int
        Levels of loudness that are coded; 0 for none (`True` means MidiTok's 32).
    lowest, highest : int
        MIDI pitches of the outer keys; a piece that leaves them is refused.
    longest : int
        Quarters of the longest duration and time shift.

    Attributes
    ----------
    vocabulary : tuple of str
        Name of every code.
    """

    name = "midi"
    domain = "score"

    def __init__(
        self,
        tokenizer: str = "REMI",
        grid: int = 4,
        velocities: int = 0,
        lowest: int = LOWEST_KEY,
        highest: int = HIGHEST_KEY,
        longest: int = 16,
    ):
        velocities = 32 if velocities is True else int(velocities)
        _check_options(tokenizer, grid, velocities, longest)
        checked_range(grid, lowest, highest)
        self.grid, self.velocities, self.lowest, self.highest = grid, velocities, lowest, highest
        self.options = {"tokenizer": tokenizer, "grid": grid, "velocities": velocities}
        self.options |= {"lowest": lowest, "highest": highest, "longest": longest}
        self._readable = _LAST_TICK // (max(longest, 4) * grid)  # tokens before the clock can overflow
        self._miditok = _tokenizer(**self.options)
        kept = [name for name in self._miditok.vocab if name not in ("PAD_None", _END, "Pattern_0")]
        if tokenizer == "BEAT":  # its lower pitches are intervals
            kept = [name for name in kept if not name.startswith("Pitch_") or 0 < int(name[6:]) <= highest]
        self.vocabulary = (*kept, _END)
        self._codes = {name: code for code, name in enumerate(self.vocabulary)}
        self.space = Space((), len(self.vocabulary), end=self._codes[_END])

    def tokens(self, x) -> list[str]:
        """Return the name of every step of `x`, Int[T]."""
        return [self.vocabulary[code] for code in self.space.check(x)]

    def _encode(self, piece: Piece) -> np.ndarray:
        score = fitting(on_grid(piece.score, self.grid, bool(self.velocities)), self.lowest, self.highest)
        names = self._write(score) if len(score) else []
        return np.array([self._codes[name] for name in (*names, _END)], np.int64)

    def _write(self, score: Score) -> list[str]:
        import symusic

        notes = score.notes
        song = symusic.Score(self.grid)
        track = symusic.Track(program=0)
        track.notes = symusic.Note.from_numpy(
            time=notes[:, ONSET].astype(np.int32),
            duration=notes[:, DURATION].astype(np.int32),
            pitch=notes[:, PITCH].astype(np.int8),
            velocity=notes[:, VELOCITY].astype(np.int8),
        )
        song.tracks.append(track)
        sequence = self._miditok.encode(song)
        return (sequence if self._miditok.one_token_stream else sequence[0]).tokens

    def _decode(self, x: np.ndarray) -> Piece:
        from miditok import TokSequence

        names = [self.vocabulary[code] for code in x[: self._readable] if code != self.space.end]
        names += [name.replace("NoteOn", "NoteOff") for name in names if name.startswith("NoteOn")]
        sequence = TokSequence(tokens=names, ids=[self._miditok.vocab[name] for name in names])
        song = self._miditok.decode(sequence if self._miditok.one_token_stream else [sequence])
        return Piece(self.name, score=self._read(song))

    def _read(self, song) -> Score:
        columns = [track.notes.numpy() for track in song.tracks]
        notes = np.zeros((sum(len(track["time"]) for track in columns), 5), np.int64)
        for column, name in enumerate(("time", "duration", "pitch", "velocity")):
            notes[:, column] = np.concatenate([np.zeros(0, np.int64), *(track[name] for track in columns)])
        notes[:, VELOCITY] = notes[:, VELOCITY].clip(1, 127)
        keys = (notes[:, PITCH] >= self.lowest) & (notes[:, PITCH] <= self.highest)
        notes = notes[keys & (notes[:, ONSET] >= 0) & (notes[:, DURATION] > 0)]
        return on_grid(Score(notes, self.grid), self.grid, bool(self.velocities))

    def loss(self, piece: Piece) -> dict[str, float]:
        """Return what the round trip loses, in the measures of `score_loss`."""
        return score_loss(piece.score, self.decode(self.encode(piece)).score)


def _check_options(tokenizer: str, grid: int, velocities: int, longest: int) -> None:
    if tokenizer in REFUSED:
        raise EtudeError(f"one of {', '.join(TOKENIZERS)}", tokenizer, f"{tokenizer} {REFUSED[tokenizer]}.")
    if tokenizer not in TOKENIZERS:
        raise unknown_name("tokenizer", tokenizer, TOKENIZERS)
    if tokenizer == "BEAT" and grid != 4:
        raise EtudeError("a grid of 4 for BEAT, whose patterns have four steps", f"grid={grid}", "Choose another.")
    if not 0 <= velocities <= 127 or not 1 <= longest <= 256:
        got = f"velocities={velocities}, longest={longest}"
        raise EtudeError("0 .. 127 velocities and a longest duration of 1 .. 256 quarters", got)


def _tokenizer(tokenizer: str, grid: int, velocities: int, lowest: int, highest: int, longest: int):
    """Return MidiTok's tokenizer for one track of piano: notes and time, no other events."""
    miditok = _import_miditok()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of switches that a tokenizer does not have
        config = miditok.TokenizerConfig(
            pitch_range=(lowest, highest),
            beat_res={(0, longest): grid},
            use_velocities=velocities > 0,
            num_velocities=max(velocities, 1),
            special_tokens=["EOS"],
            encode_ids_split="no",
            use_pitchdrum_tokens=False,
            programs=[0],
            use_time_signatures=False,
            use_tempos=False,
            use_rests=False,
            use_chords=False,
            time_signature_range={4: [4]},
        )
        return getattr(miditok, tokenizer)(config)


def _import_miditok():
    """Import MidiTok without its data loaders, which would bring in PyTorch for readers who have no use for it."""
    loaders = "miditok.pytorch_data"
    blocked = loaders not in sys.modules
    try:
        if blocked:
            sys.modules[loaders] = None  # MidiTok goes on without them
        import miditok
    except ImportError as error:
        raise MissingPackage("MidiTok", str(error), "Install it: pip install miditok==3.1.0") from error
    finally:
        if blocked:
            del sys.modules[loaders]
    return miditok
