"""One contract over all representations: what the registry names, this file tests."""

import json
from importlib import import_module

import pytest
from conftest import SMALL_PIECES

from etude import EtudeError, Piece, representation
from etude.evaluation.contract.representations import OF_REPRESENTATIONS, scores
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


@pytest.mark.parametrize("check", OF_REPRESENTATIONS, ids=lambda check: check.__name__.removeprefix("check_that_"))
@pytest.mark.parametrize("name", NAMES)
def test_contract(name, check):
    check(build(name))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_registered_under_its_name_and_rebuilt_by_it(name):
    described = json.loads(json.dumps(build(name).describe()))
    assert described["name"] == name
    assert representation(described["name"], **described["options"]).space == build(name).space


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("music", [next(iter(SMALL_PIECES.values())), [60, 62], None], ids=["score", "list", "None"])
def test_what_is_no_piece_is_refused(name, music):
    with pytest.raises(EtudeError, match="a Piece"):
        build(name).encode(music)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused(name):
    with pytest.raises(EtudeError, match="option"):
        representation(name, wobble=3)


@pytest.mark.parametrize("name", SCORE)
def test_small_pieces_survive_exactly(name, small_piece):
    one = build(name)
    assert one.decode(one.encode(small_piece)).score == small_piece.score.common()


@pytest.mark.parametrize("name", SCORE)
def test_no_score_is_refused(name):
    for score in scores():
        assert len(build(name).encode(Piece("any", score=score))) > 0 or not len(score)


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
