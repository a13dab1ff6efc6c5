"""Everything a comparison of candidates needs, as small tables: computed once from the cached gradients and the adapters.

inner[g][organism][weight] = <ΔW, G_g> and gram[weight][g][h] = <G_g, G_h> (weight by weight). Scores of any mean of gradients over
points, with any styles projected out, over any layers, are sums of these: the gradients need not be read again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from benchmarks.evidence import gradients, score


class Tables(TypedDict):
    """See above; `norms` is |ΔW| of each organism."""

    names: list[str]
    weights: list[str]
    inner: dict[str, dict[str, list[float]]]
    gram: dict[str, list[list[float]]]
    norms: dict[str, float]


def build(work: Path, names: Sequence[str], adapters: Sequence[Path]) -> Tables:
    """Tables of the named gradients and adapters (folders); ids are folder names. WORK/tables.json keeps what was computed before."""
    kept_file = work / "tables.json"
    kept: dict[str, Any] = json.loads(kept_file.read_text()) if kept_file.is_file() else {"names": []}
    if kept["names"] != list(names):
        kept = {"names": list(names), "weights": [], "inner": {name: {} for name in names}, "gram": {}, "norms": {}}
    organisms = [score.load_adapter(folder) for folder in adapters if folder.name not in kept["norms"]]
    if organisms:
        loaded = {name: gradients.load(work, name) for name in names}
        kept["weights"] = weights = sorted(next(iter(loaded.values())))
        kept["norms"] |= {a.id: a.norm() for a in organisms}
        for name, one in loaded.items():
            for a in organisms:
                products = score.inner_products(a, one)
                kept["inner"][name][a.id] = [products.get(w, 0.0) for w in weights]
        for w in weights if not kept["gram"] else []:
            stacked = np.stack([loaded[name][w].double().numpy().ravel() for name in names])
            kept["gram"][w] = (stacked @ stacked.T).tolist()
        kept_file.write_text(json.dumps(kept))
    ids = {folder.name for folder in adapters}
    return {"names": kept["names"], "weights": kept["weights"], "gram": kept["gram"], "norms": {a: n for a, n in kept["norms"].items() if a in ids},
            "inner": {name: {a: row for a, row in rows.items() if a in ids} for name, rows in kept["inner"].items()}}


def combination(tables: Tables, mean_of: dict[str, float], project: Sequence[str], weight: str) -> dict[str, float]:
    """Coefficients over gradients of (mean of `mean_of`, weighted) minus its projection on the styles, at one weight."""
    at = {name: i for i, name in enumerate(tables["names"])}
    total = sum(mean_of.values())
    coefficients = {name: share / total for name, share in mean_of.items()}
    if project:
        gram = np.asarray(tables["gram"][weight])
        styles = [at[name] for name in project]
        against = sum(share * gram[np.ix_(styles, [at[name]])][:, 0] for name, share in coefficients.items())
        removed = np.linalg.pinv(gram[np.ix_(styles, styles)], rcond=1e-10, hermitian=True) @ against
        for name, amount in zip(project, removed):
            coefficients[name] = coefficients.get(name, 0.0) - float(amount)
    return coefficients


def full_rank_scores(tables: Tables, mean_of: dict[str, float], project: Sequence[str], weights: Sequence[str]) -> dict[str, float]:
    """Score of every organism by the full gradients over the given weights."""
    totals = dict.fromkeys(tables["norms"], 0.0)
    at = {w: i for i, w in enumerate(tables["weights"])}
    for weight in weights:
        for name, share in combination(tables, mean_of, project, weight).items():
            for organism in totals:
                totals[organism] += share * tables["inner"][name][organism][at[weight]]
    return totals
