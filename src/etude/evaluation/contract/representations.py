"""What the contract asks of a representation: codes that live in its space, and a way back from every array of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError, SpaceMismatch
from etude.evaluation.contract.broken import hold
from etude.representations.base import Representation
from etude.types import Audio, Piece, Score, Space

TONE = Audio(np.sin(2 * np.pi * 440 * np.arange(8000) / 16000).astype(np.float32) / 2, 16000)


def example() -> Piece:
    """Return a piece that has a score, two voices with a repeated note, and a sound."""
    notes = [(0, 4, 60, 80, 0), (4, 4, 60, 80, 0), (8, 2, 64, 80, 0), (10, 6, 65, 80, 0), (0, 16, 48, 80, 1)]
    return Piece("both", score=Score(notes, 4), audio=TONE)


def scores(n: int = 40, seed: int = 0) -> Iterator[Score]:
    """Yield scores of any notes on the sixteenth grid: empty, few, crowded, with repeated and overlapping keys."""
    rng = np.random.default_rng(seed)
    for count in [0, 1, 2, *rng.integers(3, 40, max(n - 3, 0))]:
        notes = np.column_stack([rng.integers(0, 300, count), rng.integers(1, 64, count), rng.integers(21, 109, count)])
        yield Score(np.column_stack([notes, np.full(count, 80), np.zeros(count, int)]), 4).common()


def arrays(space: Space, n: int = 60, seed: int = 0, steps: int = 24) -> Iterator[np.ndarray]:
    """Yield arrays of a space: each edge code alone, then any codes, the end code last or nowhere."""
    rng = np.random.default_rng(seed)
    for code in (0, space.levels // 2, space.levels - 1):
        for length in (0, 1, 50):
            yield np.full((1 if code == space.end else length, *space.event_shape), code)
    for _ in range(n):
        shape = (rng.integers(0, steps + 1), *space.event_shape)
        few = rng.choice(space.levels, rng.integers(1, space.levels + 1), replace=False)
        x = few[rng.integers(0, len(few), shape)]
        yield x if space.end is None else np.append(x[x != space.end], [space.end][: rng.integers(0, 2)]).astype(int)


def check_that_it_is_rebuilt_from_its_description(one: Representation) -> None:
    """Name and options say all that a representation is, and survive JSON."""
    described = json.loads(json.dumps(one.describe()))
    again = type(one)(**described["options"])
    hold(described["name"] == one.name, f"a description with the name {one.name}", described)
    hold((again.space, again.options) == (one.space, one.options), "the same space from the description", again)


def check_that_encoding_lives_in_the_space_and_repeats(one: Representation) -> None:
    """Codes are Int64 of the space, the same each time, and as many as the rate says."""
    piece = example()
    x = one.encode(piece)
    hold(x.dtype == np.int64 and len(x) > 0, "codes Int64[T, ...]", f"{x.dtype}{x.shape}")
    hold(np.array_equal(one.space.check(x, complete=True), x), "codes of the space")
    hold(np.array_equal(one.encode(piece), x), "the same codes each time")
    hold(same_music(one.decode(x), one.decode(x)), "the same music each time")
    if one.space.rate is not None:
        seconds, lasts = len(x) / one.space.rate, getattr(piece, one.domain).seconds
        hold(abs(seconds - lasts) <= 0.25 * lasts, f"steps for {lasts:.2f} s", f"for {seconds:.2f} s")


def check_that_a_piece_without_its_domain_is_refused(one: Representation) -> None:
    """A sound has no notes, and notes are no sound."""
    both = example()
    without = Piece("without", audio=both.audio) if one.domain == "score" else Piece("without", score=both.score)
    _refused(lambda: one.encode(without), EtudeError, f"a piece without {one.domain} to be refused")


def check_that_arrays_outside_the_space_are_refused(one: Representation) -> None:
    """Codes that are none, arrays of another shape, and what comes after an end."""
    space = one.space
    outside = [np.full((2, *space.event_shape), space.levels), np.full((2, *space.event_shape), -1)]
    outside += [np.zeros((2, 3, 5))] + ([] if space.end is None else [np.array([space.end, 0])])
    for x in outside:
        _refused(lambda x=x: one.decode(x), SpaceMismatch, f"codes outside the space to be refused: {x.tolist()!s:.60}")


def check_that_decode_is_total(one: Representation, n: int = 60) -> None:
    """Every array of the space is some piece."""
    for x in arrays(one.space, n):
        music = getattr(one.decode(x), one.domain)
        hold(music is not None and np.isfinite(music.seconds), f"a piece with {one.domain} for {x.tolist()!s:.80}")


def check_that_encoding_what_was_decoded_is_a_projection(one: Representation, n: int = 60) -> None:
    """What an array says is said again in the same way: encode(decode(.)) changes nothing the second time."""
    if one.domain == "score":
        for x in arrays(one.space, n):
            once = one.encode(one.decode(x))
            hold(np.array_equal(one.encode(one.decode(once)), once), f"the same codes again for {x.tolist()!s:.80}")


def check_that_common_scores_survive(one: Representation, n: int = 40) -> None:
    """A representation of scores keeps `Score.common()` whole, so that its bits may be ranked with others', or refuses.

    A note or two are never too many, and a refusal says what to do.
    """
    if one.domain == "score":
        for score in scores(n):
            try:
                x = one.encode(Piece("any", score=score))
            except EtudeError as error:
                hold(error.remedy and len(score) > 2, f"{len(score)} notes taken, or a refusal that says more", error)
                continue
            back = one.decode(x).score
            lost = len(set(map(tuple, score.notes.tolist())) ^ set(map(tuple, back.notes.tolist())))
            hold(back == score, f"all {len(score)} notes to come back", f"{lost} notes lost, added or changed")


def check_that_loss_is_finite_numbers(one: Representation) -> None:
    """What the round trip loses is told by measures with names."""
    lost = one.loss(example())
    finite = lost and all(isinstance(value, float) and np.isfinite(value) for value in lost.values())
    hold(finite, "finite measures of the loss", lost)
    hold(all(name == name.lower() and " " not in name for name in lost), "names in lower case", list(lost))


def same_music(one: Piece, other: Piece) -> bool:
    """Say whether two pieces have the same notes and the same samples."""
    if one.score != other.score or (one.audio is None) != (other.audio is None):
        return False
    return one.audio is None or (
        one.audio.rate == other.audio.rate and np.array_equal(one.audio.samples, other.audio.samples)
    )


def _refused(call, kind: type[EtudeError], expected: str) -> None:
    try:
        came = call()
    except kind:
        return
    hold(False, expected, came)


OF_REPRESENTATIONS = (
    check_that_it_is_rebuilt_from_its_description,
    check_that_encoding_lives_in_the_space_and_repeats,
    check_that_a_piece_without_its_domain_is_refused,
    check_that_arrays_outside_the_space_are_refused,
    check_that_decode_is_total,
    check_that_encoding_what_was_decoded_is_a_projection,
    check_that_common_scores_survive,
    check_that_loss_is_finite_numbers,
)
