"""Where the phrases of the chorales end: the fermatas of the edition, beside the notes and not among them.

A fermata in a chorale marks the end of a line of the hymn. It is no sound, so `Chorales` leaves it out of what models
see; here it is read from the same files once and kept in a table of its own. The place of a fermata is the onset of the
soprano's note that carries it; a score whose soprano has none is asked for those of its other voices. Settings that an
editor left without fermatas (those with interludes of instruments, above all) have none here.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from etude.corpora import chorale_reader
from etude.corpora.chorale_reader import TICKS_PER_QUARTER
from etude.corpora.sandbox import SECONDS, cores, read_all
from etude.errors import UnreadableFile
from etude.files import cache_dir
from etude.formats.music21_reader import parse_with_music21
from etude.kept import kept, read_arrays, write_arrays


def read_fermatas(path: str) -> dict:
    """Return {"onsets": ticks, in order} of a score's fermatas, or {} where it is not for four voices."""
    parts = chorale_reader._four_voices(list(parse_with_music21(path).parts))
    if parts is None:
        return {}
    by_voice = [_marked(part) for part in parts]
    onsets = by_voice[0] or sorted({onset for voice in by_voice for onset in voice})
    return {"onsets": onsets}


def all_fermatas(names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return name -> onsets Int64[n], in ticks, of the chorales named; read from music21 once, then kept."""
    source = b"|".join([version("music21").encode(), Path(__file__).read_bytes(), "|".join(names).encode()])
    path = cache_dir() / f"fermatas-{hashlib.sha256(source).hexdigest()[:12]}.npz"
    return kept(path, _read, partial(_write, names=names))


def _marked(part) -> list[int]:
    return [
        round(float(note.offset) * TICKS_PER_QUARTER)
        for note in part.flatten().notes
        if any("Fermata" in expression.classes for expression in note.expressions)
    ]


def _read(path: Path) -> dict[str, np.ndarray] | None:
    arrays = read_arrays(path)
    if arrays is None:
        return None
    onsets = np.split(arrays["onsets"].astype(np.int64), arrays["ends"][:-1])
    return dict(zip(json.loads(str(arrays["names"])), onsets, strict=True))


def _write(path: Path, names: tuple[str, ...]) -> None:
    from tqdm.auto import tqdm

    files = chorale_reader.bach_files()
    tasks, found = [(str(files[name]),) for name in names], {}
    read = read_all("etude.corpora.fermatas:read_fermatas", tasks, cores(), 10 * SECONDS)
    for index, answer in tqdm(read, total=len(tasks), desc="Reading the fermatas (once)", unit="score"):
        if isinstance(answer, UnreadableFile):
            raise answer
        found[names[index]] = np.array(answer["onsets"], np.int64)
    ends = np.cumsum([len(found[name]) for name in names])
    onsets = np.concatenate([found[name] for name in names])
    write_arrays(path, {"onsets": onsets, "ends": ends, "names": np.array(json.dumps(names))})
