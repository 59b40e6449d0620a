"""What became of committed numbers that were found again, and the line about it that a paper can cite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from etude import __version__
from etude.study.comparison import close, is_number, leaves
from etude.study.equality import ABSOLUTE, RELATIVE, results_of
from etude.study.weights import Check, committed


@dataclass
class Verdict:
    """What became of a part: numbers equal to the last bit, to `RELATIVE`, within the spread of seeds, differing."""

    part: str
    exact: int = 0
    near: int = 0
    within: int = 0
    differing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def equal(self) -> int:
        return self.exact + self.near

    @property
    def numbers(self) -> int:
        return self.equal + self.within + len(self.differing)

    def add(self, place: str, committed: float, found: float, slack: float = 0.0) -> None:
        """Count a pair of numbers."""
        if committed == found:
            self.exact += 1
        elif close(committed, found, RELATIVE, ABSOLUTE):
            self.near += 1
        elif abs(committed - found) <= slack:
            self.within += 1
        else:
            self.differing.append(f"{place}: {committed!r} committed, {found!r} now")

    def __str__(self) -> str:
        within = f", {self.within} within the spread of seeds" if self.within else ""
        bad = f", {len(self.differing)} DIFFER" if self.differing else ""
        return f"{self.part}: {self.equal} of {self.numbers} numbers equal{within}{bad}"


def judged(title: str, checks: Iterable[Check]) -> Verdict:
    """Return the verdict on numbers that were found again."""
    verdict = Verdict(title)
    for check in checks:
        verdict.add(f"{check.chapter} {check.place}", check.committed, check.found, check.slack)
    return verdict


def digest(summaries: dict[str, dict]) -> str:
    """Return the sha256 of what chapters found: results without timings, versions and digests of code."""
    found = {name: results_of(summary) for name, summary in summaries.items()}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def citation(chapters: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    """Return the line that a paper can cite: version, digest of the results, counts; the same on every day."""
    summaries = {name: summary for name, summary in committed().items() if name in chapters}
    held = sum(is_number(leaf) for one in summaries.values() for leaf in leaves(results_of(one)).values())
    exact, near, within = (sum(getattr(v, kind) for v in verdicts) for kind in ("exact", "near", "within"))
    bad = sum(len(v.differing) for v in verdicts)
    return (
        f"étude {__version__}, {len(summaries)} chapters, results {digest(summaries)[:16]}: of {held} numbers "
        f"{exact + near + within + bad} comparisons, {exact} equal to the last bit, {near} to {RELATIVE:g}, "
        f"{within} within the spread of seeds, {bad} differ"
    )
