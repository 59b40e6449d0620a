"""What the sections on sound share: the trial of spectrograms, distances, combs of partials, pictures side by side."""

import numpy as np
import pytest

import etude
from etude import Audio, EtudeError, Piece
from etude.display.spectrograms import plot_spectrograms
from etude.evaluation import code_lengths, log_spectral_distance
from etude.evaluation.partials import comb, partials_table
from etude.evaluation.sound_distance import distance_table
from etude.study import record, spectrograms
from etude.synthesis import render

RATE = 8000


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "99_sound")
    return record.start("99_sound", seed=0)


def tone(frequency: float, seconds: float = 1.0, loud: float = 0.3) -> Audio:
    return Audio(loud * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE), RATE)


def test_the_trial_holds_frames_of_every_instrument_and_keeps_both_corpora(run):
    one = spectrograms.rendered(run, ["oboe", "piano"], first=2, held_out=1)
    assert {split: len(codes) for split, codes in one.codes.items()} == {"train": 4, "valid": 2, "test": 2}
    assert one.representation.options.items() >= spectrograms.SETTING.items()
    oboe, piano = one.codes["test"]
    assert one.pieces["test"][0].name == one.pieces["test"][1].name
    assert np.array_equal(oboe, one.representation.encode(one.pieces["test"][0]))
    steps = min(len(oboe), len(piano))
    assert not np.array_equal(oboe[:steps], piano[:steps])
    assert run._parts["corpora"].keys() == {"rendered/oboe", "rendered/piano"}
    kept = run._parts["corpora"].values()
    assert len({corpus["digest"] for corpus in kept}) == 2


def test_the_floors_are_fitted_and_xz_reads_no_training_pieces(run):
    one = spectrograms.with_floors(spectrograms.rendered(run, first=1, held_out=1))
    assert one.floors.keys() == {"uniform", "marginal", "copy-previous", "counts", "xz alone"}
    bits = {name: code_lengths(floor, one.codes["test"]).total for name, floor in one.floors.items()}
    assert bits["counts"] < bits["copy-previous"] < bits["marginal"] < bits["uniform"]
    assert bits["xz alone"] < bits["uniform"]


def test_the_floor_is_far_and_the_sound_itself_is_not():
    originals = [tone(440), tone(660)]
    table = distance_table(originals, {"same": originals, "swapped": originals[::-1]}).set_index("sound")
    assert list(table.index) == ["same", "swapped", "white noise"]
    assert table.loc["same", ["log_spectral_distance", "spectral_convergence"]].tolist() == [0, 0]
    wanted = np.mean([log_spectral_distance(*pair) for pair in zip(originals, originals[::-1], strict=True)])
    assert table.loc["swapped", "log_spectral_distance"] == pytest.approx(wanted)
    assert table.loc["white noise", "log_spectral_distance"] > 10 > table.loc["same", "cents"]


def test_what_lies_below_the_floor_is_not_compared():
    loud, faint = tone(440), Audio(tone(440).samples + tone(2000, loud=0.0003).samples, RATE)
    distances = [
        distance_table([loud], {"faint": [faint]}, floor_db=floor)["log_spectral_distance"][0] for floor in (-80, -40)
    ]
    assert distances[0] > 0.5 > distances[1]


def test_distances_need_a_sound_for_each_original():
    with pytest.raises(EtudeError, match="2 originals"):
        distance_table([tone(440), tone(660)], {"one": [tone(440)]})
    with pytest.raises(EtudeError):
        distance_table([], {})


def test_a_spectrum_of_partials_is_known_by_its_pitch():
    mel = etude.representation("spectrogram", **spectrograms.SETTING)
    frequencies = np.asarray(mel.weights @ np.arange(1025) * RATE / 2048) / mel.weights.sum(axis=1)
    spectra = np.stack([comb(57, frequencies), comb(72, frequencies), np.ones(mel.bins)], axis=1)
    table = partials_table(spectra, frequencies)
    assert table["pitch"][:2].tolist() == [57, 72]
    assert table["match"].tolist() == pytest.approx([1, 1, 0])
    assert (table["by_chance"][:2] < 0.8).all()


def test_the_teeth_of_a_comb_are_whole_multiples():
    frequencies = np.arange(0.0, 4000, 10)
    assert (frequencies[comb(69, frequencies) > 0]).tolist() == [440, 880, 1320, 1760, 2200, 2640]
    assert comb(69, frequencies[:100]).sum() == 2


def test_an_oboe_is_told_from_the_tone_an_octave_below_it():
    """Its second partial is stronger than its first; the comb of six still finds the pitch that was played."""
    from conftest import score_of

    audio = render(score_of((0, 16, 69)), RATE, "oboe")
    mel = etude.representation("spectrogram", **spectrograms.SETTING)
    from etude.display.sound import band_frequencies

    frame = mel.encode(Piece("a", audio=audio))[8].astype(float)
    assert partials_table(frame[:, None], band_frequencies(mel))["pitch"][0] == 69


def test_panels_share_axes_and_one_scale_of_colours():
    mel = etude.representation("spectrogram", **spectrograms.SETTING)
    codes = np.random.default_rng(0).integers(0, 8, (20, mel.bins))
    figure = plot_spectrograms({"a": codes, "b": codes[:10], "c": codes, "d": codes}, mel, between=(0.2, 0.5))
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:4] == ["a", "b", "c", "d"]
    bars = [ax for ax in figure.axes if "level" in ax.get_ylabel()]
    assert len(bars) == 1 and bars[0].get_ylim() == (-40, 0)
    drawn = [ax for ax in figure.axes if ax.get_title()]
    assert {ax.get_ylim() for ax in drawn} == {drawn[0].get_ylim()}
    assert all(ax.collections[0].get_clim() == (-40, 0) for ax in drawn)
    assert all([line.get_xdata()[0] for line in ax.lines] == [0.2, 0.5] for ax in drawn)
    with pytest.raises(EtudeError):
        plot_spectrograms({}, mel)
