"""Why some behavioural edits are not caught: for each a place, a pattern of what was done, and a reason by a person."""

from __future__ import annotations

import re

from edits import Edit

REASONS: tuple[tuple[str, str, str], ...] = ()  # (end of the module's name, pattern, reason)


def reason(edit: Edit) -> str:
    """Return the known reason why an edit changes no trace, "" for none."""
    for module, pattern, why in REASONS:
        if edit.module.endswith(module) and re.search(pattern, edit.what):
            return why
    return ""
