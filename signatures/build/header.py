"""The header of a safetensors file: read here because the safetensors package does not say where the data of a tensor lie."""

import json
from pathlib import Path
from typing import Any

from .errors import BuildError

_MOST = 100_000_000  # bytes; the safetensors package takes no longer header either


def read_header(file: Path) -> tuple[dict[str, Any], int]:
    """(header, offset of the data in bytes). BuildError if the file has none."""
    try:
        with file.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(size)) if size <= _MOST else None
    except (OSError, ValueError) as error:
        raise BuildError(f"{file}: has no safetensors header that can be read; fetch it again") from error
    if not isinstance(header, dict):
        raise BuildError(f"{file}: has no safetensors header that can be read; fetch it again")
    return header, 8 + size
