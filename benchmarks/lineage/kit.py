"""Cisco's model-provenance-kit on one pair of models. In: two folders. Out: JSON {scores, signals} or {error} on stdout.

    python benchmarks/lineage/kit.py PATH OTHER

in an environment with cisco-ai-provenance-kit, torch and transformers. The kit refuses a folder without a tokenizer: one of a word for
each token is written beside every model that has none (all have the same, as fine-tunes of one model have). Nothing is asked of a network.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault('HF_HUB_OFFLINE', '1')
os.environ.setdefault('TRANSFORMERS_OFFLINE', '1')


def tokenizer(folder: Path) -> None:
    if (folder / 'tokenizer.json').exists():
        return
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    words = Tokenizer(models.WordLevel({**{f'w{i}': i for i in range(383)}, '<unk>': 383}, unk_token='<unk>'))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token='<unk>').save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('folders', type=Path, nargs=2)
    folders = parser.parse_args().folders
    for folder in folders:
        tokenizer(folder)
    from provenancekit.core.scanner import ModelProvenanceScanner
    try:
        found = json.loads(json.dumps(ModelProvenanceScanner().compare(*map(str, folders)).model_dump(), default=str))
        result = {key: found[key] for key in ('signals', 'scores') if key in found}
    except Exception as error:  # what another program may raise is a result too
        result = {'error': repr(error)}
    print(json.dumps(result))


if __name__ == '__main__':
    main()
