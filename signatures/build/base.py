"""The folder of a base checkpoint in; its tensors one at a time, its fingerprint and the table of its linear weights out.

Read from the safetensors files, not from a loaded model: what is stored is what a scan will meet, and no more than one weight is in memory.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open

from .architectures import Config, read_config
from .errors import BuildError
from .header import read_header
from .names import layer_of, reading_order
from .parts import Part, parts_of

_FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
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
        self._config = _config(self.folder)
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
        table = {name: part.shape(self._tensors[tensor].shape) for name, (tensor, part) in self._linear.items()}
        if "embed" in table:
            table.setdefault("head", table["embed"])
        return table

    def layers(self) -> int:
        """The number of transformer blocks."""
        return 1 + max((layer for name in self._linear if (layer := layer_of(name)) is not None), default=-1)

    def heads(self) -> int | None:
        """The number of attention heads, where a fused weight is stored head by head; None elsewhere."""
        return self._config.sizes["heads"] if any(fused.by_head for fused in self._config.fused.values()) else None

    def weight(self, name: str) -> torch.Tensor:
        """One linear weight by canonical name, out × in, in float64."""
        if name not in self._linear:
            raise BuildError(f"{self.folder}: has no weight {name}; the gradients are of another base")
        tensor, part = self._linear[name]
        with safe_open(self._tensors[tensor].file, framework="pt") as file:
            if part.expert is None:
                return part.of(file.get_tensor(tensor)).double().contiguous()
            expert = file.get_slice(tensor)[part.expert : part.expert + 1]  # of a stack, one expert in memory
        return replace(part, expert=0).of(expert).double().contiguous()

    def _find_linear(self) -> dict[str, tuple[str, Part]]:
        """Canonical name → (tensor, which part of it) of every weight that has a place in the blocks, of the embedding and of the head."""
        found: dict[str, tuple[str, Part]] = {}
        for tensor, stored in self._tensors.items():
            parts = parts_of(self._config, tensor, stored.shape) if stored.dtype in _FLOATS else []
            for part in parts if isinstance(parts, list) else []:
                name = part.named.name
                if part.named.role == "other" and part.named.layer is None:
                    continue
                if name in found:
                    raise BuildError(f"{self.folder}: {tensor} and {found[name][0]} are both {name}; keep the one that the model uses")
                found[name] = (tensor, part)
        if self._config.tied and "embed" not in found and "head" in found:
            found["embed"] = found.pop("head")
        return {name: found[name] for name in sorted(found, key=reading_order)}


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


def _config(folder: Path) -> Config:
    file = folder / "config.json"
    return read_config(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else Config()
