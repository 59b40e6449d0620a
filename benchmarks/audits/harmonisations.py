"""Two hundred melodies that no model has learnt from, harmonised: is each kept, and what are the voices like?

    python benchmarks/audits/harmonisations.py [NUMBER [RULES ...]]

The melodies are the sopranos of the chorales' test and validation splits, then tunes of the Essen test split of 24 to
80 notes. For each strength of the rules (default 1): pieces whose melody stands note for note, notes above it,
seconds of the clock for a harmonisation, and the tables of chapter 31 over the chorales, beside Bach's own settings.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import etude
from etude import evaluation
from etude.together.shipped import shipped

NOTES = (24, 80)


def melodies(number: int):
    """Return melodies, and Bach's own settings of the first of them."""
    chorales = etude.corpus("chorales")
    own = [piece.score for split in ("test", "valid") for piece in chorales.load(split)][:number]
    tunes = etude.corpus("tunes", books=("essenFolksong",)).load("test")
    more = [tune.score for tune in tunes if NOTES[0] <= len(tune.score) <= NOTES[1]]
    return [*(score.part(0) for score in own), *more[: number - len(own)]], own


def main(number: int = 200, *strengths: float) -> None:
    """Harmonise, measure, print."""
    given, own = melodies(number)
    shipped("coconet-pianoroll")
    train = [piece.score for piece in etude.corpus("chorales").load("train")]
    sets = {"Bach": own}
    for rules in strengths or (1.0,):
        made, spent, kept, above = [], [], 0, 0
        for i, melody in enumerate(given, start=1):
            started = time.perf_counter()
            made.append(etude.harmonise(melody, rules=rules))
            spent.append(time.perf_counter() - started)
            kept, above = (
                kept + (evaluation.kept(melody, made[-1]) == 1),
                above + evaluation.notes_above(melody, made[-1]),
            )
            if i % 20 == 0 or i == len(given):
                seconds = f"{np.median(spent):.1f} s in the median, {max(spent):.1f} s at most"
                print(f"rules {rules:g}: {kept} of {i} melodies kept, {above} notes above; {seconds}", flush=True)
        sets[f"rules {rules:g}"] = made[: len(own)]
    print(evaluation.voice_leading_table(sets).round(2).T.to_string())
    print(evaluation.chord_table(sets, train).round(3).T.to_string())
    print(evaluation.settings_table(given[: len(own)], sets, "Bach").round(2).T.to_string())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *map(float, sys.argv[2:]))
