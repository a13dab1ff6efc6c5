"""Our safetensors writer and reader against the official Python package: run after `npm run build`, from any folder.

    python -m pytest test/python/test_safetensors_interop.py
"""
import json
import random
import struct
import subprocess
from pathlib import Path

import pytest
import safetensors
import torch
from safetensors.torch import safe_open, save_file

DIST = Path(__file__).resolve().parents[2] / "dist" / "src" / "safetensors"
pytestmark = pytest.mark.skipif(not (DIST / "writer.js").exists(), reason="run `npm run build` first")

COPY = """
const { openSafetensors, readTensorBytes } = await import(process.argv[1] + '/file.js');
const { writeSafetensors } = await import(process.argv[1] + '/writer.js');
const { tensors, metadata } = await openSafetensors(process.argv[2]);
const parts = await Promise.all([...tensors.values()].map(async (t) => ({ ...t, data: await readTensorBytes(t) })));
await writeSafetensors(process.argv[3], parts.reverse(), metadata);
"""

OPEN = """
const { openSafetensors } = await import(process.argv[1] + '/file.js');
const found = [];
for (let i = 0; i < Number(process.argv[3]); i++) {
  found.push(await openSafetensors(process.argv[2] + '/' + i).then(
    ({ tensors }) => ({ tensors: Object.fromEntries([...tensors.values()].map((t) => [t.name, [t.dtype, t.shape, t.offset, t.bytes]])) }),
    (error) => ({ code: error.code ?? String(error.stack), message: error.message })));
}
console.log(JSON.stringify(found));
"""

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool,
]


def node(script: str, *arguments: object) -> str:
    command = ["node", "--input-type=module", "-e", script, DIST.as_uri(), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_python_reads_what_our_writer_wrote(tmp_path: Path) -> None:
    torch.manual_seed(0)
    given = {f"t.{i}.é": torch.randint(0, 2, (i, 3)).to(dtype) for i, dtype in enumerate(DTYPES)}
    given["scalar"] = torch.tensor(1.5)
    metadata = {"format": "pt"}
    save_file(given, tmp_path / "in", metadata)
    node(COPY, tmp_path / "in", tmp_path / "out")
    with safe_open(tmp_path / "out", "pt") as file:
        assert file.metadata() == metadata
        assert set(file.keys()) == set(given)
        for name, tensor in given.items():
            found = file.get_tensor(name)
            assert found.dtype == tensor.dtype and found.shape == tensor.shape
            assert found.view(torch.uint8).tolist() == tensor.view(torch.uint8).tolist() if tensor.dim() else found == tensor
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


# What the official reader accepts and ours refuses, on purpose: names that do not print, fields that nobody knows,
# dtypes that weightseq does not read, keys given twice.
STRICTER = {"unsafe-name", "bad-entry", "unknown-dtype", "duplicate-key"}
PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"0", b"1", b"-1", b"1.0", b"1e0", b"null", b" ", b"\t", b"//", b"\x00",
          b"\xff", b"\xe2\x80\xae", b'"x":1,', b'"a":{},', b"F4", b"C64", b"\\u0061", b"18446744073709551616", b'"__metadata__":{},']


def mutated(rng: random.Random) -> bytes:
    entries, end = {}, 0
    for name in rng.sample(["a", "b", "c.weight", "d\\", "é"], rng.randint(0, 4)):
        dtype, size = rng.choice([("F32", 4), ("BF16", 2), ("U8", 1), ("F64", 8)])
        shape = [rng.randint(0, 3) for _ in range(rng.randint(0, 3))]
        n = size
        for dimension in shape:
            n *= dimension
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + n]}
        end += n
    if rng.random() < 0.3:
        entries["__metadata__"] = {"k": "v"}
    items = list(entries.items())
    rng.shuffle(items)
    header = json.dumps(dict(items), separators=(",", ":")).encode()
    for _ in range(rng.choice([0, 1, 1, 2])):
        at = rng.randint(0, len(header))
        kind = rng.randrange(4)
        if kind == 0:
            header = header[:at] + rng.choice(PIECES) + header[at:]
        elif kind == 1:
            header = header[:at] + header[at + rng.randint(1, 12) :]
        elif kind == 2:
            digits = [i for i, byte in enumerate(header) if 48 <= byte <= 57]
            if digits:
                i = rng.choice(digits)
                header = header[:i] + str(rng.randrange(10)).encode() + header[i + 1 :]
        else:
            end = max(0, end + rng.randint(-3, 3))
    return struct.pack("<Q", len(header)) + header + bytes(end)


def test_our_reader_accepts_what_the_official_one_accepts(tmp_path: Path) -> None:
    rng = random.Random(5)
    files = [mutated(rng) for _ in range(3000)]
    for i, raw in enumerate(files):
        (tmp_path / str(i)).write_bytes(raw)
    accepted = 0
    for raw, ours in zip(files, json.loads(node(OPEN, tmp_path, len(files)))):
        try:
            theirs = dict(safetensors.deserialize(raw))
        except safetensors.SafetensorError:
            theirs = None
        if "tensors" in ours:
            assert theirs is not None, f"read, though the official reader refuses it: {raw!r}"
            assert ours["tensors"].keys() == theirs.keys(), raw
            for name, (dtype, shape, offset, size) in ours["tensors"].items():
                assert theirs[name]["shape"] == shape and theirs[name]["dtype"] == dtype, raw
                assert len(theirs[name]["data"]) == size and offset + size <= len(raw)
            accepted += 1
        elif theirs is not None:
            assert ours["code"] in STRICTER, f"{ours} for {raw!r}"
    assert 1000 < accepted < 2500
