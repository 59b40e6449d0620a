"""A chorale as an examiner would read it: key, voice leading, resolutions, chords, cadences, phrases, in one call.

A measure is so many of so many (`Tally`), so that pieces can be pooled and resampled: `MEASURES` says of each what is
counted, in a line, and what it is multiplied by. Each is defined in the module that counts it: `voice_leading`,
`resolutions`, `harmony`, `cadences`, `phrases`, `chords`, `tonality`. None is a mark: Bach breaks every rule now
and then, and his rates are what those of samples stand beside.

>>> evaluation.examine(piece.score).cadences[-1].kind
'authentic'
>>> evaluation.chorale_table({"Bach": bach, "samples": samples})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etude.clock import music_seconds
from etude.errors import unknown_name
from etude.evaluation.cadences import Cadence, cadences
from etude.evaluation.chords import chords, clashes
from etude.evaluation.harmony import NONE, Harmonies, degree, harmonies, non_chord_notes
from etude.evaluation.intervals import rate_interval
from etude.evaluation.phrases import phrase_ends
from etude.evaluation.resolutions import Tally, foreign_notes, leading_notes, sevenths
from etude.evaluation.statistics import BEAT
from etude.evaluation.tonality import SCALES, Key, find_key, in_key
from etude.evaluation.voice_leading import broken_rules, rules_of_tracks
from etude.evaluation.voices import PARTS, Moments, moments, moments_by_track
from etude.types import ONSET, Piece, Score

OF_MOVES, OF_CHORDS = "per 100 moves from one four-part chord to the next", "per 100 four-part chords"
SIX = ("notes_per_second", "voices", "in_key", "parallels", "clashes", "closing")
MEASURES = {  # name -> (what it is multiplied by, definition)
    "notes_per_second": (1, "notes that begin in a second, at 80 quarters a minute"),
    "voices": (1, "pitches that sound when a note begins, mean"),
    "four_part": (100, "% of the moments at which a note begins in which exactly four voices sound"),
    "parallels": (100, f"two voices move in parallel fifths, octaves or unisons; {OF_MOVES}"),
    "parallel_fifths": (100, f"two voices move from a fifth in one direction to another; {OF_MOVES}"),
    "parallel_octaves": (100, f"the same from an octave or unison; {OF_MOVES}"),
    "parallel_unisons": (100, f"the same from a unison alone; {OF_MOVES}"),
    "hidden_fifths": (100, f"outer voices reach a fifth in one direction, the soprano by a leap; {OF_MOVES}"),
    "hidden_octaves": (100, f"the same into an octave; {OF_MOVES}"),
    "overlaps": (100, f"a voice moves beyond where its neighbour just was; {OF_MOVES}"),
    "crossings": (100, f"a voice sounds below its lower neighbour; {OF_CHORDS}"),
    "wide_spacing": (100, f"more than an octave between neighbours above the bass; {OF_CHORDS}"),
    "out_of_range": (100, f"a voice outside its usual range; {OF_CHORDS}"),
    "leaps": (100, f"a voice leaps by more than a fifth; {OF_MOVES}"),
    "unrecovered_leaps": (100, f"and goes on in the same direction; {OF_MOVES}"),
    "clashes": (100, "two notes a semitone apart, octaves removed; per 100 chords of any number of notes"),
    "leading_notes_resolved": (
        100,
        "% of leading notes of a dominant that rise to the root of its triad",
    ),
    "sevenths_resolved": (100, "% of chord sevenths that fall by a step or stay when the chord changes"),
    "non_chord_notes": (100, "% of all notes that are foreign to the chord of their beat"),
    "foreign_resolved": (100, "% of these, in four parts, whose line goes on by step"),
    "diatonic_chords": (100, "% of the beats whose chord has its root and all its notes in the scale of the key"),
    "in_key": (100, "% of all notes in the scale of the key (minor with both sevenths)"),
    "phrase_quarters": (1, "quarters in a phrase, mean"),
    "authentic": (100, "% of phrases that end with a dominant and its triad, in any key"),
    "perfect": (100, "% of phrases that do so from root to root, the soprano on the root"),
    "half": (100, "% of phrases that end on V of the piece's key"),
    "plagal": (100, "% of phrases that end with IV (or ii) and I"),
    "deceptive": (100, "% of phrases that end with V and the triad a step above it"),
    "closing": (100, "% of phrases that close: authentic or plagal"),
    "ends_at_home": (100, "% of pieces whose last chord is on the tonic of their first half"),
    "key_confidence": (1, "by how much the key's correlation exceeds the next key's, mean over pieces"),
}


@dataclass(frozen=True)
class Examination:
    """What there is to say of one score.

    key : Key or None
        With its confidence; None of a score without notes.
    ends : Int[n]
        Of the phrases: onsets of their last chords, in sixteenths.
    cadences : list of Cadence
        One a phrase, with the degrees of bass and soprano.
    chords : Counter
        Beats by the numeral of their chord.
    ranges : mapping of voice to (lowest, highest) pitch
        Of the four-part moments; empty where there are none.
    tallies : mapping of measure to Tally
        By the names of `MEASURES`.
    """

    key: Key | None
    ends: np.ndarray
    cadences: list[Cadence]
    chords: Counter
    ranges: dict[str, tuple[int, int]]
    tallies: dict[str, Tally]

    def rate(self, measure: str) -> float:
        """Return a measure, NaN where there was nothing to count."""
        found, of = self.tallies[measure]
        return MEASURES[measure][0] * found / of if of else np.nan


def examine(score: Score, ends: Sequence[int] | None = None, by_track: bool = False) -> Examination:
    """Return the examination of a score.

    Parameters
    ----------
    score : Score
    ends : Int[n], optional
        Where phrases end, in sixteenths, if that is known (`last_onsets` of fermatas); else `phrase_ends` finds them.
        Pieces that are compared must have theirs from one source.
    by_track : bool
        Take the voices from the tracks (0 soprano to 3 bass) and not from the heights; crossings and parallel unisons
        are counted only then.
    """
    score = score if by_track else score.common()
    at = moments_by_track(score) if by_track else moments(score)
    found, key = harmonies(score), find_key(score)
    ends = phrase_ends(score) if ends is None else np.asarray(ends, np.int64)
    closes = cadences(score, ends)
    tallies = {"four_part": Tally(len(at.pitches), len(np.unique(score.common().notes[:, ONSET])))}
    tallies |= _voices(at, by_track) | _resolved(at, found, key) | _vertical(score, found, key) | _phrases(ends, closes)
    tallies["ends_at_home"] = _ends_at_home(score, found)
    tallies["key_confidence"] = Tally(key.confidence, 1) if key else Tally(0, 0)
    heard = np.flatnonzero(found.roots != NONE)
    numerals = Counter(degree(int(found.roots[beat]), int(found.shapes[beat]), key) for beat in heard)
    ranges = {part: (int(line.min()), int(line.max())) for part, line in zip(PARTS, at.pitches.T, strict=True)
              if len(line)}  # fmt: skip
    return Examination(key, ends, closes, numerals, ranges, tallies)


def chorale_table(
    groups: Mapping[str, Sequence[Score | Examination]], measures: Sequence[str] = (), level: float = 0.95
):
    """Return the measures of several sets of scores, pooled over pieces, with bootstrap intervals over pieces.

    Parameters
    ----------
    groups : mapping of name to scores, or to what `examine` gave of them
        Give held-out music as a group. Scores are examined by height, their phrases found in the notes.
    measures : names of MEASURES
        All, by default; those that no piece of a group has are NaN there.
    level : float
        Coverage of the interval.

    Returns
    -------
    pandas.DataFrame
        group, measure, value, low, high, of (how many things the value is a share of), pieces, definition.
    """
    import pandas as pd

    chosen = [_known(measure) for measure in measures or MEASURES]
    rows = []
    for group, pieces in groups.items():
        examined = [one if isinstance(one, Examination) else examine(one) for one in pieces]
        rows += [{"group": group, "measure": name, **_pooled(examined, name, level)} for name in chosen]
    return pd.DataFrame(rows)


def six_numbers(groups: Mapping[str, Sequence[Score | Examination]], intervals: bool = False):
    """Return the six measures that every chapter shows (`SIX`), one row a set of scores.

    Arguments as of `chorale_table`. With `intervals` each column is followed by its `_low` and `_high`.
    `six_definitions` says in words what they are, for the caption.
    """
    table = chorale_table(groups, SIX).set_index(["group", "measure"])
    wanted = [(name, part) for name in SIX for part in (("value", "low", "high") if intervals else ("value",))]
    wide = table[["value", "low", "high"]].unstack("measure").swaplevel(axis=1).reindex(list(groups))[wanted]
    wide.columns = [name if part == "value" else f"{name}_{part}" for name, part in wanted]
    return wide.rename_axis(index=None)


def six_definitions() -> str:
    """Return a line that defines the six measures."""
    return "; ".join(f"{name.replace('_', ' ')}: {MEASURES[name][1].replace('; ', ', ')}" for name in SIX)


def chord_vocabulary(groups: Mapping[str, Sequence[Score | Examination]], most: int = 16):
    """Return the share of the beats of each set of scores whose chord is each numeral, the commonest of all first."""
    import pandas as pd

    counts = {}
    for group, pieces in groups.items():
        examined = [one if isinstance(one, Examination) else examine(one) for one in pieces]
        counts[group] = sum((one.chords for one in examined), Counter())
    shares = {group: {name: n / found.total() for name, n in found.items()} for group, found in counts.items()}
    table = pd.DataFrame(shares).reindex(columns=list(groups)).fillna(0.0)
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index[:most]]


def _voices(at: Moments, by_track: bool) -> dict[str, Tally]:
    rules = broken_rules(at) | (rules_of_tracks(at) if by_track else {})
    rules["parallels"] = rules["parallel_fifths"] | rules["parallel_octaves"]
    return {rule: Tally(int(marks.sum()), len(marks)) for rule, marks in rules.items()}


def _resolved(at: Moments, found: Harmonies, key: Key | None) -> dict[str, Tally]:
    return {
        "leading_notes_resolved": leading_notes(at, found, key),
        "sevenths_resolved": sevenths(at, found),
        "foreign_resolved": foreign_notes(at, found),
    }


def _vertical(score: Score, found: Harmonies, key: Key | None) -> dict[str, Tally]:
    foreign, together = non_chord_notes(score, found), chords(score)
    heard = found.roots != NONE
    inside = found.members()[heard] & ~_scale(key)
    notes = len(score.common())
    return {
        "notes_per_second": Tally(notes, float(music_seconds([Piece("", score)], "score")[0])),
        "voices": Tally(sum(map(len, together)), len(together)),
        "clashes": Tally(sum(clashes(chord) for chord in together), len(together)),
        "non_chord_notes": Tally(int(foreign.sum()), len(foreign)),
        "diatonic_chords": Tally(int((~inside.any(axis=1)).sum()), int(heard.sum())),
        "in_key": Tally(int(in_key(score.common()).sum()), notes),
    }


def _scale(key: Key | None) -> np.ndarray:
    scale = np.zeros(12, bool)
    if key:
        scale[(np.array(SCALES[key.mode]) + key.tonic) % 12] = True
    return scale


def _phrases(ends: np.ndarray, closes: list[Cadence]) -> dict[str, Tally]:
    kinds = Counter(close.kind for close in closes)
    counts = {kind: kinds[kind] for kind in ("authentic", "half", "plagal", "deceptive")}
    counts["perfect"] = sum(close.perfect for close in closes)
    counts["closing"] = kinds["authentic"] + kinds["plagal"]
    tallies = {name: Tally(count, len(closes)) for name, count in counts.items()}
    return tallies | {"phrase_quarters": Tally(int(ends[-1]) / BEAT if len(ends) else 0, len(ends))}


def _ends_at_home(score: Score, found: Harmonies) -> Tally:
    first = find_key(score, 0, score.length // 2)
    heard = found.roots[found.roots != NONE]
    return Tally(int(heard[-1] == first.tonic), 1) if first and len(heard) else Tally(0, 0)


def _pooled(examined: Sequence[Examination], measure: str, level: float) -> dict:
    scale, definition = MEASURES[measure]
    counts = np.array([one.tallies.get(measure, (0, 0)) for one in examined], float).reshape(-1, 2)
    row = {"value": np.nan, "low": np.nan, "high": np.nan}
    if counts[:, 1].any():
        interval = rate_interval(scale * counts[:, 0], counts[:, 1], level)
        row = {"value": interval.value, "low": interval.low, "high": interval.high}
    return row | {"of": counts[:, 1].sum(), "pieces": len(examined), "definition": definition}


def _known(measure: str) -> str:
    if measure not in MEASURES:
        raise unknown_name("measure", measure, MEASURES)
    return measure
