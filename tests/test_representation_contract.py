"""One contract over all representations: what the registry names, this file tests."""

import json
from importlib import import_module

import numpy as np
import pytest
from conftest import SMALL_PIECES, score_of
from hypothesis import given, settings
from hypothesis import strategies as st

from etude import EtudeError, Piece, representation
from etude.errors import SpaceMismatch
from etude.registry import REPRESENTATIONS

NAMES = list(REPRESENTATIONS)


def domain_of(name: str) -> str:
    """The domain its class states; one that cannot be imported counts as a score's, and fails every test."""
    module, _, attribute = REPRESENTATIONS[name].partition(":")
    try:
        return getattr(import_module(module), attribute).domain
    except ImportError:
        return "score"


SCORE = [name for name in NAMES if domain_of(name) == "score"]
BUILT = {}


def build(name):
    """The representation with its default options, built once."""
    if name not in BUILT:
        BUILT[name] = representation(name)
    return BUILT[name]


@pytest.fixture
def music(chorale_like, tone):
    """A piece that has a score and a sound."""
    return Piece("both", score=chorale_like.score, audio=tone.audio)


def arrays(space, steps=24):
    """Arrays of a space: any codes, the end code last or nowhere."""
    shape = st.integers(0, steps).map(lambda length: (length, *space.event_shape))
    seeds = st.integers(0, 2**32 - 1)
    few = st.integers(1, space.levels)

    def draw(shape, seed, levels):
        rng = np.random.default_rng(seed)
        x = rng.choice(space.levels, levels, replace=False)[rng.integers(0, levels, shape)]
        return x if space.end is None else np.append(x[x != space.end], [space.end] * int(rng.integers(0, 2)))

    return st.builds(draw, shape, seeds, few).map(lambda x: x.astype(np.int64))


def assert_same_music(one: Piece, other: Piece):
    assert one.score == other.score
    assert (one.audio is None) == (other.audio is None)
    if one.audio is not None:
        assert one.audio.rate == other.audio.rate
        np.testing.assert_array_equal(one.audio.samples, other.audio.samples)


@pytest.mark.parametrize("name", NAMES)
def test_names_itself_and_is_rebuilt_from_its_description(name):
    one = build(name)
    described = json.loads(json.dumps(one.describe()))
    again = representation(described["name"], **described["options"])
    assert described["name"] == one.name == name
    assert (again.space, again.options) == (one.space, one.options)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused(name):
    with pytest.raises(EtudeError, match="option"):
        representation(name, wobble=3)


@pytest.mark.parametrize("name", NAMES)
def test_encoding_lives_in_the_space_and_repeats(name, music):
    one = build(name)
    x = one.encode(music)
    assert x.dtype == np.int64 and len(x) > 0
    np.testing.assert_array_equal(one.space.check(x, complete=True), x)
    np.testing.assert_array_equal(one.encode(music), x)
    assert_same_music(one.decode(x), one.decode(x))
    if one.space.rate is not None:
        seconds = getattr(music, one.domain).seconds
        assert len(x) / one.space.rate == pytest.approx(seconds, rel=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_a_piece_without_its_domain_is_refused(name, music):
    one = build(name)
    without = {"score": Piece("no score", audio=music.audio), "audio": Piece("no audio", score=music.score)}
    with pytest.raises(EtudeError, match=f"a piece with {one.domain}"):
        one.encode(without[one.domain])


@pytest.mark.parametrize("name", NAMES)
def test_arrays_outside_the_space_are_refused(name):
    one = build(name)
    space = one.space
    outside = [
        np.full((2, *space.event_shape), space.levels),
        np.full((2, *space.event_shape), -1),
        np.zeros((2, 3, 5)),
    ]
    outside += [] if space.end is None else [np.array([space.end, 0])]
    for x in outside:
        with pytest.raises(SpaceMismatch):
            one.decode(x)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [0, 1, 50])
def test_decode_is_total_at_the_edges_of_the_space(name, steps):
    one = build(name)
    for code in (0, one.space.levels // 2, one.space.levels - 1):
        x = np.full((steps, *one.space.event_shape), code)
        if code == one.space.end:
            x = x[:1]
        assert getattr(one.decode(x), one.domain) is not None


@pytest.mark.parametrize("name", NAMES)
def test_decode_is_total(name):
    one = build(name)

    @settings(max_examples=100 if one.domain == "score" else 15)
    @given(arrays(one.space))
    def check(x):
        music = getattr(one.decode(x), one.domain)
        assert music is not None and np.isfinite(music.seconds)

    check()


@pytest.mark.parametrize("name", SCORE)
def test_encoding_what_was_decoded_is_a_projection(name):
    one = build(name)

    @settings(max_examples=60)
    @given(arrays(one.space))
    def check(x):
        once = one.encode(one.decode(x))
        np.testing.assert_array_equal(one.encode(one.decode(once)), once)

    check()


@pytest.mark.parametrize("name", SCORE)
def test_small_pieces_survive_exactly(name, small_piece):
    one = build(name)
    assert one.decode(one.encode(small_piece)).score == small_piece.score.common()


note = st.tuples(st.integers(0, 300), st.integers(1, 64), st.integers(21, 108))


@pytest.mark.parametrize("name", SCORE)
def test_any_common_score_survives_exactly(name):
    one = build(name)

    @settings(max_examples=60)
    @given(st.lists(note, max_size=40))
    def check(notes):
        common = score_of(*notes).common()
        assert one.decode(one.encode(Piece("any", score=common))).score == common

    check()


@pytest.mark.parametrize("name", NAMES)
def test_loss_is_finite_numbers_with_named_units(name, music):
    lost = build(name).loss(music)
    assert lost and all(isinstance(value, float) and np.isfinite(value) for value in lost.values())
    assert all(measure == measure.lower() and " " not in measure for measure in lost)


@pytest.mark.parametrize("name", SCORE)
def test_nothing_of_common_is_lost(name):
    one = build(name)
    for title, score in SMALL_PIECES.items():
        lost = one.loss(Piece(title, score=score))
        assert lost["notes_missing"] == lost["notes_added"] == 0, title


@pytest.mark.slow
@pytest.mark.parametrize("name", SCORE)
def test_every_chorale_survives_exactly(name, chorales):
    one, pieces = build(name), [piece for split in chorales.values() for piece in split]
    assert len(pieces) == 410
    changed = [piece.name for piece in pieces if one.decode(one.encode(piece)).score != piece.score.common()]
    assert changed == []


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_in_a_line(name):
    said = repr(build(name))
    assert said.startswith(type(build(name)).__name__) and "\n" not in said and " at 0x" not in said
    assert str(build(name).space.levels) in said and all(option in said for option in build(name).options)
