"""Trained models on disk, as they describe themselves, and which of them is meant: `vae`, `rnn-nade`, `wavenet-midi`.

A saved model's folder holds `model.json` (family, space) and `made_by.json` (representation, chapter, corpora, facts);
what a chapter saves, its summary says. Names, domains and chapters are read from there, and stand in no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from etude.errors import EtudeError, MissingData, nearest
from etude.kept import read_json


@dataclass(frozen=True)
class Saved:
    """A saved model in `folder`; its name is the folder's."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def shipped(self) -> bool:
        """True where it comes with the study."""
        from etude.files import data_dir

        return self.folder.parent == data_dir() / "pretrained"

    @property
    def home(self) -> str:
        """Where it is from: `run quick`, `from pretrained`."""
        folder = self.folder.parent
        return f"run {folder.parent.name}" if folder.name == "models" else f"from {folder.name}"

    @cached_property
    def described(self) -> dict:
        """What `model.json` says; nothing where it cannot be read."""
        return _object(self.folder / "model.json")

    @cached_property
    def made_by(self) -> dict:
        """What `made_by.json` says; nothing where it cannot be read."""
        return _object(self.folder / "made_by.json")

    @property
    def family(self) -> str:
        return str(self.described.get("name", ""))

    @property
    def representation(self) -> str:
        """The name of the representation that it was trained on."""
        described = self.made_by.get("representation")
        return str(described.get("name", "")) if isinstance(described, dict) else ""

    @property
    def label(self) -> str:
        """Its name without the representation: `rnn-nade` of `rnn-nade-pianoroll`."""
        return self.name.removesuffix(f"-{self.representation}")

    @property
    def of_sound(self) -> bool:
        return _domain(self.representation) == "audio"

    @property
    def of_samples(self) -> bool:
        """True where a step is one number, as in a waveform."""
        space = self.described.get("space")
        return not (isinstance(space, dict) and space.get("event_shape"))


def choose_model(
    wanted: str, representation: str | None = None, source: str | None = None, sound: bool = False
) -> Path:
    """Return the folder of the trained model that is meant.

    Parameters
    ----------
    wanted : str
        A saved model's whole name (`rnn-nade-pianoroll`), its name without the representation (`rnn-nade`), or a
        family (`rnn`), whichever fits first.
    representation : str, optional
        What it was trained on.
    source : str, optional
        The run or folder to look in; by default those that come with the study, then all runs, the newest first.
    sound : bool
        Sound is wanted: a model of sound is taken before those of scores, whose music would be rendered. Else, where
        no representation is named, only models of scores are looked at.

    Raises
    ------
    MissingData
        There is none.
    EtudeError
        There are several, or nothing has that name.
    """
    there = saved_models(source)
    if source and len(there) == 1 and there[0].folder == _run_folder(source):
        return there[0].folder  # the folder of a model, by whatever name
    named = _named(there, wanted, representation)
    suited = named if representation or _is_whole_name(named, wanted) else _suited(named, sound)
    if not suited:
        raise _missing(there, wanted, representation, source)
    shipped = [one for one in suited if one.shipped]
    return _only(shipped or suited, wanted).folder


def saved_models(source: str | None = None) -> list[Saved]:
    """Return the saved models of a run or folder, or all: those that come with the study, then the newest."""
    from etude.files import data_dir, runs_dir

    if source:
        given = _run_folder(source)
        return _models_in([given / "model.json", *given.glob("models/*/model.json"), *given.glob("*/model.json")])
    runs = list(runs_dir().glob("**/models/*/model.json"))
    newest_first = sorted(runs, key=lambda path: path.stat().st_mtime, reverse=True)
    return _models_in([*sorted((data_dir() / "pretrained").glob("*/model.json")), *newest_first])


def _models_in(descriptions: Iterable[Path]) -> list[Saved]:
    return [Saved(path.parent) for path in dict.fromkeys(descriptions) if path.is_file()]


def _named(there: list[Saved], wanted: str, representation: str | None) -> list[Saved]:
    """Return the models that a word means: by whole name, else without the representation, else by family."""
    whole = f"{wanted}-{representation}"
    ways = (
        lambda one: one.name in (wanted, whole) if representation else one.name == wanted,
        lambda one: one.label == wanted,
        lambda one: one.family == wanted,
    )
    for fits in ways:
        found = [one for one in there if fits(one) and representation in (None, one.representation, "")]
        found = found or [one for one in there if representation and one.name == whole]  # even a damaged one
        if found:
            return found
    return []


