"""`etude fits`: what has been learnt and kept, and which chapters use it."""

from __future__ import annotations

import argparse
import sys
import time

MEGABYTE = 1e6

BRIEF = "list what was learnt and kept, drop what no chapter uses"
ABOUT = "List the fits that all chapters share (data/fits, or ETUDE_FITS), the newest last."
EXAMPLES = """\
examples:
  etude fits                    all fits: what was asked, size, date, who uses them
  etude fits --prune --dry-run  which no summary names
  etude fits --prune            drop those, once you say yes"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--prune", action="store_true", help="drop the fits that no summary names, once you say yes")
    parser.add_argument("--dry-run", action="store_true", help="with --prune: only say what would go")
    parser.add_argument("--yes", action="store_true", help="with --prune: do not ask")


def run(given: argparse.Namespace) -> int:
    """List or prune; return the exit status."""
    from etude.errors import EtudeError
    from etude.files import fits_dir
    from etude.study.fits import leftovers, prune, stored, unused

    if (given.dry_run or given.yes) and not given.prune:
        raise EtudeError("--dry-run and --yes after --prune", "one of them alone", "etude fits --prune --dry-run")
    fits, left = (unused(), leftovers()) if given.prune else (stored(), [])
    for fit in fits:
        print(_line(fit))
    size = sum(fit.size for fit in fits) / MEGABYTE
    print(f"{len(fits)} fits{' that no summary names' if given.prune else ''}, {size:.1f} MB in {fits_dir()}")
    if left:
        print(f"{len(left)} files that killed processes left there")
    if not given.prune or given.dry_run or not (fits or left):
        return 0
    if not given.yes and not _agreed():
        print("Nothing was dropped.")
        return 0
    for path in left:
        path.unlink(missing_ok=True)
    print(f"Dropped: {prune(fits) / MEGABYTE:.1f} MB are free.")
    return 0


def _line(fit) -> str:
    day = time.strftime("%Y-%m-%d", time.localtime(fit.changed))
    bits = "" if fit.bits is None else f"; {fit.bits:.3f} bits a step"
    used = ", ".join(fit.used_by) or "no summary"
    return f"{fit.digest}  {day}  {fit.size / MEGABYTE:8.2f} MB  {fit.about}{bits}; used by {used}"


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("Drop them? [y/N] ").strip().lower() in ("y", "yes")
