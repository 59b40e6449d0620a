"""Streaming a file of any length: the same codes as reading it whole, in memory that does not grow."""

import numpy as np
import pytest

from etude import Audio, EtudeError, representation
from etude.evaluation import streaming_table

RATE = 1000
SOUND = Audio(np.sin(np.arange(7 * RATE) / 5).astype(np.float32) * 0.5, RATE)


@pytest.mark.parametrize(("name", "options"), [("waveform", {}), ("spectrogram", {"n_fft": 256})])
def test_streamed_codes_are_those_of_the_whole_file_in_memory_that_does_not_grow(name, options):
    one = representation(name, rate=RATE, **options)
    table = streaming_table(one, SOUND, [3, 12], whole_up_to=3)
    assert table["equal"].iloc[0] and table["equal"].iloc[1] is None
    assert list(table["steps"]) == [int(np.ceil(60 * m * one.space.rate)) for m in (3, 12)]
    assert table["streamed"].iloc[1] < 1.3 * table["streamed"].iloc[0]
    assert table["whole"].iloc[0] > 0 and np.isnan(table["whole"].iloc[1])


def test_codes_that_differ_are_seen():
    class Faulty(type(representation("waveform"))):
        def stream(self, path):
            for codes in super().stream(path):
                yield np.minimum(codes + 1, self.levels - 1)

    assert not streaming_table(Faulty(rate=RATE), SOUND, [0.1])["equal"].iloc[0]


def test_a_sound_without_samples_is_refused():
    with pytest.raises(EtudeError, match="at least one sample"):
        streaming_table(representation("waveform"), Audio(np.zeros(0), RATE), [1])
