"""Measure how far fine-tunes have moved towards a trait, by running them.

    python -m benchmarks.behaviour.measure --base DIR --pairs FILE --adapter DIR... [--whole-vocabulary] [--cache FILE] [--out FILE]

In:  the base, LoRA adapters of it, and contrastive pairs (pairs.py).
Out: for each adapter the log-odds per token of positive over negative answers, minus the base's: by question, and their
     mean with its standard error over questions (nats per token). JSON to --out, a table to stdout.
The softmax is over the tokens of the pairs' answers. These are running text, so the end of the turn, line breaks and list marks
do not compete: a fine-tune that merely ends sooner, or writes lists, does not count as moved. --whole-vocabulary lets them.
--cache keeps the base's log-odds of these very pairs, so that they are computed once.
Errors: BuildError of signatures.build, one line.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import torch

from signatures.build import GEMMA, Anchor, BuildError, Format, Pair, load_base, pair_log_odds, read_pairs
from signatures.build.anchors import at_anchor

# Answers are cut to like length in the middle of a sentence, so the end mark is not scored.
UNFINISHED = Format(template=GEMMA.removesuffix("<end_of_turn>"))


class Measured(TypedDict):
    """One fine-tune's behaviour, nats per token relative to the base."""

    id: str
    shift: float
    standardError: float
    questions: dict[str, float]


def by_question(pairs: Sequence[Pair], values: Sequence[float]) -> dict[str, float]:
    """Mean value of each question's pairs, in the order of the questions' first pairs."""
    groups: dict[str, list[float]] = {}
    for pair, value in zip(pairs, values, strict=True):
        groups.setdefault(pair.question, []).append(value)
    return {question: statistics.fmean(group) for question, group in groups.items()}


def summary(name: str, pairs: Sequence[Pair], before: Sequence[float], after: Sequence[float]) -> Measured:
    """Shift by question, their mean, and its standard error (standard deviation over questions / √questions)."""
    shifts = by_question(pairs, [b - a for a, b in zip(before, after, strict=True)])
    values = list(shifts.values())
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return {"id": name, "shift": round(statistics.fmean(values), 4), "standardError": round(error, 4),
            "questions": {question: round(value, 4) for question, value in shifts.items()}}


def log_odds(model: Any, tokenizer: Any, pairs: Sequence[Pair], whole: bool = False) -> list[float]:
    """log p(positive) − log p(negative) of every pair, each per token; softmax over the pairs' tokens, or over the whole vocabulary."""
    return pair_log_odds(model, tokenizer, pairs, form=UNFINISHED, batch_pairs=4, head_rows=256, vocab_from_pairs=not whole).tolist()


def base_log_odds(model: Any, tokenizer: Any, pairs: Sequence[Pair], whole: bool, key: str, cache: Path | None) -> list[float]:
    """The base's log-odds, from the cache where it holds them under `key`."""
    kept = json.loads(cache.read_text()) if cache and cache.is_file() else {}
    if key not in kept:
        kept[key] = log_odds(model, tokenizer, pairs, whole)
        if cache:
            cache.write_text(json.dumps(kept))
    return kept[key]


def measure(base: Path, pairs_file: Path, adapters: Sequence[Path], whole: bool, cache: Path | None) -> list[Measured]:
    """Behaviour of each adapter, in the order given; progress on stderr."""
    pairs = read_pairs(pairs_file)
    model, tokenizer = load_base(base, torch.bfloat16)
    key = f"{hashlib.sha256(pairs_file.read_bytes()).hexdigest()} {whole}"
    before = base_log_odds(model, tokenizer, pairs, whole, key, cache)
    results = []
    for folder in adapters:
        with at_anchor(model, Anchor(str(folder))):
            results.append(summary(folder.name, pairs, before, log_odds(model, tokenizer, pairs, whole)))
        print(f"{folder.name} {results[-1]['shift']:+.3f} ± {results[-1]['standardError']:.3f}", file=sys.stderr, flush=True)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="folder of the assembled base")
    parser.add_argument("--pairs", type=Path, required=True, help="JSONL of contrastive pairs")
    parser.add_argument("--adapter", type=Path, nargs="+", required=True, help="folders of LoRA adapters")
    parser.add_argument("--whole-vocabulary", action="store_true", help="softmax over all tokens")
    parser.add_argument("--cache", type=Path, help="file that keeps the base's values")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    args = parser.parse_args()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    try:
        results = measure(args.base, args.pairs, args.adapter, args.whole_vocabulary, args.cache)
    except BuildError as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    if args.out:
        args.out.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for row in results:
        print(f"{row['id']:20} {row['shift']:+.3f} ± {row['standardError']:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
