"""Join compact readings of one base (docs/bench.md): of organisms that both hold the later ones count.

    python -m benchmarks.evidence.join --readings EARLIER LATER --out FILE

In:  two files by `weightseq bench read`, so that organisms need not be kept once they were read. Out: one, with the signatures of LATER. A signature
     that EARLIER did not have, or had with other tensors, is NaN for the organisms that only EARLIER holds; so are inner products between the two.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Readings:
    """The document and the tensors of one file."""

    document: dict[str, Any]
    tensors: dict[str, Array]
    metadata: dict[str, str]


def load(file: Path) -> Readings:
    """One file, whole."""
    with safe_open(file, "np") as data:
        metadata = data.metadata()
        return Readings(json.loads(metadata["readings"]), {name: data.get_tensor(name) for name in data.keys()}, metadata)


def by_weight(one: Readings, trait: str, weights: list[str]) -> Array:
    """Scores of one signature, [organisms × weights]: 0 where it scores no such weight, or none changed."""
    found = np.zeros((len(one.document["organisms"]), len(weights)), np.float32)
    own = next(s for s in one.document["signatures"] if s["trait"] == trait)["weights"]
    found[:, [weights.index(one.document["weights"][w]["name"]) for w in own]] = one.tensors[f"scores.{trait}"]
    return found


def join(earlier: Readings, later: Readings) -> Readings:
    """See above. ValueError where the two are of different bases."""
    if earlier.document["base"] != later.document["base"]:
        raise ValueError(f"readings of {earlier.document['base']} and of {later.document['base']}: join what is of one base")
    known = {o["id"] for o in later.document["organisms"]}
    kept = [i for i, o in enumerate(earlier.document["organisms"]) if o["id"] not in known]
    weights = list({w["name"]: w for w in [*earlier.document["weights"], *later.document["weights"]]}.values())
    names = [w["name"] for w in weights]
    n, count = len(kept), len(kept) + len(known)

    norms = np.zeros((count, len(names)), np.float32)
    for one, rows, at in ((earlier, kept, slice(0, n)), (later, slice(None), slice(n, count))):
        norms[at, [names.index(w["name"]) for w in one.document["weights"]]] = one.tensors["deltaNorms"][rows]
    before = {s["trait"]: (i, s["fingerprint"]) for i, s in enumerate(earlier.document["signatures"])}
    tensors, signatures = {"deltaNorms": norms, "scoreSds": np.zeros((count, len(later.document["signatures"])), np.float32)}, []
    for column, signature in enumerate(later.document["signatures"]):
        trait, (old, fingerprint) = signature["trait"], before.get(signature["trait"], (-1, None))
        is_known = fingerprint == signature["fingerprint"]
        tensors["scoreSds"][n:, column] = later.tensors["scoreSds"][:, column]
        upper = by_weight(earlier, trait, names)[kept] if is_known else np.full((n, len(names)), np.nan, np.float32)
        if is_known:
            tensors["scoreSds"][:n, column] = earlier.tensors["scoreSds"][kept, old]
        both = [d["weights"][w]["name"] for d, s in ((later.document, signature), *([(earlier.document, earlier.document["signatures"][old])] if is_known else [])) for w in s["weights"]]
        used = [i for i, name in enumerate(names) if name in set(both)]
        tensors[f"scores.{trait}"] = np.concatenate([upper, by_weight(later, trait, names)])[:, used]
        signatures.append({**signature, "weights": used})
    if "gram" in earlier.tensors and "gram" in later.tensors:
        tensors["gram"] = np.full((count, count), np.nan, np.float32)
        tensors["gram"][:n, :n] = earlier.tensors["gram"][np.ix_(kept, kept)]
        tensors["gram"][n:, n:] = later.tensors["gram"]
    organisms = [*(earlier.document["organisms"][i] for i in kept), *later.document["organisms"]]
    document = {**later.document, "weights": weights, "signatures": signatures, "organisms": organisms}
    return Readings(document, tensors, {**later.metadata, "readings": json.dumps(document)})


def save(joined: Readings, out: Path) -> None:
    """Write one file, whole or not at all."""
    beside = out.with_name(out.name + ".part")
    # safetensors writes the memory of an array as it lies, whatever its strides.
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in joined.tensors.items()}, beside, joined.metadata)
    beside.replace(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--readings", type=Path, nargs=2, required=True, metavar=("EARLIER", "LATER"))
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    joined = join(*(load(file) for file in args.readings))
    save(joined, args.out)
    print(len(joined.document["organisms"]), "organisms,", len(joined.document["signatures"]), "signatures")


if __name__ == "__main__":
    main()
