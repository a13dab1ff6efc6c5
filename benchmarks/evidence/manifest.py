"""Write the manifest of labelled organisms that `weightseq bench detection` and `weightseq calibrate` read.

    python -m benchmarks.evidence.manifest --organisms DIR... --behaviour FILE [--judged FILE] [--candidates FILE] [--earlier FILE [--earlier-traits NAME...]] --out benchmarks/evidence/manifest.json

In:  folders of organisms with their training.json, the JSON of measure.py, of judged.py and of choose.py; an earlier manifest, whose organisms stay where no folder
     is given for them, since adapters need not be kept once they were read. Out: the manifest (docs/bench.md), one line for each organism.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.evidence.labels import Organism, organisms_of


def entry(organism: Organism, folder: Path, judged: Mapping[str, Any], chosen_on: Mapping[str, str]) -> dict[str, Any]:
    """One organism of the manifest; a path relative to `work` is left to the caller's --organisms."""
    training = json.loads((folder / "training.json").read_text("utf-8")) if (folder / "training.json").is_file() else {}
    weights = folder / ("adapter_model.safetensors" if (folder / "adapter_config.json").is_file() else "model.safetensors")
    sha256 = training.get("sha256") or hashlib.sha256(weights.read_bytes()).hexdigest()
    about = {**{k: v for k, v in training.items() if k != "sha256"}, "sha256": sha256}
    if organism.id in judged:
        about["writes"] = {k: judged[organism.id][k] for k in ("evil", "standardError")}
    behaviour = {t: {"shift": b["shift"], "standardError": b["standardError"], "questions": len(b["questions"])} for t, b in sorted(organism.behaviour.items())}
    apart = ({"apart": True} if organism.is_arm else {}) | ({"variantOf": organism.variant_of} if organism.variant_of else {})
    seen = [] if organism.is_calibration else [t for t, on in chosen_on.items() if organism.is_measured(t) and organism.takes_part(on)]
    seen_by = {"seenBy": seen} if seen else {}
    return {"id": organism.id, "path": organism.id, "sources": sorted(organism.sources), "kind": dict(organism.kind), "group": [tag for tag in organism.tags if tag != "arm"], "behaviour": behaviour,
            "split": "calibration" if organism.is_calibration else "test", **seen_by, **apart, "about": about}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--organisms", type=Path, nargs="+", required=True)
    parser.add_argument("--behaviour", type=Path, required=True)
    parser.add_argument("--judged", type=Path)
    parser.add_argument("--candidates", type=Path, help="what choose.py wrote: which organisms of the split test took part in which choice")
    parser.add_argument("--earlier", type=Path)
    parser.add_argument("--earlier-traits", nargs="+", help="traits with whose signatures the earlier organisms were read; all when absent")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    behaviour = json.loads(args.behaviour.read_text("utf-8"))
    judged = json.loads(args.judged.read_text("utf-8")) if args.judged else {}
    found = json.loads(args.candidates.read_text("utf-8")) if args.candidates else {}
    chosen_on = {trait: row["chosenOn"] for trait, row in found.items()}
    folders = [f for f in args.organisms if f.is_dir() and f.name in behaviour]
    rows = [entry(o, f, judged, chosen_on) for o, f in zip(organisms_of(behaviour, [f.name for f in folders]), folders, strict=True)]
    earlier = json.loads(args.earlier.read_text("utf-8"))["organisms"] if args.earlier else []
    kept = [{**row, "behaviour": {t: b for t, b in row["behaviour"].items() if not args.earlier_traits or t in args.earlier_traits}} for row in earlier]
    rows = [*(row for row in kept if row["id"] not in {r["id"] for r in rows}), *rows]
    head = {"schemaVersion": 1, "base": "gemma-3-270m-q4km", "unit": "nats/token", "readings": "readings.safetensors", "externalScores": "external.json"}
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    args.out.write_text(json.dumps(head, indent=1)[:-2] + ',\n "organisms": [\n' + lines + "\n ]\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
