"""ABC notation: tunes as plain text (the ABC standard 2.1, abcnotation.com), written, read and taken apart.

>>> text = write_abc(score, title="Air")
>>> read_abc(text).common() == score.common()
True
"""

from etude.formats.abc_book import read_book, split_tunes
from etude.formats.abc_reader import read_abc
from etude.formats.abc_text import normalised
from etude.formats.abc_writer import write_abc
from etude.formats.text_files import decoded_tunes as decoded

__all__ = ["decoded", "normalised", "read_abc", "read_book", "split_tunes", "write_abc"]
