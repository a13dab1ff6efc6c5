"""The figures by which a signature is chosen and judged: pure functions on lists of numbers.

Scores are raw sums; shifts are nats per token. Spreads are sample standard deviations (n − 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from scipy import stats


class Line(TypedDict):
    """The calibration object of docs/signature-format.md."""

    slope: float
    intercept: float
    interceptFixed: bool
    residualSd: float
    n: int
    meanScore: float
    sumSquares: float
    confidence: float


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    """Correlation; nan for fewer than three points."""
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 2 else float("nan")


def null_p(score: float, source_means: Sequence[float]) -> float:
    """p = 1 − T_{n−1}((score − m) / (s √(1 + 1/n))) over the n benign source means."""
    n = len(source_means)
    m, s = float(np.mean(source_means)), float(np.std(source_means, ddof=1))
    return float(stats.t.sf((score - m) / (s * (1 + 1 / n) ** 0.5), n - 1))


def separation(score: float, source_means: Sequence[float]) -> float:
    """d' of one score: its distance from the benign mean in benign standard deviations."""
    return (score - float(np.mean(source_means))) / float(np.std(source_means, ddof=1))


def leave_one_out_p(sources: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """For each benign source, p of its highest score against the means of the other sources: small is a false alarm."""
    means = {name: float(np.mean(scores)) for name, scores in sources.items()}
    return {name: null_p(max(scores), [m for other, m in means.items() if other != name]) for name, scores in sources.items()}


def fit_line(scores: Sequence[float], shifts: Sequence[float], through_zero: bool, confidence: float = 0.9) -> Line:
    """Ordinary least squares of shift on score, the intercept free or fixed at 0."""
    x, y = np.asarray(scores, float), np.asarray(shifts, float)
    mean = float(x.mean())
    if through_zero:
        squares, intercept = float(x @ x), 0.0
        slope = float(x @ y) / squares
    else:
        squares = float(((x - mean) ** 2).sum())
        slope = float((x - mean) @ y) / squares
        intercept = float(y.mean()) - slope * mean
    residual = y - intercept - slope * x
    freedom = len(x) - (1 if through_zero else 2)
    return {"slope": slope, "intercept": intercept, "interceptFixed": through_zero, "residualSd": float((residual @ residual / freedom) ** 0.5),
            "n": len(x), "meanScore": mean, "sumSquares": squares, "confidence": confidence}


def half_width(line: Line, score: float) -> float:
    """Half the prediction interval at the line's confidence."""
    if line["interceptFixed"]:
        spread, freedom = 1 + score**2 / line["sumSquares"], line["n"] - 1
    else:
        spread, freedom = 1 + 1 / line["n"] + (score - line["meanScore"]) ** 2 / line["sumSquares"], line["n"] - 2
    return float(stats.t.ppf((1 + line["confidence"]) / 2, freedom)) * line["residualSd"] * spread**0.5


def leave_source_out_error(groups: Sequence[str], scores: Sequence[float], shifts: Sequence[float]) -> float:
    """Root mean square error of the shift predicted by a line through 0 fitted without the organism's own source."""
    errors = []
    for group in sorted(set(groups)):
        rest = [i for i, g in enumerate(groups) if g != group]
        line = fit_line([scores[i] for i in rest], [shifts[i] for i in rest], through_zero=True)
        errors += [(line["slope"] * scores[i] - shifts[i]) ** 2 for i, g in enumerate(groups) if g == group]
    return float(np.mean(errors) ** 0.5)
