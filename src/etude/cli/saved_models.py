"""Where trained models lie, and which of them is meant: `wavenet` and a sound file mean the WaveNet of samples."""

from __future__ import annotations

from pathlib import Path

from etude.errors import CorruptCheckpoint, EtudeError, MissingData

AUDIO = ("waveform", "spectrogram")  # representations of sound, that of samples first
CHAPTERS = {"guided-wavenet": "18_guided", "waveform": "16_samplernn"}  # that train a family, or on a representation


def choose_representation(family: str, source: str | None = None, sound: bool = False) -> str:
    """Return what the trained model of a family that is meant reads and writes.

    Parameters
    ----------
    family : str
    source : str, optional
        The run or folder to look in.
    sound : bool
        Sound is wanted: a model of sound is taken before those of scores, whose music would be rendered. Else only
        models of scores are looked at.

    Raises
    ------
    MissingData
        There is none.
    EtudeError
        There are several of scores.
    """
    from etude.cli.site import run_folder
    from etude.registry import REPRESENTATIONS

    if source and (run_folder(source) / "model.json").is_file():  # the folder of a model, by whatever name
        return read_representation(run_folder(source)).name
    there = [name for name in REPRESENTATIONS if _places(f"{family}-{name}", source)]
    of_sound, of_scores = [name for name in AUDIO if name in there], [name for name in there if name not in AUDIO]
    suited = of_sound[:1] or of_scores if sound else of_scores
    if not suited:
        raise _missing(family, family, "waveform" if sound else "midi", source)
    if len(suited) > 1:
        remedy = f"Say which: --representation {suited[0]}"
        raise EtudeError(f"one trained {family} that suits the file", ", ".join(suited), remedy)
    return suited[0]


def find_model(name: str, source: str | None = None) -> Path:
    """Return the folder of a saved model: in the run or folder `source`, else pretrained, else the newest run's."""
    places = _places(name, source)
    if not places:
        family, _, representation = name.rpartition("-")
        raise _missing(name, family, representation, source)
    return places[0]


def read_representation(folder: Path, role: str = "representation"):
    """Return the representation that a saved model was trained on, or that of its `guide`, as described beside it."""
    from etude.models.storage import read_made_by
    from etude.registry import representation

    try:
        described = read_made_by(folder)[role]
        return representation(described["name"], **described["options"])
    except (LookupError, TypeError, AttributeError) as error:
        raise CorruptCheckpoint("made_by.json beside the model", f"{folder}: {error!r}", "Train it again.") from error


def _places(name: str, source: str | None) -> list[Path]:
    """Return the folders that hold a model of that name, the one to take first."""
    from etude.cli.site import run_folder
    from etude.files import data_dir, runs_dir

    if source:
        given = run_folder(source)
        places = [given, given / name, given / "models" / name]
    else:
        runs = runs_dir().glob(f"**/models/{name}/model.json")
        newest_first = sorted(runs, key=lambda path: path.stat().st_mtime, reverse=True)
        places = [data_dir() / "pretrained" / name, *(path.parent for path in newest_first)]
    return [place for place in places if (place / "model.json").is_file()]


def _missing(name: str, family: str, representation: str, source: str | None) -> MissingData:
    where = f"in {source}" if source else "in any run nor in data/pretrained"
    how = CHAPTERS.get(family) or CHAPTERS.get(representation) or f"11_rnn -p representation={representation}"
    return MissingData(f"a trained {name}", f"none {where}", f"Train it: etude run {how}")
