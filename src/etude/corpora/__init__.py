"""Corpora: where the music comes from. One corpus, one module; `overview` lists them all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import import_module
from pkgutil import iter_modules

from etude.corpora.base import Corpus
from etude.errors import MissingData

COLUMNS = ("name", "title", "train", "valid", "test", "reserve", "state", "source", "licence", "digest")


def overview(names: Collection[str] = ()):
    """Return a pandas DataFrame, one row per corpus (per set, of the polyphonic benchmark): of all, or of `names`.

    Columns: name, title, pieces of train, valid, test and reserve, state ("ready", or what is missing and how to get
    it), source, licence, digest (sha256 of what `load` gives). A folder of one's own is not listed. The first call
    parses what has not been parsed yet.
    """
    import pandas

    table = pandas.DataFrame(
        [_row(cls, options) for cls, options in corpora() if not names or cls.name in names], columns=COLUMNS
    )
    return table.astype(dict.fromkeys(("train", "valid", "test", "reserve"), "Int64"))


def corpora() -> Iterator[tuple[type[Corpus], dict]]:
    """Yield the classes of corpora that stand in this package, with the options of each of their variants."""
    for module in sorted(info.name for info in iter_modules(__path__)):
        found = vars(import_module(f"{__name__}.{module}"))
        for cls in [cls for cls in found.values() if isinstance(cls, type) and issubclass(cls, Corpus)]:
            if cls is not Corpus and cls.__module__ == found["__name__"]:
                yield from ((cls, options) for options in getattr(cls, "variants", ({},)))


def _row(cls: type[Corpus], options: dict) -> dict:
    row = {"name": "/".join([cls.name, *options.values()]), "title": cls.title, "state": "ready"}
    row |= {"source": cls.source, "licence": cls.licence}
    try:
        corpus = cls(**options)
        row |= {split: corpus.count(split) for split in (*corpus.splits, *getattr(corpus, "by_name_only", ()))}
        return row | {"digest": corpus.digest()}
    except MissingData as error:
        return row | {"state": f"no data. {error.remedy}"}
