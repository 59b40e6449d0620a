"""What it costs to say how long a piece is, where its space has no end code.

Elias's delta code (1975, "Universal codeword sets and representations of the integers"): a whole number n >= 1 is
written as the length of its length in unary, its length, and its digits, so that short pieces are cheap and no piece
is impossible. A piece of T steps is written as n = T + 1.
"""

from __future__ import annotations

from collections.abc import Callable

from etude.errors import EtudeError, UnreadableFile

LONGEST = 2**48  # steps; more than any file of ours can hold


def length_bits(steps: int) -> int:
    """Return the bits of the code for a piece of `steps` steps.

    >>> length_bits(0), length_bits(1), length_bits(255)
    (1, 4, 15)
    """
    return len(elias_delta(steps + 1))


def elias_delta(n: int) -> list[int]:
    """Return the delta code of a whole number n >= 1 as a list of bits."""
    if not 1 <= n <= LONGEST:
        raise EtudeError(f"a whole number from 1 to {LONGEST}", str(n))
    digits, length = bin(n)[2:], bin(len(bin(n)) - 2)[2:]
    return [int(bit) for bit in "0" * (len(length) - 1) + length + digits[1:]]


def read_elias_delta(next_bit: Callable[[], int]) -> int:
    """Return the number that a delta code spells, asking for its bits one by one."""
    zeros = 0
    while next_bit() == 0:
        zeros += 1
        if zeros > 5:
            raise UnreadableFile("the length of a piece", "more zeros than one has", "The file is damaged.")
    length = _number(1, zeros, next_bit)
    n = _number(1, length - 1, next_bit)
    if n > LONGEST:
        raise UnreadableFile(f"a length up to {LONGEST}", str(n), "The file is damaged.")
    return n


def _number(start: int, bits: int, next_bit: Callable[[], int]) -> int:
    for _ in range(bits):
        start = 2 * start + next_bit()
    return start
