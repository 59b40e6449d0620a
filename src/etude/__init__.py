"""étude: how machines learn to write music, as a study that one can read, rerun and build on.

>>> import etude
>>> midi = etude.representation("midi")
>>> model = etude.model("counts", midi.space, order=3)
"""

from etude.errors import EtudeError
from etude.lookup import on_first_use
from etude.registry import corpus, load, model, representation
from etude.types import Audio, Bits, Budget, Evidence, History, Piece, Score, Space

__version__ = "0.1.0"
_COMPOSING = {  # a model composes with you
    "together.harmony": ("harmonise",),
    "together.filling": ("fill",),
    "together.continuation": ("continue_",),
    "together.morphing": ("morph",),
}
__getattr__, _, _composing = on_first_use(__name__, _COMPOSING)
__all__ = [
    "Audio",
    "Bits",
    "Budget",
    "EtudeError",
    "Evidence",
    "History",
    "Piece",
    "Score",
    "Space",
    "corpus",
    "load",
    "model",
    "representation",
    *_composing,
]
