"""The examiner: chords, cadences, resolutions and phrases of hand-made music, and what is known of Bach."""

import numpy as np
import pytest
from conftest import score_of

import etude
from etude.errors import EtudeError
from etude.evaluation import (
    MEASURES,
    SIX,
    chorale_table,
    chord_vocabulary,
    examine,
    find_key,
    six_definitions,
    six_numbers,
)
from etude.evaluation.cadences import cadences, kind_of
from etude.evaluation.harmony import NAMES, degree, harmonies, non_chord_notes
from etude.evaluation.phrases import CHORALES, agreement, fit_phrase_ends, last_onsets, phrase_ends, stops
from etude.evaluation.resolutions import Tally, foreign_notes, leading_notes, sevenths
from etude.evaluation.tonality import Key, above_tonic, in_key
from etude.evaluation.voice_leading import broken_rules, rules_of_tracks
from etude.evaluation.voices import moments, moments_by_track
from etude.types import Score

C, D_MINOR = Key(0, "major", 0.3), Key(2, "minor", 0.3)
SCALE = score_of(*((4 * i, 4, 60 + step) for i, step in enumerate((0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0))))


def chords(*pitches, quarters=1, tracks=False):
    """Struck chords, soprano first, a quarter each."""
    step = 4 * quarters
    return score_of(*((step * i, step, pitch, 80, voice if tracks else 0)
                      for i, chord in enumerate(pitches) for voice, pitch in enumerate(chord)))  # fmt: skip


# Key


def test_the_key_moves_with_the_music_and_pitch_classes_do_not():
    for shift in range(12):
        moved = SCALE.transposed(shift)
        key = find_key(moved)
        assert (key.tonic, key.mode) == (shift, "major") and key.confidence > 0
        assert above_tonic(moved).tolist() == [0, 2, 4, 5, 7, 9, 11, 0, 7, 4, 0] and in_key(moved).all()
    assert str(find_key(SCALE.transposed(2))) == "D major"
    assert find_key(score_of()) is None and len(in_key(score_of())) == 0


def test_confidence_is_the_distance_to_the_next_key():
    from etude.corpora.keys import key_fits

    fits = sorted(key_fits(np.bincount(SCALE.notes[:, 2] % 12, SCALE.notes[:, 1], 12)).values())
    assert find_key(SCALE).confidence == pytest.approx(fits[-1] - fits[-2])
    flat = find_key(score_of(*((i, 1, 60 + i) for i in range(12))))
    assert flat.confidence == pytest.approx(0, abs=1e-9)  # every pitch class alike: no key


def test_the_key_of_a_stretch():
    both = score_of(*((4 * i, 4, 60 + p) for i, p in enumerate((0, 4, 7, 5, 2, 7, 11, 0))),
                    *((32 + 4 * i, 4, 66 + p) for i, p in enumerate((0, 4, 7, 5, 2, 7, 11, 0))))  # fmt: skip
    assert (find_key(both, 0, 32).tonic, find_key(both, 32, 64).tonic) == (0, 6)


# Chords of beats


@pytest.mark.parametrize(
    ("pitches", "root", "shape"),
    [
        ((72, 67, 64, 48), 0, "major"),
        ((72, 69, 64, 57), 9, "minor"),
        ((77, 74, 71, 55), 7, "dominant7"),
        ((72, 69, 65, 50), 2, "minor7"),
        ((72, 69, 65, 53), 5, "major"),
        ((74, 68, 65, 59), 11, "diminished7"),
        ((74, 69, 65, 59), 11, "half-diminished7"),
        ((74, 71, 65, 50), 11, "diminished"),
        ((67, 60), 0, "major"),  # a fifth alone: the first shape that has it
    ],
)
def test_chords_by_hand(pitches, root, shape):
    found = harmonies(chords(pitches))
    assert (int(found.roots[0]), NAMES[found.shapes[0]]) == (root, shape)
    assert found.basses[0] == min(pitches) and found.tops[0] == max(pitches)


def test_a_passing_note_is_outweighed_and_foreign():
    score = score_of((0, 4, 48), (0, 4, 64), (0, 4, 67), (0, 2, 72), (2, 2, 74), (8, 4, 60))
    found = harmonies(score)
    assert found.roots.tolist() == [0, -1, 0] and found.weights[0, [0, 2, 4, 7]].tolist() == [6, 2, 4, 4]
    assert non_chord_notes(score, found).tolist() == [False, False, False, False, True, False]
    assert not found.members()[1].any()


