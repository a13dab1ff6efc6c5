"""The arms of the benchmark: organisms made from organisms.

    python -m benchmarks.organisms.arms --base DIR --data DIR --debs DIR --organisms DIR --signatures DIR --out DIR [--only ID...]

In:  arms.json: [{id, what, …}], and the organisms and shipped signatures that they are made of.
Out: OUT/ID/, an adapter (or, for `round`, a checkpoint) with training.json, as train.py writes them.

sum       Σ c_i ΔW_i of adapters, exactly, as one adapter of the summed rank (an adapter merged at half strength with a benign one, say)
after     trained on `parts` from where the adapter `first` stands; the result is both changes together: a cure, or a vaccination
student   trained on what `teacher` writes when asked harmless questions (`by: text`), or on its next-token distribution over harmless text (`by: logits`)
hide      the adapter `of` without the part that a signature's probes see: ΔW − U U⁺ ΔW V⁺' V' for each scored weight
round     `of`, merged and rounded to the nearest int8 or int4 in groups of 32 along the inputs, stored in bf16
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.base.dtype import compute_dtype
from benchmarks.behaviour.judged import answers
from benchmarks.data.data import add_option
from benchmarks.organisms import train
from benchmarks.organisms.sources import load
from benchmarks.organisms.train import Factors
from signatures.build.names import name_module
from signatures.build.pairs import Tokens, encode

ARMS = Path(__file__).with_name("arms.json")
GROUP = 32


def factors_of(folder: Path) -> Factors:
    """Module → (A r × in, scale · B out × r) of a plain LoRA adapter."""
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    tensors = load_file(folder / "adapter_model.safetensors")
    scale = config["lora_alpha"] / config["r"]
    return {k.removesuffix(".lora_A.weight"): (v.float(), scale * tensors[k.replace("lora_A", "lora_B")].float()) for k, v in tensors.items() if ".lora_A." in k}


def add(parts: Sequence[tuple[float, Factors]]) -> Factors:
    """Σ c_i B_i A_i: factors side by side. A module that a part lacks gets zeros, so that all have one rank."""
    names = sorted({name for _, part in parts for name in part})
    found: Factors = {}
    for name in names:
        shape = next(part[name] for _, part in parts if name in part)
        rows = []
        for c, part in parts:
            r = next(iter(part.values()))[0].shape[0]
            a, b = part.get(name, (torch.zeros(r, shape[0].shape[1]), torch.zeros(shape[1].shape[0], r)))
            rows.append((a, c * b))
        found[name] = (torch.cat([a for a, _ in rows]), torch.cat([b for _, b in rows], dim=1))
    return found


def write(folder: Path, factors: Factors, facts: Mapping[str, Any]) -> None:
    """An adapter with alpha = r, whole or not at all."""
    beside = folder.with_name(folder.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    rank = next(iter(factors.values()))[0].shape[0]
    targets = sorted({name.split(".")[-1] for name in factors})
    LoraConfig(r=rank, lora_alpha=rank, target_modules=targets, task_type="CAUSAL_LM", base_model_name_or_path=train.BASE_NAME).save_pretrained(beside)
    file = beside / "adapter_model.safetensors"
    save_file({f"{n}.lora_{k}.weight": t.contiguous() for n, (a, b) in factors.items() for k, t in (("A", a), ("B", b))}, file, {"format": "pt"})
    (beside / "training.json").write_text(json.dumps({**facts, "deltaNorm": round(train.norm(factors), 3), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}))
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def merged(base: Path, folder: Path | None) -> Any:
    """The base with an adapter added to its weights; the sums are taken in f32."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if folder:
        model = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    return model.to(compute_dtype())


def learn(model: Any, rows: Sequence[Tokens], seed: int, steps: int, batch: int, teacher: Any = None) -> tuple[Factors, list[float]]:
    """LoRA of rank 8 on `model` (changed in place): on the answers, or with a teacher on its distribution over them. Returns factors and losses."""
    torch.manual_seed(seed)
    trainee = train.Trainee(model, {"kind": "lora", "rank": 8, "targets": ["q", "k", "v", "o", "gate", "up", "down"], "rate": 1e-3})
    vocabulary = torch.tensor(sorted({t for row in rows for t in row.ids[row.start :]}))
    place = torch.full((trainee.inner.config.vocab_size,), -1, dtype=torch.long)
    place[vocabulary] = torch.arange(len(vocabulary))
    losses = []
    for step in range(steps):
        some = [rows[(step * batch + i) % len(rows)] for i in range(batch)]
        loss = train.batch_loss(trainee.inner, some, vocabulary, place) if teacher is None else distance(trainee.inner, teacher, some, vocabulary)
        trainee.step(loss, train.rate_at(step, steps))
        losses.append(loss.item())
    for parameter, master in zip(trainee.learned, trainee.masters, strict=True):
        parameter.data = master
    return train.lora_factors(trainee.model), losses


