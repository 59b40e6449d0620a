"""Evidence of a voice and of bars: what is given stays, note for note, the rest is open where asked."""

import numpy as np
import pytest

import etude
from etude import EtudeError, Evidence, Piece, Score

ROLL = etude.representation("pianoroll", lowest=48, highest=72)
NOTES = [  # soprano, alto, bass; the soprano rests in its second quarter
    (0, 4, 67, 80, 0),
    (8, 8, 69, 80, 0),
    (0, 8, 64, 80, 1),
    (8, 8, 60, 80, 1),
    (0, 12, 48, 80, 2),
    (12, 4, 50, 80, 2),
]
PIECE = Piece("three", Score(NOTES, 4))


def notes(x, tracks):
    """Pitch, onset and end of the notes of `x` that stand among those of some tracks."""
    asked = {(p, o, o + d) for o, d, p, _, t in NOTES if t in tracks}
    found = {(p, o, o + d) for o, d, p, _, _ in ROLL.decode(x).score.notes.tolist()}
    return asked, asked & found


@pytest.mark.parametrize(("voices", "keys"), [(0, "all"), (0, "below"), ((0, 2), "between"), (2, "above")])
def test_a_given_voice_stays_whatever_is_written_elsewhere(voices, keys):
    evidence = Evidence.voice(ROLL, PIECE, voices, keys)
    asked, kept = notes(evidence.values * evidence.known, np.atleast_1d(voices))
    assert asked == kept and 0 < evidence.known.sum() < evidence.known.size
    rng = np.random.default_rng(0)
    for _ in range(50):  # holds everywhere would make given notes longer, onsets would cut them
        x = np.where(evidence.known, evidence.values, rng.integers(0, 3, evidence.known.shape))
        asked, kept = notes(x, np.atleast_1d(voices))
        assert asked == kept


def test_keys_beyond_a_given_voice_are_closed_while_it_sounds():
    below, above = (Evidence.voice(ROLL, PIECE, t, k) for t, k in ((0, "below"), (2, "above")))
    assert below.known[0, 67 - 48 :].all() and not below.known[0, : 67 - 48].any()
    assert not below.known[5].any()  # the melody rests
    assert above.known[13, : 50 - 48 + 1].all() and not above.known[13, 50 - 48 + 1 :].any()
    between = Evidence.voice(ROLL, PIECE, (0, 2), "between").known
    assert not between[1, 1:19].any() and between[1, 19:].all() and between[1, 0]


def test_a_missing_voice_is_written_between_its_neighbours():
    evidence = Evidence.without_voice(ROLL, PIECE, 1)
    assert not evidence.known[1, 1:19].any() and evidence.known[1, 19:].all()
    asked, kept = notes(evidence.values, (0, 2))
    assert asked == kept and len(ROLL.decode(evidence.values).score) == 4
    assert Evidence.without_voice(ROLL, PIECE, 0).known[1, : 64 - 48 + 1].all()  # nothing above the new soprano
    alone = Evidence.without_voice(ROLL, Piece("one", PIECE.score.part(1)), 1)
    assert not alone.known.any()


def test_bars_are_open_or_given_and_evidence_adds_up():
    x = np.tile(ROLL.encode(PIECE), (3, 1))  # 48 steps: three bars of 4/4, four of 3/4
    hole = Evidence.bars(x, 2, 2)
    assert (~hole.known).any(axis=1).nonzero()[0].tolist() == list(range(16, 32))
    assert np.array_equal(Evidence.bars(x, 2, 2, given=True).known, ~hole.known)
    assert (~Evidence.bars(x, 1, 2, "3/4", pickup=4).known)[:, 0].nonzero()[0].tolist() == list(range(4, 28))
    samples = Evidence.bars(np.arange(32), 1, 1, grid=4)
    assert samples.known.shape == (32,) and samples.known.sum() == 16
    both = hole | Evidence(x, np.arange(25) >= np.full((48, 1), 10))
    assert not both.known[20, :10].any() and both.known[20, 10:].all() and both.known[0].all()
    with pytest.raises(EtudeError, match="agree"):
        hole | Evidence(x + 1, np.ones(x.shape, bool))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda x: Evidence.bars(x, 0, 1), "bars among 1 to 1"),
        (lambda x: Evidence.bars(x, 1, 2), "bars among 1 to 1"),
        (lambda x: Evidence.bars(x, 1, 1, "5/32"), "meter"),
        (lambda x: Evidence.bars(x, 1, 1, "four"), "meter"),
        (lambda x: Evidence.voice(ROLL, PIECE, 7), "track among"),
        (lambda x: Evidence.without_voice(ROLL, PIECE, 7), "track among"),
        (lambda x: Evidence.voice(ROLL, PIECE, 0, "left"), "keys among"),
    ],
)
def test_what_is_not_there_is_refused(ask, words):
    with pytest.raises(EtudeError, match=words):
        ask(ROLL.encode(PIECE))
