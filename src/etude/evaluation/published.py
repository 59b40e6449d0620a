"""Published rows of the polyphonic benchmark that need no training, recomputed: is it the same data, the same rule?"""

from __future__ import annotations

import numpy as np

from etude.corpora.polyphonic import COLLECTIONS, Polyphonic
from etude.errors import MissingData
from etude.evaluation.protocol import FRAME, nats_per_frame
from etude.registry import model

# "Note 1-gram", test split, nats per frame: Boulanger-Lewandowski et al. (2012), table 1
NOTE_1_GRAM = {"JSB_Chorales": 11.06, "Nottingham": 10.25, "Piano_midi": 11.05, "MuseData": 11.51}


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
