"""A listening test, analysed: can people tell Bach from a model? Detection theory on yes-or-no answers.

A listener hears an unlabelled excerpt and says whether Bach wrote it. Of his excerpts a share H is called his (hits),
of those of a source a share F (false alarms). With z the inverse of the normal distribution function ::

    d' = z(H) - z(F)            0: not told apart; 1: a third or so mistaken; above 3: hardly ever
    c  = -(z(H) + z(F)) / 2     above 0: listeners rather say "not Bach"

Shares of 0 and 1 have no z, so 1/2 is added to every count and 1 to every number of trials (Hautus 1995, "Corrections
for extreme proportions", Behavior Research Methods 27). The variance of d' is that of Gourevitch & Galanter (1967),
H (1 - H) / (n phi(z(H))^2) for each share; it takes answers as independent, which those of one listener are not quite.
Proportions carry Wilson's interval (1927). Answers come as the page of `etude listening` saves them, a file a listener.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import sqrt
from pathlib import Path
from statistics import NormalDist

from etude.errors import EtudeError, UnreadableFile

NORMAL = NormalDist()
REFERENCE = "bach"
LARGEST = 2**22  # bytes of a file of answers


def d_prime(hits: int, of_bach: int, false_alarms: int, of_source: int, level: float = 0.95) -> dict[str, float]:
    """Return d' with its interval, and the criterion c.

    Parameters
    ----------
    hits, of_bach : int
        Excerpts by Bach that were called his, of so many heard.
    false_alarms, of_source : int
        Excerpts by another that were called Bach's, of so many heard.
    level : float
        Coverage of the interval.
    """
    if not (0 <= hits <= of_bach and 0 <= false_alarms <= of_source and of_bach and of_source):
        got = f"{hits} of {of_bach}, {false_alarms} of {of_source}"
        raise EtudeError("counts of answers, some to each", got, "Ask for answers to excerpts of both.")
    shares = [(hits + 0.5) / (of_bach + 1), (false_alarms + 0.5) / (of_source + 1)]
    z = [NORMAL.inv_cdf(share) for share in shares]
    sizes = (of_bach, of_source)
    variance = sum(p * (1 - p) / (n * NORMAL.pdf(q) ** 2) for p, n, q in zip(shares, sizes, z, strict=True))
    margin = NORMAL.inv_cdf((1 + level) / 2) * sqrt(variance)
    d = z[0] - z[1]
    return {"d": d, "low": d - margin, "high": d + margin, "c": -(z[0] + z[1]) / 2}


def proportion(successes: int, trials: int, level: float = 0.95) -> tuple[float, float, float]:
    """Return a share and Wilson's interval around it; raises EtudeError without trials."""
    if not 0 <= successes <= trials or not trials:
        raise EtudeError("successes among at least one trial", f"{successes} of {trials}")
    z, p = NORMAL.inv_cdf((1 + level) / 2), successes / trials
    centre, spread = p + z * z / (2 * trials), z * sqrt(p * (1 - p) / trials + z * z / (4 * trials**2))
    below = 1 + z * z / trials
    return p, (centre - spread) / below, (centre + spread) / below


def read_answers(key: Path, answers: Iterable[Path]):
    """Return all answers with what was heard: a DataFrame of listener, excerpt, source, said, sure, correct.

    Parameters
    ----------
    key : Path
        `key.json` of the test.
    answers : iterable of Path
        Files that listeners saved; each counts as one listener.

    Raises
    ------
    UnreadableFile
        A file that is not as the page saves it, or that answers another test.
    """
    import pandas as pd

    sources, test = _read(key, "excerpts", dict), _read(key, "test", str)
    if not all(isinstance(source, str) for source in sources.values()):
        raise UnreadableFile("a key that names the source of each excerpt", f"other values in {key}")
    rows = [_row(path, answer, sources) for path in answers for answer in _read(path, "answers", list, test)]
    return pd.DataFrame(rows, columns=["listener", "excerpt", "source", "said", "sure", "correct"])


def listening_table(answered, reference: str = REFERENCE):
    """Return how well each source is told from the reference, one row a source.

    Parameters
    ----------
    answered : DataFrame
        Of `read_answers`.
    reference : str

    Returns
    -------
    pandas.DataFrame
        listeners, answers, called_bach (share), correct (share) with low and high (Wilson); d, d_low, d_high, c; NaN
        for the reference itself.
    """
    import pandas as pd

    own = answered[answered["source"] == reference]
    rows = {}
    for source, heard in answered.groupby("source"):
        called, correct = int((heard["said"] == reference).sum()), int(heard["correct"].sum())
        share, low, high = proportion(correct, len(heard))
        row = {"listeners": heard["listener"].nunique(), "answers": len(heard), "called_bach": called / len(heard)}
        row |= {"correct": share, "low": low, "high": high}
        if source != reference and len(own):
            found = d_prime(int((own["said"] == reference).sum()), len(own), called, len(heard))
            row |= {"d": found["d"], "d_low": found["low"], "d_high": found["high"], "c": found["c"]}
        rows[source] = row
    columns = ["listeners", "answers", "called_bach", "correct", "low", "high", "d", "d_low", "d_high", "c"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _read(path: Path, wanted: str, kind: type, test: str | None = None):
    """Return an entry of a file, of a kind; raises UnreadableFile where it is none, or answers another test."""
    try:
        if path.stat().st_size > LARGEST:
            raise UnreadableFile(f"a file of at most {LARGEST} bytes", str(path))
        found = json.loads(path.read_text(encoding="utf-8"))
        if test is not None and found["test"] != test:
            raise UnreadableFile(f"answers to the test {test}", f"{path}: to {found['test']!r:.40}")
        if not isinstance(found[wanted], kind):
            raise TypeError(f"{wanted}: {found[wanted]!r:.80}")
        return found[wanted]
    except (OSError, ValueError, RecursionError, LookupError, TypeError) as error:
        if isinstance(error, UnreadableFile):
            raise
        raise UnreadableFile(f"a file with {wanted!r}, as the page saves it", f"{path}: {error!r}"[:200]) from error


def _row(path: Path, answer, sources: dict[str, str]) -> dict:
    try:
        source, said = sources[answer["excerpt"]], answer["said"]
        sure = int(answer["sure"])
        if said not in (REFERENCE, "other"):
            raise ValueError(f"said {said!r:.40}")
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableFile("answers with excerpt, said and sure", f"{path}: {error!r}"[:200]) from error
    correct = (said == REFERENCE) == (source == REFERENCE)
    heard = {"listener": path.stem, "excerpt": answer["excerpt"], "source": source}
    return {**heard, "said": said, "sure": sure, "correct": correct}
