"""Factors and a document in, one signature file out, and back (docs/signature-format.md). Same input, same bytes.

The file is written here rather than by the safetensors package, because that keeps `__metadata__` in a hash map whose order changes from run to run.
"""

import json
import re
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from . import signs
from .atomic import atomic
from .base import Base
from .errors import BuildError
from .factor import Factors, base_coordinates, factor
from .gradient import Gradients
from .header import read_header
from .library import update_index
from .names import reading_order

FORMAT = "weightseq-signature"
_VERSIONS = ("1", "2")  # 2: as `weightseq calibrate` writes it; the tensors are the same
_DTYPE_NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_TRAIT = re.compile(r"[a-z0-9-]+\Z")
_BASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "schemaVersion": int, "trait": str, "description": str, "harmful": bool, "kind": str, "unit": str, "base": dict, "method": dict, "data": list,
    "signProbes": dict, "smallestMeaningfulShift": (int, float), "level": (int, float), "null": list, "evidence": dict,
}


def factor_all(gradients: Gradients, rank: int, dtype: torch.dtype = torch.float16) -> dict[str, Factors]:
    """Factors of every weight, in reading order; weights whose gradient is 0 are left out."""
    factors = {name: factor(gradients[name], rank, dtype) for name in sorted(gradients, key=reading_order)}
    return {name: f for name, f in factors.items() if len(f.s)}


def signature_tensors(factors: Mapping[str, Factors], base: Base) -> dict[str, Tensor]:
    """The five tensors of every weight, under their names in the file. Reads the base one weight at a time."""
    tensors: dict[str, Tensor] = {}
    for name, f in factors.items():
        weight = base.weight(name)
        if weight.shape != (f.U.shape[0], f.V.shape[0]):
            raise BuildError(f"{name}: the base has {list(weight.shape)}, the gradient {[f.U.shape[0], f.V.shape[0]]}; build with its own base")
        probes = torch.from_numpy(signs.sign_coordinates(name, weight.numpy()))
        tensors |= {f"{name}.U": f.U, f"{name}.s": f.s, f"{name}.V": f.V, f"{name}.c0": base_coordinates(f, weight), f"{name}.probes": probes}
    return tensors


def write_signature(file: str | Path, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Write a signature file: complete or not at all. BuildError if the document lacks a field of the format."""
    file = Path(file)
    _check(document)
    file.parent.mkdir(parents=True, exist_ok=True)
    header, order = _tensor_table(tensors)
    with atomic(file) as stream:
        stream.write(_header_bytes(header, document))
        for name in order:
            stream.write(tensors[name].contiguous().flatten().view(torch.uint8).numpy().tobytes())


def read_signature(file: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """(document, tensors) of a signature file. BuildError if it is none."""
    header, _ = _read_own_header(Path(file))
    return json.loads(header["__metadata__"]["signature"]), load_file(file)


def finalize(file: str | Path, **fields: Any) -> None:
    """Put `calibration=…`, `null=…`, `evidence=…` (or another field of the document) into a signature file; its tensors stay bit for bit.

    Atomic. Where the file lies in a library, its line in the index is renewed.
    """
    file = Path(file)
    header, data_at = _read_own_header(file)
    document = {**json.loads(header.pop("__metadata__")["signature"]), **fields}
    _check(document)
    with file.open("rb") as old, atomic(file) as stream:
        stream.write(_header_bytes(header, document))
        old.seek(data_at)
        shutil.copyfileobj(old, stream)
    update_index(file, document)


def _check(document: Mapping[str, Any]) -> None:
    for field, kind in _REQUIRED.items():
        value = document.get(field)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BuildError(f'signature: "{field}" is {json.dumps(value, default=str)[:60]}; see docs/signature-format.md for what it holds')
    if unknown := sorted(set(document) - set(_REQUIRED) - {"calibration"}):
        raise BuildError(f"signature: {', '.join(unknown)}: no such field; see docs/signature-format.md, or put it into method")
    if str(document["schemaVersion"]) not in _VERSIONS:
        raise BuildError(f"signature: schemaVersion {document['schemaVersion']}, this builder knows {' and '.join(_VERSIONS)}")
    if not _TRAIT.match(document["trait"]):
        raise BuildError(f"--trait {document['trait']}: use small letters, digits and hyphens only")
    if not _BASE_NAME.match(str(document["base"].get("name"))):
        raise BuildError(f"--base-name {document['base'].get('name')}: use letters, digits, dots and hyphens only")
    if "calibration" not in document or not isinstance(document["calibration"], (dict, type(None))):
        raise BuildError('signature: "calibration" is neither an object nor null')


def _tensor_table(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Any], list[str]]:
    """The header's entries and the order of the data: widest dtype first, so that every tensor is aligned to its dtype."""
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), reading_order(name)))
    header, at = {}, 0
    for name in order:
        tensor = tensors[name]
        end = at + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPE_NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, end]}
        at = end
    return header, order


def _header_bytes(tensor_table: Mapping[str, Any], document: Mapping[str, Any]) -> bytes:
    metadata = {"format": FORMAT, "version": str(document["schemaVersion"]), "signature": canonical_json(document)}
    text = canonical_json({"__metadata__": metadata, **tensor_table}).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _read_own_header(file: Path) -> tuple[dict[str, Any], int]:
    """(header, offset of the data) of a signature file. BuildError if it is another kind of file."""
    header, data_at = read_header(file)
    metadata = header.get("__metadata__", {})
    if metadata.get("format") != FORMAT or metadata.get("version") not in _VERSIONS or "signature" not in metadata:
        raise BuildError(f"{file}: is no signature file of version 1 or 2; build it again")
    return header, data_at


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces and no NaN: one text for one value."""
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BuildError(f"signature: the document is not JSON ({error})") from error
