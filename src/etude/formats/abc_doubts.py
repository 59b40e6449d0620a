"""What a reader of ABC is not sure of. Models' texts are read in spite of it; a file with one is refused."""

from __future__ import annotations

from etude.errors import UnreadableFile

SHOWN = 40  # characters of a file that a reason quotes


class Doubts:
    """The first doubt about a tune, as the error that a strict reader raises."""

    def __init__(self):
        self.first: UnreadableFile | None = None

    def add(self, expected: str, got: str, remedy: str) -> None:
        """Take down a doubt: what was expected, what the tune says (quoted), what to do."""
        if self.first is None:
            self.first = UnreadableFile(expected, quoted(got), remedy)


def quoted(text: str) -> str:
    """Return a piece of a file for a message: on one line, not long, with what cannot be printed escaped."""
    return ascii(text[:SHOWN] + "…" * (len(text) > SHOWN)) if not text.isprintable() else f"'{text[:SHOWN]}'"
