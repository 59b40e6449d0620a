"""What a tier reads is drawn where it lies, and stretches of the past are drawn to scale."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from etude import Audio, EtudeError
from etude.display.clocks import READ, plot_clocks, plot_stretches

SOUND = Audio(np.sin(np.arange(1000) / 7), 1000)  # a sample a millisecond


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def bars(ax, opaque=None):
    """Return begin and end of every bar in samples, row by row from the top."""
    unit = 1000 if "(s)" in ax.get_xlabel() else 1
    rows = {}
    for bar in ax.patches:
        if opaque is None or (bar.get_alpha() == READ) == opaque:
            span = round(unit * bar.get_x()), round(unit * (bar.get_x() + bar.get_width()))
            rows.setdefault(-bar.get_y(), []).append(span)
    return [rows[y] for y in sorted(rows)]


def test_a_tier_reads_its_newest_complete_frame():
    ax = plot_clocks(SOUND, 507, [2, 8], shown=20)
    assert bars(ax, opaque=True) == [[(496, 504)], [(504, 506)], [(505, 506), (506, 507)]]
    at_a_border = plot_clocks(SOUND, 512, [2, 8], shown=20)
    assert bars(at_a_border, opaque=True) == [[(504, 512)], [(510, 512)], [(510, 511), (511, 512)]]


def test_frames_that_only_the_state_knows_are_pale_and_cut_where_the_figure_begins():
    slow, fast = bars(plot_clocks(SOUND, 507, [2, 8], shown=20), opaque=False)
    assert slow == [(488, 496), (487, 488)]
    assert fast[0] == (502, 504) and fast[-1] == (487, 488)


def test_stretches_are_to_scale_and_stop_where_the_figure_begins():
    ax = plot_stretches(SOUND, 700, {"short": 30, "long": 5000}, shown=600)
    assert bars(ax) == [[(670, 700)], [(100, 700)]]
    assert [text.get_text() for text in ax.texts] == ["short", "long"]
    assert "(s)" in ax.get_xlabel() and "(ms)" in plot_stretches(SOUND, 700, {"short": 30}, shown=60).get_xlabel()


def test_moments_without_enough_past_are_refused():
    for at in (10, 1000):
        with pytest.raises(EtudeError, match="a sample from 20 to 999"):
            plot_clocks(SOUND, at, [4], shown=20)
    with pytest.raises(EtudeError, match="stretches of 1 sample or more"):
        plot_stretches(SOUND, 700, {"none": 0})