def _is_whole_name(named: list[Saved], wanted: str) -> bool:
    return bool(named) and named[0].name == wanted


def _suited(named: list[Saved], sound: bool) -> list[Saved]:
    of_sound = [one for one in named if one.of_sound]
    samples_first = [one for one in of_sound if one.of_samples] or of_sound
    return samples_first if sound and of_sound else [one for one in named if not one.of_sound]


def _only(suited: list[Saved], wanted: str) -> Saved:
    """Return the first of the models, all of one name; raises EtudeError where there are several names."""
    names = list(dict.fromkeys(one.name for one in suited))
    if len(names) > 1:
        one_label = {one.label for one in suited} == {wanted}
        say = f"--representation {suited[0].representation}" if one_label else f"{names[0]} instead of {wanted}"
        raise EtudeError(f"one trained {wanted} that suits the file", ", ".join(names), f"Say which: {say}")
    return suited[0]


def _missing(there: list[Saved], wanted: str, representation: str | None, source: str | None) -> EtudeError:
    """Return the error for a model that nobody has trained here, or that nothing is called."""
    from etude.registry import MODELS

    known = {name for one in there for name in (one.name, one.label)} | MODELS.keys() | _taught().keys()
    name = f"{wanted}-{representation}" if representation else wanted
    if not {wanted, name} & known:
        hint = "".join(f"Did you mean {near!r}? " for near in nearest(wanted, known))
        have = ", ".join(sorted({one.label for one in there} or MODELS))
        return EtudeError("the name of a model", repr(wanted), f"{hint}Known: {have}; etude models says more.")
    where = f"in {source}" if source else "in any run nor in data/pretrained"
    have = [one.name for one in there if wanted in (one.label, one.family)]
    others = f"There are {', '.join(have)}" if have else "No chapter saves one; etude models lists what there is"
    return MissingData(f"a trained {name}", f"none {where}", f"{_how_to_train(wanted, representation) or others}.")


def _how_to_train(wanted: str, representation: str | None) -> str:
    """Return which chapter trains a model, as far as a summary says that it does."""
    from etude.study.notebook import find_notebook, read_notebook

    taught = _taught()
    variants = [name for name in taught if name == wanted or name.startswith(f"{wanted}-")]
    exact = [name for name in variants if representation is None or name.endswith(f"-{representation}")]
    if exact:
        return f"Train it: etude run {taught[exact[0]]}"
    for chapter in dict.fromkeys(taught[name] for name in variants):
        parameters = read_notebook(find_notebook(chapter)).parameters
        takes = [name for name in ("representation", "representations") if name in parameters]
        if takes:
            return f"Train it: etude run {chapter} -p {takes[0]}={representation}"
    return ""


def _taught() -> dict[str, str]:
    """Return the models that the committed chapters say they saved, name (without representation, too) -> chapter."""
    from etude.files import project_root
    from etude.study.notebook import all_notebooks
    from etude.study.summary import summary_path

    said = [
        (not facts.get("publish"), chapter, name)
        for chapter in all_notebooks()
        for name, facts in _models_told(summary_path(project_root(), chapter)).items()
    ]
    found: dict[str, str] = {}
    for _, chapter, name in sorted(said):  # what comes with the study first
        found.setdefault(name, chapter)
        found.setdefault(name.rpartition("-")[0], chapter)
    return found


def _models_told(summary: Path) -> dict[str, dict]:
    from etude.study.shapes import SUMMARY, read_if_sound

    return (read_if_sound(summary, SUMMARY) or {}).get("models", {})


def _domain(representation: str) -> str:
    from etude import registry

    known = representation in registry.REPRESENTATIONS
    return registry.representation(representation).domain if known else ""


def _run_folder(source: str) -> Path:
    from etude.cli.site import run_folder

    return run_folder(source)


def _object(path: Path) -> dict:
    """Return the JSON object in a file, an empty one where there is none."""
    found = read_json(path)
    return found if isinstance(found, dict) else {}
