"""The index of a library of signatures: `index.json` beside one folder a base, `<base>/<trait>.safetensors`."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .atomic import atomic
from .errors import BuildError


def update_index(file: Path, document: Mapping[str, Any]) -> Path | None:
    """Put a signature file's line into the index of its library and return the index; None where the file lies in no library.

    A library is the folder two above the file, if it holds an index.json. BuildError if that is no index.
    """
    file = file.resolve()
    index = file.parent.parent / "index.json"
    if not index.is_file():
        return None
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))
        others = [entry for entry in listed["signatures"] if entry["file"] != _path_in(index, file)]
        lines = sorted([*others, _line(index, file, document)], key=lambda entry: (entry["base"], entry["trait"], entry["file"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BuildError(f"{index}: is no index of signatures ({error}); mend it or remove it") from error
    with atomic(index) as stream:
        stream.write((json.dumps({**listed, "schemaVersion": 1, "signatures": lines}, indent=2, ensure_ascii=False) + "\n").encode())
    return index


def _line(index: Path, file: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "trait": document["trait"],
        "file": _path_in(index, file),
        "base": document["base"]["name"],
        "sha256": sha256_of(file),
        "bytes": file.stat().st_size,
        "kind": document["kind"],
        "harmful": document["harmful"],
        "rank": document["method"]["rank"],
        "description": document["description"],
    }


def _path_in(index: Path, file: Path) -> str:
    return file.relative_to(index.parent).as_posix()


def sha256_of(file: str | Path) -> str:
    """The sha256 of a file's bytes, hexadecimal."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
