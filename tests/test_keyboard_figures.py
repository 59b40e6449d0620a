"""Figures of a machine: weights over the keyboard, log Z from both sides."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from etude import EtudeError, display


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def names_in(ax):
    return [text.get_text() for text in ax.texts]


def test_the_most_excited_keys_are_named_where_they_are():
    weights = np.full(88, -0.1)
    weights[[39, 43, 46, 51]] = [3, 2, 1, 0.5]  # C4, E4, G4, C5 from A0
    ax = display.plot_key_weights(weights, named=3, span=(48, 84))
    assert names_in(ax) == ["C4", "E4", "G4"] and [text.xy[0] for text in ax.texts] == [60, 64, 67]
    assert ax.get_xlim() == (47.5, 84.5) and [t.get_text() for t in ax.get_xticklabels()] == ["C3", "C4", "C5", "C6"]
    assert sorted(bar.get_height() for bar in ax.patches if bar.get_height() in (3, 2)) == [2, 3]


def test_pitch_classes_have_no_octave_and_weights_below_zero_no_name():
    ax = display.plot_key_weights([1, -1, 0.5, *[-1] * 9], lowest=0)
    assert names_in(ax) == ["C", "D"] and len(ax.get_xticks()) == 12


def test_keys_that_are_not_shown_are_not_named():
    weights = np.zeros(88)
    weights[[0, 50]] = 5, 1
    assert names_in(display.plot_key_weights(weights, span=(60, 80))) == ["B4"]


def test_one_weight_a_key():
    with pytest.raises(EtudeError, match="one weight"):
        display.plot_key_weights(np.zeros((2, 3)))


def test_both_sides_of_log_z_and_the_counted_value():
    row = {"forward": 1.0, "forward_stderr": 0.1, "reverse": 3.0, "reverse_stderr": 0.2}
    ax = display.plot_annealing([{"temperatures": 10, **row}, {"temperatures": 100, **row}], counted=2.0)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert set(labels) == {"forward annealing", "reverse annealing", "counted"} and ax.get_xscale() == "log"
    assert [2.0, 2.0] in [list(line.get_ydata()) for line in ax.lines] and "nats" in ax.get_ylabel()
    ax = display.plot_annealing([{"temperatures": 10, **row, "lower": 0.5, "upper": 3.5}])
    assert "mean log weights" in [text.get_text() for text in ax.get_legend().get_texts()]
