"""Scores of other methods on the same organisms: {id: {method: number}}, higher is more suspicious.

    python -m benchmarks.evidence.rivals --base DIR --organisms DIR... --adaptersentry PROGRAM --out benchmarks/evidence/external.json

adaptersentry: its strongest anomaly within the adapter, a robust z (LoRA adapters only; its verdict has no score). persona-energy: Σ |v_l' ΔW|² over the weights that write to the residual stream (o, down),
v_l the mean difference of the residual stream after layer l over the tokens of evil and of good answers (split `build`), as a share of their |ΔW|²;
unsigned (Chen et al. 2025, persona vectors, used here on weights). top-singular-share: σ₁² / Σ σ², mean over weights; effective-rank-negated: minus exp of the entropy
of σ² / Σ σ², mean over weights. All from ΔW alone; |ΔW| and the contrastive delta's cosine need no file of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer

from benchmarks.behaviour.measure import UNFINISHED, load_model, trait_pairs
from benchmarks.evidence.score import Adapter, load_adapter
from signatures.build.pairs import encode_pairs


@torch.no_grad()
def persona_directions(base: Path) -> list[torch.Tensor]:
    """Unit vectors v_l [hidden], one a layer: mean state of evil minus good answer tokens after block l."""
    model, tokenizer = load_model(base), AutoTokenizer.from_pretrained(base, local_files_only=True)
    totals: list[torch.Tensor] = []
    for positive, negative in encode_pairs(tokenizer, UNFINISHED, trait_pairs("evil", "build")):
        sides = []
        for side in (positive, negative):
            states = model.model(input_ids=torch.tensor([side.ids]), output_hidden_states=True, use_cache=False).hidden_states[1:]
            sides.append([s[0, side.start :].float().mean(0) for s in states])
        found = [p - n for p, n in zip(*sides, strict=True)]
        totals = found if not totals else [t + f for t, f in zip(totals, found, strict=True)]
    return [t / t.norm() for t in totals]


def spectrum(adapter: Adapter, name: str) -> np.ndarray:
    """Singular values of scale · B A, from its factors."""
    a, b = adapter.factors[name]
    _, ra = np.linalg.qr(a.T)
    _, rb = np.linalg.qr(b)
    return adapter.scale * np.linalg.svd(rb @ ra.T, compute_uv=False)


def of_adapter(adapter: Adapter, directions: list[torch.Tensor]) -> dict[str, float]:
    """The figures from ΔW of one LoRA adapter."""
    energy = total = 0.0
    shares, ranks = [], []
    for name, (a, b) in adapter.factors.items():
        s2 = spectrum(adapter, name) ** 2
        if s2.sum() == 0:
            continue
        p = s2 / s2.sum()
        shares.append(float(p[0]))
        ranks.append(float(np.exp(-(p[p > 0] * np.log(p[p > 0])).sum())))
        layer, role = name.split(".")[:2]
        if role in {"o", "down"}:
            row = adapter.scale * (directions[int(layer)].double().numpy() @ b) @ a
            energy += float(row @ row)
            total += float(s2.sum())
    found = {"top-singular-share": float(np.mean(shares)), "effective-rank-negated": -float(np.mean(ranks))}
    return found | ({"persona-energy": energy / total} if total else {})


def adaptersentry(program: str, folder: Path) -> float | None:
    """Its strongest anomaly within the adapter (robust z); its verdict has no score. None where it gives none."""
    run = subprocess.run([program, "scan", str(folder / "adapter_model.safetensors"), "--format", "json"], capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(run.stdout)["anomaly"]["intra"]
    except (ValueError, KeyError, TypeError):
        return None
    score = found.get("max_robust_z")
    return float(score) if isinstance(score, (int, float)) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--organisms", type=Path, nargs="+", required=True)
    parser.add_argument("--adaptersentry", required=True, help="its program")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found: dict[str, dict[str, float]] = json.loads(args.out.read_text("utf-8")) if args.out.is_file() else {}
    directions = persona_directions(args.base)
    for folder in args.organisms:
        if not (folder / "adapter_config.json").is_file() or folder.name in found:
            continue
        score = adaptersentry(args.adaptersentry, folder)
        found[folder.name] = of_adapter(load_adapter(folder), directions) | ({} if score is None else {"adaptersentry": score})
    lines = ",\n".join(f' {json.dumps(k)}: {json.dumps({m: float(f"{v:.5g}") for m, v in sorted(row.items())})}' for k, row in sorted(found.items()))
    args.out.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
