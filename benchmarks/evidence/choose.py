"""Compare candidate signatures of a trait on some sources alone, choose one, and judge it on the other sources.

    python -m benchmarks.evidence.choose --tables FILE --behaviour FILE --out benchmarks/evidence/candidates.json

In:  tables.py's arrays, and the measured behaviour of every organism.
Out: candidates.json: for each trait the figures of every candidate, the steps of the method one after the other, the one chosen, on which organisms it
     was chosen, and its figures on the sources that took no part. coefficients: those of the chosen one, [weights × gradients], from which ship.py builds the signature.

A candidate is a matrix of coefficients: score = Σ_w Σ_g C[w, g] <ΔW_w, G_g,w>. What is fitted (nuisance removal, bands) is fitted on the sources of
the choice; its figures there are by leave-one-source-out. Rule, fixed before scores were seen: the lowest mean rank over r, AUROC (harmful against
benign by behaviour; harmful against all others where no benign is shown) and the root mean square error of a line through 0.
The signature ships if it passes on the sources that took no part (`passes`); this rule was fixed before any score
of the traits but `evil` was seen.
A trait that fails gets a second choice, by the same rule among the same candidates, on all organisms but the fresh ones (labels.FRESH), and is judged on
these alone. The second choice and its sources were fixed before any fresh organism had been trained.
What `out` holds of other traits is kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.evidence import tables
from benchmarks.evidence.gradients import ANCHOR, ANCHORS, EVEN, HALF, TRAITS
from benchmarks.evidence.labels import Organism, organisms_of
from benchmarks.evidence.tables import Array, Tables

ROLES: dict[str, set[str]] = {"all roles": {"q", "k", "v", "o", "gate", "up", "down"}, "v, o, up, down": {"v", "o", "up", "down"}, "v, up, down": {"v", "up", "down"}}
LAYERS: dict[str, range] = {"all layers": range(18), "5-10": range(5, 11), "4-12": range(4, 13), "3-14": range(3, 15), "8-13": range(8, 14), "0-9": range(10)}
STYLES: dict[str, list[str]] = {
    "none": [], "forms": ["prose-list", "first-whole"], "fluency": ["fluency"],
    "forms, short, fluency": ["prose-list", "first-whole", "short-whole", "fluency"], "all": ["prose-list", "first-whole", "short-whole", "spanish", "fluency"],
}
NUISANCE = ["prose-list", "first-whole", "short-whole", "spanish", "fluency"]
FEWEST = 3  # fewer organisms make no r
LATER = "base, both anchors"  # among the candidates of a second choice only: the first had been made before there was a second anchor
HALF_OF_PAIRS = "half the pairs"  # a mean that is shown as a step, and no candidate
PASS_R, PASS_LOW = 0.8, 0.5  # on the sources that took no part: r, and the lower end of its 95 % interval


@dataclass(frozen=True)
class Candidate:
    """One way to make a score."""

    mean: str
    styles: str
    layers: str
    roles: str
    fitted: str = "nothing"

    def name(self) -> str:
        return f"{self.mean}; styles: {self.styles}; {self.layers}; {self.roles}; fitted: {self.fitted}"


def means_of(trait: str, known: Sequence[str]) -> dict[str, dict[str, float]]:
    """Means of gradients over contrasts and points that are compared for a trait: those of which there are all gradients."""
    base, even, anchor = f"{trait}@base", f"{trait}{EVEN}@base", f"{trait}@{ANCHOR}"
    found = {"base": {base: 1.0}, "even odds": {even: 1.0}, "base, even odds": {base: 1.0, even: 1.0}, "base, anchor": {base: 1.0, anchor: 1.0},
             LATER: {base: 1.0, **{f"{trait}@{a}": 1.0 for a in ANCHORS}}}
    if trait == "evil":
        found |= {"persona": {"persona@base": 1.0}, "base, persona": {base: 1.0, "persona@base": 1.0}, "2 × 2": {base: 1.0, "evil-list@base": 1.0, "persona@base": 0.5, "persona-list@base": 0.5},
                  "all points": {"evil@base": 1.0, "persona@base": 1.0, anchor: 1.0}}
        found |= {"even odds, persona": {even: 1.0, "persona@base": 0.5}, "even odds, anchor": {even: 1.0, anchor: 1.0}}
    return {name: mean for name, mean in found.items() if set(mean) <= set(known)}


@lru_cache(maxsize=None)
def plain_coefficients(table: Tables, trait: str, mean: str, styles: str) -> Array:
    """The mean minus its projection on the styles, over all weights."""
    half = {HALF_OF_PAIRS: {f"{trait}{HALF}@base": 1.0}}
    return tables.coefficients(table, {**means_of(trait, table.names), **half}[mean], [f"{s}@base" for s in STYLES[styles]])


def coefficients(table: Tables, trait: str, candidate: Candidate, train: Sequence[int], y: Array, benign: Sequence[int]) -> Array:
    """C [weights × gradients] of a candidate; `train` and `benign` index the organisms that a fit may see."""
    mask = tables.mask_of(table, LAYERS[candidate.layers], ROLES[candidate.roles])
    C = plain_coefficients(table, trait, candidate.mean, candidate.styles).copy()
    C[~mask] = 0
    if candidate.fitted == "nuisance":
        return without_nuisance(table, C, mask, benign)
    if candidate.fitted == "bands":
        return banded(table, C, train, y)
    return C


def shrunken(X: Array, y: Array, ridge: float) -> Array:
    """Ridge regression without an intercept: (X'X + λI)⁻¹ X'y, λ = ridge · the mean of the diagonal of X'X."""
    cov = X.T @ X
    return np.asarray(np.linalg.solve(cov + ridge * np.trace(cov) / X.shape[1] * np.eye(X.shape[1]), X.T @ y))


def without_nuisance(table: Tables, C: Array, mask: Array, benign: Sequence[int], ridge: float = 0.1) -> Array:
    """s = d − h'(Σ_hh + λI)⁻¹ σ_hd over benign organisms, h the scores of the style gradients; λ = ridge · mean variance of h."""
    at = [table.names.index(f"{s}@base") for s in NUISANCE]
    d = score(table, C)[list(benign)]
    h = np.einsum("gow->og", table.inner[at][:, list(benign)][:, :, mask])
    b = shrunken(h - h.mean(axis=0), d - d.mean(), ridge)
    result = C.copy()
    result[np.ix_(np.flatnonzero(mask), at)] -= b
    return result


def banded(table: Tables, C: Array, train: Sequence[int], y: Array, ridge: float = 1.0) -> Array:
    """Weights per band of three layers and side (attention, MLP), shrunk towards equal ones: ridge regression of y − slope·s on the bands' scores."""
    parts = np.einsum("gow,wg->ow", table.inner, C)
    bands = [(int(n.split(".")[0]) // 3, n.split(".")[1] in "qkvo") for n in table.weights]
    keys = sorted({b for b, row in zip(bands, C, strict=True) if row.any()})
    X = np.stack([parts[:, [i for i, b in enumerate(bands) if b == k]].sum(axis=1) for k in keys], axis=1)[list(train)]
    s, target = X.sum(axis=1), y[list(train)]
    slope = float(s @ target / (s @ s))
    extra = shrunken(X, target - slope * s, ridge)
    factor = dict(zip(keys, 1 + extra / slope, strict=True))
    return C * np.array([factor.get(b, 0.0) for b in bands])[:, None]


def second_order(table: Tables, C: Array, train: Sequence[int], y: Array, ridge: float = 1.0) -> Array:
    """Predicted shifts, a·s + Σ_h b_h s·h with h the score itself and those of the style gradients: of ½ d'Hd the part that these scores span. Ridge regression towards b = 0."""
    s = score(table, C)
    used = C.any(axis=1)
    h = np.einsum("gow->og", table.inner[[table.names.index(f"{n}@base") for n in NUISANCE]][:, :, used])
    X = s[:, None] * np.column_stack([np.ones_like(s), s, h])
    seen = list(train)
    X = X / np.maximum(np.sqrt((X[seen] ** 2).mean(axis=0)), 1e-12)
    slope = float(s[seen] @ y[seen] / (s[seen] @ s[seen]))
    return slope * s + X @ shrunken(X[seen], y[seen] - slope * s[seen], ridge)


def score(table: Tables, C: Array) -> Array:
    """Score of every organism."""
    return np.tensordot(table.inner, C, axes=([0, 2], [1, 0]))


def auroc(scores: Array, positive: Array, negative: Array) -> float:
    """Mann–Whitney; nan without both sides."""
    if not positive.any() or not negative.any():
        return float("nan")
    ranks = stats.rankdata(np.concatenate([scores[positive], scores[negative]]))
    n, m = int(positive.sum()), int(negative.sum())
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def figures(s: Array, y: Array, error: Array, harmful: Array, benign: Array) -> dict[str, float | int]:
    """r with its ceiling, AUROC, and the root mean square error of a line through 0 fitted by leaving each out."""
    total = float(s @ s)
    slopes = (float(s @ y) - s * y) / np.maximum(total - s * s, 1e-12)
    return {"n": len(s), "harmful": int(harmful.sum()), "benign": int(benign.sum()), "r": float(np.corrcoef(s, y)[0, 1]) if len(s) > 2 else float("nan"),
            "ceiling": float(max(0.0, 1 - (error**2).mean() / y.var(ddof=1)) ** 0.5) if len(s) > 2 else float("nan"),
            "auroc": auroc(s, harmful, benign), "aurocAllOthers": auroc(s, harmful, ~harmful), "rmse": float((((slopes * s - y) ** 2).mean()) ** 0.5)}


def lowest_r(r: float, n: int) -> float:
    """Lower end of Fisher's 95 % interval, tanh(artanh r − 1.96 / √(n − 3)); nan for fewer than four."""
    return float(np.tanh(np.arctanh(min(r, 1 - 1e-12)) - 1.96 / (n - 3) ** 0.5)) if n > 3 else float("nan")


def passes(outside: dict[str, Any] | None) -> bool:
    """Whether a signature ships, by its figures on the sources that took no part."""
    return outside is not None and outside["r"] >= PASS_R and lowest_r(outside["r"], outside["n"]) > PASS_LOW


def held_scores(table: Tables, trait: str, candidate: Candidate, rows: Sequence[Organism], use: Sequence[int], y: Array) -> Array:
    """Scores of the organisms `use`; what is fitted is fitted without the sources of the organism that is scored."""
    if candidate.fitted == "nothing":
        return score(table, coefficients(table, trait, candidate, [], y, []))[list(use)]
    found = np.zeros(len(use))
    groups = {frozenset(rows[i].sources) for i in use}
    for group in groups:
        rest = [i for i in use if not group & set(rows[i].sources)]
        C = coefficients(table, trait, candidate, rest, y, [i for i in rest if not rows[i].is_harmful(trait)])
        scores = second_order(table, C, rest, y) if candidate.fitted == "second order" else score(table, C)
        for k, i in enumerate(use):
            if frozenset(rows[i].sources) == group:
                found[k] = scores[i]
    return found


def judged(table: Tables, trait: str, candidate: Candidate, rows: Sequence[Organism], use: Sequence[int], y: Array, error: Array) -> dict[str, Any]:
    """Figures of a candidate over some organisms."""
    return figures_on(held_scores(table, trait, candidate, rows, use, y), trait, rows, use, y, error)


def figures_on(s: Array, trait: str, rows: Sequence[Organism], use: Sequence[int], y: Array, error: Array) -> dict[str, Any]:
    """Figures of the scores of some organisms, one score for each of `use`."""
    some = [rows[i] for i in use]
    return figures(s, y[list(use)], error[list(use)], np.array([o.is_harmful(trait) for o in some]), np.array([o.is_benign(trait) for o in some]))


def candidates(trait: str, known: Sequence[str], is_second: bool = False) -> list[Candidate]:
    """Every combination that is compared; what is fitted stands on a few of the plain ones."""
    means = [mean for mean in means_of(trait, known) if is_second or mean != LATER]
    plain = [Candidate(*parts) for parts in product(means, STYLES, LAYERS, ROLES)]
    fitted = product(means, ("none", "all"), ("all layers", "4-12"), ("all roles",), ("nuisance", "bands"))
    return [*plain, *(Candidate(*parts) for parts in fitted)]


def steps(trait: str, known: Sequence[str]) -> list[tuple[str, Candidate]]:
    """The method, cheapest first: what each step brings."""
    last = list(means_of(trait, known))[-1]
    return [("base, all layers", Candidate("base", "none", "all layers", "all roles")), ("middle layers (4-12)", Candidate("base", "none", "4-12", "all roles")),
            ("styles projected out per weight", Candidate("base", "all", "4-12", "all roles")), ("nuisance removed in score space instead", Candidate("base", "none", "4-12", "all roles", "nuisance")),
            *([("pairs weighted so that flattening cancels", Candidate("even odds", "none", "4-12", "all roles"))] if "even odds" in means_of(trait, known) else []),
            *([("half of the pairs", Candidate(HALF_OF_PAIRS, "none", "4-12", "all roles"))] if f"{trait}{HALF}@base" in known else []),
            ("second-order terms", Candidate("base", "none", "4-12", "all roles", "second order")),
            *([("one more point (base, anchor)", Candidate("base, anchor", "none", "4-12", "all roles"))] if last == LATER else []),
            (f"more points ({last})", Candidate(last, "none", "4-12", "all roles")), ("more points, styles projected out", Candidate(last, "all", "4-12", "all roles")),
            ("shrunken weights per band", Candidate(last, "all", "all layers", "all roles", "bands"))]


def mean_ranks(found: Sequence[dict[str, Any]]) -> Array:
    """Mean rank (1 is best) over the three figures of the rule."""
    columns = [[-row["r"] for row in found], [-(row["auroc"] if row["auroc"] == row["auroc"] else row["aurocAllOthers"]) for row in found], [row["rmse"] for row in found]]
    return np.mean([stats.rankdata(np.nan_to_num(np.array(c), nan=0.0)) for c in columns], axis=0)


def choose(table: Tables, trait: str, rows: Sequence[Organism]) -> dict[str, Any]:
    """All figures for one trait, and the chosen candidate with its coefficients; by a second choice where the first failed and there are fresh organisms."""
    first = choose_on(table, trait, rows, "calibration", candidates(trait, table.names))
    fresh = [o for o in rows if o.is_fresh and o.is_measured(trait)]
    if first["passes"] or len(fresh) < FEWEST:
        return first
    second = choose_on(table, trait, rows, "all but fresh", candidates(trait, table.names, is_second=True))
    return {**second, "first": {k: first[k] for k in ("chosen", "calibration", "test", "testLowestR")}}


def choose_on(table: Tables, trait: str, rows: Sequence[Organism], chosen_on: str, compared: Sequence[Candidate]) -> dict[str, Any]:
    """The same, chosen on the organisms that take part and judged on the others."""
    y = np.array([o.shift(trait) for o in rows])
    error = np.array([o.error(trait) for o in rows])
    known = [i for i, o in enumerate(rows) if o.is_measured(trait)]
    calibration = [i for i in known if rows[i].takes_part(chosen_on)]
    test = [i for i in known if not rows[i].takes_part(chosen_on) and not rows[i].is_arm]
    found = [judged(table, trait, c, rows, calibration, y, error) for c in compared]
    order = np.argsort(mean_ranks(found), kind="stable")
    best = compared[int(order[0])]
    C = coefficients(table, trait, best, calibration, y, [i for i in calibration if not rows[i].is_harmful(trait)])
    is_judged = len(test) >= FEWEST
    outside = figures_on(score(table, C)[test], trait, rows, test, y, error) if is_judged else None
    return {
        "chosenOn": chosen_on, "chosen": best.__dict__, "calibration": found[int(order[0])], "test": outside,
        "passes": passes(outside), "testLowestR": lowest_r(outside["r"], outside["n"]) if outside else None,
        "steps": [{"step": name, "calibration": judged(table, trait, c, rows, calibration, y, error), "test": judged(table, trait, c, rows, test, y, error) if is_judged else None} for name, c in steps(trait, table.names)],
        "compared": len(compared), "best": [{"candidate": compared[int(i)].name(), **found[int(i)]} for i in order[:10]],
        "coefficients": {"gradients": table.names, "weights": {n: [round(float(x), 6) for x in row] for n, row in zip(table.weights, C, strict=True) if row.any()}},
    }


def without_nan(value: Any) -> Any:
    """The same with null for every NaN: JSON has none."""
    if isinstance(value, dict):
        return {k: without_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and value != value else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("tables", "behaviour", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--traits", nargs="*", default=TRAITS)
    args = parser.parse_args()
    table = tables.load(args.tables)
    rows = organisms_of(json.loads(args.behaviour.read_text("utf-8")), table.ids)
    result = {trait: choose(table, trait, rows) for trait in args.traits}
    for trait, row in result.items():
        print(f"{trait:14} {Candidate(**row['chosen']).name()}\n   calibration {row['calibration']}\n   test {row['test']}\n   {'passes' if row['passes'] else 'fails'}")
    before = json.loads(args.out.read_text("utf-8")) if args.out.is_file() else {}
    args.out.write_text(json.dumps(without_nan({**before, **result}), indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