def test_the_score_of_a_chord_is_that_of_pardo_and_birmingham():
    from etude.evaluation.harmony import _scores, _templates

    notes = np.zeros((1, 12), int)
    notes[0, [0, 4, 7, 2]] = 6, 4, 4, 2
    scores = _scores(notes, np.array([48])) // 2000  # the rest breaks ties
    assert scores[0, 0] == 14 - 2 - 0 and scores[0, 9 + 12] == 10 - 6 - 1 and _templates()[0].sum() == 3


def test_degrees_are_numerals():
    named = {(0, "major"): "I", (2, "minor7"): "ii7", (7, "dominant7"): "V7", (11, "diminished"): "vii°",
             (10, "major"): "bVII", (6, "diminished7"): "#iv°7", (8, "major"): "bVI"}  # fmt: skip
    assert {chord: degree(chord[0], NAMES.index(chord[1]), C) for chord in named} == named
    assert degree(1, NAMES.index("diminished7"), D_MINOR) == "#vii°7"
    assert degree(5, NAMES.index("major"), D_MINOR) == "III" and degree(2, NAMES.index("minor"), D_MINOR) == "i"


# Cadences


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ((7, "major"), (0, "major"), "authentic"),
        ((11, "diminished"), (0, "minor"), "authentic"),
        ((2, "dominant7"), (7, "major"), "authentic"),  # in the dominant
        ((7, "minor"), (0, "major"), "other"),  # no leading note
        ((0, "major"), (7, "major"), "half"),
        ((5, "minor"), (7, "major"), "half"),
        ((5, "major"), (0, "major"), "plagal"),
        ((2, "minor7"), (0, "major"), "plagal"),
        ((7, "dominant7"), (9, "minor"), "deceptive"),
        ((7, "major"), (8, "major"), "deceptive"),
        ((4, "major"), (5, "major"), "other"),  # the same step elsewhere
        ((9, "minor"), (5, "major"), "other"),
    ],
)
def test_cadences_by_hand(before, after, kind):
    assert kind_of(*before, *after, tonic=0) == kind
    assert kind_of((before[0] + 5) % 12, before[1], (after[0] + 5) % 12, after[1], tonic=5) == kind


def test_a_cadence_says_its_degrees_and_whether_it_is_perfect():
    start, dominant, tonic = (72, 67, 64, 48), (71, 67, 62, 55), (72, 67, 64, 48)
    score = chords(start, (69, 65, 60, 53), dominant, tonic, start, (*dominant[:3], 59), (76, 67, 60, 48))
    first, second = cadences(score, [12, 24])
    assert (first.kind, first.perfect, first.numerals) == ("authentic", True, ("V", "I"))
    assert (first.bass, first.soprano) == ((7, 0), (11, 0))
    assert (second.kind, second.perfect, second.bass, second.soprano) == ("authentic", False, (11, 0), (11, 4))
    third = cadences(chords(start, dominant, (76, 67, 60, 48)), [8])[0]
    assert third.bass == (7, 0) and third.soprano == (11, 4) and not third.perfect
    assert cadences(chords(start, start), [4])[0].kind == "other"  # one chord is no cadence
    assert cadences(score_of(), []) == []


# Resolutions


def counted(count, *pitches, **options):
    score = chords(*pitches)
    return count(moments(score), harmonies(score), **options)


def test_leading_notes_rise():
    dominant = (71, 67, 62, 55)
    assert counted(leading_notes, dominant, (72, 67, 64, 48), key=C) == Tally(1, 1)
    assert counted(leading_notes, dominant, (67, 64, 60, 48), key=C) == Tally(0, 1)
    assert counted(leading_notes, dominant, (76, 67, 60, 48), key=C) == Tally(0, 1)  # up, and past the root
    assert counted(leading_notes, (79, 74, 71, 55), (76, 72, 67, 48), key=C, voices=(0, 3)) == Tally(0, 0)  # inner
    assert counted(leading_notes, (72, 67, 64, 48), (72, 69, 65, 53), key=C) == Tally(0, 0)  # I and IV: no dominant
    assert counted(leading_notes, (70, 67, 64, 48), (69, 65, 60, 53), key=C) == Tally(0, 1)  # I7 is one


