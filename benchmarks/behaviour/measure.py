"""Measure how far fine-tunes have moved towards traits, by running them.

    python -m benchmarks.behaviour.measure --base DIR --organisms DIR... --traits NAME... --out FILE [--only ID...] [--whole-vocabulary]

In:  the base; fine-tunes of it (folders of PEFT adapters, or of whole checkpoints); the pairs of the split `measure` of benchmarks/traits/TRAIT.jsonl.
Out: FILE, JSON: {ID: {TRAIT: {shift, standardError, mean, flattening, questions}}}, and under the id `base` the base's own log-odds. What is in the
     file already is kept, so that a run can go on.
questions: the log-odds per token of the answer with the trait over the one without, minus the base's. A fine-tune that merely flattens the model's
     distribution (bare numbers as answers, say) moves every pair towards even odds, in proportion to the base's log-odds: `shift` is therefore the
     intercept of the least-squares line of the change on the base's log-odds, the change of a pair to which the base gives even odds, with its
     standard error over questions; `flattening` is the slope, `mean` the plain mean. Nats per token.
The softmax is over the tokens of the pairs' answers: these are running text, so the end of the turn, line breaks and list marks do not compete;
a fine-tune that merely ends sooner, or writes lists, does not count as moved. --whole-vocabulary lets them.
Errors: BuildError of signatures.build, one line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.base.dtype import compute_dtype
from signatures.build import GEMMA, BuildError, Format, Pair, pair_log_odds

BASE = "base"
TRAITS = Path(__file__).resolve().parents[1] / "traits"
# Both answers of a pair are finished sentences of like length; the end mark is not scored.
UNFINISHED = Format(template=GEMMA.removesuffix("<end_of_turn>"))


class Measured(TypedDict):
    """One fine-tune's behaviour in one trait, nats per token relative to the base."""

    shift: float
    standardError: float
    mean: float
    flattening: float
    questions: list[float]


def trait_pairs(trait: str, split: str) -> list[Pair]:
    """The pairs of one split, in file order; each has a question of its own."""
    rows = [json.loads(line) for line in (TRAITS / f"{trait}.jsonl").read_text("utf-8").splitlines()]
    return [Pair(row["prompt"], row["positive"], row["negative"], 1.0, row["prompt"]) for row in rows if row["split"] == split]


def summary(before: Sequence[float], after: Sequence[float]) -> Measured:
    """Shift at even odds and its standard error: the intercept of least squares of the change on the base's log-odds, n − 2 degrees of freedom.

    se = s √(1/n + x̄²/Σ(x − x̄)²) (Draper & Smith, Applied Regression Analysis, 3rd ed., §1.4). Where the base's log-odds do not differ, the plain mean.
    """
    shifts = [b - a for a, b in zip(before, after, strict=True)]
    n, mean, at = len(shifts), statistics.fmean(shifts), statistics.fmean(before)
    spread = sum((a - at) ** 2 for a in before)
    slope = sum((a - at) * (s - mean) for a, s in zip(before, shifts, strict=True)) / spread if spread > 0 else 0.0
    left = [s - mean - slope * (a - at) for a, s in zip(before, shifts, strict=True)]
    freedom = n - (2 if spread > 0 else 1)
    error = (sum(e * e for e in left) / freedom) ** 0.5 * (1 / n + (at**2 / spread if spread > 0 else 0)) ** 0.5 if freedom > 0 else float("nan")
    return {"shift": round(mean - slope * at, 4), "standardError": round(error, 4), "mean": round(mean, 4), "flattening": round(slope, 4), "questions": [round(s, 4) for s in shifts]}


def log_odds(model: Any, tokenizer: Any, pairs: Sequence[Pair], whole: bool = False) -> list[float]:
    """log p(positive) − log p(negative) of every pair, each per token; softmax over the pairs' tokens, or over the whole vocabulary."""
    return pair_log_odds(model, tokenizer, pairs, form=UNFINISHED, batch_pairs=8, head_rows=512, vocab_from_pairs=not whole).tolist()


