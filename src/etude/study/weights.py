"""Numbers of the committed chapters, computed again from what ships with the study, without learning anything.

The models of `data/pretrained` score the pieces that their chapters tested on, and the floors, which only count, are
counted again. Which number belongs to which model is read off what both say: a model's `made_by.json` names its
chapter, its parameters and its representation, the chapter's tables name model and representation. Where a row is the
mean of several seeds, of which one ships, the number cannot be equal; it must lie as near as the spread of the row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etude import registry
from etude.evaluation.bits import code_lengths, score_table
from etude.files import data_dir, project_root
from etude.models.sequence.guided import Guided
from etude.representations.base import Representation
from etude.representations.coded_audio import CodedAudio
from etude.study import spectrograms, trial
from etude.study.guides import guided_pieces
from etude.study.notebook import all_notebooks
from etude.study.shapes import SUMMARY, read_if_sound
from etude.study.summary import summary_path
from etude.types import Bits, Piece

RATES = ("bits_per_second", "kbit_per_second")  # of a row, the first is what `seed_sd` is the spread of
NUMBERS = (*RATES, "low", "high", "bits_per_note", "bits_per_sample", "bits_per_step")
SCORES = "chorales"


@dataclass(frozen=True)
class Check:
    """A committed number beside the one found now; `slack` is how far they may lie apart for the spread of seeds."""

    chapter: str
    place: str
    committed: float
    found: float
    slack: float = 0.0


@dataclass(frozen=True)
class Shipped:
    """A model of `data/pretrained` with what it says of itself."""

    folder: Path

    @property
    def made_by(self) -> dict:
        return json.loads((self.folder / "made_by.json").read_text(encoding="utf-8"))

    @property
    def representation(self) -> Representation:
        said = self.made_by["representation"]
        return registry.representation(said["name"], **said["options"])

    @property
    def label(self) -> str:
        """What tables call it: its name without the representation's."""
        return self.folder.name.removesuffix(f"-{self.made_by['representation']['name']}")


def shipped() -> list[Shipped]:
    """Return the models that come with the study."""
    return [Shipped(path.parent) for path in sorted((data_dir() / "pretrained").glob("*/made_by.json"))]


def committed() -> dict[str, dict]:
    """Return the committed summaries by chapter."""
    found = {name: read_if_sound(summary_path(project_root(), name), SUMMARY) for name in all_notebooks()}
    return {name: summary for name, summary in found.items() if summary}


@dataclass(frozen=True)
class HeldOut:
    """What a chapter tested a model on: arrays (with guides, where the model has one) and the pieces they are of."""

    xs: Sequence
    pieces: Sequence[Piece]


def held_out(model: Shipped) -> HeldOut:
    """Return what the chapter of a model tested it on, by the parameters that the model was made with."""
    representation, parameters = model.representation, model.made_by["parameters"]
    if representation.domain == "score":
        pieces = list(registry.corpus(SCORES).load("test"))
        return HeldOut([representation.encode(piece) for piece in pieces], pieces)
    if "guide" in model.made_by:
        return _guided(model, parameters)
    if representation.space.event_shape:
        sound = spectrogram_trial(parameters["on_sound"])
        return HeldOut(sound.codes["test"], sound.pieces["test"])
    corpus = registry.corpus(
        "rendered", instrument=parameters["instrument"], rate=parameters["rate"], first=parameters["chorales_each"]
    )
    beginning = round(parameters["test_seconds"] * parameters["rate"])
    coded = [(piece, corpus.waveform.encode(piece)[:beginning]) for piece in corpus.load("test")]
    pieces = [piece.with_audio(CodedAudio(codes, corpus.waveform)) for piece, codes in coded]
    return HeldOut([corpus.waveform.encode(piece) for piece in pieces], pieces)


def _guided(model: Shipped, parameters: Mapping) -> HeldOut:
    most = parameters["pieces"]
    options = {"voices": parameters["voices"], "rate": parameters["rate"], "first": max(most.values())}
    corpus = registry.corpus("rendered", instrument=parameters["instruments"][0], **options)
    guide = registry.representation(model.made_by["guide"]["name"], **model.made_by["guide"]["options"])
    pieces = list(corpus.load("test")[: most["test"]])
    guided = guided_pieces(pieces, corpus.waveform, guide, parameters["excerpt_seconds"])
    heard = [p.with_audio(CodedAudio(g.x, corpus.waveform)) for p, g in zip(pieces, guided, strict=True)]
    return HeldOut(guided, heard)


class _Unkept:
    """A run that keeps nothing: what reads a corpus for a page reads it here for a check."""

    def corpus(self, corpus):
        return corpus


def spectrogram_trial(on_sound: Mapping) -> trial.Trial:
    """Return the recordings that a chapter's section on sound learnt from and tested on, as frames."""
    return spectrograms.rendered(_Unkept(), ["oboe"], on_sound["first"], on_sound["held_out"])


def model_checks(model: Shipped) -> Iterator[Check]:
    """Yield the numbers of a chapter that one of the models decides, beside what it gives now."""
    chapter = model.made_by["notebook"]
    summary = committed().get(chapter)
    if summary is None:
        return
    test = held_out(model)
    lengths = code_lengths(registry.load(model.folder), test.xs)
    found = _found({model.label: lengths}, test, model.representation)[model.label]
    for table, number, row in rows_of(summary):
        if _is_of(model, row, found):
            yield from _row_checks(chapter, f"{table}[{number}]", row, found)
    yield from _proof_checks(chapter, summary, lengths, test.pieces)


