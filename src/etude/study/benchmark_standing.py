"""Where our rows stand: beside the lowest exact number that was published, and beside a row that is in no table yet."""

from __future__ import annotations

from etude.evaluation.published import published_table
from etude.study.benchmark_tables import summary

# LUMII-Syslab 2021, paper and code, exact: its loader drops frames in which nothing sounds
RRU = {"JSB_Chorales": 7.72, "Nottingham": 2.92, "Piano_midi": 7.38, "MuseData": 7.03}


def standing(runs):
    """Return one row per set and model: nats per frame of ours beside the lowest exact published number.

    Parameters
    ----------
    runs : DataFrame
        Rows of `study.benchmark.measure`, of several sets.

    Returns
    -------
    pandas.DataFrame
        collection, model, valid, test (medians over seeds), lowest, highest, seeds; exact (the lowest published exact
        number that counts the first frame), exact_row (whose it is), below_exact (exact less test: above 0 where ours
        is lower), rru.
    """
    table = summary(runs)[["collection", "model", "valid", "test", "lowest", "highest", "seeds"]].copy()
    best = {}
    for name in table["collection"].unique():
        known = published_table(name).set_index("model")
        best[name] = known[(known["kind"] == "exact") & known["first_frame"]]["test"]
    table["exact"] = table["collection"].map({name: some.min() for name, some in best.items()})
    table["exact_row"] = table["collection"].map({name: some.idxmin() for name, some in best.items()})
    table["below_exact"] = table["exact"] - table["test"]
    table["rru"] = table["collection"].map(RRU)
    return table
