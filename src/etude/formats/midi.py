"""Standard MIDI files: notes and one tempo in, the same bytes for the same score out.

>>> read_midi(write_midi(score, "air.mid")) == score
True
"""

from etude.formats.midi_notes import read_midi
from etude.formats.midi_writer import write_midi

__all__ = ["read_midi", "write_midi"]
