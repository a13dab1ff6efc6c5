"""How many singular triplets a signature needs: r of predicted and measured shift by rank, on the sources on which choices are made.

    python -m benchmarks.evidence.ranks --work DIR --organisms DIR... --behaviour FILE --candidates benchmarks/evidence/candidates.json [--traits NAME...]

In:  the cached gradients, LoRA adapters, their behaviour, and choose.py's candidates.
Out: in the candidates of each trait `ranks` {k: r} and `rank`, the least k whose r lies within NEAR of that of the most triplets. Files grow with k.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.evidence.labels import organisms_of
from benchmarks.evidence.score import Adapter, load_adapter
from benchmarks.evidence.ship import combined
from signatures.build.factor import Factors

RANKS = (1, 2, 4, 8, 16)
NEAR = 0.01


def scores(adapter: Adapter, factors: Mapping[str, Factors], ranks: Sequence[int] = RANKS) -> npt.NDArray[np.float64]:
    """Σ_w Σ_{i<k} s_i u_i' ΔW v_i for each k of `ranks`, with ΔW = scale · B A."""
    found = np.zeros(len(ranks))
    for name, (a, b) in adapter.factors.items():
        if name in factors:
            U, s, V = (m.double().numpy() for m in (factors[name].U, factors[name].s, factors[name].V))
            terms = s * np.einsum("ir,ri->i", U.T @ b, a @ V)
            found += [adapter.scale * float(terms[:k].sum()) for k in ranks]
    return found


def least(found: Mapping[int, float]) -> int:
    """The least rank whose r lies within NEAR of that of the largest rank."""
    return min(k for k, r in found.items() if r >= found[max(found)] - NEAR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("work", "behaviour", "candidates"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--organisms", type=Path, nargs="+", required=True)
    parser.add_argument("--traits", nargs="*")
    args = parser.parse_args()
    rows = json.loads(args.candidates.read_text("utf-8"))
    behaviour = json.loads(args.behaviour.read_text("utf-8"))
    folders = {f.name: f for f in args.organisms if (f / "adapter_config.json").is_file() and f.name in behaviour}
    for trait in args.traits or list(rows):
        known = [o for o in organisms_of(behaviour, list(folders)) if o.takes_part(rows[trait]["chosenOn"]) and o.is_measured(trait)]
        factors = combined(rows[trait], args.work, max(RANKS))
        table = np.array([scores(load_adapter(folders[o.id]), factors) for o in known])
        measured = [o.shift(trait) for o in known]
        found = {k: round(float(np.corrcoef(table[:, i], measured)[0, 1]), 4) for i, k in enumerate(RANKS)}
        rows[trait] |= {"ranks": found, "rank": least(found)}
        print(trait, found, "→", rows[trait]["rank"], flush=True)
    args.candidates.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
