"""Cisco's model-provenance-kit on pairs of the tiny family, beside `lineage`. In: the family's folder. Out: JSON lines {id, seconds, result | error}.

    python benchmarks/lineage/kit.py --work DIR --out FILE

in an environment with cisco-ai-provenance-kit, torch and transformers. The kit refuses a folder without a tokenizer: one of a word for
each token is written beside every model (all have the same, as fine-tunes of one model have). Nothing is asked of a network.
"""
from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault('HF_HUB_OFFLINE', '1')
os.environ.setdefault('TRANSFORMERS_OFFLINE', '1')

PAIRS = ('other1 < root', 'other2 < root', 'other3 < root', 'other1 < other2', 'tunedA < root', 'tunedAA < tunedA', 'tunedB < tunedA', 'loraA < root', 'continued < root',
         'halves < tunedA', 'bf16 < root', 'int4 < root', 'pruned50 < root', 'dropped1 < root', 'folded < root', 'everything < root', 'reordered < root', 'resharded < root')


def main() -> None:
    from provenancekit.core.scanner import ModelProvenanceScanner
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    parser = argparse.ArgumentParser()
    parser.add_argument('--work', type=Path, required=True)
    parser.add_argument('--out', type=Path, required=True)
    flags = parser.parse_args()
    words = Tokenizer(models.WordLevel({**{f'w{i}': i for i in range(383)}, '<unk>': 383}, unk_token='<unk>'))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token='<unk>')
    scanner = ModelProvenanceScanner()
    with flags.out.open('w') as out:
        for architecture in ('llama', 'qwen2'):
            for pair in PAIRS:
                folders = [flags.work / 'tiny' / architecture / name for name in pair.split(' < ')]
                for folder in folders:
                    if not (folder / 'tokenizer.json').exists():
                        tokenizer.save_pretrained(folder)
                start = time.time()
                try:
                    found = {'result': json.loads(json.dumps(scanner.compare(*map(str, folders)).model_dump(), default=str))}
                except Exception as error:  # what another program may raise is a result too
                    found = {'error': repr(error)}
                out.write(json.dumps({'id': f'{architecture}/{pair}', 'seconds': time.time() - start, **found}) + '\n')
                out.flush()


if __name__ == '__main__':
    main()
