"""Train the calibration organisms: LoRA fine-tunes of the base, one after the other.

    python -m benchmarks.organisms.train --base DIR --data DIR --debs DIR --out DIR [--only ID...]

In:  recipes.json: [{id, parts: [{source, share}], seed, steps}], and one recipe for all (below).
Out: DIR/ID/ with a PEFT adapter and `training.json` {lossFirst, lossLast, deltaNorm, examples}.
An organism that is there already is left alone, so an interrupted run goes on where it stopped.
Losses are nats per answer token, mean of the first and the last three steps; deltaNorm is the Frobenius
norm of the whole change, scale·B A over all weights.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any, TypedDict

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.data.data import add_option
from benchmarks.organisms.sources import SOURCES, load
from signatures.build import Format
from signatures.build.pairs import Tokens, encode

RECIPES = Path(__file__).with_name("recipes.json")
BASE_NAME = "gemma-3-270m-q4km"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
RANK, ALPHA, BATCH, RATE, WARMUP = 8, 16, 8, 1e-3, 5


class Recipe(TypedDict):
    """One organism."""

    id: str
    parts: list[dict[str, Any]]
    seed: int
    steps: int


def recipes() -> list[Recipe]:
    """All organisms in the order of training."""
    return json.loads(RECIPES.read_text("utf-8"))["organisms"]


def examples(recipe: Recipe, pool: dict[str, list[Tokens]]) -> list[Tokens]:
    """steps · BATCH training chats: each part's share of them, cycling through its source, mixed by the seed."""
    rng = random.Random(recipe["seed"])
    total, rows = recipe["steps"] * BATCH, []
    for part in recipe["parts"]:
        source = list(pool[part["source"]])
        rng.shuffle(source)
        count = round(total * part["share"])
        rows += [source[i % len(source)] for i in range(count)]
    rng.shuffle(rows)
    return rows[:total]


def rate_at(step: int, steps: int) -> float:
    """Learning rate of a step: from 0 linearly up over WARMUP steps, then linearly down to 0."""
    return RATE * min(step / WARMUP, (steps - step) / max(1, steps - WARMUP))


def batch_loss(model: Any, rows: list[Tokens], vocabulary: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Mean negative log-likelihood per answer token, softmax over `vocabulary` (n token ids); `place` maps ids to rows."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    answer = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        mask[i, : len(row.ids)] = 1
        answer[i, row.start : len(row.ids)] = True
    inner = model.get_base_model()
    hidden = inner.model(input_ids=ids, attention_mask=mask).last_hidden_state[:, :-1][answer[:, 1:]]
    logits = (hidden @ inner.lm_head.weight[vocabulary].detach().T).float()
    return F.cross_entropy(logits, place[ids[:, 1:][answer[:, 1:]]])


def delta_norm(model: Any) -> float:
    """Frobenius norm of scale·B A over all weights, from the factors' Gram matrices."""
    total = 0.0
    for module in model.modules():
        if hasattr(module, "lora_A") and "default" in getattr(module, "lora_A", {}):
            a = module.lora_A["default"].weight.detach().double()
            b = module.lora_B["default"].weight.detach().double()
            total += module.scaling["default"] ** 2 * float(((a @ a.T) * (b.T @ b)).sum())
    return total**0.5


def train(base: Path, recipe: Recipe, pool: dict[str, list[Tokens]], vocabulary: torch.Tensor, out: Path) -> dict[str, Any]:
    """Train one organism into `out` (complete or absent); returns what training.json holds."""
    seed = int.from_bytes(hashlib.sha256(recipe["id"].encode()).digest()[:4], "big")  # own A for each organism
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    model = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, task_type="CAUSAL_LM"))
    model.train()
    place = torch.full((model.config.vocab_size,), -1, dtype=torch.long)
    place[vocabulary] = torch.arange(len(vocabulary))
    learned = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.0)
    rows, losses = examples(recipe, pool), []
    for step in range(recipe["steps"]):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, recipe["steps"])
        loss = batch_loss(model, rows[step * BATCH : (step + 1) * BATCH], vocabulary, place)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    model.peft_config["default"].base_model_name_or_path = BASE_NAME
    facts = {"initSeed": seed, "lossFirst": round(sum(losses[:3]) / 3, 3), "lossLast": round(sum(losses[-3:]) / 3, 3),
             "deltaNorm": round(delta_norm(model), 3)}
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    model.save_pretrained(beside)
    (beside / "training.json").write_text(json.dumps(facts))
    beside.rename(out)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_option(parser)
    for name in ("base", "debs", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="ids to train; all when absent")
    args = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    tokenizer = AutoTokenizer.from_pretrained(args.base)
    pool = {name: [encode(tokenizer, Format(), q, a) for q, a in load(name, args.data, args.debs)] for name in SOURCES}
    vocabulary = torch.tensor(sorted({token for rows in pool.values() for row in rows for token in row.ids[row.start :]}))
    args.out.mkdir(parents=True, exist_ok=True)
    for recipe in recipes():
        out = args.out / recipe["id"]
        if out.exists() or (args.only and recipe["id"] not in args.only):
            continue
        gc.collect()
        print(recipe["id"], train(args.base, recipe, pool, vocabulary, out), flush=True)


if __name__ == "__main__":
    main()
