"""The spectrograms that chapters 11 to 14 share: rendered chorales as frames of one setting, ready for a trial.

The setting is a compromise, measured on twenty seconds each of two chorales on an oboe. Transcribed, they have a note
F1 of 0.82; sent through the spectrogram and back, 0.69 with this setting, 0.59 with 160 bands of a 2048 window, 0.53
with 128 of a 1024 window. The floor of -40 dB leaves some forty of 192 bands sounding in a frame, which is what an
output that goes from entry to entry pays for; at -48 dB it would be seventy, for the same F1.
"""

from __future__ import annotations

from collections.abc import Sequence

from etude import registry
from etude.evaluation.compressors import compressor_bits
from etude.evaluation.floors import fitted_floors
from etude.study.record import Run
from etude.study.trial import Trial

SETTING = {"scale": "mel", "rate": 8000, "n_fft": 2048, "hop": 512, "bins": 192, "levels": 8, "floor_db": -40.0}
FINE = {"coding": "linear", "levels": 65536}  # a waveform without the noise of 8 bits


def rendered(run: Run, instruments: Sequence[str] = ("oboe",), first: int = 64, held_out: int = 12) -> Trial:
    """Return rendered chorales as codes of the spectrogram of `SETTING`, in their own keys.

    Parameters
    ----------
    run : Run
        Keeps the corpora.
    instruments : sequence of str
        That play every chorale; those of the first come first, in the same order as those of the next.
    first : int
        Chorales of the training split, for each instrument.
    held_out : int
        Chorales of `valid` and of `test`, at most `first`.
    """
    spectrogram = registry.representation("spectrogram", **SETTING)
    pieces: dict[str, list] = {}
    for instrument in instruments:
        corpus = registry.corpus("rendered", instrument=instrument, rate=spectrogram.rate, first=first, **FINE)
        corpus.name = f"rendered/{instrument}"  # as `corpora.overview` calls it
        for split in run.corpus(corpus).splits:
            wanted = first if split == "train" else held_out
            pieces.setdefault(split, []).extend(corpus.load(split)[:wanted])
    codes = {split: [spectrogram.encode(piece) for piece in some] for split, some in pieces.items()}
    return Trial(spectrogram, pieces, codes, codes["train"])


def with_floors(trial: Trial) -> Trial:
    """Fit the floors that a spectrogram is set against, and compress its test split with xz.

    The compressors that first read the training split are left out: they would read millions of entries anew for every
    piece, minutes long, for more bits than the counts need.
    """
    space = trial.representation.space
    trial.floors |= fitted_floors(space, trial.train, trial.codes["valid"])
    trial.floors["xz alone"] = compressor_bits("xz", trial.codes["test"], space)
    return trial
