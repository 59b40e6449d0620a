"""How much memory a program has taken at most."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_memory_mb(of_children: bool = False) -> float:
    """Return the peak resident memory of this program, or of its largest ended child, in megabytes (10^6 bytes).

    Of itself it is the system's high-water mark where there is one: what `getrusage` tells includes what stood in the
    process before the program was started in it, as it may of a child, whose number is an upper bound.
    """
    if not of_children and _STATUS.is_file():
        return round(int(re.search(r"VmHWM:\s*(\d+)", _STATUS.read_text())[1]) * 1024 / 1e6, 1)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if of_children else resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
