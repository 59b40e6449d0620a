"""Damage counted on pieces where it can be counted by hand."""

import numpy as np
import pytest

import etude
from etude.errors import EtudeError
from etude.representations.damage import deletion_losses


def melody(*durations: int) -> etude.Piece:
    """Notes one after the other on one key, durations in sixteenths."""
    onsets = np.cumsum([0, *durations[:-1]])
    notes = [(onset, duration, 60, 80, 0) for onset, duration in zip(onsets, durations, strict=True)]
    return etude.Piece("melody", etude.Score(np.array(notes), 4))


def test_a_lost_step_shortens_the_note_it_belongs_to():
    roll = etude.representation("pianoroll")
    assert deletion_losses(melody(4), roll, trials=8).tolist() == [1.0] * 8


def test_a_lost_step_moves_what_follows():
    roll = etude.representation("pianoroll")
    assert set(deletion_losses(melody(4, 4, 4), roll, trials=60)) == {1.0, 2.0, 3.0}  # in the last, middle, first note


def test_nothing_lost_nothing_missing_and_everything_lost_all():
    for name in ("midi", "pianoroll", "text"):
        representation = etude.representation(name)
        assert not deletion_losses(melody(4, 2, 2), representation, share=0.0, trials=3).any()
        assert deletion_losses(melody(4, 2, 2), representation, share=1.0, trials=2).tolist() == [3.0, 3.0]


def test_the_same_seed_draws_the_same_damage():
    text = etude.representation("text")
    first, again, other = (deletion_losses(melody(*[2] * 40), text, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_sound_is_refused():
    with pytest.raises(EtudeError, match="scores"):
        deletion_losses(melody(4), etude.representation("waveform"))
