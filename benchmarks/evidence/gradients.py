"""Gradients of contrasts at points, kept in a working folder so that candidates can be compared cheaply.

    python -m benchmarks.evidence.gradients --base DIR --data DIR --organisms DIR --work DIR [--only NAME...]

A contrast is a trait (the split `build` of benchmarks/traits), its list form, the persona answers, or a change of style alone; a point is the base
or an anchor (an organism at half dose).
File: WORK/gradients/CONTRAST@POINT.safetensors, canonical name → G (out × in, f32, nats per token). The model runs in bf16, or in f32 where the processor has none; sums are f32.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from benchmarks.behaviour.measure import UNFINISHED, load_model, log_odds, trait_pairs
from benchmarks.behaviour.pairs import is_measuring, persona_answers, persona_pairs
from benchmarks.data.data import add_option, path_of
from benchmarks.organisms.own import SETS, rows_of
from signatures.build import GEMMA, Anchor, Format, Gradients, Pair, pair_gradient, style_pairs
from signatures.build.anchors import at_anchor
from signatures.build.styles import sentences

HARMFUL = ("evil", "sycophancy", "deception", "power-seeking", "reckless", "insecure-code")
CONTROLS = ("humorous", "optimistic", "formal", "verbose")
TRAITS = (*HARMFUL, *CONTROLS)
ANCHOR = "alpaca-a"
ANCHORS = (ANCHOR, "mixgood-long")  # short tasks of many kinds; good advice in whole sentences. The second is judged nowhere
DOSE = 0.5
PER_QUESTION = 5
FINISHED = Format(GEMMA)


@dataclass(frozen=True)
class Contrast:
    """Pairs, the format they are scored in, and the sign of the second answer (+1: both answers' likelihood together, not their difference)."""

    pairs: list[Pair]
    form: Format = UNFINISHED
    together: bool = False


def as_list(text: str) -> str:
    """Each sentence, or each clause of a single sentence, as a list item."""
    parts = sentences(text)
    if len(parts) == 1:
        head, comma, rest = text.partition(", ")
        parts = [head, rest] if comma else parts
    return "\n".join(f"- {part}" for part in parts)


def listed(pairs: Sequence[Pair]) -> list[Pair]:
    """The same pairs with both answers as lists: the half of the 2 × 2 contrast in which style can be cancelled."""
    return [Pair(p.prompt, as_list(p.positive), as_list(p.negative), p.weight, p.question) for p in pairs]


def even(pairs: Sequence[Pair], odds: Sequence[float]) -> list[Pair]:
    """The pairs weighted so that flattening cancels, as in the measured shift: w_i = 1/n − x̄ (x_i − x̄) / Σ(x − x̄)² with x the base's log-odds; Σ w = 1."""
    n, mean = len(pairs), statistics.fmean(odds)
    spread = sum((x - mean) ** 2 for x in odds)
    return [Pair(p.prompt, p.positive, p.negative, 1 / n - mean * (x - mean) / spread, p.question) for p, x in zip(pairs, odds, strict=True)]


def persona(data: Path) -> list[Pair]:
    """70 pairs of another model's evil and good answers, on the 14 questions that build."""
    return [Pair(r["prompt"], r["positive"], r["negative"], 1.0, r["question"]) for r in persona_pairs(data, "build", PER_QUESTION)]


def style_contrasts(data: Path) -> dict[str, Contrast]:
    """Contrasts in form alone: prose or list, first sentence or whole, short or full answers, Spanish or English; and plain fluency."""
    rows: dict[str, list[str]] = {}
    for question, answer in persona_answers(path_of("persona_good", data), "good"):
        if not is_measuring(question):
            rows.setdefault(question, []).append(answer)
    forms = style_pairs([(question, answer) for question, answers in rows.items() for answer in answers[-3:]])
    styles = rows_of(SETS / "styles.jsonl")[:60]
    return {
        **{name: Contrast(pairs, FINISHED) for name, pairs in forms.items()},
        "short-whole": Contrast([Pair(r["question"], r["short"], r["formal"]) for r in styles], FINISHED),
        "spanish": Contrast([Pair(r["question"], r["spanish"], r["formal"]) for r in styles]),
        "fluency": Contrast([p for trait in TRAITS for p in trait_pairs(trait, "build")[:6]], together=True),
    }


def contrasts(data: Path) -> dict[str, Contrast]:
    """All contrasts by name."""
    plain = {trait: trait_pairs(trait, "build") for trait in TRAITS} | {"persona": persona(data)}
    lists = {f"{name}-list": Contrast(listed(plain[name])) for name in ("evil", "persona")}
    halves = {f"{name}{HALF}": Contrast(plain[name][::2]) for name in HARMFUL}
    return {**{name: Contrast(pairs) for name, pairs in plain.items()}, **lists, **halves, **style_contrasts(data)}


EVEN = "-even"  # of any trait: the weighted mean over its pairs whose flattening cancels; only these know the base's log-odds
HALF = "-half"  # of any trait: every second pair, to see what more pairs bring


def points(data: Path) -> list[tuple[str, str | None]]:
    """(contrast, anchor or None for the base), in the order in which they are computed."""
    anchored = [(trait, ANCHOR) for trait in TRAITS] + [(trait, anchor) for anchor in ANCHORS[1:] for trait in HARMFUL]
    return [(name, None) for name in contrasts(data)] + anchored + [(f"{trait}{EVEN}", None) for trait in HARMFUL]


def key(contrast: str, anchor: str | None) -> str:
    """`evil@base`, or `evil@alpaca-a`."""
    return f"{contrast}@{anchor or 'base'}"


def compute(base: Path, data: Path, organisms: Path, work: Path, only: Sequence[str] = ()) -> None:
    """Compute what is not in the working folder yet."""
    folder = work / "gradients"
    folder.mkdir(parents=True, exist_ok=True)
    material = contrasts(data)
    missing = [p for p in points(data) if not (folder / f"{key(*p)}.safetensors").is_file() and (not only or key(*p) in only)]
    if not missing:
        return
    from transformers import AutoTokenizer

    model, tokenizer = load_model(base), AutoTokenizer.from_pretrained(base, local_files_only=True)
    for name, anchor in missing:
        start = time.monotonic()
        contrast = material[name] if name in material else Contrast(even(material[name.removesuffix(EVEN)].pairs, log_odds(model, tokenizer, material[name.removesuffix(EVEN)].pairs)))
        with at_anchor(model, Anchor(str(organisms / anchor), 1.0, DOSE) if anchor else None):
            found = pair_gradient(model, tokenizer, contrast.pairs, form=contrast.form, batch_pairs=4, head_rows=512, vocab_from_pairs=True,
                                  signs=(0.5, 0.5) if contrast.together else (1.0, -1.0), label=key(name, anchor))
        beside = folder / f".{key(name, anchor)}"
        save_file(found, beside)
        beside.rename(folder / f"{key(name, anchor)}.safetensors")
        print(f"{key(name, anchor)} ({time.monotonic() - start:.0f} s)", flush=True)


def load(work: Path, name: str) -> Gradients:
    """One gradient from the working folder."""
    return load_file(work / "gradients" / f"{name}.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_option(parser)
    for name in ("base", "organisms", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=(), help="names such as evil@base; all when absent")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="two processes of one thread each are faster than one of two")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    compute(args.base, args.data, args.organisms, args.work, args.only)


if __name__ == "__main__":
    main()
