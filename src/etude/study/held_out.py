"""The models of `data/pretrained`, and what their chapters tested them on, by what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from etude import registry
from etude.files import data_dir
from etude.models.storage import read_made_by
from etude.representations.base import Representation
from etude.representations.coded_audio import CodedAudio, opening
from etude.study import spectrograms, trial
from etude.study.guides import guided_pieces
from etude.types import Piece

CHORALES = "chorales"


@dataclass(frozen=True)
class Shipped:
    """A model of `data/pretrained` with what it says of itself."""

    folder: Path

    @property
    def made_by(self) -> dict:
        return read_made_by(self.folder)

    @property
    def representation(self) -> Representation:
        return registry.read_representation(self.folder)

    @property
    def label(self) -> str:
        """What tables call it: its name without the representation's."""
        return self.folder.name.removesuffix(f"-{self.made_by['representation']['name']}")


def shipped() -> list[Shipped]:
    """Return the models that come with the study."""
    return [Shipped(path.parent) for path in sorted((data_dir() / "pretrained").glob("*/made_by.json"))]


@dataclass(frozen=True)
class HeldOut:
    """What a chapter tested a model on: arrays (with guides, where the model has one) and the pieces they are of."""

    xs: Sequence
    pieces: Sequence[Piece]


def held_out(model: Shipped) -> HeldOut:
    """Return what the chapter of a model tested it on, by the parameters that the model was made with."""
    representation, parameters = model.representation, model.made_by["parameters"]
    if representation.domain == "score":
        pieces = list(registry.corpus(CHORALES).load("test"))
        return HeldOut([representation.encode(piece) for piece in pieces], pieces)
    if "guide" in model.made_by:
        return _guided(model, parameters)
    if representation.space.event_shape:
        sound = spectrogram_trial(parameters["on_sound"])
        return HeldOut(sound.codes["test"], sound.pieces["test"])
    corpus = registry.corpus(
        "rendered", instrument=parameters["instrument"], rate=parameters["rate"], first=parameters["chorales_each"]
    )
    pieces = [opening(piece, parameters["test_seconds"]) for piece in corpus.load("test")]
    return HeldOut([corpus.waveform.encode(piece) for piece in pieces], pieces)


def _guided(model: Shipped, parameters: Mapping) -> HeldOut:
    most = parameters["pieces"]
    options = {"voices": parameters["voices"], "rate": parameters["rate"], "first": max(most.values())}
    corpus = registry.corpus("rendered", instrument=parameters["instruments"][0], **options)
    guide = registry.read_representation(model.folder, "guide")
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
