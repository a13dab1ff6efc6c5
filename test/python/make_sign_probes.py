"""Write test/fixtures/sign-probes.json with the mmh3 package, which shares no code with this project.

    python test/python/make_sign_probes.py
"""

import json
import struct
from pathlib import Path

import mmh3

FIXTURE = Path(__file__).parents[1] / "fixtures" / "sign-probes.json"
BYTES = ["", "00", "ff", "6162", "616263", "61626364", "6162636465", "ffffffffff", "372e646f776e2e6c656674", "00" * 8, "ff" * 16]
SEEDS = [0, 1, 0x9747B28C, 0xFFFFFFFF]
# name, side, seed, columns, rows: few columns, more than a word of them, and exactly one and two words
MATRICES = [
    ("7.down", "left", 0, 16, [0, 1, 2, 3, 639]),
    ("7.down", "right", 0, 16, [0, 1, 2047]),
    ("0.q", "left", 0, 16, [0, 262143]),
    ("12.up.3", "right", 0, 16, [0, 70000]),
    ("embed", "left", 0, 32, [0, 5]),
    ("head", "right", 1, 64, [0, 5]),
    ("5.o", "left", 4294967295, 70, [0, 9, 4000000000]),
    ("3.größe", "right", 0, 40, [1]),
]


def sign(name: str, side: str, seed: int, row: int, column: int) -> int:
    """One sign by the formula of docs/signature-format.md."""
    h0 = mmh3.hash(f"{name}.{side}".encode(), seed, signed=False)
    h = mmh3.hash(struct.pack("<II", row, column >> 5), h0, signed=False)
    return -1 if h >> (column & 31) & 1 else 1


def vectors() -> dict[str, object]:
    """The document: raw hashes of bytes, and whole rows of signs as text, `+` for +1 and `-` for −1."""
    return {
        "about": "murmur3_x86_32 by the Python package mmh3; signs as in docs/signature-format.md, a row as text of + and -",
        "murmur3": [{"hex": text, "seed": seed, "hash": mmh3.hash(bytes.fromhex(text), seed, signed=False)} for text in BYTES for seed in SEEDS],
        "signs": [
            {
                "name": name, "side": side, "seed": seed, "columns": columns,
                "rows": {str(row): "".join("-" if sign(name, side, seed, row, j) < 0 else "+" for j in range(columns)) for row in rows},
            }
            for name, side, seed, columns, rows in MATRICES
        ],
    }  # fmt: skip


def text() -> str:
    """The fixture as it stands in the file."""
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FIXTURE.write_text(text(), encoding="utf-8")
