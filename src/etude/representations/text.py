"""Music as text: ABC notation, one character a step.

A character model reads and writes what a person could type. With ``source="score"`` the characters are those of
`Score.common()` in ABC, without the header, which never changes (4/4, sixteenths, no key signature). In the layout
`slices` notes that sound together stand together, low to high, and a hyphen ties a note to its continuation::

    [C-E-G-c]4[CEGB]4|

In the layout `voices` each voice is written to its end before the next begins, and its notes stand whole. Both keep
the score exactly. With ``source="file"`` the characters are those of a tune's own ABC (`Piece.text`), brought into
one form (`etude.formats.abc.normalised`): metre, unit length, key and music, as in Sturm et al., "Music transcription
modelling and composition using deep learning" (2016).

Any text is some music: `decode` reads what can be read.
"""

from __future__ import annotations

import string

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.formats import abc, abc_writer
from etude.representations.base import Representation
from etude.representations.score_loss import score_loss
from etude.types import Piece, Space

_SLICES = "|z[]-^=,'" + string.digits + "CDEFGABcdefgab"
ALPHABETS = {
    ("score", "slices"): _SLICES,
    ("score", "voices"): _SLICES + "V:\n",
    ("file", "slices"): "\n" + "".join(map(chr, range(32, 127))),
}
ALPHABETS["file", "voices"] = ALPHABETS["file", "slices"]
SOURCES = ("score", "file")


class Text(Representation):
    """ABC notation as Int[T]: characters of a fixed alphabet, closed by an end code.

    Parameters
    ----------
    source : {"score", "file"}
        Write the notes as ABC, or take the text that the piece came with.
    layout : {"slices", "voices"}
        How `source="score"` orders the notes; see the module's documentation.
    """

    name = "text"
    domain = "score"

    def __init__(self, source: str = "score", layout: str = "slices"):
        if source not in SOURCES:
            raise unknown_name("text source", source, SOURCES)
        if layout not in abc_writer.LAYOUTS:
            raise unknown_name("layout", layout, abc_writer.LAYOUTS)
        self.options = {"source": source, "layout": layout}
        self.source, self.layout = source, layout
        self.alphabet = ALPHABETS[source, layout]
        self._code = {character: code for code, character in enumerate(self.alphabet)}
        self.space = Space((), len(self.alphabet) + 1, end=len(self.alphabet))

    def characters(self, x) -> str:
        """Return the text that codes Int[T] of the space stand for, without the end."""
        return "".join(self.alphabet[code] for code in self.space.check(x).tolist() if code != self.space.end)

    def loss(self, piece: Piece) -> dict[str, float]:
        """Return what the round trip loses; see `etude.representations.score_loss`."""
        return score_loss(piece.score, self.decode(self.encode(piece)).score)

    def _encode(self, piece: Piece) -> np.ndarray:
        text = self._own_text(piece) if self.source == "file" else self._written(piece)
        return np.array([*(self._code[character] for character in text), self.space.end], np.int64)

    def _decode(self, x: np.ndarray) -> Piece:
        text = self.characters(x)
        if self.source == "file":
            return Piece("text", abc.read_abc(text), text=text)
        return Piece("text", abc.read_abc(abc_writer.HEADER + text).common())

    def _written(self, piece: Piece) -> str:
        common = piece.score.common()
        if self.layout == "slices":
            return "|".join(abc_writer.slice_bars(common))
        voices = ["|".join(bars) for bars in abc_writer.voice_bars(common)]
        return "\n".join(f"V:{number}\n{bars}" for number, bars in enumerate(voices, 1))

    def _own_text(self, piece: Piece) -> str:
        if piece.text is None:
            remedy = 'Use source="score", which writes the notes, or a corpus of ABC files.'
            raise EtudeError("a piece that came as ABC text", f"{piece.name!r}, without text", remedy)
        return abc.normalised(piece.text)
