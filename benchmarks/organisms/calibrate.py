"""Collect what is known of the calibration organisms: recipe, training figures, measured behaviour.

    python -m benchmarks.organisms.calibrate --organisms DIR --measured FILE --out benchmarks/organisms/calibration.json

In:  DIR/ID/training.json of each organism, and the JSON that measure.py wrote.
Out: {unit, organisms: [{id, sources, seed, initSeed, steps, lossFirst, lossLast, deltaNorm, shift, standardError}]}, recipe order.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.organisms.train import recipes


def collect(organisms: Path, measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each organism that is trained and measured."""
    behaviour = {row["id"]: row for row in measured}
    rows = []
    for recipe in recipes():
        training = organisms / recipe["id"] / "training.json"
        if training.is_file() and recipe["id"] in behaviour:
            row = behaviour[recipe["id"]]
            rows.append({"id": recipe["id"], "sources": [part["source"] for part in recipe["parts"]], "seed": recipe["seed"], "steps": recipe["steps"],
                         **json.loads(training.read_text()), "shift": row["shift"], "standardError": row["standardError"]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--organisms", type=Path, required=True)
    parser.add_argument("--measured", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    measured = [row for file in args.measured for row in json.loads(file.read_text("utf-8"))]
    rows = ",\n".join("  " + json.dumps(row) for row in collect(args.organisms, measured))
    args.out.write_text('{\n "unit": "nats/token",\n "organisms": [\n' + rows + "\n ]\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
