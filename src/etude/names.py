"""What a thing is shown as and what its file is called: names that every file system takes, and no two things share.

A name that is safe, and that nothing else has, is the file's name; any other is shortened to what is safe and told
apart by a digest of the whole. Case counts for nothing, as it does on the file systems of many readers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from etude.files import artefact

LONGEST = 100  # letters of a file's name, without its ending
DIGEST = 8  # hexadecimal digits that tell names apart
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # files of no disk, under Windows

_owners: dict[Path, dict[str, str]] = {}  # folder -> name in it, in lower case -> maker and name of what it holds


def file_name(shown: str, others: Iterable[str] = (), words: bool = False, salt: str = "") -> str:
    """Return the stem of the file, or the name of the folder, for what is shown as `shown`.

    Parameters
    ----------
    shown : str
    others : iterable of str
        Names in the same folder that belong to other things; one that differs in case only counts.
    words : bool
        Spell it as words in lower case with hyphens between: "Mu-law, 8 bits" is `mu-law-8-bits`. Else a name of
        ASCII letters, digits and ``_ . = , + -`` stays as it is.
    salt : str
        Goes into the digest, beside the name.
    """
    stem = _words(shown) if words else re.sub(r"[^\w.=,+-]+", "_", shown, flags=re.ASCII)
    says_all = all(letter.isascii() or not letter.isalnum() for letter in shown) if words else stem == shown
    safe = stem and stem == stem.strip(".") and len(stem) <= LONGEST and not DEVICES.fullmatch(stem)
    if safe and says_all and stem.casefold() not in {name.casefold() for name in others}:
        return stem
    digest = hashlib.sha256(f"{salt}{shown}".encode(errors="surrogatepass")).hexdigest()[:DIGEST]
    return f"{stem.strip('.')[: LONGEST - 1 - DIGEST] or 'unnamed'}-{digest}"


def named_artefact(kind: str, shown: str, suffix: str, maker: str, words: bool = False) -> Path:
    """Return where the running notebook keeps an artefact that is shown as `shown`: see `etude.files.artefact`.

    The same name from the same maker (a player, an engraving, a figure) is the same file; other names never are.
    """
    return _owned(artefact(kind, "x").parent, shown, suffix, maker, words)


def named_folder(inside: Path, shown: str) -> Path:
    """Return the folder, inside another, of what is shown as `shown`; two names are never one folder."""
    return _owned(inside, shown, "", "folder", False)


def _owned(folder: Path, shown: str, suffix: str, maker: str, words: bool) -> Path:
    owner, taken = f"{maker} {shown}", _owners.setdefault(folder, {})
    others = [name.removesuffix(suffix) for name in taken if taken[name] != owner and name.endswith(suffix)]
    path = folder / f"{file_name(shown, others, words, maker)}{suffix}"
    taken[path.name.casefold()] = owner
    return path


def forget() -> None:
    """Let all names be free again: a notebook begins."""
    _owners.clear()


def _words(shown: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", shown.lower()).strip("-")
