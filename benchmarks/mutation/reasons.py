"""Why some behavioural edits are not caught: for each a place, a pattern of what was done, and a reason by a person."""

from __future__ import annotations

import re

from edits import Edit

REASONS = (  # (end of the module's name, pattern of the edit and its line of source, reason)
    ("", r"_AT_ONCE|GROUP_STEPS", "how much is looked at together: any number gives the same"),
    ("torch.rbm_output", r"'0' -> '1'.*torch\.eye", "the filling is certain in both factors, whichever code it is"),
    ("torch.recall", r"torch\.zeros\(hidden, inputs\)", "the weights of the family take its place"),
    ("floors.kneser_ney", r"'0' -> '1'.*self\.waiting", "keys are counted one sooner, and the sums are the same"),
    ("latent.latent", r"copies", "how many segments are looked at together: any number gives the same"),
    ("sequence.dilated", r"'0' -> '1'.*reading_size\(space, 0\)", "that number is for spaces without an event shape"),
    ("torch.engine", r"'True' -> 'False'.*weights_only=True", "the file of a fit is read so whatever is said there"),
    ("torch.engine", r"'True' -> 'False'.*fused=True", "the same update, the sums in another order"),
    ("torch.rnn", r"'0\.0' -> '1\.0'", "with one layer nothing lies between layers"),
    ("torch.rnn", r"'1' -> '2'.*vectors\.shape\[1\] == 1", "the layers give the same numbers as their cells alone"),
    ("energy.rbm", r"'0' -> '1'.*default_rng\(0\)", "only names and shapes are compared"),
    ("torch.guided", r"'1' -> '2'", "a frame more is repeated, then cut off by the offset and the steps"),
)


def reason(edit: Edit, line: str) -> str:
    """Return the known reason why an edit of a line of source changes no trace, "" for none."""
    for module, pattern, why in REASONS:
        if edit.module.endswith(module) and re.search(pattern, f"{edit.what} in {line}"):
            return why
    return ""
