"""Why some behavioural edits are not caught: for each a place, a pattern of what was done, and a reason by a person."""

from __future__ import annotations

import re

from edits import Edit

REASONS = (  # (end of the module's name, pattern, reason)
    ("torch.engine", r"record\.close\(\)", "it takes the progress bar away, and does nothing else"),
    ("", r"_AT_ONCE|GROUP_STEPS", "how much is looked at together: any number gives the same"),
    (
        "torch.surroundings",
        r"set_num_threads\(before\)",
        "it puts the caller's threads back after the fit, whose result is there by then",
    ),
    ("torch.memoryless", r"'0' -> '1'", "the vectors that it cuts have no columns: a memoryless model embeds nothing"),
    ("torch.guided", r"'1' -> '2'", "a frame more is repeated, then cut off by the offset and the steps"),
)


def reason(edit: Edit) -> str:
    """Return the known reason why an edit changes no trace, "" for none."""
    for module, pattern, why in REASONS:
        if edit.module.endswith(module) and re.search(pattern, edit.what):
            return why
    return ""
