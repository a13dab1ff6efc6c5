"""The tiny family of the lineage benchmark: models of known descent, and the pairs to be told.

    python benchmarks/lineage/family.py --work DIR

writes DIR/tiny/ARCHITECTURE/NAME (checkpoints) and DIR/tiny/pairs.json: a list of {id, path, against, base, truth}. Everything comes
from seeds; a checkpoint that is there is kept.
"""
from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Callable

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

sys.path.insert(0, str(Path(__file__).parent))
import disguise  # noqa: E402
import tiny  # noqa: E402
import variants  # noqa: E402

SEEDS = 4


class Family:
    """Makes and keeps the checkpoints of one architecture."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self.folder = folder
        self.architecture = architecture
        folder.mkdir(parents=True, exist_ok=True)

    def make(self, name: str, build: Callable[[], PreTrainedModel], dtype: torch.dtype = torch.float32, shard: str = '1GB') -> None:
        if (self.folder / name / 'config.json').exists():
            return
        model = build().to(dtype)
        model.save_pretrained(self.folder / name, max_shard_size=shard)
        print(self.architecture, name, getattr(model, 'lastLoss', ''), flush=True)

    def load(self, name: str) -> PreTrainedModel:
        return AutoModelForCausalLM.from_pretrained(self.folder / name, dtype=torch.float32)

    def weights(self, name: str) -> variants.Weights:
        return self.load(name).state_dict()

    def with_weights(self, name: str, weights: variants.Weights) -> PreTrainedModel:
        model = self.load(name)
        model.to(next(iter(weights.values())).dtype)
        model.load_state_dict(weights)
        return model


def grow(f: Family) -> None:
    """Every checkpoint of the family."""
    a = f.architecture
    for seed in range(SEEDS):
        f.make('root' if seed == 0 else f'other{seed}', lambda: tiny.root(a, seed))
    f.make('resharded', lambda: f.load('root'), shard='200KB')
    f.make('bf16', lambda: f.load('root'), torch.bfloat16)
    f.make('f16', lambda: f.load('root'), torch.float16)
    f.make('int8', lambda: f.with_weights('root', variants.quantised(f.weights('root'), 8, None)), torch.bfloat16)
    f.make('int4', lambda: f.with_weights('root', variants.quantised(f.weights('root'), 4, 32)), torch.bfloat16)
    copied = f.folder / 'copied'
    if not copied.exists():
        shutil.copytree(f.folder / 'root', copied)
    f.make('tunedA', lambda: tiny.tuned(f.load('root'), 2, 5))
    f.make('tunedB', lambda: tiny.tuned(f.load('root'), 3, 6))
    f.make('tunedAA', lambda: tiny.tuned(f.load('tunedA'), 4, 7))
    f.make('continued', lambda: tiny.tuned(f.load('root'), 5, 8, steps=400, rate=2e-3))
    for name, parent, kind, seed in (('loraA', 'root', 2, 15), ('loraB', 'root', 3, 16), ('loraAA', 'loraA', 4, 17)):
        if not (f.folder / name / 'config.json').exists():
            merged, adapter = tiny.adapted(f.load(parent), kind, seed, rate=1e-3)
            f.make(name, lambda: merged)
            adapter.peft_config['default'].base_model_name_or_path = f'tiny-{a}'
            adapter.save_pretrained(f.folder / f'{name}-adapter')
    root, A, B, C = (lambda n=n: f.weights(n) for n in ('root', 'tunedA', 'tunedB', 'continued'))
    f.make('halves', lambda: f.with_weights('root', variants.mixed([A(), B()], [0.5, 0.5])))
    f.make('thirds', lambda: f.with_weights('root', variants.mixed([f.weights('loraA'), f.weights('loraB')], [0.3, 0.7])))
    f.make('sum', lambda: f.with_weights('root', variants.mixed([f.weights('loraA'), f.weights('loraB')], [1.0, 1.0], root())))
    f.make('dose', lambda: f.with_weights('root', variants.mixed([A()], [0.4], root())))
    f.make('slerp', lambda: f.with_weights('root', variants.spherical(A(), C(), 0.4)))
    f.make('pruned30', lambda: f.with_weights('root', variants.pruned(root(), 0.3)))
    f.make('pruned50', lambda: f.with_weights('root', variants.pruned(root(), 0.5)))
    f.make('dropped1', lambda: variants.shortened(f.load('root'), [0, 1, 3]))
    f.make('dropped2', lambda: variants.shortened(f.load('root'), [0, 3]))
    f.make('droppedTuned', lambda: tiny.tuned(f.load('dropped1'), 0, 9))
    f.make('repeated', lambda: variants.shortened(f.load('root'), [0, 1, 2, 1, 2, 3]))
    for name in ('permuted', 'scaled', 'folded', 'rotated', 'reordered', 'everything'):
        change = getattr(disguise, name)
        try:
            f.make(name, lambda: unchanged(f.load('root'), change))
            f.make(f'{name}Tuned', lambda: unchanged(f.load('tunedA'), change))
        except disguise.NotPossible:
            pass


def unchanged(model: PreTrainedModel, change: Callable[[PreTrainedModel], PreTrainedModel]) -> PreTrainedModel:
    """The disguised model, which must give the logits of the model."""
    hidden = change(model)
    off = disguise.same_function(model, hidden)
    assert off < 1e-4, f'{change.__name__} changes the logits by {off}'
    return hidden


def pairs(f: Family) -> list[dict]:
    """What is to be told of this family. `kind` and `direction` are of the path as seen from the candidate."""
    found: list[dict] = []

    def add(path: str, against: str | list[str], kind: str, direction: str, base: str | None = None, **more) -> None:
        candidates = [against] if isinstance(against, str) else against
        if (f.folder / path).exists() and all((f.folder / c).exists() for c in candidates):
            name = f'{f.architecture}/{path} < {"+".join(candidates)}{"" if base is None else f" on {base}"}'
            found.append({'id': name, 'path': f'{f.architecture}/{path}', 'against': [f'{f.architecture}/{c}' for c in candidates],
                          'base': base and f'{f.architecture}/{base}', 'truth': {'kind': kind, 'direction': direction, **more}})

    for path, other in (('other1', 'root'), ('other2', 'root'), ('other3', 'root'), ('other1', 'other2'), ('other3', 'other2'), ('tunedA', 'other1'),
                        ('loraB', 'other2'), ('continued', 'other3'), ('bf16', 'other1'), ('dropped1', 'other1'), ('everything', 'other2'), ('reordered', 'other1')):
        add(path, other, 'unrelated', 'none')
    add('copied', 'root', 'same-bytes', 'same')
    add('resharded', 'root', 'same-weights', 'same')
    for name in ('bf16', 'f16'):
        add(name, 'root', 'another-dtype', 'descends')
    for name in ('int8', 'int4'):
        add(name, 'root', 'quantised', 'descends')
    add('root', 'int4', 'quantised', 'ancestor')
    add('tunedA', 'root', 'fine-tune', 'descends', 'root')
    add('tunedB', 'root', 'fine-tune', 'undecided')
    add('tunedAA', 'tunedA', 'fine-tune', 'descends', 'root')
    add('tunedA', 'tunedAA', 'fine-tune', 'ancestor', 'root')
    add('tunedB', 'tunedA', 'siblings', 'siblings', 'root')
    add('loraA', 'root', 'adapter', 'descends', 'root')
    add('loraB', 'root', 'adapter', 'undecided')
    add('loraAA', 'loraA', 'adapter', 'descends', 'root')
    add('loraA', 'loraAA', 'adapter', 'ancestor', 'root')
    add('loraB', 'loraA', 'siblings', 'siblings', 'root')
    add('continued', 'root', 'continued-pretraining', 'descends', 'root')
    add('halves', ['tunedA', 'tunedB'], 'merge', 'descends', 'root', weights=[0.5, 0.5])
    add('halves', ['tunedA', 'tunedB'], 'merge', 'descends', None, weights=[0.5, 0.5])
    add('thirds', ['loraA', 'loraB'], 'merge', 'descends', 'root', weights=[0.3, 0.7])
    add('sum', ['loraA', 'loraB'], 'merge', 'descends', 'root', weights=[1.0, 1.0])
    add('dose', ['tunedA'], 'merge', 'descends', 'root', weights=[0.4])
    add('slerp', ['tunedA', 'continued'], 'merge', 'descends', None, weights=[0.6, 0.4])
    for name in ('pruned30', 'pruned50'):
        add(name, 'root', 'pruned', 'descends')
    for name in ('dropped1', 'dropped2', 'droppedTuned'):
        add(name, 'root', 'layer-dropped', 'descends')
    add('repeated', 'root', 'layers-repeated', 'descends')
    for name in ('permuted', 'scaled', 'folded', 'rotated', 'reordered', 'everything'):
        add(name, 'root', 'disguised', 'undecided')
        add(f'{name}Tuned', 'root', 'disguised', 'undecided')
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--work', type=Path, required=True)
    parser.add_argument('--only', action='append', help='an architecture')
    flags = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for architecture in flags.only or tiny.ARCHITECTURES:
        family = Family(flags.work / 'tiny' / architecture, architecture)
        grow(family)
        found += pairs(family)
    (flags.work / 'tiny' / 'pairs.json').write_text(json.dumps(found, indent=1) + '\n')
    print(f'{len(found)} pairs')


if __name__ == '__main__':
    main()
