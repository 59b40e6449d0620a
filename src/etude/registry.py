"""Names of corpora, representations and models, resolved to classes only when they are used.

Adding one is a line in a table here; the contract tests, the command and the notebooks pick it up.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from etude.errors import CorruptCheckpoint, unknown_name
from etude.lookup import resolve
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
MODELS = {
    "uniform": "etude.models.floors.uniform:Uniform",
    "marginal": "etude.models.floors.marginal:Marginal",
    "copy-previous": "etude.models.floors.copy_previous:CopyPrevious",
    "counts": "etude.models.floors.counts:Counts",
    "memoryless": "etude.models.sequence.memoryless:Memoryless",
    "rnn": "etude.models.sequence.rnn:RNN",
    "tcn": "etude.models.sequence.tcn:TCN",
    "attention": "etude.models.sequence.attention:Attention",
    "wavenet": "etude.models.sequence.wavenet:WaveNet",
    "guided-wavenet": "etude.models.sequence.guided:GuidedWaveNet",
    "samplernn": "etude.models.sequence.samplernn:SampleRNN",
    "autoencoder": "etude.models.latent.autoencoder:Autoencoder",
    "vae": "etude.models.latent.vae:VAE",
    "coconet": "etude.models.masked.coconet:Coconet",
    "rbm": "etude.models.energy.rbm:RBM",
}
FLOORS = ("uniform", "marginal", "copy-previous", "counts")


def corpus(name: str, **options):
    """Return a corpus by name, for example ``corpus("chorales")`` or ``corpus("folder", path="my_midi")``."""
    return _build("corpus", CORPORA, name, options)


def representation(name: str, **options):
    """Return a representation by name, for example ``representation("spectrogram", scale="mel")``."""
    return _build("representation", REPRESENTATIONS, name, options)


def model_class(name: str) -> type:
    """Return the class of a model family."""
    return _named("model", MODELS, name)


def frameworks(name: str) -> tuple[str, ...]:
    """Return the frameworks that have a model family, the one that is asked by default first."""
    return model_class(name).frameworks()


def model(name: str, space: Space, *, framework: str | None = None, seed: int | None = 0, **options):
    """Return an untrained model for `space`, for example ``model("rnn", midi.space, cell="gru", hidden=256)``.

    Parameters
    ----------
    name : str
    space : Space
    framework : str, optional
        Which computes; by default that of `ETUDE_FRAMEWORK`, or the first that has the family with these options.
    seed : int, optional
        Of the initial weights; None draws one.
    **options
        Of the family.

    Raises
    ------
    EtudeError
        An unknown name or option, an option out of its range, or a framework that has no such model.
    """
    cls = model_class(name)
    _check_options(name, cls, options)
    return cls(space, seed=seed, **options).on(framework)


def load(folder: Path | str, framework: str | None = None):
    """Return the model, of any family, that `Model.save` wrote into `folder`.

    Its `representation` is the one that a chapter saved beside it, which reads what the model writes.

    Parameters
    ----------
    folder : Path or str
    framework : str, optional
        Which computes; by default the one that wrote it, where it is here.
    """
    from etude.models.storage import read_description

    model = model_class(read_description(Path(folder))["name"]).load(folder, framework)
    model.home = Path(folder).absolute()
    return model


def read_representation(folder: Path | str, role: str = "representation"):
    """Return the representation that reads a saved model's pieces, or that of its `guide`, as described beside it.

    Raises
    ------
    CorruptCheckpoint
        The model came without one, or what stands there is damaged.
    """
    from etude.models.storage import read_made_by

    try:
        described = read_made_by(Path(folder))[role]
        return representation(described["name"], **described["options"])
    except (LookupError, TypeError, AttributeError) as error:
        raise CorruptCheckpoint("made_by.json beside the model", f"{folder}: {error!r}", "Train it again.") from error


def _build(kind: str, table: dict[str, str], name: str, options: dict):
    cls = _named(kind, table, name)
    _check_options(name, cls, options)
    return cls(**options)


def _named(kind: str, table: dict[str, str], name: str) -> type:
    if name not in table:
        raise unknown_name(kind, name, table)
    return resolve(table[name])


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
