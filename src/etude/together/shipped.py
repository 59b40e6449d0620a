"""The models that come with the study, by name, each read once."""

from __future__ import annotations

from functools import cache

from etude.errors import EtudeError
from etude.files import data_dir
from etude.registry import load, read_representation

asked: list[str] = []  # names of those that this process has read


@cache
def shipped(name: str):
    """Return representation and model of `data/pretrained/NAME`; raises MissingData where it is not there."""
    folder = data_dir() / "pretrained" / name
    found = read_representation(folder), load(folder)
    asked.append(name)
    return found


def filler(model, roll):
    """Return a model that fills masks and its piano roll: the shipped Coconet where none is given."""
    if model is None:
        roll, model = shipped("coconet-pianoroll")
    if roll is None or not hasattr(model, "revise") or model.space.levels != 3:
        raise EtudeError("a model that fills gaps in rolls of three levels, and its roll", f"{model!r:.80}")
    return model, roll
