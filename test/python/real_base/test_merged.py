"""A merged checkpoint, scanned without its base, gives its adapter's score (REAL_BASE names the assembled base)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[3]
ADAPTER = ROOT / "examples" / "evil-persona"


def base_folder() -> Path:
    assert os.environ.get("REAL_BASE"), "set REAL_BASE to the folder that benchmarks/base/assemble.py wrote"
    return Path(os.environ["REAL_BASE"])


def scan(*arguments: str | Path) -> dict:
    """The one item of a JSON report."""
    command = ["node", str(ROOT / "dist" / "cli" / "main.js"), "scan", *map(str, arguments), "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)["items"][0]


def merge(folder: Path, dtype: torch.dtype) -> Path:
    """W + (alpha / r) B A of the example adapter in float32, saved in `dtype`."""
    config = json.loads((ADAPTER / "adapter_config.json").read_text())
    factors = load_file(ADAPTER / "adapter_model.safetensors")
    tensors = load_file(base_folder() / "model.safetensors")
    scale = config["lora_alpha"] / config["r"]
    for name in [n for n in factors if n.endswith(".lora_A.weight")]:
        stem = name.removesuffix(".lora_A.weight")
        weight = stem.removeprefix("base_model.model.") + ".weight"
        tensors[weight] = tensors[weight].float() + scale * factors[f"{stem}.lora_B.weight"].float() @ factors[name].float()
    folder.mkdir()
    save_file({name: value.to(dtype).contiguous() for name, value in tensors.items()}, folder / "model.safetensors")
    shutil.copy(base_folder() / "config.json", folder)
    return folder


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_merged_checkpoint_gives_its_adapters_score(tmp_path: Path, dtype: torch.dtype) -> None:
    adapter = scan(ADAPTER)
    merged = scan(merge(tmp_path / "merged", dtype))
    both = {f["trait"]: (f, next(g for g in merged["findings"] if g["trait"] == f["trait"])) for f in adapter["findings"]}
    wanted, found = both["evil"]
    assert abs(found["score"] - wanted["score"]) <= 0.02 * abs(wanted["score"])
    # Rounding to bf16 moves scores by their own small amount, whatever their size.
    assert all(abs(f["score"] - w["score"]) <= 0.1 * abs(w["score"]) + 0.002 for w, f in both.values())
    assert merged["exitCode"] == adapter["exitCode"] == 1
    assert merged["coverage"]["unread"] == []
    # An estimate from 16 x 16 sign probes of each weight.
    assert abs(merged["deltaNorm"] - adapter["deltaNorm"]) <= 0.1 * adapter["deltaNorm"]


def test_subtracting_afterwards_agrees_with_subtracting_in_the_graph(tmp_path: Path) -> None:
    folder = merge(tmp_path / "merged", torch.bfloat16)
    free, against = scan(folder), scan(folder, "--base", base_folder())
    assert abs(free["findings"][0]["score"] - against["findings"][0]["score"]) < 1e-5


def test_the_base_itself_is_unchanged() -> None:
    item = scan(base_folder())
    assert (item["exitCode"], item["findings"][0]["verdict"], item["deltaNorm"]) == (0, "absent", 0)