def _found(scored: Mapping, test: HeldOut, representation: Representation) -> dict[str, dict]:
    """Return the rows of a table of code lengths, by model."""
    plain = [x.x if isinstance(x, Guided) else x for x in test.xs]
    return {row["model"]: row for row in score_table(scored, plain, test.pieces, representation).to_dict("records")}


def rows_of(summary: Mapping) -> Iterator[tuple[str, int, dict]]:
    """Yield the rows of a summary's tables of code lengths: table, number, row."""
    for table, rows in summary["tables"].items():
        for number, row in enumerate(rows):
            if isinstance(row, dict) and {"model", "representation", "seeds", "pieces"} <= row.keys():
                yield table, number, row


def _is_of(model: Shipped, row: Mapping, found: Mapping) -> bool:
    """Say whether a row is of a model: by its name or, where a table has names of its own, by what the model states."""
    if row["representation"] != model.representation.name or row["pieces"] != found["pieces"]:
        return False
    said = model.made_by
    if "bits_per_sample" in said:
        return row.get("bits_per_sample") == said["bits_per_sample"]
    own = [model.label]
    if model.representation.space.event_shape and model.representation.domain != "score":
        options = json.loads((model.folder / "model.json").read_text(encoding="utf-8"))["options"]
        own = [f"{options['output']}, {said['steps']} steps"]
    return row["model"] in own


def _row_checks(chapter: str, place: str, row: Mapping, found: Mapping) -> Iterator[Check]:
    """Yield a row's numbers; of several seeds, the rate, within what the spread of the seeds allows for one of them."""
    rate = next(name for name in RATES if name in row)
    if row["seeds"] > 1:
        most = (row["seeds"] - 1) / np.sqrt(row["seeds"]) * row["seed_sd"]  # how far one of n lies from the mean
        yield Check(chapter, f"{place}/{rate}", row[rate], float(found[rate]), float(most))
        return
    for name in NUMBERS:
        if row.get(name) is not None and found.get(name) is not None:
            yield Check(chapter, f"{place}/{name}", row[name], float(found[name]))


def _proof_checks(chapter: str, summary: Mapping, lengths: Bits, pieces: Sequence[Piece]) -> Iterator[Check]:
    """Yield the code lengths that a table of written files claims, where this is the model that wrote them."""
    by_name = {piece.name: float(bits) for piece, bits in zip(pieces, lengths.values, strict=True)}
    for table, rows in summary["tables"].items():
        claims = [(number, row) for number, row in enumerate(rows) if "claimed_bits" in row and row["file"] in by_name]
        if claims and np.isclose(claims[0][1]["claimed_bits"], by_name[claims[0][1]["file"]], rtol=1e-4):
            for number, row in claims:
                yield Check(chapter, f"{table}[{number}]/claimed_bits", row["claimed_bits"], by_name[row["file"]])


@dataclass(frozen=True)
class Floors:
    """What chapters set their models against on the chorales: a representation, its options as JSON, and the keys.

    `chapters` have tables with these floors.
    """

    representation: str
    options: str
    keys: int
    chapters: tuple[str, ...]

    @property
    def name(self) -> str:
        """Representation, keys and, where it is not the usual one, its levels: `pianoroll-12-keys`."""
        levels = json.loads(self.options).get("levels")
        usual = registry.representation(self.representation).space.levels
        return f"{self.representation}-{self.keys}-keys" + (f"-{levels}-levels" if levels not in (None, usual) else "")


def floors() -> list[Floors]:
    """Return the sets of floors that chapters share: a chapter's models say which representation its tables mean."""
    found: dict[tuple, list[str]] = {}
    for model in shipped():
        said = model.made_by
        if "keys" in said["parameters"] and model.representation.domain == "score":
            options = json.dumps(said["representation"]["options"], sort_keys=True)
            key = said["representation"]["name"], options, said["parameters"]["keys"]
            if said["notebook"] not in found.setdefault(key, []):
                found[key].append(said["notebook"])
    return [Floors(*key, tuple(sorted(chapters))) for key, chapters in found.items()]


def floor_checks(asked: Floors) -> Iterator[Check]:
    """Yield the floors of chapters beside what counting and compressing give now."""
    corpus = registry.corpus(SCORES)
    pieces = {split: corpus.load(split) for split in corpus.splits}
    encoding = registry.representation(asked.representation, **json.loads(asked.options))
    half = asked.keys // 2
    counted = trial.with_floors(trial.encode(pieces, encoding, range(-half, asked.keys - half)))
    test = HeldOut(counted.codes["test"], counted.pieces["test"])
    found, summaries = _found(counted.floors, test, encoding), committed()
    for chapter in asked.chapters:
        for table, number, row in rows_of(summaries.get(chapter, {"tables": {}})):
            same = row["representation"] == asked.representation and row["pieces"] == len(test.xs)
            if same and row["model"] in found:
                yield from _row_checks(chapter, f"{table}[{number}]", row, found[row["model"]])
