"""The study's fits: one folder for all chapters, in which a fit is found by the digest of what was asked.

`DIGEST.json` says what was asked (family, options, space, budget, seeds, data, revisions), `DIGEST.ckpt` holds what was
learnt. Equal questions are answered once in the whole study. Summaries name the fits that their numbers come from; what
no summary names can be dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from etude.errors import EtudeError
from etude.files import fits_dir, project_root, runs_dir
from etude.kept import read_json
from etude.locks import holder
from etude.study.shapes import FITS, read_if_sound
from etude.types import Space

NAME = re.compile(r"[0-9a-f]{16}")
LEFT = re.compile(r"\.[0-9a-f]{16}(-\w+\.(ckpt|json)|\.(ckpt|json)\.(lock|lease)(-\w+)?)")
OLD = 24 * 3600  # seconds


@dataclass(frozen=True)
class Fit:
    """A fit of the store.

    Parameters
    ----------
    digest : str
        Sixteen digits, the name of its files.
    identity : mapping
        All that it depends on.
    files : tuple of Path
    used_by : tuple of str
        Chapters whose summaries name it, those of the checkout first; of a run as ``"11_rnn (smoke)"``.
    bits : float, optional
        Best validation bits per step, where a summary says so.
    """

    digest: str
    identity: Mapping
    files: tuple[Path, ...]
    used_by: tuple[str, ...] = ()
    bits: float | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.files)

    @property
    def changed(self) -> float:
        """When it was last learnt at, in seconds since the epoch."""
        return max(path.stat().st_mtime for path in self.files)

    @property
    def about(self) -> str:
        """What was asked, in a line: family, space, what differs from the family's defaults, steps, seeds."""
        asked, space = self.identity, Space(**self.identity["space"])
        own = _defaults(asked["name"], asked["framework"], space)
        options = [f"{k}={v}" for k, v in asked["options"].items() if k not in own or own[k] != v]
        framework = [] if asked["framework"] == _first_framework(asked["name"]) else [asked["framework"]]
        steps = f"{asked['budget']['steps']} steps"
        seeds = f"seed {asked['seed']}" + (f"/{asked['fit_seed']}" if asked["fit_seed"] != asked["seed"] else "")
        return ", ".join([" ".join([asked["name"], *framework, describe(space)]), *options, steps, seeds])


def describe(space: Space) -> str:
    """Return a space in a word: `[88 x 3]`, of entries and levels."""
    return f"[{space.entries} x {space.levels}]"


def _first_framework(name: str) -> str:
    from etude import registry

    return registry.frameworks(name)[0] if name in registry.MODELS else ""


@cache
def _defaults(name: str, framework: str, space: Space) -> dict:
    from etude import registry

    try:
        return dict(registry.model(name, space, framework=framework).options)
    except EtudeError:  # a family that is gone: all its options are shown
        return {}


def made_by(history) -> dict:
    """Return which fit of the store a history is of, with family, output and best validation bits; {} for none."""
    digest = getattr(history, "fit", "")
    if not digest:
        return {}
    scores = [row["valid"] for row in history.rows if row.get("valid") is not None]
    identity = _read_identity(fits_dir() / f"{digest}.json") or {}
    about = {"family": identity.get("name"), "output": identity.get("options", {}).get("output")}
    return {"fit": digest, "valid_bits": min(scores, default=None), **{k: v for k, v in about.items() if v}}


def stored() -> list[Fit]:
    """Return the fits of the store, the newest last."""
    users, bits = _named_by_summaries()
    found = []
    for described in sorted(fits_dir().glob("*.json")):
        identity = _read_identity(described)
        if identity is not None:
            digest = described.stem
            files = tuple(p for p in sorted(fits_dir().glob(f"{digest}.*")) if p.is_file() and not p.is_symlink())
            found.append(Fit(digest, identity, files, tuple(users.get(digest, ())), bits.get(digest)))
    return sorted(found, key=lambda fit: fit.changed)


def unused() -> list[Fit]:
    """Return the fits that no summary names, of the checkout or of a run, and that nobody is learning now."""
    return [fit for fit in stored() if not fit.used_by and not holder(fits_dir() / f"{fit.digest}.ckpt")]


def leftovers() -> list[Path]:
    """Return what killed processes, and locks of older versions, have left in the store for a day or longer."""
    hidden = [path for path in sorted(fits_dir().glob(".*")) if LEFT.fullmatch(path.name) and path.is_file()]
    return [path for path in hidden if time.time() - path.stat().st_mtime > OLD]


def prune(fits: list[Fit]) -> int:
    """Remove the files of fits, none but those that the store wrote; return the bytes that this freed."""
    freed = sum(fit.size for fit in fits)
    for fit in fits:
        for path in fit.files:
            path.unlink(missing_ok=True)
    return freed


def _read_identity(path: Path) -> dict | None:
    """Return the identity in a file of the store, None where the file is not one: its name is the identity's digest."""
    identity = read_json(path)
    if not isinstance(identity, dict) or not NAME.fullmatch(path.stem):
        return None
    complete = {"name", "framework", "space", "options", "seed", "fit_seed", "budget"} <= identity.keys()
    text = json.dumps(identity, sort_keys=True)
    return identity if complete and hashlib.sha256(text.encode()).hexdigest()[:16] == path.stem else None


def _named_by_summaries() -> tuple[dict[str, list[str]], dict[str, float]]:
    users: dict[str, list[str]] = {}
    bits: dict[str, float] = {}
    for path, where in _summaries():
        said = read_if_sound(path, {"cost": FITS})
        for cost in said["cost"].values() if said else ():
            if digest := cost.get("fit"):
                name = f"{path.stem} ({where})" if where else path.stem
                if name not in users.setdefault(digest, []):
                    users[digest].append(name)
                if cost.get("valid_bits") is not None:
                    bits[digest] = cost["valid_bits"]
    return users, bits


def _summaries() -> Iterator[tuple[Path, str]]:
    """Yield summaries with the name of their run, "" for those of the checkout."""
    reports = project_root() / "reports"
    yield from ((path, "") for path in sorted((reports / "summaries").glob("*.json")))
    for runs in dict.fromkeys([(reports / "runs").resolve(), runs_dir()]):
        for path in sorted(runs.glob("**/reports/summaries/*.json")):
            yield path, path.relative_to(runs).parts[0]
