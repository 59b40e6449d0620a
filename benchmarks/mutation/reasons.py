"""Why some behavioural edits are not caught: for each a place, a pattern of what was done, and a reason by a person."""

from __future__ import annotations

import re

from edits import Edit

REASONS = (  # (end of the module's name, pattern of the edit and its line of source, reason)
    ("torch.engine", r"record\.close\(\)", "it takes the progress bar away, and does nothing else"),
    ("torch.engine", r"'False' -> 'True'.*self\.log\(.*logger=False", "the trainer has no logger to which it could go"),
    ("", r"_AT_ONCE|GROUP_STEPS", "how much is looked at together: any number gives the same"),
    ("", r"'False' -> 'True'.*\.astype\(.*copy=False", "a copy in memory, of the same numbers"),
    ("torch.weights", r"check_names\(arrays, views\)", "which of two is called the expected one in the error's words"),
    ("torch.surroundings", r"set_num_threads\(before\)", "it puts the caller's threads back, when the fit is over"),
    ("torch.memoryless", r"'0' -> '1'", "the vectors that it cuts have no columns: a memoryless model embeds nothing"),
    ("torch.guided", r"'1' -> '2'", "a frame more is repeated, then cut off by the offset and the steps"),
)


def reason(edit: Edit, line: str) -> str:
    """Return the known reason why an edit of a line of source changes no trace, "" for none."""
    for module, pattern, why in REASONS:
        if edit.module.endswith(module) and re.search(pattern, f"{edit.what} in {line}"):
            return why
    return ""
