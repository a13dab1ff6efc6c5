"""The public data files of the evidence: from a folder, or fetched from where they were published.

In:  `manifest.json`: name → {file (path below the folder), source, url, sha256, license}.
Out: `path_of(name, folder)`, a local file whose sha256 is the recorded one; `load` gives its bytes.
Errors: DataError, one line naming the file and the mend.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TypedDict

MANIFEST = Path(__file__).with_name("manifest.json")


class Entry(TypedDict):
    """One data file."""

    file: str
    source: str
    url: str
    sha256: str
    license: str


class DataError(Exception):
    """A data file is missing, altered or unknown."""


def manifest() -> dict[str, Entry]:
    """All known data files by name."""
    return json.loads(MANIFEST.read_text("utf-8"))


def add_option(parser: argparse.ArgumentParser) -> None:
    """`--data DIR`, by default the folder that WEIGHTSEQ_DATA names."""
    named = os.environ.get("WEIGHTSEQ_DATA")
    parser.add_argument("--data", type=Path, default=named, required=not named, help="folder of the public data files (default: WEIGHTSEQ_DATA)")


def fetch(name: str, entry: Entry, target: Path) -> None:
    """Download one file to `target`, written beside it and renamed."""
    if not entry["url"]:
        raise DataError(f"{target}: absent, and no fixed address is known for it; take it from {entry['source']} and put it there")
    try:
        with urllib.request.urlopen(entry["url"], timeout=60) as reply:
            body = reply.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise DataError(f"{target}: absent, and {entry['url']} cannot be read ({error}); put the file {name} there by hand") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".part")
    beside.write_bytes(body)
    beside.replace(target)


def path_of(name: str, folder: Path) -> Path:
    """Local path of a data file, fetched where it is absent; its sha256 is checked."""
    entries = manifest()
    if name not in entries:
        raise DataError(f"{name}: not a data file; known are {', '.join(sorted(entries))}")
    entry = entries[name]
    path = folder / entry["file"]
    if not path.is_file():
        fetch(name, entry, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != entry["sha256"]:
        raise DataError(f"{path}: sha256 {found}, expected {entry['sha256']}; delete it and fetch it again from {entry['url']}")
    return path


def load(name: str, folder: Path) -> bytes:
    """The bytes of a data file."""
    return path_of(name, folder).read_bytes()
