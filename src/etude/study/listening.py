"""A listening test as a folder: excerpts that tell nothing of where they come from, a page that plays them, and a key.

Bach's openings come from held-out chorales; the others are models', counts' and chance, none chosen. All are played by
one instrument in one tempo, cut to one length and brought to one loudness. A file's name is a digest of the seed and
its place in a shuffled list, so that neither names nor order say more than the page; `key.json` says what each is and
is needed by nobody who listens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.listening import REFERENCE
from etude.files import replacing_folder
from etude.formats.audio import write_audio
from etude.registry import corpus, model, representation
from etude.synthesis import render
from etude.synthesis.loudness import at_one_length, at_one_loudness
from etude.together.shipped import shipped
from etude.types import Audio, Score

MODELS = ("rnn-midi", "wavenet-midi", "coconet-pianoroll")
PAGE, KEY, SUFFIX = "index.html", "key.json", ".mp3"
ORDER = 3  # of the counts
MARGIN = 1.5  # of the length asked for: a sample's end, and its rests, are cut


def excerpts(each: int = 4, seconds: float = 12.0, seed: int = 0) -> dict[str, list[Score]]:
    """Return scores by source: twice as many of Bach as of each other, melodies of his harmonised among them.

    Parameters
    ----------
    each : int
        Excerpts of a source; twice as many by Bach.
    seconds : float
        Of an excerpt.
    seed : int
    """
    chorales, midi = corpus("chorales"), representation("midi")
    train, held_out = chorales.load("train"), list(chorales.load("test") + chorales.load("valid"))
    rng = np.random.default_rng(seed)
    own = [held_out[i].score for i in rng.permutation(len(held_out))[: 3 * each]]
    counts = model("counts", midi.space, order=ORDER)
    counts.fit([midi.encode(piece) for piece in train])
    found = {REFERENCE: own[: 2 * each], "harmonised": [_harmonised(s, seed) for s in own[2 * each :]]}
    for name in MODELS:
        found[name] = sampled(*shipped(name), each, seconds, seed)
    found["counts"] = sampled(midi, counts, each, seconds, seed)
    found["chance"] = sampled(midi, model("uniform", midi.space), each, seconds, seed)
    return found


def sampled(representation, model, each: int, seconds: float, seed: int, attempts: int = 8) -> list[Score]:
    """Return the first scores drawn from a model that last long enough."""
    rate = representation.space.rate
    steps = round(rate * seconds * MARGIN) if rate else round(40 * seconds)  # some 20 events a second of a chorale
    found: list[Score] = []
    for attempt in range(attempts):
        codes = model.sample(each, steps, seed + attempt)
        if hasattr(model, "revise"):
            codes = model.revise(codes, 10, seed + attempt)
        scores = [representation.decode(code).score for code in codes]
        found += [score for score in scores if score.seconds >= seconds and len(score)]
        if len(found) >= each:
            return found[:each]
    raise EtudeError(f"{each} samples of {seconds:g} s", f"{len(found)}", "Ask for shorter excerpts.")


def write_test(folder: Path, sources: Mapping[str, Sequence[Score | Audio]], seconds: float, seed: int = 0) -> Path:
    """Write page, excerpts and key of a listening test into a folder, which appears whole; return the page's path.

    Parameters
    ----------
    folder : Path
        New, or one that held a test.
    sources : mapping of str to sequence of Score or Audio
        What is heard, by source; "bach" among them.
    seconds : float
        Of every excerpt.
    seed : int
        Of names and order.
    """
    music = [(source, one) for source, some in sources.items() for one in some]
    if REFERENCE not in sources or len(music) < 2:
        raise EtudeError(f"excerpts of {REFERENCE!r} and of others", ", ".join(sources) or "none")
    sounds = [one if isinstance(one, Audio) else render(one) for _, one in music]
    sounds = at_one_loudness([at_one_length(sound, seconds) for sound in sounds])
    names = _names(len(music), seed)
    key = {name: source for name, (source, _) in sorted(zip(names, music, strict=True))}
    test = hashlib.sha256(json.dumps([key, seconds, seed]).encode()).hexdigest()[:12]
    known = [PAGE, KEY, *(f"{name}{SUFFIX}" for name in key), *_excerpts_in(folder)]
    with replacing_folder(folder, known) as new:
        for name, sound in zip(names, sounds, strict=True):
            write_audio(sound, new / f"{name}{SUFFIX}")
        (new / KEY).write_text(json.dumps({"test": test, "seconds": seconds, "excerpts": key}, indent=1) + "\n")
        (new / PAGE).write_text(_page(test, list(key), seconds), encoding="utf-8")
    return folder / PAGE


def _harmonised(score: Score, seed: int) -> Score:
    from etude.together.harmony import harmonise

    return harmonise(score.part(0), seed=seed)


def _names(count: int, seed: int) -> list[str]:
    """Return names that say nothing, one for each place."""
    return [hashlib.sha256(f"{seed}/{place}".encode()).hexdigest()[:8] for place in range(count)]


def _excerpts_in(folder: Path) -> list[str]:
    """Return the files of an earlier test in a folder, which may be replaced."""
    try:
        earlier = json.loads((folder / KEY).read_text(encoding="utf-8"))["excerpts"]
        return [f"{name}{SUFFIX}" for name in earlier]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _page(test: str, names: list[str], seconds: float) -> str:
    page = files("etude.study").joinpath("listening_page.html").read_text(encoding="utf-8")
    listed = json.dumps([f"{name}{SUFFIX}" for name in names])
    for mark, text in {"TEST": test, "FILES": listed, "COUNT": str(len(names)), "SECONDS": f"{seconds:g}"}.items():
        page = page.replace(f"__{mark}__", text)
    return page