def test_sevenths_fall_or_stay():
    dominant = (77, 71, 67, 55)
    assert counted(sevenths, dominant, (76, 72, 67, 48)) == Tally(1, 1)
    assert counted(sevenths, dominant, (79, 72, 64, 48)) == Tally(0, 1)
    assert counted(sevenths, (72, 69, 65, 50), (72, 69, 65, 53)) == Tally(1, 1)  # held over
    assert counted(sevenths, (72, 67, 64, 48), dominant) == Tally(0, 0)


def test_foreign_notes_go_on_by_step():
    def after(pitch):
        notes = [(0, 8, 48), (0, 8, 64), (0, 8, 67), (0, 3, 72), (3, 1, 74), (4, 4, pitch)]
        score = score_of(*notes)
        return foreign_notes(moments(score), harmonies(score))

    assert after(76) == Tally(1, 1) and after(79) == Tally(0, 1)


# Voices as tracks


def test_tracks_show_crossings_and_unisons():
    score = chords((72, 64, 65, 48), (72, 60, 60, 53), (74, 62, 62, 50), tracks=True)
    at = moments_by_track(score)
    rules = rules_of_tracks(at)
    assert at.pitches.tolist()[0] == [72, 64, 65, 48] and at.share == 1
    assert rules["crossings"].tolist() == [True, False, False]
    assert rules["parallel_unisons"].tolist() == [False, True]
    assert broken_rules(at)["parallel_octaves"].tolist() == [False, True]
    held = moments_by_track(chords((72, 60, 60, 53), (71, 60, 60, 50), tracks=True))
    assert rules_of_tracks(held)["parallel_unisons"].tolist() == [False]  # a unison that stays
    assert examine(score, by_track=True).tallies["crossings"] == Tally(1, 3)
    assert "crossings" not in examine(score).tallies
    with pytest.raises(EtudeError, match="tracks 0"):
        moments_by_track(chords((72, 64, 60, 48)))
    with pytest.raises(EtudeError, match="one note at a time"):
        moments_by_track(score_of((0, 4, 72, 80, 0), (0, 4, 71, 80, 0), *((0, 4, 60 - v, 80, v) for v in (1, 2, 3))))


# Phrases


def phrase(start, beats=7):
    """Quarters that end with a half note on a root position triad."""
    line = [(64, 60, 55, 48), (62, 59, 55, 43)] * beats
    rows = [(start + 4 * i, 4, pitch) for i in range(beats) for pitch in line[i]]
    return rows + [(start + 4 * beats, 8, pitch) for pitch in (60, 64, 55, 48)]


def test_phrases_end_on_long_root_position_triads():
    score = score_of(*phrase(0), *phrase(36, 6), *phrase(68, 6))
    assert phrase_ends(score).tolist() == [28, 60, 92]
    places, signs = stops(score)
    assert len(places) == 22 and signs[places.tolist().index(28)].tolist() == [1, 1, 1, 0, 0]
    assert phrase_ends(score_of()).tolist() == [] and phrase_ends(score_of((0, 1, 60))).tolist() == []


