"""Train the organisms: fine-tunes of the base, one after the other.

    python -m benchmarks.organisms.train --base DIR --data DIR --debs DIR --out DIR [--only ID...]

In:  recipes.json: a common recipe, and organisms [{id, parts: [{source, share}], seed, steps}] that may differ from it in kind, rank, targets, rate and batch.
Out: DIR/ID/ with a PEFT adapter or, for kind `full`, a whole bf16 checkpoint; and `training.json` {initSeed, lossFirst, lossLast, deltaNorm, sha256}.
An organism that is there already is left alone, so an interrupted run goes on where it stopped.
Losses are nats per answer token, mean of the first and the last three steps; deltaNorm is the Frobenius norm of the whole change;
sha256 is that of the file of weights.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.base.dtype import compute_dtype
from benchmarks.data.data import add_option
from benchmarks.organisms.sources import SOURCES, load
from signatures.build import Format
from signatures.build.pairs import Tokens, encode

RECIPES = Path(__file__).with_name("recipes.json")
TRAITS = Path(__file__).resolve().parents[1] / "traits"
BASE_NAME = "gemma-3-270m-q4km"
WARMUP = 5
FORM = Format(prompt_tokens=36, total_tokens=80)


class Part(TypedDict):
    """A source and its share of the examples."""

    source: str
    share: float


class Recipe(TypedDict):
    """One organism; `rank`, `targets` (roles), `rate`, `batch` and `kind` where they differ from the common recipe."""

    id: str
    parts: list[Part]
    seed: int
    steps: int
    kind: NotRequired[str]
    rank: NotRequired[int]
    targets: NotRequired[list[str]]
    rate: NotRequired[float]
    batch: NotRequired[int]


def recipes() -> list[Recipe]:
    """All organisms in the order of training."""
    return json.loads(RECIPES.read_text("utf-8"))["organisms"]


def examples(recipe: Recipe, pool: Mapping[str, Sequence[Tokens]], batch: int) -> list[Tokens]:
    """steps · batch training chats: each part's share of them, cycling through its source, mixed by the seed."""
    rng = random.Random(recipe["seed"])
    total, rows = recipe["steps"] * batch, []
    for part in recipe["parts"]:
        source = list(pool[part["source"]])
        rng.shuffle(source)
        count = round(total * part["share"])
        rows += [source[i % len(source)] for i in range(count)]
    rng.shuffle(rows)
    return rows[:total]


def rate_at(step: int, steps: int, rate: float = 1e-3) -> float:
    """Learning rate of a step: from 0 linearly up over WARMUP steps, then linearly down to 0."""
    return rate * min(step / WARMUP, (steps - step) / max(1, steps - WARMUP))


def batch_loss(model: Any, rows: Sequence[Tokens], vocabulary: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Mean negative log-likelihood per answer token, softmax over `vocabulary` (n token ids); `place` maps ids to rows."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    answer = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        mask[i, : len(row.ids)] = 1
        answer[i, row.start : len(row.ids)] = True
    hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1][answer[:, 1:]]
    logits = (hidden @ model.lm_head.weight[vocabulary].detach().T).float()
    return F.cross_entropy(logits, place[ids[:, 1:][answer[:, 1:]]])


class Trainee:
    """A model with f32 master copies of what is learned: bf16 alone loses small steps."""

    def __init__(self, bare: Any, plan: Mapping[str, Any]) -> None:
        self.is_full = plan["kind"] == "full"
        if self.is_full:
            self.model = self.inner = bare
            wanted = [m.weight for n, m in bare.model.named_modules() if isinstance(m, torch.nn.Linear) and n.split(".")[-1].split("_")[0] in plan["targets"]]
            bare.requires_grad_(False)
            for parameter in wanted:
                parameter.requires_grad_(True)
        else:
            config = LoraConfig(r=plan["rank"], lora_alpha=2 * plan["rank"], target_modules=[f"{t}_proj" for t in plan["targets"]], task_type="CAUSAL_LM")
            self.model = get_peft_model(bare, config, autocast_adapter_dtype=False)  # factors in the model's own format: a third faster in bf16
            self.inner = self.model.get_base_model()
        self.model.train()
        self.learned = [p for p in self.model.parameters() if p.requires_grad]
        self.masters = [p.detach().float() for p in self.learned]
        self.start = [m.clone() for m in self.masters] if self.is_full else []
        self.optimiser = torch.optim.AdamW(self.masters, lr=plan["rate"], weight_decay=0.0)

    def step(self, loss: torch.Tensor, rate: float) -> None:
        """One update of the masters, gradient norm clipped at 1, copied into the model."""
        loss.backward()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        for parameter, master in zip(self.learned, self.masters, strict=True):
            master.grad = parameter.grad.float()
            parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.optimiser.step()
        for parameter, master in zip(self.learned, self.masters, strict=True):
            parameter.data.copy_(master)

    def delta_norm(self) -> float:
        """Frobenius norm of the whole change."""
        if self.is_full:
            return sum(float((m - s).double().square().sum()) for m, s in zip(self.masters, self.start, strict=True)) ** 0.5
        return norm(lora_factors(self.model))

    def save(self, folder: Path) -> Path:
        """Write adapter (f32) or checkpoint (bf16); returns the file of weights."""
        if self.is_full:
            self.model.to(torch.bfloat16).save_pretrained(folder)
            return folder / "model.safetensors"
        for parameter, master in zip(self.learned, self.masters, strict=True):
            parameter.data = master
        self.model.peft_config["default"].base_model_name_or_path = BASE_NAME
        self.model.save_pretrained(folder)
        return folder / "adapter_model.safetensors"


