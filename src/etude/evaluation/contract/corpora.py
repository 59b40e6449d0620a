"""What the contract asks of a corpus: pieces with names of their own, no piece on two sides, and the same each time."""

from __future__ import annotations

from etude.corpora.base import Corpus, content
from etude.errors import EtudeError
from etude.evaluation.contract.broken import hold


def check_that_splits_are_named_apart(corpus: Corpus) -> None:
    """No split is empty, and no two pieces have one name."""
    names = [piece.name for split in corpus.splits for piece in corpus.load(split)]
    hold(len(names) == len(set(names)), "a name of its own for each piece", f"{len(names) - len(set(names))} shared")
    for split in corpus.splits:
        loaded, told = len(corpus.load(split)), corpus.count(split)
        hold(loaded == told > 0, f"{told} pieces in {split}, and some", loaded)


def check_that_no_piece_is_on_two_sides(corpus: Corpus) -> None:
    """What is tested was not learnt from."""
    sides = [{content(piece) for piece in corpus.load(split)} for split in corpus.splits]
    shared = sum(len(one & other) for i, one in enumerate(sides) for other in sides[:i])
    hold(not shared, "no piece in two splits", f"{shared} pieces")


def check_that_pieces_say_where_they_come_from(corpus: Corpus) -> None:
    """Source, licence, and music."""
    for piece in corpus.load(corpus.splits[1]):
        hold(piece.source and piece.licence, "source and licence", piece)
        hold(piece.seconds > 0, "a piece that lasts", piece)


def check_that_loading_twice_gives_the_same(corpus: Corpus) -> None:
    """A split is the same pieces in the same order."""
    one, other = ([(piece.name, content(piece)) for piece in corpus.load(split)] for split in (corpus.splits[-1],) * 2)
    hold(one == other, "the same pieces each time")


def check_that_an_unknown_split_is_refused(corpus: Corpus) -> None:
    """With the splits that there are."""
    try:
        corpus.load("no such split")
    except EtudeError as error:
        hold(all(split in str(error) for split in corpus.splits), "an error that names the splits", error)
        return
    hold(False, "an unknown split to be refused")


def check_that_it_has_a_digest(corpus: Corpus) -> None:
    """A digest of the content, by which pages know that their data changed."""
    digest = corpus.digest()
    hold(isinstance(digest, str) and len(digest) >= 12 and digest == corpus.digest(), "a digest", digest)


OF_CORPORA = (
    check_that_splits_are_named_apart,
    check_that_no_piece_is_on_two_sides,
    check_that_pieces_say_where_they_come_from,
    check_that_loading_twice_gives_the_same,
    check_that_an_unknown_split_is_refused,
    check_that_it_has_a_digest,
)
