"""The folder of a base checkpoint in; its tensors one at a time, its fingerprint and the table of its linear weights out.

Read from the safetensors files, not from a loaded model: what is stored is what a scan will meet, and no more than one weight is in memory.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from .errors import BuildError
from .header import read_header
from .names import canonical_name, layer_of, reading_order

_CONV1D_MODELS = {"gpt2", "openai-gpt"}  # their block weights are stored in × out
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class _Stored:
    """Where one tensor lies: absolute offset and length in bytes."""

    file: Path
    dtype: str
    shape: list[int]
    offset: int
    length: int


class Base:
    """A base checkpoint on disk. BuildError if its files cannot be read."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._tensors: dict[str, _Stored] = {}
        for file in _weight_files(self.folder):
            for name, stored in _tensors_in(file).items():
                if name in self._tensors:
                    raise BuildError(f"{file}: {name} is also in {self._tensors[name].file.name}; keep one of them")
                self._tensors[name] = stored
        self._transposed = _model_type(self.folder) in _CONV1D_MODELS
        self._linear = self._find_linear()

    def fingerprint(self) -> str:
        """`sha256:` over names, dtypes, shapes and data of all tensors, as docs/signature-format.md defines it; read in blocks of 1 MiB."""
        digest = hashlib.sha256()
        for name in sorted(self._tensors):
            stored = self._tensors[name]
            shape = ",".join(str(size) for size in stored.shape)
            digest.update(b"".join(part.encode() + b"\0" for part in (name, stored.dtype, shape)))
            with stored.file.open("rb") as stream:
                stream.seek(stored.offset)
                left = stored.length
                while left:
                    block = stream.read(min(left, _BLOCK_BYTES))
                    if not block:
                        raise BuildError(f"{stored.file}: ends within {name}; fetch it again")
                    digest.update(block)
                    left -= len(block)
        return f"sha256:{digest.hexdigest()}"

    def weights(self) -> dict[str, list[int]]:
        """Canonical name → [out, in] of every linear weight, embedding and head included; a head tied to the embedding has its shape."""
        table = {name: self._shape(name) for name in sorted(self._linear, key=reading_order)}
        if "embed" in table:
            table.setdefault("head", table["embed"])
        return table

    def layers(self) -> int:
        """The number of transformer blocks."""
        return 1 + max((layer for name in self._linear if (layer := layer_of(name)) is not None), default=-1)

    def weight(self, name: str) -> torch.Tensor:
        """One linear weight by canonical name, out × in, in float64."""
        if name not in self._linear:
            raise BuildError(f"{self.folder}: has no weight {name}; the gradients are of another base")
        stored = self._tensors[self._linear[name]]
        with safe_open(stored.file, framework="pt") as file:
            tensor = file.get_tensor(self._linear[name]).double()
        return tensor.T.contiguous() if self._is_transposed(name) else tensor

    def _find_linear(self) -> dict[str, str]:
        """Canonical name → tensor name of every weight with two dimensions that names.py knows a place for."""
        found: dict[str, str] = {}
        for tensor, stored in self._tensors.items():
            name = canonical_name(tensor) if tensor.endswith(".weight") and len(stored.shape) == 2 else None
            if name is None:
                continue
            if name in found:
                raise BuildError(f"{self.folder}: {tensor} and {found[name]} are both {name}; teach names.py to tell them apart")
            found[name] = tensor
        return found

    def _is_transposed(self, name: str) -> bool:
        return self._transposed and layer_of(name) is not None

    def _shape(self, name: str) -> list[int]:
        shape = self._tensors[self._linear[name]].shape
        return shape[::-1] if self._is_transposed(name) else list(shape)


def _weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint: those its index names, or the only one there is."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return [folder / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
    single = folder / "model.safetensors"
    files = [single] if single.is_file() else sorted(folder.glob("*.safetensors"))
    if len(files) != 1:
        raise BuildError(f"{folder}: holds {len(files)} safetensors files and no index; give the folder of one checkpoint")
    return files


def _tensors_in(file: Path) -> dict[str, _Stored]:
    header, data_at = read_header(file)
    header.pop("__metadata__", None)
    stored = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        stored[name] = _Stored(file, entry["dtype"], entry["shape"], data_at + begin, end - begin)
    return stored


def _model_type(folder: Path) -> str | None:
    config = folder / "config.json"
    return json.loads(config.read_text()).get("model_type") if config.is_file() else None
