"""Everything a comparison of candidates needs, as arrays: computed once from the gradients and the fine-tunes, weight by weight.

    python -m benchmarks.evidence.tables --base DIR --work DIR --organisms DIR... --out benchmarks/evidence/tables.npz

inner[g, o, w] = <ΔW, G_g> of gradient g, organism o and weight w; norms[o, w] = |ΔW|; gram[w, g, h] = <G_g, G_h>. Scores of any mean of gradients
over points, with any styles projected out, over any layers, are sums of these: neither weights nor gradients need be read again.
Fine-tunes are folders of LoRA adapters or of whole checkpoints (ΔW = W − W0 then). Memory: one weight of every gradient and organism at a time.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open

from benchmarks.evidence.score import Adapter, load_adapter
from signatures.build.names import name_module

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tables:
    """See above. names: gradients; ids: organisms; weights: canonical names."""

    names: list[str]
    ids: list[str]
    weights: list[str]
    inner: Array
    norms: Array
    gram: Array


def checkpoint_weights(folder: Path) -> Mapping[str, Callable[[], torch.Tensor]]:
    """Canonical name → a function that reads that matrix of the blocks in f32, for a checkpoint in one file."""
    file = safe_open(folder / "model.safetensors", "pt")
    found: dict[str, Callable[[], torch.Tensor]] = {}
    for key in file.keys():
        named = name_module(key.removesuffix(".weight"))
        if named.layer is not None and named.role in {"q", "k", "v", "o", "gate", "up", "down"}:
            found[named.name] = lambda key=key: file.get_tensor(key).float()  # type: ignore[misc]
    return found


def build(base: Path, gradients: Sequence[Path], organisms: Sequence[Path]) -> Tables:
    """Tables of gradient files (safetensors, canonical names) and fine-tunes (folders); names are file stems, ids folder names."""
    files = [safe_open(file, "pt") for file in gradients]
    weights = sorted(files[0].keys(), key=lambda n: (int(n.split(".")[0]), n))
    adapters: dict[str, Adapter] = {f.name: load_adapter(f) for f in organisms if (f / "adapter_config.json").is_file()}
    whole = {f.name: checkpoint_weights(f) for f in organisms if f.name not in adapters}
    before = checkpoint_weights(base) if whole else {}
    ids = [f.name for f in organisms]
    inner, norms = np.zeros((len(files), len(ids), len(weights))), np.zeros((len(ids), len(weights)))
    gram = np.zeros((len(weights), len(files), len(files)))
    for w, name in enumerate(weights):
        stack = torch.stack([file.get_tensor(name) for file in files])
        flat = stack.flatten(1)
        gram[w] = (flat @ flat.T).double().numpy()
        start = before[name]() if whole else None
        for o, organism in enumerate(ids):
            if organism in adapters:
                adapter = adapters[organism]
                if name not in adapter.factors:
                    continue
                a, b = (torch.from_numpy(m).float() for m in adapter.factors[name])
                inner[:, o, w] = adapter.scale * ((b.T @ stack) * a).flatten(1).double().sum(1).numpy()
                norms[o, w] = adapter.scale * float(((a @ a.T).double() * (b.T @ b).double()).sum().clamp(min=0)) ** 0.5
            else:
                delta = (whole[organism][name]() - start).flatten()
                inner[:, o, w] = (flat @ delta).double().numpy()
                norms[o, w] = float(delta.double().norm())
    return Tables([f.stem for f in gradients], ids, weights, inner, norms, gram)


def save(file: Path, tables: Tables) -> None:
    """Keep tables in one .npz, written beside and renamed."""
    beside = file.with_name(file.stem + ".part.npz")
    small = {"inner": tables.inner, "norms": tables.norms, "gram": tables.gram}
    np.savez_compressed(beside, names=tables.names, ids=tables.ids, weights=tables.weights, **{k: v.astype(np.float32) for k, v in small.items()})
    beside.replace(file)


def load(file: Path) -> Tables:
    """Tables as kept by `save`."""
    with np.load(file) as data:
        return Tables(*(data[k].tolist() for k in ("names", "ids", "weights")), *(data[k].astype(np.float64) for k in ("inner", "norms", "gram")))


def extend(file: Path, base: Path, gradients: Sequence[Path], organisms: Sequence[Path]) -> Tables:
    """The tables kept in `file`, with what is missing from them computed and added. Other gradients than before: all anew."""
    old = load(file) if file.is_file() else None
    if old is not None and old.names != [f.stem for f in gradients]:
        old = None
    known = set(old.ids) if old else set()
    fresh = [f for f in organisms if f.name not in known]
    if not fresh and old:
        return old
    new = build(base, gradients, fresh)
    joined = new if old is None else Tables(new.names, old.ids + new.ids, new.weights, np.concatenate([old.inner, new.inner], axis=1), np.concatenate([old.norms, new.norms]), new.gram)
    save(file, joined)
    return joined


def mask_of(tables: Tables, layers: range, roles: set[str]) -> npt.NDArray[np.bool_]:
    """Which weights lie in these layers and roles."""
    return np.array([int(n.split(".")[0]) in layers and n.split(".")[1] in roles for n in tables.weights])


def coefficients(tables: Tables, mean_of: Mapping[str, float], styles: Sequence[str]) -> Array:
    """[weights × gradients]: the mean of `mean_of`, weighted, minus its projection on the styles, weight by weight."""
    at = {name: i for i, name in enumerate(tables.names)}
    row = np.zeros(len(tables.names))
    for name, share in mean_of.items():
        row[at[name]] = share / sum(abs(v) for v in mean_of.values())
    result = np.tile(row, (len(tables.weights), 1))
    if styles:
        index = [at[s] for s in styles]
        for w in range(len(tables.weights)):
            gram = tables.gram[w]
            result[w, index] -= np.linalg.pinv(gram[np.ix_(index, index)], rcond=1e-10, hermitian=True) @ (gram[index] @ row)
    return result


def scores(tables: Tables, mean_of: Mapping[str, float], styles: Sequence[str], mask: npt.NDArray[np.bool_]) -> Array:
    """Score of every organism, [organisms]: the sum over the chosen weights."""
    return np.einsum("gow,wg->o", tables.inner[:, :, mask], coefficients(tables, mean_of, styles)[mask])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("base", "work", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--organisms", type=Path, nargs="+", required=True)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folders = [f for f in args.organisms if f.is_dir() and not f.name.endswith(".part")]
    table = extend(args.out, args.base, sorted((args.work / "gradients").glob("*.safetensors")), folders)
    print(len(table.names), "gradients,", len(table.ids), "organisms,", len(table.weights), "weights")


if __name__ == "__main__":
    main()
