"""Names of corpora, representations and models, resolved to classes only when they are used.

Adding one is a line in a table here; the contract tests, the command and the notebooks pick it up.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

from etude.errors import EtudeError, unknown_name
from etude.types import Space

CORPORA = {
    "chorales": "etude.corpora.chorales:Chorales",
    "tunes": "etude.corpora.tunes:Tunes",
    "polyphonic": "etude.corpora.polyphonic:Polyphonic",
    "rendered": "etude.corpora.rendered:Rendered",
    "folder": "etude.corpora.folder:Folder",
}
REPRESENTATIONS = {
    "midi": "etude.representations.midi:Midi",
    "pianoroll": "etude.representations.pianoroll:PianoRoll",
    "text": "etude.representations.text:Text",
    "waveform": "etude.representations.waveform:Waveform",
    "spectrogram": "etude.representations.spectrogram:Spectrogram",
}
MODELS = {  # name -> framework -> class
    "uniform": {"numpy": "etude.models.floors.uniform:Uniform"},
    "marginal": {"numpy": "etude.models.floors.marginal:Marginal"},
    "copy-previous": {"numpy": "etude.models.floors.copy_previous:CopyPrevious"},
    "counts": {"numpy": "etude.models.floors.counts:Counts"},
    "memoryless": {"torch": "etude.models.sequence.memoryless:TorchMemoryless"},
    "rnn": {"torch": "etude.models.sequence.rnn:TorchRNN"},
    "tcn": {"torch": "etude.models.sequence.tcn:TorchTCN"},
    "wavenet": {"torch": "etude.models.sequence.wavenet:TorchWaveNet"},
    "guided-wavenet": {"torch": "etude.models.sequence.guided:TorchGuidedWaveNet"},
    "samplernn": {"torch": "etude.models.sequence.samplernn:TorchSampleRNN"},
    "autoencoder": {"torch": "etude.models.latent.autoencoder:TorchAutoencoder"},
    "vae": {"torch": "etude.models.latent.vae:TorchVAE"},
    "coconet": {"torch": "etude.models.masked.coconet:TorchCoconet"},
    "rbm": {"torch": "etude.models.energy.rbm:TorchRBM"},
}
FLOORS = ("uniform", "marginal", "copy-previous", "counts")


def corpus(name: str, **options):
    """Return a corpus by name, for example ``corpus("chorales")`` or ``corpus("folder", path="my_midi")``."""
    return _build("corpus", CORPORA, name, options)


def representation(name: str, **options):
    """Return a representation by name, for example ``representation("spectrogram", scale="mel")``."""
    return _build("representation", REPRESENTATIONS, name, options)


def model_class(name: str, framework: str | None = None) -> type:
    """Return the class of a model family in a framework (by default the first that has it)."""
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    halves = MODELS[name]
    framework = framework or next(iter(halves))
    if framework not in halves:
        raise EtudeError(f"{name} in one of {', '.join(halves)}", framework)
    return _resolve(halves[framework])


def model(name: str, space: Space, *, framework: str | None = None, seed: int = 0, **options):
    """Return an untrained model for `space`, for example ``model("rnn", midi.space, cell="gru", hidden=256)``."""
    cls = model_class(name, framework)
    _check_options(name, cls, options)
    return cls(space, seed=seed, **options)


def load(folder: Path | str):
    """Return the model, of any family, that `Model.save` wrote into `folder`."""
    from etude.models.storage import read_description

    described = read_description(Path(folder))
    return model_class(described["name"], described["framework"]).load(folder)


def _build(kind: str, table: dict[str, str], name: str, options: dict):
    if name not in table:
        raise unknown_name(kind, name, table)
    cls = _resolve(table[name])
    _check_options(name, cls, options)
    return cls(**options)


def _resolve(target: str) -> type:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _check_options(name: str, cls: type, options: dict) -> None:
    known = [option for option in _options(cls) if option not in ("space", "seed")]
    for option in options:
        if option not in known:
            raise unknown_name(f"{name} option", option, known)


def _options(cls: type) -> list[str]:
    """Return what a class can be called with; where it hands `**options` on, what its base can be called with too."""
    names: dict[str, None] = {}
    for init in [vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)]:
        parameters = list(inspect.signature(init).parameters.values())[1:]
        names |= {p.name: None for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return list(names)
