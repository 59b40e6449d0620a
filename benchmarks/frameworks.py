"""The same fit in each framework: start-up, first step, later steps and memory, as ratios of one run.

Run: python benchmarks/frameworks.py [--wall] [--threads N] [--steps N] [FAMILY ...]

What is measured, and how: `etude.evaluation.framework_cost`.
"""

from __future__ import annotations

import argparse

from etude.evaluation.framework_cost import FAMILIES, cost_table


def main() -> None:
    """Print a table for each family, as soon as it is there."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("families", nargs="*", default=list(FAMILIES), metavar="FAMILY", help=", ".join(FAMILIES))
    options.add_argument("--steps", type=int, default=10, help="in each half of a fit")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--wall", action="store_true", help="seconds of the clock")
    given = options.parse_args()
    for name in given.families:
        table = cost_table([name], given.steps, given.threads, given.wall)
        print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"), flush=True)


if __name__ == "__main__":
    main()
