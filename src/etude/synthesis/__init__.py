"""Scores to sound, with no system package.

>>> from etude.synthesis import render
>>> audio = render(score, program="church organ")

`midirenderer` (RustySynth in a wheel) plays the General MIDI soundfont TimGM6mb, which the `pretty_midi` wheel carries.
The same score and options give the same samples, which are kept in the cache. FluidSynth, where it is installed, and
a soundfont of one's own are options.
"""

from etude.synthesis.general_midi import DRUMS, INSTRUMENTS, program_number
from etude.synthesis.rendering import render, sound_key

__all__ = ["DRUMS", "INSTRUMENTS", "program_number", "render", "sound_key"]
