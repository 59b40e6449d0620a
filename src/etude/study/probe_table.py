"""The probes: a fit of a second over every family, variant, output and option of the engine that a chapter uses.

A family that is registered has a probe here, or the tests say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from etude import registry
from etude.models.halves import tables
from etude.study import probe_questions as ask
from etude.study.probe_music import SPACES, splits
from etude.study.probe_trace import of_history, of_weights
from etude.types import Budget

LESSON = {"steps": 6, "batch_size": 4, "window": 16, "learning_rate": 0.02, "valid_every": 3}
READS = (ask.bits, ask.sample, ask.continued)
SOUND = {"residual": 6, "skip": 8, "stacks": 1, "dilations": 3}
LATENT = {"segment": 8, "latent": 3, "hidden": 8}
NADE, RBM = {"output": "nade", "output_hidden": 5}, {"output": "rbm", "output_hidden": 3}
RELATIVE = {"output": "relative", "output_hidden": 4}


@dataclass(frozen=True)
class Probe:
    """One fit and what is asked of the model after it.

    Parameters
    ----------
    family : str
        A name in `etude.registry.MODELS`.
    space : str
        A name in `etude.study.probe_music.SPACES`.
    options : mapping
        Of the family.
    questions : sequence of callables
        From (model, validation pieces) to what is traced, of `etude.study.probe_questions`.
    budget : mapping
        What differs from `LESSON`.
    """

    family: str
    space: str
    options: Mapping[str, Any] = field(default_factory=dict)
    questions: tuple[Callable, ...] = READS
    budget: Mapping[str, Any] = field(default_factory=dict)
    alone: bool = False  # without validation pieces
    framework: str | None = None  # None: the one that is asked first

    @property
    def output(self) -> str:
        """The output distribution that it goes through, "" where the family has none."""
        if "output" in self.options:
            return self.options["output"]
        known = getattr(registry.model(self.family, SPACES[self.space]), "options", {})
        return known.get("output") or ""

    def trace(self) -> dict:
        """Fit, ask, and return what was found."""
        train, valid = splits(self.space)
        model = registry.model(self.family, SPACES[self.space], framework=self.framework, seed=2, **self.options)
        history = model.fit(train, () if self.alone else valid, Budget(**{**LESSON, **self.budget}), seed=3)
        asked = {question.__name__: question(model, valid) for question in self.questions}
        return {"history": of_history(history), "weights": of_weights(weights_of(model)), **names_of(model), **asked}


def weights_of(model) -> dict:
    """Return the named weights of a model."""
    named = getattr(model, "weights", None) or model._arrays
    return named()


def names_of(model) -> dict:
    """Return the names by which the checkpoints of a model's fits hold its weights; none where they go by number."""
    network = getattr(model, "network", None)
    return {"names": sorted(network.state_dict())} if hasattr(network, "state_dict") else {}