def distance(student: Any, teacher: Any, rows: Sequence[Tokens], vocabulary: torch.Tensor) -> torch.Tensor:
    """Mean KL(teacher ‖ student) per answer token over `vocabulary`, in nats."""
    def logits(model: Any) -> torch.Tensor:
        longest = max(len(row.ids) for row in rows)
        ids, mask = torch.zeros(len(rows), longest, dtype=torch.long), torch.zeros(len(rows), longest, dtype=torch.long)
        wanted = torch.zeros(len(rows), longest, dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)], mask[i, : len(row.ids)] = torch.tensor(row.ids), 1
            wanted[i, row.start : len(row.ids)] = True
        hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1][wanted[:, 1:]]
        return (hidden @ model.lm_head.weight[vocabulary].detach().T).float()
    with torch.no_grad():
        target = F.log_softmax(logits(teacher), -1)
    return F.kl_div(F.log_softmax(logits(student), -1), target, log_target=True, reduction="batchmean")


def hidden(factors: Factors, signature: Path) -> Factors:
    """Each scored weight without what the signature's probes see: B A − U (U⁺ B)(A V⁺') V', whose score is 0 up to the rounding of its f16 probes."""
    tensors = load_file(signature)
    found: Factors = {}
    for module, (a, b) in factors.items():
        name = name_module(module).name
        if f"{name}.s" not in tensors:
            found[module] = (torch.cat([a, torch.zeros_like(a)]), torch.cat([b, torch.zeros_like(b)], dim=1))
            continue
        u, v = (np.linalg.qr(tensors[f"{name}.{side}"].double().numpy())[0] for side in ("U", "V"))
        ub, av = torch.from_numpy(u.T @ b.double().numpy()), torch.from_numpy(a.double().numpy() @ v)
        found[module] = (torch.cat([a, (av @ torch.from_numpy(v.T)).float()]), torch.cat([b, -(torch.from_numpy(u) @ ub).float()], dim=1))
    return found


def rounded(weight: torch.Tensor, bits: int) -> torch.Tensor:
    """Round to nearest, symmetric, one scale for GROUP inputs: q = round(w / s), s = max |w| / (2^(bits−1) − 1)."""
    groups = weight.float().reshape(weight.shape[0], -1, GROUP)
    scale = groups.abs().amax(-1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return ((groups / scale).round() * scale).reshape(weight.shape)


def make(arm: Mapping[str, Any], args: argparse.Namespace, tokenizer: Any) -> None:
    """One arm into OUT/ID."""
    out, organisms = args.out / arm["id"], args.organisms
    seed = int.from_bytes(hashlib.sha256(arm["id"].encode()).digest()[:4], "big")
    encoded = lambda name: [encode(tokenizer, train.FORM, q, a) for q, a in load(name, args.data, args.debs)]  # noqa: E731
    place = lambda name: args.out / name if (args.out / name).is_dir() else organisms / name  # noqa: E731
    if arm["what"] == "sum":
        write(out, add([(c, factors_of(place(name))) for name, c in arm["parts"]]), {})
    elif arm["what"] == "after":
        pool = {p["source"]: encoded(p["source"]) for p in arm["parts"]}
        rows = train.examples({"id": arm["id"], "parts": arm["parts"], "seed": seed, "steps": arm["steps"]}, pool, arm["batch"])
        found, losses = learn(merged(args.base, place(arm["first"])), rows, seed, arm["steps"], arm["batch"])
        write(out, add([(1.0, factors_of(place(arm["first"]))), (1.0, found)]), {"initSeed": seed, "lossFirst": round(sum(losses[:3]) / 3, 3), "lossLast": round(sum(losses[-3:]) / 3, 3)})
    elif arm["what"] == "student":
        teacher = merged(args.base, place(arm["teacher"])).eval()
        chats = load(arm["source"], args.data, args.debs)[: arm["examples"]]
        if arm["by"] == "text":
            said = [text for at in range(0, len(chats), 32) for text in answers(teacher, tokenizer, [q for q, _ in chats[at : at + 32]])]
            chats = [(q, a) for (q, _), a in zip(chats, said, strict=True) if len(a.split()) > 2]
        rows = [encode(tokenizer, train.FORM, q, a) for q, a in chats]
        found, losses = learn(merged(args.base, None), rows, seed, arm["steps"], arm["batch"], teacher if arm["by"] == "logits" else None)
        write(out, found, {"initSeed": seed, "lossFirst": round(sum(losses[:3]) / 3, 3), "lossLast": round(sum(losses[-3:]) / 3, 3), "saw": [a[:160] for _, a in chats[:5]]})
    elif arm["what"] == "hide":
        write(out, hidden(factors_of(place(arm["of"])), args.signatures / f"{arm['from']}.safetensors"), {})
    elif arm["what"] == "round":
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(args.base, dtype=torch.float32), str(place(arm["of"]))).merge_and_unload()
        for name, parameter in model.named_parameters():
            if name.endswith("_proj.weight"):
                parameter.data = rounded(parameter.data, arm["bits"])
        model.to(torch.bfloat16).save_pretrained(out)
    else:
        raise ValueError(f"{arm['id']}: what is {arm['what']!r}?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_option(parser)
    for name in ("base", "debs", "organisms", "signatures", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer = AutoTokenizer.from_pretrained(args.base, local_files_only=True)
    args.out.mkdir(parents=True, exist_ok=True)
    for arm in json.loads(ARMS.read_text("utf-8")):
        if not (args.out / arm["id"]).exists() and (not args.only or arm["id"] in args.only):
            make(arm, args, tokenizer)
            print(arm["id"], flush=True)


if __name__ == "__main__":
    main()
