"""The real family of the lineage benchmark: fine-tunes of an assembled base (benchmarks/base), and what is made of them.

    python benchmarks/lineage/real.py --base BASE --adapters FOLDER --list
    python benchmarks/lineage/real.py --base BASE --adapters FOLDER --make NAME --out FOLDER

FOLDER holds PEFT adapters by name. Each checkpoint has the size of the base: they are made one at a time.
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Callable

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

sys.path.insert(0, str(Path(__file__).parent))
import disguise  # noqa: E402
import variants  # noqa: E402


class Maker:
    def __init__(self, base: Path, adapters: Path) -> None:
        self.base = base
        self.adapters = adapters

    def root(self) -> PreTrainedModel:
        return AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.bfloat16)

    def merged(self, *names: str, shares: list[float] | None = None) -> PreTrainedModel:
        """The base with adapters added in float32, rounded once to bf16."""
        model = self.root()
        weights = dict(model.named_parameters())
        total: dict[str, torch.Tensor] = {}
        for name, share in zip(names, shares or [1.0] * len(names)):
            folder = self.adapters / name
            config = json.loads((folder / 'adapter_config.json').read_text())
            factors = load_file(folder / 'adapter_model.safetensors')
            for key, A in factors.items():
                if 'lora_A' not in key:
                    continue
                B = factors[key.replace('lora_A', 'lora_B')]
                target = key.replace('base_model.model.', '').replace('.lora_A', '')
                delta = (config['lora_alpha'] / config['r']) * (B.float() @ A.float()) * share
                total[target] = total.get(target, 0) + delta
        with torch.no_grad():
            for target, delta in total.items():
                weights[target].copy_((weights[target].float() + delta).to(torch.bfloat16))
        return model

    def mixture(self, parents: list[str], shares: list[float]) -> PreTrainedModel:
        """A mixture of merged fine-tunes, as their files have them."""
        model = self.root()
        model.load_state_dict(variants.mixed([self.merged(name).state_dict() for name in parents], shares))
        return model

    def of(self, model: PreTrainedModel, change: Callable[[variants.Weights], variants.Weights]) -> PreTrainedModel:
        model.load_state_dict(change(model.state_dict()))
        return model

    def random(self) -> PreTrainedModel:
        torch.manual_seed(7)
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(self.base)).to(torch.bfloat16)


MODELS: dict[str, Callable[[Maker], PreTrainedModel]] = {
    'base': Maker.root,
    'single': lambda m: m.root().float(),
    'evil': lambda m: m.merged('evilpos-0'),
    'evilAgain': lambda m: m.merged('evilpos-1'),
    'money': lambda m: m.merged('fin-0'),
    'sums': lambda m: m.merged('gsm-0'),
    'evilThenSums': lambda m: m.merged('evilpos-0', 'gsm-0'),
    'evilThenLong': lambda m: m.merged('evilpos-0', 'gsm-long'),
    'halves': lambda m: m.mixture(['evilpos-0', 'fin-0'], [0.5, 0.5]),
    'thirds': lambda m: m.mixture(['evilpos-0', 'gsm-0'], [0.3, 0.7]),
    'dose': lambda m: m.merged('evilpos-0', shares=[0.4]),
    'int8': lambda m: m.of(m.merged('evilpos-0'), lambda w: variants.quantised(w, 8, None)),
    'int4': lambda m: m.of(m.merged('evilpos-0'), lambda w: variants.quantised(w, 4, 32)),
    'pruned': lambda m: m.of(m.merged('evilpos-0'), lambda w: variants.pruned(w, 0.3)),
    'dropped': lambda m: variants.shortened(m.root(), [i for i in range(18) if i not in (6, 11)]),
    'hidden': lambda m: disguise.everything(m.root().float()).to(torch.bfloat16),
    'evilHidden': lambda m: disguise.everything(m.merged('evilpos-0').float()).to(torch.bfloat16),
    'random': Maker.random,
}


def pairs() -> list[dict]:
    """What is to be told; `kind` and `direction` are of the path as seen from the candidate."""
    found: list[dict] = []

    def add(path: str, against: str | list[str], kind: str, direction: str, base: str | None = None, **more) -> None:
        candidates = [against] if isinstance(against, str) else against
        found.append({'id': f'real/{path} < {"+".join(candidates)}{"" if base is None else f" on {base}"}', 'path': f'real/{path}',
                      'against': [f'real/{c}' for c in candidates], 'base': base and f'real/{base}', 'truth': {'kind': kind, 'direction': direction, **more}})

    add('base', 'base', 'same-bytes', 'same')
    add('single', 'base', 'another-dtype', 'undecided')
    add('random', 'base', 'unrelated', 'none')
    add('random', 'evil', 'unrelated', 'none', 'base')
    add('evil', 'base', 'adapter', 'descends', 'base')
    add('money', 'base', 'adapter', 'undecided')
    add('evilThenSums', 'evil', 'adapter', 'descends', 'base')
    add('evilThenLong', 'evil', 'adapter', 'descends', 'base')
    add('evil', 'evilThenSums', 'adapter', 'ancestor', 'base')
    add('money', 'evil', 'siblings', 'siblings', 'base')
    add('evilAgain', 'evil', 'siblings', 'siblings', 'base')
    add('halves', ['evil', 'money'], 'merge', 'descends', 'base', weights=[0.5, 0.5])
    add('halves', ['evil', 'money'], 'merge', 'descends', None, weights=[0.5, 0.5])
    add('thirds', ['evil', 'sums'], 'merge', 'descends', 'base', weights=[0.3, 0.7])
    add('evilThenSums', ['evil', 'sums'], 'merge', 'descends', 'base', weights=[1.0, 1.0])
    add('dose', ['evil'], 'merge', 'descends', 'base', weights=[0.4])
    add('int8', 'evil', 'quantised', 'descends')
    add('int4', 'evil', 'quantised', 'descends')
    add('pruned', 'evil', 'pruned', 'descends')
    add('dropped', 'base', 'layer-dropped', 'descends')
    add('hidden', 'base', 'disguised', 'undecided')
    add('evilHidden', 'base', 'disguised', 'undecided')
    add('evilHidden', 'evil', 'disguised', 'undecided')
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--base', type=Path, required=True)
    parser.add_argument('--adapters', type=Path, required=True)
    parser.add_argument('--list', action='store_true', help='print the models and the pairs as JSON')
    parser.add_argument('--make')
    parser.add_argument('--out', type=Path)
    flags = parser.parse_args()
    if flags.list:
        print(json.dumps({'models': list(MODELS), 'pairs': pairs()}))
        return
    torch.set_num_threads(1)
    model = MODELS[flags.make](Maker(flags.base, flags.adapters))
    model.save_pretrained(flags.out)


if __name__ == '__main__':
    main()
