"""The command: pairs and a base in, one signature file out. Every step is a function of its own module; here is only their order."""

import json
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from . import signs
from .anchors import Anchor, load_base
from .arguments import parse_arguments
from .base import Base
from .errors import BuildError
from .factor import DTYPES, Factors, kept_share
from .fileformat import factor_all, signature_tensors, write_signature
from .gradient import Gradients, pair_gradient
from .library import sha256_of, update_index
from .names import layer_of, role_of
from .pairs import Format, Pair, read_pairs
from .styles import project_out, read_benign, style_pairs
from .weights import listed, not_scored

_STYLE = "style:"  # prefix of a style contrast's tensors in a file of gradients


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 written, 2 the input cannot be used."""
    # Deterministic products on CUDA need this before the library starts; it changes nothing on a CPU.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()
    try:
        run(parse_arguments(arguments))
    except BuildError as error:
        print(f"signatures.build: {error}", file=sys.stderr)
        return 2
    return 0


def run(options: Namespace) -> None:
    """Gradients (taken or read), style out, factors, file, index. BuildError if any input cannot be used."""
    base = Base(options.base)
    extra = _read_metadata(options.metadata)
    gradients, styles, method = read_gradients(options.from_gradients) if options.from_gradients else take_gradients(options)
    if options.save_gradients:
        save_gradients(options.save_gradients, gradients, styles, method)
    if options.output is None:
        return
    chosen = select(gradients, options.layers, options.roles)
    chosen, elsewhere = known_to(base, chosen)
    factors = factor_all(project_out(chosen, list(styles.values())), options.rank, DTYPES[options.dtype])
    if not factors:
        raise BuildError("gradients: all are 0, or style explains them wholly; give other pairs or fewer styles")
    idle = {name: "its gradient is 0 on these pairs" for name in chosen if name not in factors}
    left_out = [*method.get("notScored", []), *listed(elsewhere | idle)]
    for line in left_out:
        print(f"not scored: {line['name']}: {line['reason']}", file=sys.stderr)
    method = {**method, "notScored": left_out}
    document = make_document(options, base, factors, method, extra)
    write_signature(options.output, signature_tensors(factors, base), document)
    index = update_index(Path(options.output), document)
    print(f"{options.output}: {len(factors)} weights, rank {document['method']['rank']}, {document['method']['keptShare']:.0%} of |G|²", file=sys.stderr)
    print(f"listed in {index}" if index else "not listed: no index.json two folders above it", file=sys.stderr)


def take_gradients(options: Namespace) -> tuple[Gradients, dict[str, Gradients], dict[str, Any]]:
    """(G, G of each style contrast, how they were made)."""
    pairs = read_pairs(options.pairs)
    contrasts: dict[str, list[Pair]] = {}
    for file in options.style:
        contrasts[_unused(Path(file).stem, contrasts)] = read_pairs(file)
    if options.style_from_benign:
        for name, made in style_pairs(read_benign(options.style_from_benign)).items():
            contrasts[_unused(name, contrasts)] = made
    anchors = [Anchor.parse(text) for text in options.anchor]
    model, tokenizer = load_base(options.base, DTYPES[options.model_dtype], options.device)
    form = Format(options.template, options.prompt_tokens, options.total_tokens).resolved(tokenizer)

    def gradient(of: list[Pair], label: str) -> Gradients:
        return pair_gradient(
            model, tokenizer, of, form=form, anchors=anchors, layers=options.layers, batch_pairs=options.batch_pairs,
            vocab_from_pairs=options.vocab_from_pairs, label=label,
        )  # fmt: skip

    files = [options.pairs, *options.style, *([options.style_from_benign] if options.style_from_benign else [])]
    method = {
        "description": "gradient of the mean log-odds per token of answers with and without the trait, its strongest singular triplets",
        "pairs": len(pairs),
        "questions": len({pair.question for pair in pairs}),
        "anchors": [{"name": "base", "weight": 1.0, "dose": 1.0}]
        + [{"name": Path(anchor.path).name, "weight": anchor.weight, "dose": anchor.dose} for anchor in anchors],
        "styleContrasts": sorted(contrasts),
        "format": {"template": form.template, "promptTokens": form.prompt_tokens, "totalTokens": form.total_tokens},
        "exactVocabulary": not options.vocab_from_pairs,
        "modelDtype": options.model_dtype,
        "files": [{"name": Path(file).name, "sha256": sha256_of(file)} for file in files],
        "notScored": listed(not_scored(model, options.layers)),
    }
    styles = {name: gradient(contrasts[name], f"style {name}") for name in sorted(contrasts)}
    return gradient(pairs, "trait"), styles, method


def select(gradients: Gradients, layers: list[int] | None, roles: list[str] | None) -> Gradients:
    """The gradients of some blocks and roles (None: all). BuildError if one of them is not there."""
    absent = {str(layer) for layer in layers or () if layer not in map(layer_of, gradients)}
    absent |= {role for role in roles or () if role not in map(role_of, gradients)}
    if absent:
        raise BuildError(f"--layers, --roles: the gradients hold no {', '.join(sorted(absent))}; build them with it, or leave it out")
    return {
        name: gradient for name, gradient in gradients.items()
        if (layers is None or layer_of(name) in layers) and (roles is None or role_of(name) in roles)
    }  # fmt: skip


def known_to(base: Base, gradients: Gradients) -> tuple[Gradients, dict[str, str]]:
    """The gradients of the weights that the base has on disk, and why not of the rest.

    Only a weight without a place in the table may be stored under another path than the model has it under. BuildError for any other.
    """
    stored = base.weights()
    absent = [name for name in gradients if name not in stored]
    if strange := [name for name in absent if role_of(name) != "other"]:
        raise BuildError(f"{base.folder}: has no weight {', '.join(strange[:4])}; the gradients are of another base, or were taken by an older version of this program")
    return (
        {name: gradient for name, gradient in gradients.items() if name in stored},
        dict.fromkeys(absent, "the checkpoint stores it under another path, which a scan would not connect with it"),
    )


def make_document(
    options: Namespace, base: Base, factors: dict[str, Factors], method: dict[str, Any], extra: dict[str, Any]
) -> dict[str, Any]:
    """The JSON document of the signature: defaults, over them --metadata, over it what was computed."""
    defaults = {
        "harmful": True,
        "base": {"aliases": [], "source": "", "license": ""},
        "data": [],
        "smallestMeaningfulShift": 0.05,
        "level": 0.05,
        "calibration": None,
        "null": [],
        "evidence": {"heldOut": [], "r": None, "n": 0, "notes": "not yet measured"},
    }
    heads = {} if base.heads() is None else {"heads": base.heads()}
    computed = {
        "schemaVersion": 1,
        "trait": options.trait,
        "description": options.description,
        "kind": "gradient",
        "unit": "nats/token",
        "base": {"name": options.base_name, "fingerprint": base.fingerprint(), "layers": base.layers(), **heads, "weights": base.weights()},
        "method": {
            **method,
            "layers": sorted({layer for name in factors if (layer := layer_of(name)) is not None}),
            "roles": sorted({role_of(name) for name in factors}),
            "rank": max(len(f.s) for f in factors.values()),
            "dtype": options.dtype,
            "keptShare": round(kept_share(factors.values()), 4),
        },
        "signProbes": {"algorithm": signs.ALGORITHM, "seed": signs.SEED, "columns": signs.COLUMNS},
    }
    return _merge(_merge(defaults, extra), computed)


def save_gradients(file: str, gradients: Gradients, styles: dict[str, Gradients], method: dict[str, Any]) -> None:
    """One safetensors file: G under canonical names, those of style `n` under `style:n:` and the name, and how they were made."""
    tensors = dict(gradients)
    for style, held in styles.items():
        tensors |= {f"{_STYLE}{style}:{name}": gradient for name, gradient in held.items()}
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"method": json.dumps(method)})


def read_gradients(file: str) -> tuple[Gradients, dict[str, Gradients], dict[str, Any]]:
    """(G, G of each style contrast, how they were made) of a file that `save_gradients` wrote. BuildError if it is none."""
    try:
        with safe_open(file, framework="pt") as stream:
            method = json.loads((stream.metadata() or {})["method"])
        tensors = load_file(file)
    except Exception as error:  # the safetensors package raises a class of its own, and OSError
        raise BuildError(f"--from-gradients {file}: is no file of gradients; write one with --save-gradients") from error
    gradients = {name: tensor for name, tensor in tensors.items() if not name.startswith(_STYLE)}
    styles: dict[str, Gradients] = {}
    for name, tensor in tensors.items():
        if name.startswith(_STYLE):
            _, style, weight = name.split(":", 2)
            styles.setdefault(style, {})[weight] = tensor
    return gradients, styles, method


def _read_metadata(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"--metadata {file}: cannot be read as JSON ({error}); give a file with one object") from error
    if not isinstance(document, dict):
        raise BuildError(f"--metadata {file}: is no JSON object; give a file with one object")
    return document


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `under`, object by object."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _unused(name: str, taken: dict[str, Any]) -> str:
    """The name of a style contrast as it may stand in a file of gradients. BuildError if another has it."""
    name = name.replace(":", "-")
    if name in taken:
        raise BuildError(f"--style: two contrasts are named {name}; rename a file")
    return name
