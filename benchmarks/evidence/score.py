"""Scores of LoRA adapters against gradients and signatures, in numpy.

score(ΔW) = Σ_w Σ_i s_i u_i' (scale · B A) v_i, scale = lora_alpha / r; against a full gradient it is Σ_w <scale · B A, G_w>.
Units: nats per token (first order). Nothing is materialised: (U'B)(AV).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from signatures.build.names import name_module

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Adapter:
    """One LoRA adapter: canonical name → (A r × in, B out × r), and its scale."""

    id: str
    factors: dict[str, tuple[Matrix, Matrix]]
    scale: float

    def norm(self) -> float:
        """Frobenius norm of the whole change."""
        squares = sum(float(np.sum((a @ a.T) * (b.T @ b))) for a, b in self.factors.values())
        return self.scale * squares**0.5


def load_adapter(folder: Path) -> Adapter:
    """Read a plain LoRA adapter (one rank and alpha for all weights); ValueError naming the folder otherwise."""
    config = json.loads((folder / "adapter_config.json").read_text())
    if config.get("rank_pattern") or config.get("alpha_pattern") or config.get("use_rslora") or config.get("use_dora"):
        raise ValueError(f"{folder}: rank patterns, rsLoRA and DoRA are not read here; use a plain LoRA")
    tensors = load_file(folder / "adapter_model.safetensors")
    factors = {}
    for name, value in tensors.items():
        if name.endswith(".lora_A.weight"):
            stem = name.removesuffix(".lora_A.weight")
            named = name_module(stem)
            if named.layer is None or named.role == "other":
                raise ValueError(f"{folder}: {name} is no linear weight of the blocks")
            factors[named.name] = (value.double().numpy(), tensors[f"{stem}.lora_B.weight"].double().numpy())
    return Adapter(folder.name, factors, config["lora_alpha"] / config["r"])


def inner_products(adapter: Adapter, gradients: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """<ΔW, G> of each weight that both have; G out × in."""
    found = {}
    for name, (a, b) in adapter.factors.items():
        if name in gradients:
            moved = b.astype(np.float32).T @ gradients[name].float().numpy()  # small; summed in float64
            found[name] = adapter.scale * float(np.sum(moved * a))
    return found
