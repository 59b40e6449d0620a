"""Published rows of the polyphonic benchmark, and the one that needs no training, recomputed.

Nats per frame on the test split. `kind` says what a number is: exact, a bound (at least so good), an estimate (log Z or
the likelihood by sampling: it may err to either side), or doubtful (a published estimate that exact models of the same
data are far from). `first_frame` says whether the first frame of a piece counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.corpora.polyphonic import COLLECTIONS, Polyphonic
from etude.errors import MissingData
from etude.evaluation.protocol import FRAME, nats_per_frame
from etude.registry import model

BL12 = "Boulanger-Lewandowski et al. 2012"
BAI18 = "Bai et al. 2018"


class Published(NamedTuple):
    """One published row: its name, nats per frame on the four sets (nan: not published), and what they are."""

    method: str
    jsb: float
    nottingham: float
    piano: float
    muse: float
    kind: str
    source: str
    first_frame: bool = True


NAN = float("nan")
PUBLISHED = (
    Published("note 1-gram", 11.06, 10.25, 11.05, 11.51, "exact", BL12),
    Published("note N-gram", 10.26, 4.54, 7.50, 7.91, "exact", BL12),
    Published("MLP", 8.70, 4.38, 8.13, 7.94, "exact", BL12),
    Published("RBM, no memory", 7.43, 5.25, 10.17, 9.56, "estimate", BL12),
    Published("NADE, no memory", 7.19, 5.48, 10.28, 10.06, "exact", BL12),
    Published("RNN", 8.71, 4.46, 8.37, 8.13, "exact", BL12),
    Published("RTRBM", 6.35, 2.62, 7.36, 6.35, "estimate", BL12),
    Published("RNN-RBM", 6.27, 2.39, 7.09, 6.01, "estimate", BL12),
    Published("RNN-NADE", 5.56, 2.31, 7.05, 5.60, "exact", BL12),
    Published("LSTM", 8.45, 3.29, NAN, NAN, "exact", BAI18, False),
    Published("GRU", 8.43, 3.46, NAN, NAN, "exact", BAI18, False),
    Published("TCN", 8.10, 3.07, NAN, NAN, "exact", BAI18, False),
    Published("NASMC", 3.99, 2.72, 7.61, 6.89, "estimate", "Gu et al. 2015"),
    Published("DBN-LSTM", 3.47, 1.32, 4.63, 3.91, "doubtful", "Vohra et al. 2015"),
    Published("SRNN", 4.74, 2.94, 8.20, 6.28, "bound", "Fraccaro et al. 2016"),
    Published("TP-LSTM-NADE", 5.9, 2.05, 5.5, 4.3, "exact", "Johnson 2017, about"),
    Published("DMM-Aug-NADE", 5.12, 2.31, 7.05, 6.05, "estimate", "Krishnan et al. 2017"),
)
_COLUMNS = {"JSB_Chorales": "jsb", "Nottingham": "nottingham", "Piano_midi": "piano", "MuseData": "muse"}
NOTE_1_GRAM = {collection: getattr(PUBLISHED[0], column) for collection, column in _COLUMNS.items()}


def published_table(collection: str):
    """Return the published rows of a set as a table: model, test, kind, source, first_frame; best last."""
    import pandas as pd

    rows = [
        {"model": p.method, "test": getattr(p, _COLUMNS[collection]), "kind": p.kind, "source": p.source,
         "first_frame": p.first_frame}
        for p in PUBLISHED
    ]  # fmt: skip
    return pd.DataFrame(rows).dropna(subset="test").sort_values("test", ascending=False, ignore_index=True)


def one_gram_table(folder=None):
    """Return each key's own frequency as a model of the test split, beside the published number.

    One row per benchmark set that is there (see `etude.corpora.polyphonic`): collection, sequences, frames,
    nats_per_frame, published, difference. Empty where no file is there.
    """
    import pandas as pd

    rows = []
    for name in COLLECTIONS:
        try:
            rows.append(_row(name, Polyphonic(name, folder)))
        except MissingData:
            continue  # the reader has not fetched this set
    return pd.DataFrame(rows)


def _row(name: str, benchmark: Polyphonic) -> dict:
    train, test = ([roll.astype(np.int64) for roll in benchmark.rolls(split)] for split in ("train", "test"))
    marginal = model("marginal", FRAME)
    marginal.fit(train)
    nats = nats_per_frame(marginal.step_bits(test), test)
    counts = {"collection": name, "sequences": len(test), "frames": sum(map(len, test))}
    return {**counts, "nats_per_frame": nats, "published": NOTE_1_GRAM[name], "difference": nats - NOTE_1_GRAM[name]}
