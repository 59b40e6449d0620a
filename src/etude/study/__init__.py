"""The study as something that runs: records of what a notebook measured, and the runner that repeats it.

>>> from etude import study
>>> run = study.start("11_rnn", representation="pianoroll", steps=300, seed=0)
>>> run.table("bits", table)
>>> run.finish()
>>> study.read_summary("11_rnn").number("bits_per_second")
"""

from etude.lookup import on_first_use
from etude.study.record import Run, start
from etude.study.summary import Summary, read_summary

_PLACES = {"outcomes": ("results",)}
__getattr__, __dir__, _lazy = on_first_use(__name__, _PLACES)
__all__ = ["Run", "Summary", "read_summary", "results", "start"]
