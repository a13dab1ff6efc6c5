"""Add the inner products of all changes, <ΔW_i, ΔW_j>, to compact readings: from them the contrastive delta is computed (docs/bench.md).

    python -m benchmarks.evidence.gram --organisms DIR --readings benchmarks/evidence/readings.safetensors

In:  readings, and the LoRA adapters behind them in one folder by id. Out: the same file with the tensor `gram` [n × n], NaN for what is no adapter.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from benchmarks.evidence.score import Adapter, load_adapter


def inner(one: Adapter, two: Adapter) -> float:
    """<ΔW, ΔW'> over the weights that both change: Σ tr((B'ᵀB)(A A'ᵀ))."""
    shared = one.factors.keys() & two.factors.keys()
    return one.scale * two.scale * sum(float(((two.factors[n][1].T @ one.factors[n][1]) * (two.factors[n][0] @ one.factors[n][0].T)).sum()) for n in shared)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--organisms", type=Path, required=True)
    parser.add_argument("--readings", type=Path, required=True)
    args = parser.parse_args()
    with safe_open(args.readings, "pt") as file:
        metadata = file.metadata()
    ids = [o["id"] for o in json.loads(metadata["readings"])["organisms"]]
    adapters = {i: load_adapter(args.organisms / i) for i in ids if (args.organisms / i / "adapter_config.json").is_file()}
    gram = np.full((len(ids), len(ids)), np.nan, np.float32)
    for i, a in enumerate(ids):
        for j, b in enumerate(ids[: i + 1]):
            if a in adapters and b in adapters:
                gram[i, j] = gram[j, i] = inner(adapters[a], adapters[b])
    beside = args.readings.with_name(args.readings.name + ".part")
    save_file({**load_file(args.readings), "gram": torch.from_numpy(gram)}, beside, metadata)
    beside.replace(args.readings)


if __name__ == "__main__":
    main()
