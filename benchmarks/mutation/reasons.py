"""Why some behavioural edits are not caught: for each a place, a pattern of what was done, and a reason by a person."""

from __future__ import annotations

import re

from edits import Edit

REASONS = (  # (end of the module's name, pattern, reason)
    (
        "torch.engine",
        r"'(True|False)' ->",
        "a setting of Lightning that says what it may show or read, not what it learns",
    ),
    ("", r"_AT_ONCE|GROUP_STEPS", "how much is held in memory at once: any number gives the same result"),
    ("", r"non_blocking|copy=", "how memory is moved"),
)


def reason(edit: Edit) -> str:
    """Return the known reason why an edit changes no trace, "" for none."""
    for module, pattern, why in REASONS:
        if edit.module.endswith(module) and re.search(pattern, edit.what):
            return why
    return ""