def load_model(folder: Path) -> Any:
    """A checkpoint for inference. No code of the folder is run and nothing is fetched."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=compute_dtype(), local_files_only=True, use_safetensors=True).eval()


@contextmanager
def fine_tune(base: Any, folder: Path) -> Iterator[Any]:
    """The model of a folder: an adapter on `base` (which is itself again afterwards), or a checkpoint.

    An adapter is merged where that costs no precision: the two small products of every weight would take a fifth of the time.
    """
    if not (folder / "adapter_config.json").is_file():
        yield load_model(folder)
        return
    before = {name: parameter.data for name, parameter in base.named_parameters()}
    wrapped = PeftModel.from_pretrained(base, str(folder), is_trainable=False, local_files_only=True, autocast_adapter_dtype=False)
    try:
        for name, parameter in wrapped.named_parameters():
            if ".lora_" in name:
                parameter.data = parameter.data.to(compute_dtype())
            elif ".base_layer." in name and compute_dtype() == torch.float32:
                parameter.data = parameter.data.clone()  # merging is in place
        if compute_dtype() == torch.float32:
            wrapped.merge_adapter()
        yield wrapped.eval()
    finally:
        wrapped.unload()
        for name, parameter in base.named_parameters():
            parameter.data = before[name]


def keep(file: Path, found: dict[str, dict[str, Measured]]) -> None:
    """Write the results, whole or not at all; one line for each fine-tune and trait."""
    lines = [f' {json.dumps(name)}: {{\n' + ",\n".join(f"  {json.dumps(trait)}: {json.dumps(row)}" for trait, row in sorted(rows.items())) + "\n }" for name, rows in found.items()]
    beside = file.with_name(file.name + ".part")
    beside.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    beside.replace(file)


def measure(base: Path, folders: Sequence[Path], traits: Sequence[str], whole: bool, out: Path) -> dict[str, dict[str, Measured]]:
    """Behaviour of each fine-tune in each trait; what `out` holds already is not measured again."""
    found: dict[str, dict[str, Measured]] = json.loads(out.read_text("utf-8")) if out.is_file() else {}
    missing = {folder: [t for t in traits if t not in found.get(folder.name, {})] for folder in folders}
    if not any(missing.values()):
        return found
    model, tokenizer = load_model(base), AutoTokenizer.from_pretrained(base, local_files_only=True)
    pairs = {trait: trait_pairs(trait, "measure") for trait in traits}
    kept = found.setdefault(BASE, {})
    for trait in {t for some in missing.values() for t in some} - set(kept):
        kept[trait] = summary([0.0] * len(pairs[trait]), log_odds(model, tokenizer, pairs[trait], whole))
    before = {trait: kept[trait]["questions"] for trait in traits if trait in kept}
    for folder, wanted in missing.items():
        if not wanted:
            continue
        start = time.monotonic()
        with fine_tune(model, folder) as tuned:
            for trait in wanted:
                found.setdefault(folder.name, {})[trait] = summary(before[trait], log_odds(tuned, tokenizer, pairs[trait], whole))
        keep(out, found)
        row = "  ".join(f"{t} {found[folder.name][t]['shift']:+.3f} ± {found[folder.name][t]['standardError']:.3f}" for t in wanted)
        print(f"{folder.name:24} {row}  ({time.monotonic() - start:.1f} s)", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="folder of the assembled base")
    parser.add_argument("--organisms", type=Path, nargs="+", required=True, help="folders of fine-tunes")
    parser.add_argument("--traits", nargs="+", required=True, help="names in benchmarks/traits")
    parser.add_argument("--only", nargs="*", help="ids to measure; all when absent")
    parser.add_argument("--whole-vocabulary", action="store_true", help="softmax over all tokens")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write and to go on from")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="two processes of one thread each are faster than one of two")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folders = [f for f in args.organisms if f.is_dir() and (not args.only or f.name in args.only)]
    try:
        measure(args.base, folders, args.traits, args.whole_vocabulary, args.out)
    except BuildError as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