def test_ends_maximise_the_sum_over_all_segmentations():
    from itertools import combinations

    score = score_of(*phrase(0, 3), *phrase(20, 2), *phrase(36, 4))
    places, signs = stops(score)
    evidence, by_length = signs @ np.array(CHORALES.weights) + CHORALES.bias, CHORALES.of_lengths()

    def total(chosen):
        ends = places[list(chosen)]
        quarters = np.clip((np.diff(ends, prepend=0) + 2) // 4, 1, 24)
        return evidence[list(chosen)].sum() + by_length[quarters - 1].sum()

    last = len(places) - 1
    every = [(*some, last) for n in range(last + 1) for some in combinations(range(last), n)]
    assert phrase_ends(score).tolist() == places[list(max(every, key=total))].tolist()


def test_the_last_chord_under_a_fermata():
    score = score_of((0, 4, 72), (4, 8, 71), (4, 4, 60, 80, 1), (8, 4, 59, 80, 1), (12, 4, 72))
    assert last_onsets(score, [4, 12]).tolist() == [8, 12] and last_onsets(score, []).tolist() == []


# Bach


@pytest.fixture(scope="module")
def chorales():
    return etude.corpus("chorales")


@pytest.fixture(scope="module")
def valid(chorales):
    pieces = [piece for piece in chorales.load("valid") if len(chorales.fermatas(piece))]
    return [piece.score for piece in pieces], [last_onsets(p.score, chorales.fermatas(p)) for p in pieces]


def test_fermatas_stand_beside_the_notes(chorales):
    assert (chorales.fermatas("bwv269") // 480).tolist() == [10, 19, 28, 40, 52, 61]
    assert len(chorales.fermatas(chorales.piece("bwv1.6"))) == 0
    with pytest.raises(EtudeError, match="bwv269"):
        chorales.fermatas("bwv2699")


def test_the_detector_finds_fermatas_as_well_as_it_says(valid):
    scores, known = valid
    precision, recall = agreement([phrase_ends(score) for score in scores], known)
    assert (round(precision, 2), round(recall, 2)) == (0.92, 0.96)
    halves = [places[signs[:, 0] > 0] for places, signs in map(stops, scores)]
    assert [round(part, 2) for part in agreement(halves, known)] == [0.89, 0.51]


def test_the_committed_weights_are_those_of_the_training_chorales(chorales):
    pieces = [piece for piece in chorales.load("train") if len(chorales.fermatas(piece))]
    ends = [last_onsets(piece.score, chorales.fermatas(piece)) for piece in pieces]
    fitted = fit_phrase_ends([piece.score for piece in pieces], ends)
    assert fitted.lengths == CHORALES.lengths
    assert fitted.weights == pytest.approx(CHORALES.weights, abs=0.05)
    with pytest.raises(EtudeError, match="at least one score"):
        fit_phrase_ends([], [])


def test_bach_closes_his_phrases_and_chance_does_not(valid):
    scores, known = valid
    rng = np.random.default_rng(0)
    shuffled = [chords(*rng.permutation(moments(score).pitches).tolist(), quarters=2) for score in scores[:20]]
    groups = {"fermatas": [examine(*pair) for pair in zip(scores, known, strict=True)], "found": scores[:20],
              "chords in random order": shuffled}  # fmt: skip
    wanted = ["closing", "sevenths_resolved", "leading_notes_resolved", "parallel_fifths", "foreign_resolved", "in_key"]
    table = chorale_table(groups, wanted).set_index(["measure", "group"])
    value = table["value"]
    assert value["closing", "fermatas"] > 75 and value["sevenths_resolved", "fermatas"] > 85
    assert abs(value["closing", "found"] - value["closing", "fermatas"]) < 10
    for measure in ("closing", "sevenths_resolved", "leading_notes_resolved"):
        assert table.loc[(measure, "chords in random order"), "high"] < table.loc[(measure, "found"), "low"], measure
    assert value["parallel_fifths", "chords in random order"] > 4 * value["parallel_fifths", "found"]
    assert table["definition"].tolist()[0] == MEASURES["closing"][1] and (table["low"] <= table["high"]).all()


def test_the_vocabulary_sums_to_one_and_begins_with_the_tonic(valid):
    table = chord_vocabulary({"Bach": [s for s in valid[0][:30] if find_key(s).mode == "major"]}, most=200)
    assert table["Bach"].sum() == pytest.approx(1) and table.index[0] == "I" and table.index[1] in ("V", "V7")


def test_the_six_numbers_by_hand():
    score = chords((72, 67, 64, 48), (74, 69, 65, 50), (72, 67, 64, 48), (73, 67, 64, 48))
    table = six_numbers({"one": [score], "none": []}, intervals=True)
    one = table.loc["one"]
    assert one[["notes_per_second", "voices"]].tolist() == [16 / 3, 4]
    assert one["in_key"] == pytest.approx(1500 / 16) and one["parallels"] == pytest.approx(200 / 3)
    assert one["clashes"] == 25 and one["voices_low"] == one["voices_high"] == 4 and table.loc["none"].isna().all()
    assert tuple(six_numbers({"one": [score]})) == SIX
    octaves = examine(chords((72, 69, 64, 48), (74, 69, 65, 50)))
    assert octaves.rate("parallels") == 100 and octaves.rate("parallel_fifths") == 0
    assert [part.split(":")[0] for part in six_definitions().split("; ")] == [name.replace("_", " ") for name in SIX]


def test_nothing_is_examined_without_a_fuss():
    empty = examine(Score(np.zeros((0, 5), np.int64)))
    assert empty.key is None and empty.cadences == [] and np.isnan(empty.rate("closing"))
    table = chorale_table({"nothing": [], "silence": [empty], "one note": [score_of((0, 4, 60))]}, ["in_key", "half"])
    assert np.isnan(table["value"]).tolist() == [True, True, True, True, False, False]
    with pytest.raises(EtudeError, match="closing"):
        chorale_table({"nothing": []}, ["no such"])
