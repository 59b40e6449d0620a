"""What `etude harmonise`, `fill`, `continue` and `morph` share: a score is read safely, changed, and written whole."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import inf
from pathlib import Path

from etude.cli.generate import SCORES, SOUNDS, write_piece
from etude.cli.generate_checks import check, check_target, writing
from etude.corpora.one_file import read_piece
from etude.errors import EtudeError
from etude.types import Piece, Score

STRONGEST = 10  # of --rules


def arguments(parser: argparse.ArgumentParser, sampled: bool = True) -> None:
    """Add where the result goes and what a draw depends on."""
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help=" ".join((*SCORES, *SOUNDS)))
    parser.add_argument("--seed", type=int, default=0, help="another seed, another answer (default 0)")
    parser.add_argument("--temperature", type=float, default=0.8, help="below it safer, above it wilder (default 0.8)")
    if sampled:
        parser.add_argument("--among", type=int, default=1, metavar="N", help="the best of N by bits (default 1)")
        rules = "how much the rules of part-writing count; 0: the model alone (default 1)"
        parser.add_argument("--rules", type=float, default=1.0, help=rules)


def checked(given: argparse.Namespace) -> None:
    """Raise EtudeError where an answer could not be written, or a number is out of range."""
    check("--seed of at least 0, below 2^63", 0 <= given.seed < 2**63, given.seed)
    check("--temperature >= 0, finite", 0 <= given.temperature < inf, given.temperature)
    if hasattr(given, "rules"):
        check(f"--rules of 0 to {STRONGEST}", 0 <= given.rules <= STRONGEST, given.rules)
    check_target(given.out, (*SCORES, *SOUNDS))


def read_score(path: Path) -> Score:
    """Return the notes of a file; raises EtudeError where it is none of notes."""
    piece = read_piece(path)
    if piece.score is None or not len(piece.score):
        remedy = "Give a .mid, .abc, .musicxml or .krn file."
        raise EtudeError("a file of notes", f"{path}, which has none", remedy)
    return piece.score


def settings(given: argparse.Namespace, *names: str) -> dict:
    """Return arguments by name, those of every draw included."""
    return {name: getattr(given, name) for name in ("seed", "temperature", "among", "rules", *names)}


def answered(given: argparse.Namespace, compose: Callable[[], Score], before: Score | int) -> int:
    """Compose and write; say what there is now, and how much of it was given: a score, or so many notes."""
    from etude.evaluation.settings import kept

    with writing(given.out):
        score = compose()
        write_piece(Piece(given.out.stem, score), given.out)
    count = before if isinstance(before, int) else round(kept(before, score) * len(before))
    print(f"{given.out}: {score.seconds:.1f} s, {len(score)} notes, {count} of them as given")
    return 0
