"""Notated music: MusicXML (plain or compressed) and Humdrum kern read, MusicXML written.

>>> read_musicxml(write_musicxml(score, "air.musicxml")).common() == score.common()
True
"""

from etude.formats.musicxml_writer import write_musicxml
from etude.formats.notation import PARSERS, notation_text, read_musicxml

__all__ = ["PARSERS", "notation_text", "read_musicxml", "write_musicxml"]
