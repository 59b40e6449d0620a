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

import numpy as np

from etude import registry
from etude.evaluation.bits import code_lengths, score_table
from etude.files import project_root
from etude.models.sequence.guided import Guided
from etude.models.storage import read_description
from etude.representations.base import Representation
from etude.study import trial
from etude.study.held_out import CHORALES, HeldOut, Shipped, held_out, shipped
from etude.study.notebook import all_notebooks
from etude.study.shapes import SUMMARY, read_if_sound
from etude.study.summary import summary_path
from etude.types import Bits, Piece

RATES = ("bits_per_second", "kbit_per_second")  # of a row, the first is what `seed_sd` is the spread of
NUMBERS = (*RATES, "low", "high", "bits_per_note", "bits_per_sample", "bits_per_step")


@dataclass(frozen=True)
class Check:
    """A committed number beside the one found now; `slack` is how far they may lie apart for the spread of seeds."""

    chapter: str
    place: str
    committed: float
    found: float
    slack: float = 0.0


def committed() -> dict[str, dict]:
    """Return the committed summaries by chapter."""
    found = {name: read_if_sound(summary_path(project_root(), name), SUMMARY) for name in all_notebooks()}
    return {name: summary for name, summary in found.items() if summary}


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
        options = read_description(model.folder)["options"]
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
    """Yield the code lengths that a table of written files claims, where this is the model that wrote them.

    Files of several models may stand in one table, which then names them.
    """
    by_name = {piece.name: float(bits) for piece, bits in zip(pieces, lengths.values, strict=True)}
    for table, rows in summary["tables"].items():
        writers: dict[str, list[tuple[int, dict]]] = {}
        for number, row in enumerate(rows):
            if "claimed_bits" in row and row["file"] in by_name:
                writers.setdefault(row.get("model", ""), []).append((number, row))
        for claims in writers.values():
            if np.isclose(claims[0][1]["claimed_bits"], by_name[claims[0][1]["file"]], rtol=1e-4):
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
    pieces = registry.corpus(CHORALES).load_splits()
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
