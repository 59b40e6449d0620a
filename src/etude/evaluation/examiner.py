"""A chorale as an examiner would read it: key, voice leading, resolutions, chords, cadences, phrases, in one call.

A measure is so many of so many (`Tally`), so that pieces can be pooled and resampled (`chorale_table`); `MEASURES` says
of each what is counted, in a line, and what it is multiplied by. None is a mark: Bach breaks every rule now and then,
and his rates are what those of samples stand beside.

>>> evaluation.examine(piece.score).cadences[-1].kind
'authentic'
>>> evaluation.chorale_table({"Bach": bach, "samples": samples})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.clock import music_seconds
from etude.evaluation.cadences import Cadence, cadences
from etude.evaluation.chords import chords, clashes
from etude.evaluation.harmony import NONE, Harmonies, degree, harmonies, non_chord_notes
from etude.evaluation.measures import MEASURES
from etude.evaluation.phrases import phrase_ends
from etude.evaluation.resolutions import OUTER, Tally, foreign_notes, leading_notes, sevenths
from etude.evaluation.statistics import BEAT
from etude.evaluation.tonality import SCALES, Key, find_key, in_key
from etude.evaluation.voice_leading import broken_rules, rules_of_tracks
from etude.evaluation.voices import PARTS, Moments, moments, moments_by_track
from etude.types import ONSET, Piece, Score


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


def _voices(at: Moments, by_track: bool) -> dict[str, Tally]:
    rules = broken_rules(at) | (rules_of_tracks(at) if by_track else {})
    rules["parallels"] = rules["parallel_fifths"] | rules["parallel_octaves"]
    return {rule: Tally(int(marks.sum()), len(marks)) for rule, marks in rules.items()}


def _resolved(at: Moments, found: Harmonies, key: Key | None) -> dict[str, Tally]:
    return {
        "leading_notes_resolved": leading_notes(at, found, key),
        "outer_leading_notes_resolved": leading_notes(at, found, key, OUTER),
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
