"""The tables of the benchmark chapter: our runs as medians, each beside the published row that it answers.

And what it costs to change one thing of the best row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.evaluation.published import published_table

ANSWERS = {  # our row -> the published row of the same kind
    "note 1-gram": "note 1-gram",
    "RBM": "RBM, no memory",
    "NADE": "NADE, no memory",
    "NADE, relative": "NADE, no memory",
    "GRU": "GRU",
    "GRU, recall": "GRU",
    "TCN": "TCN",
    "RNN-RBM": "RNN-RBM",
    "RNN-NADE": "RNN-NADE",
}


def beside_published(runs):
    """Return the runs of one set with a column `published`: the row of the same kind, else the best exact one or nan.

    Parameters
    ----------
    runs : DataFrame
        Rows of `study.benchmark.measure`. The best model by validation, where it answers no published row, stands
        beside the best published exact number.

    Returns
    -------
    DataFrame
        With `published`, its `answers` (the published name), `first_frame` (whether the published number counts the
        first frame) and `difference`: ours minus the published, in the framing that the published number has.
    """
    (collection,) = runs["collection"].unique()
    published = published_table(collection).set_index("model")
    exact = published[(published["kind"] == "exact") & published["first_frame"]]
    best = runs.groupby("model")["valid"].median().idxmin()
    answers = {**ANSWERS, **({} if best in ANSWERS else {best: exact["test"].idxmin()})}
    runs = runs.copy()
    runs["answers"] = runs["model"].map(answers).where(lambda names: names.isin(published.index))
    known = published.reindex(runs["answers"])
    runs["published"] = known["test"].to_numpy()
    runs["first_frame"] = known["first_frame"].to_numpy()
    ours = runs["test_without_first"].where(runs["first_frame"].eq(False), runs["test"])
    runs["difference"] = ours - runs["published"]
    return runs


def summary(runs):
    """Return one row per set and model: medians over seeds, the spread of the seeds, and the published number.

    Columns: collection, model, kind, valid, test, lowest, highest, test_without_first, answers, published, difference,
    stderr (the largest), parameters, train_seconds, seeds. Nats per frame; best last within a set.
    """
    import pandas as pd

    parts = []
    for _, some in runs.groupby("collection", sort=False):
        grouped = beside_published(some).groupby("model", sort=False)
        first = grouped[["collection", "kind", "answers", "published", "parameters"]].first()
        medians = grouped[["valid", "test", "test_without_first", "difference", "train_seconds"]].median()
        spread = grouped["test"].agg(lowest="min", highest="max", seeds="count")
        table = first.join(medians).join(spread).join(grouped["stderr"].max()).reset_index()
        parts.append(table.sort_values("test", ascending=False))
    order = ["collection", "model", "kind", "valid", "test", "lowest", "highest", "test_without_first", "answers"]
    order += ["published", "difference", "stderr", "parameters", "train_seconds", "seeds"]
    return pd.concat(parts, ignore_index=True)[order]


def costs_of_changes(runs, kept: tuple[str, str]):
    """Return one row per set and change: medians over seeds, the spread of the seeds, and what the change costs.

    Parameters
    ----------
    runs : DataFrame
        One row per seed, with collection, part (what is changed), change, valid and test (nats per frame).
    kept : pair
        The part and change of the row that is as it is.

    Returns
    -------
    DataFrame
        Columns collection, part, change, valid, test, lowest, highest, cost (the median less that of `kept` on the same
        set), seeds. In the order of `runs`.
    """
    grouped = runs.groupby(["collection", "part", "change"], sort=False)
    table = grouped[["valid", "test"]].median().join(grouped["test"].agg(lowest="min", highest="max", seeds="count"))
    whole = table["test"].xs(kept, level=["part", "change"])
    table.insert(4, "cost", table["test"] - table.index.get_level_values("collection").map(whole))
    return table.reset_index()


def ways_table(found: Mapping[str, Mapping[str, Sequence[np.ndarray]]]):
    """Return one row per set and way to read it: nats per frame over the fits.

    Parameters
    ----------
    found : mapping of str to mapping of str to sequence
        The bits of all frames, Float64[T] of each fit, by set and by way.

    Returns
    -------
    DataFrame
        Columns set, model (the way), test (the median), lowest, highest, seeds.
    """
    import pandas as pd

    rows = []
    for collection, ways in found.items():
        for way, some in ways.items():
            nats = [np.log(2) * steps.mean() for steps in some]
            row = {"set": collection, "model": way, "test": np.median(nats), "lowest": min(nats), "highest": max(nats)}
            rows.append({**row, "seeds": len(nats)})
    return pd.DataFrame(rows)


def lowest_published(collections: Sequence[str], most: int = 2):
    """Return the lowest published numbers of sets, `most` of each kind, of those that count the first frame.

    Columns: set, kind, model, test (nats per frame).
    """
    import pandas as pd

    known = pd.concat([published_table(name).assign(set=name) for name in collections], ignore_index=True)
    lowest = known[known["first_frame"]].sort_values("test").groupby(["set", "kind"], sort=False).head(most)
    return lowest[["set", "kind", "model", "test"]].sort_values(["set", "kind", "test"])
