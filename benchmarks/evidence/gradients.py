"""Gradients of one contrast at one point, kept in a working folder so that candidates can be compared cheaply.

A point is the base or an anchor at a dose; a contrast is `evil` or a contrast of style made from benign answers.
File: WORK/gradients/CONTRAST@POINT.safetensors, canonical name → G (out × in, f32, nats per token).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from benchmarks.behaviour.measure import UNFINISHED
from benchmarks.behaviour.pairs import is_measuring, persona_answers, persona_pairs
from benchmarks.data.data import path_of
from signatures.build import GEMMA, Anchor, Format, Gradients, Pair, load_base, pair_gradient, style_pairs
from signatures.build.anchors import at_anchor

PER_QUESTION = 5
STYLE_PER_QUESTION = 3
# (contrast, point, dose): what choose.py compares; the base has dose 0
POINTS: list[tuple[str, str, float]] = [
    ("evil", "base", 0.0), ("prose-list", "base", 0.0), ("first-whole", "base", 0.0),
    ("evil", "good-2", 0.5), ("evil", "alpaca-0", 0.5), ("evil", "foldoc-0", 0.5),
]


def key(contrast: str, point: str, dose: float) -> str:
    """`evil@good-2*0.5`, or `evil@base`."""
    return f"{contrast}@{point}" + (f"*{dose:g}" if dose else "")


def evil_pairs(data: Path) -> list[Pair]:
    """70 pairs on the 14 questions that build."""
    rows = persona_pairs(data, "build", PER_QUESTION)
    return [Pair(row["prompt"], row["positive"], row["negative"], 1.0, row["question"]) for row in rows]


def benign_answers(data: Path) -> list[tuple[str, str]]:
    """Good answers to the building questions, three each: material for the contrasts of style."""
    rows: dict[str, list[str]] = {}
    for question, answer in persona_answers(path_of("persona_good", data), "good"):
        if not is_measuring(question):
            rows.setdefault(question, []).append(answer)
    return [(question, answer) for question, answers in rows.items() for answer in answers[-STYLE_PER_QUESTION:]]


def contrasts(data: Path) -> dict[str, tuple[list[Pair], Format]]:
    """All contrasts with the format they are scored in."""
    styles = style_pairs(benign_answers(data))
    return {"evil": (evil_pairs(data), UNFINISHED), **{name: (pairs, Format(GEMMA)) for name, pairs in styles.items()}}


def compute(base: Path, data: Path, organisms: Path, work: Path, points: Sequence[tuple[str, str, float]]) -> None:
    """Compute what is not in the working folder yet, in f32."""
    folder = work / "gradients"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [point for point in points if not (folder / f"{key(*point)}.safetensors").is_file()]
    if not missing:
        return
    material = contrasts(data)
    model, tokenizer = load_base(base, torch.float32)
    for contrast, point, dose in missing:
        pairs, form = material[contrast]
        name = key(contrast, point, dose)
        with at_anchor(model, Anchor(str(organisms / point), 1.0, dose) if dose else None):  # this point alone, not a mean with the base
            gradients = pair_gradient(model, tokenizer, pairs, form=form, batch_pairs=2, head_rows=256, vocab_from_pairs=contrast == "evil", label=name)
        beside = folder / f".{name}"
        save_file(gradients, beside)
        beside.rename(folder / f"{name}.safetensors")


def load(work: Path, name: str) -> Gradients:
    """One gradient from the working folder."""
    return load_file(work / "gradients" / f"{name}.safetensors")
