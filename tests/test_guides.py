"""Sounds beside their guides: the same moment in both, and silence where the sound rings on."""

import numpy as np
import pytest

import etude
from etude import Audio, EtudeError, Piece, Score
from etude.study.guides import guided_pieces

NOTES = np.array([[0, 480, 60, 64, 0], [480, 480, 67, 64, 0]])  # two quarters, C then G
WAVEFORM, ROLL = etude.representation("waveform", rate=8000), etude.representation("pianoroll", grid=16)


def piece(seconds=2.0):
    samples = np.sin(np.arange(round(8000 * seconds)) * 0.3).astype(np.float32)
    return Piece("two notes", Score(NOTES, 480, 80.0, 960), Audio(samples, 8000))


def test_a_frame_lasts_its_samples_and_what_rings_on_is_silent():
    (both,) = guided_pieces([piece()], WAVEFORM, ROLL)
    assert np.array_equal(both.x, WAVEFORM.encode(piece()))
    assert len(both.guide) == -(-16000 // 375)  # 80 quarters a minute, 16 frames each, at 8000 Hz
    notes = ROLL.encode(piece())
    assert np.array_equal(both.guide[: len(notes)], notes) and not both.guide[len(notes) :].any()
    sixty, sixty_seven = both.guide[:, 60 - 21], both.guide[:, 67 - 21]
    assert sixty[0] == 1 and sixty[15] == 2 and sixty[16] == 0 and sixty_seven[16] == 1


def test_beginnings_are_cut_in_both():
    (both,) = guided_pieces([piece()], WAVEFORM, ROLL, seconds=1.0)
    assert len(both.x) == 8000 and len(both.guide) == 22


def test_a_spectrogram_can_guide():
    mel = etude.representation("spectrogram", scale="mel", rate=8000, n_fft=512, hop=250, bins=20)
    (both,) = guided_pieces([piece()], WAVEFORM, mel)
    assert both.guide.shape == (64, 20) and np.array_equal(both.guide[:60], mel.encode(piece())[:60])


def test_a_frame_of_no_whole_number_of_samples_is_refused():
    with pytest.raises(EtudeError, match="a whole number of steps"):
        guided_pieces([piece()], etude.representation("waveform", rate=11025), ROLL)
