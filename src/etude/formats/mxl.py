"""Compressed MusicXML (.mxl): the score in a zip archive that META-INF/container.xml names (MusicXML 4.0), or gzip."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import IO
from urllib.parse import unquote
from xml.etree import ElementTree

from etude.errors import UnreadableFile
from etude.formats.limits import LARGEST_FILE

_CONTAINER = "META-INF/container.xml"
_MUSICXML = ("", "application/vnd.recordare.musicxml+xml", "application/vnd.recordare.musicxml", "text/xml",
             "application/xml")  # fmt: skip
_AGAIN = "Export it again as MusicXML."


def is_packed(data: bytes) -> bool:
    """Say whether bytes begin as a zip archive or as gzip does."""
    return data.startswith((b"PK\x03\x04", b"\x1f\x8b"))


def unpacked(data: bytes) -> bytes:
    """Return the score in an archive: the first root file its container names; without a container, its only score.

    Raises UnreadableFile where there is none, several could be meant, or it unpacks to more than 64 MiB.
    """
    try:
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return _member(archive, _root(archive), LARGEST_FILE)
        with gzip.open(io.BytesIO(data)) as file:
            return _bounded(file, LARGEST_FILE)
    except UnreadableFile:
        raise
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise UnreadableFile("a whole archive of compressed MusicXML", reason, _AGAIN) from error


def _root(archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if _CONTAINER not in names:
        scores = [name for name in names if _may_be_score(name)]
        if len(scores) != 1:
            raise UnreadableFile(
                f"an archive with {_CONTAINER}, or with one score", f"none, and {len(scores)} scores", _AGAIN
            )
        return scores[0]
    try:
        container = ElementTree.fromstring(_member(archive, _CONTAINER, 2**20))
    except (ElementTree.ParseError, LookupError) as error:
        raise UnreadableFile(f"a {_CONTAINER} in XML", str(error), _AGAIN) from error
    roots = [element for element in container.iter() if element.tag.rpartition("}")[2] == "rootfile"]
    named = next((root.get("full-path", "") for root in roots if _media(root) in _MUSICXML), "")
    for name in (named, unquote(named), named.replace("\\", "/").removeprefix("./").lstrip("/")):
        if name in names:
            return name
    raise UnreadableFile(f"an archive with the score that {_CONTAINER} names", f"no {named[:80]!r} in it", _AGAIN)


def _media(root: ElementTree.Element) -> str:
    return root.get("media-type", "").partition(";")[0].strip().lower()


def _may_be_score(name: str) -> bool:
    hidden = name.startswith(("META-INF/", "__MACOSX/")) or name.rpartition("/")[2].startswith(".")
    return name.lower().endswith((".xml", ".musicxml", ".krn", ".kern")) and not hidden


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as file:
        return _bounded(file, limit)


def _bounded(file: IO[bytes], limit: int) -> bytes:
    data = file.read(limit + 1)  # what an archive says of sizes need not be true
    if len(data) > limit:
        raise UnreadableFile(f"a score that unpacks to at most {limit >> 20} MiB", "more", "Split it into pieces.")
    return data
