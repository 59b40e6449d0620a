"""Continuations of many openings, draws after the music's own past, and clashes bar by bar."""

import numpy as np
import pytest

import etude
from etude.errors import EtudeError
from etude.evaluation.exposure import clashing_by_bar, continued, one_step
from etude.types import Space

ROLL = Space((4,), 3, rate=4)
RNG = np.random.default_rng(0)


def fitted(family="copy-previous", space=ROLL, **options):
    model = etude.model(family, space, **options)
    model.fit([RNG.integers(0, 3, (24, *space.event_shape)) for _ in range(4)])
    return model


def test_one_opening_goes_on_as_sample_does():
    model, opening = fitted(), RNG.integers(0, 3, (5, 4))
    (ours,) = continued(model, opening[None], 12, seed=3, temperature=0.8, top_p=0.9)
    (theirs,) = model.sample(1, 12, seed=3, temperature=0.8, top_p=0.9, prefix=opening)
    np.testing.assert_array_equal(ours, theirs)


def test_every_piece_keeps_its_own_opening():
    openings = RNG.integers(0, 3, (6, 5, 4))
    drawn = np.stack(continued(fitted(), openings, 9))
    assert drawn.shape == (6, 9, 4)
    np.testing.assert_array_equal(drawn[:, :5], openings)


def test_an_opening_longer_than_the_piece_is_refused():
    with pytest.raises(EtudeError, match="at most 4 steps"):
        continued(fitted(), np.zeros((2, 5, 4), int), 4)


def test_one_step_reads_the_music_and_not_its_own_draws():
    """A machine that nearly always copies: after the music's own past it gives the music, a step late."""
    held = np.repeat(RNG.integers(0, 3, (8, 1, 4)), 20, axis=1)
    model = etude.model("copy-previous", ROLL)
    model.fit(list(held))
    music = RNG.integers(0, 3, (30, 10, 4))
    late = (one_step(model, music)[:, 1:] == music[:, :-1]).mean()
    (first, *_), own = music, np.stack(continued(model, music[:, :1], 10))
    assert late > 0.9 and (own[:, 1:] == music[:, :-1]).mean() < 0.6
    assert first.shape == one_step(model, music)[0].shape


def test_one_step_of_ordered_entries_is_refused():
    model = etude.model("memoryless", ROLL, output="nade", output_hidden=2)
    with pytest.raises(EtudeError, match="independent"):
        one_step(model, np.zeros((1, 2, 4), int))


def test_clashes_are_counted_where_something_is_struck():
    rolls = np.zeros((2, 5, 88), int)
    rolls[0, 0, [39, 43]] = 1  # C and E
    rolls[0, 1, [39, 43]], rolls[0, 1, 52] = 2, 1  # a C sharp, an octave higher, over both
    rolls[0, 2, [39, 52]] = 2  # held, nothing struck: no chord
    rolls[1, 3, 39] = 1
    rolls[:, 4, [39, 40]] = 1  # beyond the last whole bar
    wrong, chords = clashing_by_bar(rolls, bar=2)
    assert wrong.tolist() == [[1, 0], [0, 0]] and chords.tolist() == [[2, 0], [0, 1]]