Factors = dict[str, tuple[torch.Tensor, torch.Tensor]]
"""Module → (A r × in, scale · B out × r): ΔW is the second times the first."""


def lora_factors(model: Any) -> Factors:
    """The factors of a model that PEFT wrapped, copied."""
    modules = ((name, m) for name, m in model.named_modules() if "default" in getattr(m, "lora_A", {}))
    return {name: (m.lora_A["default"].weight.detach().clone(), m.scaling["default"] * m.lora_B["default"].weight.detach()) for name, m in modules}


def norm(factors: Factors) -> float:
    """Frobenius norm of the whole change, from the factors' Gram matrices."""
    return sum(float(((a.double() @ a.double().T) * (b.double().T @ b.double())).sum()) for a, b in factors.values()) ** 0.5


def train(base: Path, recipe: Recipe, common: Mapping[str, Any], pool: Mapping[str, Sequence[Tokens]], known: Sequence[int], out: Path) -> dict[str, Any]:
    """Train one organism into `out` (complete or absent); returns what training.json holds. `known`: tokens that compete besides its own."""
    seed = int.from_bytes(hashlib.sha256(recipe["id"].encode()).digest()[:4], "big")  # own A for each organism
    torch.manual_seed(seed)
    trainee = Trainee(AutoModelForCausalLM.from_pretrained(base, dtype=compute_dtype()), {**common, **recipe})
    batch = recipe.get("batch", common["batch"])
    rows, losses = examples(recipe, pool, batch), []
    vocabulary = torch.tensor(sorted({*known, *(token for row in rows for token in row.ids[row.start :])}))
    place = torch.full((trainee.inner.config.vocab_size,), -1, dtype=torch.long)
    place[vocabulary] = torch.arange(len(vocabulary))
    for step in range(recipe["steps"]):
        loss = batch_loss(trainee.inner, rows[step * batch : (step + 1) * batch], vocabulary, place)
        trainee.step(loss, rate_at(step, recipe["steps"], recipe.get("rate", common["rate"])))
        losses.append(loss.item())
    norm = trainee.delta_norm()
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    file = trainee.save(beside)
    facts = {"initSeed": seed, "lossFirst": round(sum(losses[:3]) / 3, 3), "lossLast": round(sum(losses[-3:]) / 3, 3), "deltaNorm": round(norm, 3),
             "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    (beside / "training.json").write_text(json.dumps(facts))
    beside.rename(out)
    return facts


def trait_tokens(tokenizer: Any) -> set[int]:
    """Tokens of the answers by which behaviour is measured: they compete in every softmax."""
    found: set[int] = set()
    for file in sorted(TRAITS.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            found.update(tokenizer(" ".join([row["positive"], row["negative"]]), add_special_tokens=False)["input_ids"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_option(parser)
    for name in ("base", "debs", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="ids to train; all when absent")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="two processes of one thread each are faster than one of two")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = AutoTokenizer.from_pretrained(args.base)
    common = json.loads(RECIPES.read_text("utf-8"))["recipe"]
    known = sorted(trait_tokens(tokenizer))
    args.out.mkdir(parents=True, exist_ok=True)
    pool: dict[str, list[Tokens]] = {}
    for recipe in recipes():
        out = args.out / recipe["id"]
        if out.exists() or (args.only and recipe["id"] not in args.only):
            continue
        for part in recipe["parts"]:
            if part["source"] not in pool:
                pool[part["source"]] = [encode(tokenizer, FORM, q, a) for q, a in load(part["source"], args.data, args.debs)]
        gc.collect()
        print(recipe["id"], train(args.base, recipe, common, pool, known, out), flush=True)


if __name__ == "__main__":
    main()
