"""All checks of a kind, run one after the other, and what came out as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from etude.corpora.base import Corpus
from etude.errors import EtudeError
from etude.evaluation.contract.corpora import OF_CORPORA
from etude.evaluation.contract.models import checks_of
from etude.evaluation.contract.representations import OF_REPRESENTATIONS
from etude.evaluation.contract.worlds import SPACES, music
from etude.models.base import Model
from etude.representations.base import Representation
from etude.types import Space


def report_on_representation(representation: Representation) -> pd.DataFrame:
    """Hold a representation to its contract.

    Returns
    -------
    pandas.DataFrame
        A row a check: `check` in words, `holds`, and `found`, what was expected and what came where it does not hold.
    """
    return pd.DataFrame(_rows(OF_REPRESENTATIONS, representation))


def report_on_corpus(corpus: Corpus) -> pd.DataFrame:
    """Hold a corpus to its contract; as `report_on_representation`."""
    return pd.DataFrame(_rows(OF_CORPORA, corpus))


def report_on_model(build: Callable[[Space], Model]) -> pd.DataFrame:
    """Hold a family of models to its contract, on every space so small that all its pieces can be written down.

    Parameters
    ----------
    build : callable
        Makes an untrained model for a space; it is then fitted to 30 short pieces. A space that it refuses with an
        EtudeError is left out.

    Returns
    -------
    pandas.DataFrame
        As of `report_on_representation`, with the column `space`.
    """
    rows = []
    for name, space in SPACES.items():
        try:
            model = build(space)
        except EtudeError:
            continue
        model.fit(music(space), music(space, 5, seed=1))
        rows += [{"space": name, **row} for row in _rows(checks_of(model), model)]
    return pd.DataFrame(rows, columns=["space", "check", "holds", "found"])


def _rows(checks: Iterable[Callable], thing) -> list[dict]:
    return [{"check": _said(check), **_outcome(check, thing)} for check in checks]


def _said(check: Callable) -> str:
    return check.__name__.removeprefix("check_that_").replace("_", " ")


def _outcome(check: Callable, thing) -> dict:
    """Run a check on something that a person is still writing: any exception is a finding."""
    try:
        check(thing)
    except EtudeError as error:
        return {"holds": False, "found": str(error)}
    except Exception as error:
        return {"holds": False, "found": f"{type(error).__name__}: {error}"[:200]}
    return {"holds": True, "found": ""}