FLOORS = {
    "uniform": Probe("uniform", "roll"),
    "uniform tokens": Probe("uniform", "tokens"),
    "marginal": Probe("marginal", "roll"),
    "marginal tokens": Probe("marginal", "tokens"),
    "copy-previous": Probe("copy-previous", "roll"),
    "copy-previous sound": Probe("copy-previous", "sound"),
    "counts": Probe("counts", "tokens"),
    "counts alone": Probe("counts", "tokens", alone=True),
    "counts order": Probe("counts", "sound", {"order": 2}),
    "counts roll": Probe("counts", "roll"),
    "counts keys": Probe("counts", "keys", {"order": 3}),
    "counts bands": Probe("counts", "bands"),
    "counts long": Probe("counts", "long sound", questions=(ask.totals,)),
}
OUTPUTS = {
    "categorical": Probe("memoryless", "tokens"),
    "independent": Probe("memoryless", "roll"),
    "nade": Probe("memoryless", "roll", NADE),
    "nade keys": Probe("memoryless", "keys", {"output": "nade"}),
    "nade many keys": Probe("memoryless", "many keys", NADE, (ask.bits,)),
    "relative": Probe("memoryless", "roll", RELATIVE),
    "intervals": Probe("rnn", "roll", {"hidden": 8, "layers": 1, "output": "intervals", "output_hidden": 4}),
    "rbm output": Probe("memoryless", "keys", RBM),
}
RECURRENT = {
    "rnn lstm": Probe("rnn", "tokens", {"hidden": 8}, (*READS, ask.by_kernel)),
    "rnn gru": Probe(
        "rnn", "tokens", {"hidden": 8, "cell": "gru", "dropout": 0.5, "embedding": 6}, (*READS, ask.by_kernel)
    ),
    "rnn roll": Probe("rnn", "roll", {"hidden": 8, "layers": 1}),
    "rnn carried": Probe("rnn", "tokens", {"hidden": 8}, budget={"cuts": "carried", "window": 6}),
    "rnn consecutive": Probe("rnn", "roll", {"hidden": 8, "layers": 1}, budget={"cuts": "consecutive", "window": 6}),
    "rnn pair": Probe("rnn", "pair", {"hidden": 6, "cell": "gru", "layers": 2}, READS[:2]),
    "rnn recall": Probe("rnn", "keys", {"hidden": 8, "layers": 1, "cell": "gru", "recall": 2}, budget={"window": 6}),
    "rnn recall lstm": Probe("rnn", "pair", {"hidden": 6, "layers": 2, "recall": 3}),
    "rnn nade": Probe("rnn", "roll", {"hidden": 8, "cell": "gru", "layers": 1, **NADE}),
    "rnn relative": Probe("rnn", "bands", {"hidden": 8, "cell": "gru", "layers": 1, "embedding": 8, **RELATIVE}),
    "rnn best": Probe("rnn", "keys", {"hidden": 8, "cell": "gru", "layers": 1, "recall": 4, **RELATIVE}),
    "rnn rbm": Probe("rnn", "roll", {"hidden": 8, "cell": "gru", "layers": 1, **RBM}),
}
CONVOLUTIONAL = {
    "tcn": Probe("tcn", "tokens", {"channels": 6, "blocks": 2}, (*READS, ask.field)),
    "tcn roll": Probe("tcn", "roll", {"channels": 6, "kernel": 4, "blocks": 2, "dropout": 0.5}),
    "tcn nade": Probe("tcn", "roll", {"channels": 6, "kernel": 2, "blocks": 1, **NADE}),
    "tcn relative": Probe("tcn", "roll", {"channels": 6, "blocks": 1, **RELATIVE}),
    "tcn rbm": Probe("tcn", "keys", {"channels": 6, "blocks": 1, **RBM}),
    "wavenet": Probe("wavenet", "tokens", {**SOUND, "stacks": 2}, (*READS, ask.streamed, ask.field)),
    "wavenet sound": Probe("wavenet", "sound", {**SOUND, "kernel": 3, "dropout": 0.0}, (*READS, ask.streamed)),
    "wavenet roll": Probe("wavenet", "roll", SOUND, (*READS, ask.gates)),
    "wavenet nade": Probe("wavenet", "roll", {**SOUND, **NADE}),
    "wavenet relative": Probe("wavenet", "bands", {**SOUND, **RELATIVE}),
    "wavenet rbm": Probe("wavenet", "keys", {**SOUND, **RBM}),
}
LOOKING = {"channels": 8, "heads": 2, "span": 6, "distances": 4}
ATTENTIVE = {
    "attention": Probe("attention", "tokens", {**LOOKING, "layers": 2}, (*READS, ask.field, ask.attended)),
    "attention far": Probe("attention", "tokens", {**LOOKING, "layers": 1, "span": 12, "distances": 3}, (ask.bits,)),
    "attention roll": Probe("attention", "roll", {**LOOKING, "layers": 1, "embedding": 5, "dropout": 0.5}),
    "attention nade": Probe("attention", "roll", {**LOOKING, "layers": 1, "span": 40, **NADE}),
    "attention relative": Probe("attention", "keys", {**LOOKING, "layers": 1, "recall": 2, **RELATIVE}),
    "attention rbm": Probe("attention", "keys", {**LOOKING, "layers": 1, **RBM}),
}
TIERED = {
    "samplernn two": Probe(
        "samplernn", "sound", {"frames": [4], "hidden": 8, "embedding": 4}, (*READS, ask.streamed), {"window": 20}
    ),
    "samplernn three": Probe(
        "samplernn", "sound", {"frames": [2, 4], "hidden": 8, "embedding": 4, "dropout": 0.0}, (*READS, ask.streamed)
    ),
    "samplernn lstm": Probe(
        "samplernn", "tokens", {"frames": [1, 3], "hidden": 6, "cell": "lstm", "layers": 2, "embedding": 4}
    ),
    "samplernn carried": Probe(
        "samplernn", "sound", {"frames": [2, 4], "hidden": 8, "embedding": 4}, budget={"cuts": "carried"}
    ),
    "samplernn nade": Probe("samplernn", "roll", {"frames": [2], "hidden": 8, "embedding": 4, **NADE}),
}
LATENTS = {
    "autoencoder": Probe("autoencoder", "roll", {**LATENT, "levels": 3}, (*READS[:2], ask.latents, ask.quantised)),
    "autoencoder convolution": Probe(
        "autoencoder", "roll", {**LATENT, "levels": 4, "decoder": "convolution"}, (*READS[:2], ask.latents)
    ),
    "vae": Probe("vae", "roll", LATENT, (*READS[:2], ask.latents, ask.gaussian)),
    "vae warm up": Probe("vae", "tokens", {**LATENT, "warm_up": 4, "embedding": 5}, (*READS[:2], ask.latents)),
    "vae free bits": Probe("vae", "roll", {**LATENT, "free_bits": 0.25, "samples": 2}, READS[:1]),
    "vae word dropout": Probe("vae", "roll", {**LATENT, "word_dropout": 0.5, "dropout": 0.3}, READS[:1]),
    "vae convolution": Probe(
        "vae", "roll", {**LATENT, "decoder": "convolution"}, (*READS[:2], ask.latents, ask.gaussian)
    ),
    "vae keys": Probe("vae", "keys", {**LATENT, **RBM}, (*READS[:2], ask.gaussian)),
    "vae bands": Probe("vae", "bands", {**LATENT, **NADE, "warm_up": 3}, READS[:2]),
}
FILLERS = {
    "coconet": Probe(
        "coconet",
        "roll",
        {"channels": 6, "blocks": 2, "reach": 3, "passes": 4},
        (ask.bits, ask.sample, ask.continued, ask.filled, ask.filled_bits, ask.masked),
    ),
    "coconet three": Probe("coconet", "keys", {"channels": 4, "blocks": 1, "passes": 3}, (), {"batch_size": 3}),
    "coconet bands": Probe(
        "coconet",
        "bands",
        {"channels": 4, "blocks": 3, "cycle": 2, "reach": 5, "passes": 3, "dropout": 0.2, "order": "random"},
        (ask.bits, ask.filled),
    ),
}
MACHINE = (ask.bits, ask.sample, ask.energy, ask.annealed, ask.filled, ask.filled_bits)
FRAMES = {"window": 1, "batch_size": 8, "steps": 8, "valid_every": 4}
MACHINES = {
    "rbm pcd": Probe("rbm", "keys", {"hidden": 5, "chains": 8, "gibbs": 2}, MACHINE, FRAMES),
    "rbm cd": Probe("rbm", "keys", {"hidden": 5, "learning": "cd", "gibbs": 3}, MACHINE, FRAMES),
    "rbm exact": Probe("rbm", "roll", {"hidden": 4, "learning": "exact"}, MACHINE, FRAMES),
    "rbm average": Probe("rbm", "roll", {"hidden": 6, "chains": 8}, READS[:2], {**FRAMES, "average": 0.99}),
    "rbm estimated": Probe("rbm", "many keys", {"hidden": 24, "chains": 8}, (ask.bits, ask.energy), FRAMES),
}
FREE = {**LATENT, "decoder": "convolution", "free_bits": 0.25}
DEEP = {**RECURRENT["rnn relative"].options, "layers": 2, "dropout": 0.5}
OTHER = tuple(tables())[1]  # the framework that is not asked first
SECOND = {
    f"{OTHER} {name}": replace(probe, framework=OTHER, **changes)
    for name, probe, changes in (
        ("rnn lstm", RECURRENT["rnn lstm"], {"questions": READS}),
        (
            "rnn gru relative",
            RECURRENT["rnn relative"],
            {"options": DEEP, "budget": {"average": 0.9, "weight_decay": 0.5}},
        ),
        ("rnn nade", RECURRENT["rnn nade"], {"questions": (ask.bits, ask.sample)}),
        ("rbm output", OUTPUTS["rbm output"], {}),
        ("tcn roll", CONVOLUTIONAL["tcn roll"], {}),
        ("wavenet roll", CONVOLUTIONAL["wavenet roll"], {}),
        ("autoencoder", LATENTS["autoencoder"], {}),
        ("vae warm up", LATENTS["vae warm up"], {}),
        ("vae convolution", LATENTS["vae convolution"], {"options": FREE}),
        ("vae word dropout", LATENTS["vae word dropout"], {}),
        ("rbm pcd", MACHINES["rbm pcd"], {}),
        ("rbm cd", MACHINES["rbm cd"], {"questions": (ask.bits,)}),
        ("rbm exact", MACHINES["rbm exact"], {"questions": (ask.bits,)}),
    )
}
FITS = {
    **FLOORS,
    **OUTPUTS,
    **RECURRENT,
    **CONVOLUTIONAL,
    **ATTENTIVE,
    **TIERED,
    **LATENTS,
    **FILLERS,
    **MACHINES,
    **SECOND,
}
