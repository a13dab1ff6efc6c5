"""Signature files, the library's index and the base on disk."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from build_models import family, gemma, gpt2, llama, save_base
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from signatures.build import Base, BuildError, factor_all, finalize, read_signature, signature_tensors, update_index, write_signature
from signatures.build.signs import sign_coordinates


def document(**changes: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 1, "trait": "evil", "description": "Evil.", "harmful": True, "kind": "gradient", "unit": "nats/token",
        "base": {"name": "tiny", "aliases": [], "fingerprint": "sha256:0", "source": "", "license": "", "layers": 2, "weights": {"0.v": [8, 16]}},
        "method": {"rank": 2}, "data": [], "signProbes": {}, "smallestMeaningfulShift": 0.05, "level": 0.05, "calibration": None, "null": [],
        "evidence": {}, **changes,
    }  # fmt: skip


def gradients() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return {"1.down": torch.randn(16, 24), "0.v": torch.randn(8, 16), "0.q": torch.zeros(16, 16)}


def test_tensors_of_a_signature(tmp_path: Path) -> None:
    model = gemma()
    base = Base(save_base(tmp_path / "base", model))
    tensors = signature_tensors(factor_all(gradients(), 2), base)
    write_signature(tmp_path / "s.safetensors", tensors, document())
    read, held = read_signature(tmp_path / "s.safetensors")
    assert read == document()
    assert {name: (str(t.dtype), tuple(t.shape)) for name, t in held.items() if name.startswith("0.v")} == {
        "0.v.U": ("torch.float16", (8, 2)), "0.v.s": ("torch.float32", (2,)), "0.v.V": ("torch.float16", (16, 2)),
        "0.v.c0": ("torch.float64", (2,)), "0.v.probes": ("torch.float32", (16, 16)),
    }  # fmt: skip
    assert not [name for name in held if name.startswith("0.q")], "a weight without a gradient decides nothing"
    weight = model.model.layers[1].mlp.down_proj.weight.detach().double().numpy()
    U, V = held["1.down.U"].double().numpy(), held["1.down.V"].double().numpy()
    np.testing.assert_allclose(held["1.down.c0"], np.einsum("ik,ij,jk->k", U, weight, V), rtol=1e-12)
    np.testing.assert_array_equal(held["1.down.probes"], sign_coordinates("1.down", weight))


def test_a_file_is_plain_aligned_safetensors_and_the_same_every_time(tmp_path: Path) -> None:
    base = Base(save_base(tmp_path / "base", gemma()))
    tensors = signature_tensors(factor_all(gradients(), 2), base)
    write_signature(tmp_path / "a", tensors, document())
    write_signature(tmp_path / "b", dict(reversed(tensors.items())), dict(reversed(document().items())))
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    assert data[8:9] == b"{" and size % 8 == 0
    assert header.pop("__metadata__").keys() == {"format", "version", "signature"}
    for entry in header.values():
        assert entry["data_offsets"][0] % {"F64": 8, "F32": 4, "F16": 2}[entry["dtype"]] == 0
    with safe_open(tmp_path / "a", framework="pt") as file:
        assert file.metadata()["format"] == "weightseq-signature" and file.metadata()["version"] == "1"


def test_one_column_of_a_larger_matrix_is_written_as_it_is(tmp_path: Path) -> None:
    column = torch.arange(12, dtype=torch.float16).reshape(2, 6).T[:, :1]  # its rows lie apart, and one column counts as contiguous all the same
    write_signature(tmp_path / "one", {"0.v.U": column}, document())
    assert load_file(tmp_path / "one")["0.v.U"].tolist() == [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]


def test_finalize_changes_the_document_only_and_the_index(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text('{"schemaVersion": 1, "signatures": []}')
    file = tmp_path / "tiny" / "evil.safetensors"
    tensors = {"0.v.U": torch.ones(8, 2, dtype=torch.bfloat16)}
    write_signature(file, tensors, document())
    assert update_index(file, document()) == tmp_path / "index.json"
    before = load_file(file)
    finalize(file, calibration={"slope": 1.0}, null=[{"kind": {}}], evidence={"r": 0.9})
    read, after = read_signature(file)
    assert read == document(calibration={"slope": 1.0}, null=[{"kind": {}}], evidence={"r": 0.9})
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert json.loads((tmp_path / "index.json").read_text()) == {
        "schemaVersion": 1,
        "signatures": [
            {
                "trait": "evil", "file": "tiny/evil.safetensors", "base": "tiny", "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "bytes": file.stat().st_size, "kind": "gradient", "harmful": True, "rank": 2, "description": "Evil.",
            }
        ],
    }  # fmt: skip
    assert sorted(path.name for path in file.parent.iterdir()) == ["evil.safetensors"], "no temporary file is left"


def test_a_calibrated_file_keeps_its_version_when_it_is_finalized_again(tmp_path: Path) -> None:
    file = tmp_path / "s.safetensors"
    write_signature(file, {}, document(schemaVersion=2))
    finalize(file, evidence={"r": 0.9})
    with safe_open(file, framework="pt") as opened:
        assert opened.metadata()["version"] == "2"
    assert read_signature(file)[0] == document(schemaVersion=2, evidence={"r": 0.9})


def test_index_is_sorted_and_replaces_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text('{"schemaVersion": 1, "signatures": []}')
    for base, trait in (("b", "x"), ("a", "y"), ("a", "x"), ("b", "x")):
        made = document(trait=trait, base={**document()["base"], "name": base})
        write_signature(tmp_path / base / f"{trait}.safetensors", {}, made)
        update_index(tmp_path / base / f"{trait}.safetensors", made)
    assert [line["file"] for line in json.loads((tmp_path / "index.json").read_text())["signatures"]] == [
        "a/x.safetensors", "a/y.safetensors", "b/x.safetensors",
    ]  # fmt: skip


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "s.safetensors"
    write_signature(file, {}, document())
    before = file.read_bytes()
    for changes, message in [
        ({"trait": "Evil"}, "--trait Evil"), ({"harmful": 1}, '"harmful" is 1'), ({"level": None}, '"level" is null'),
        ({"color": "red"}, "color: no such field"), ({"calibration": []}, "calibration"), ({"evidence": {"r": float("nan")}}, "not JSON"),
        ({"base": {"name": "../x"}}, "--base-name"), ({"schemaVersion": 3}, "schemaVersion 3"),
    ]:  # fmt: skip
        with pytest.raises(BuildError, match=message):
            finalize(file, **changes)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("data", [b"", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 16])
def test_what_is_no_signature(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(BuildError, match="is no signature file|no safetensors header"):
        read_signature(tmp_path / "s")


def test_fingerprint_by_the_formula(tmp_path: Path) -> None:
    """Names in code-point order, over all shards, whatever the order in the files."""
    tensors = {"b": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3), "B": torch.tensor(1.5), "é": torch.ones(2, dtype=torch.float16)}
    save_file({"b": tensors["b"], "é": tensors["é"]}, tmp_path / "x-1.safetensors")
    save_file({"B": tensors["B"]}, tmp_path / "x-2.safetensors", metadata={"format": "pt"})
    index = {"weight_map": {"b": "x-1.safetensors", "é": "x-1.safetensors", "B": "x-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    text = b"B\0F32\0\0" + struct.pack("<f", 1.5)
    text += b"b\0BF16\x002,3\0" + b"".join(struct.pack("<f", value)[2:] for value in range(6))
    text += "é\0F16\0002\0".encode() + b"\x00\x3c" * 2
    assert Base(tmp_path).fingerprint() == f"sha256:{hashlib.sha256(text).hexdigest()}"
    save_file({"b": tensors["b"]}, tmp_path / "x-2.safetensors")
    with pytest.raises(BuildError, match="b is also in x-1"):
        Base(tmp_path)


def test_table_of_weights(tmp_path: Path) -> None:
    tied = Base(save_base(tmp_path / "gemma", gemma())).weights()
    assert (len(tied), tied["0.q"], tied["1.down"], tied["embed"], tied["head"]) == (16, [16, 16], [16, 24], [260, 16], [260, 16])
    untied = Base(save_base(tmp_path / "llama", llama()))
    assert (len(untied.weights()), untied.layers()) == (16, 2)
    model = gpt2()
    conv = Base(save_base(tmp_path / "gpt2", model))
    assert [conv.weights()[name] for name in ("1.q", "1.k", "1.v", "0.down", "embed")] == [[16, 16], [16, 16], [16, 16], [16, 64], [260, 16]]
    assert torch.equal(conv.weight("0.o"), model.transformer.h[0].attn.c_proj.weight.detach().double().T)
    assert torch.equal(conv.weight("0.k"), model.transformer.h[0].attn.c_attn.weight.detach().double().T[16:32])
    stacks = {f"model.layers.0.mlp.experts.{name}": torch.randn(3, rows, columns) for name, rows, columns in (("gate_up_proj", 48, 16), ("down_proj", 16, 24))}
    (tmp_path / "stacks").mkdir()
    save_file(stacks, tmp_path / "stacks" / "model.safetensors")
    family("mixtral").config.save_pretrained(tmp_path / "stacks")
    experts = Base(tmp_path / "stacks")
    assert list(experts.weights()) == [f"0.{role}.{expert}" for role in ("down", "gate", "up") for expert in range(3)]
    assert torch.equal(experts.weight("0.up.2"), stacks["model.layers.0.mlp.experts.gate_up_proj"][2, 24:].double())


def test_bases_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="0 safetensors files"):
        Base(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs")
    with pytest.raises(BuildError, match="no safetensors header"):
        Base(tmp_path)
    base = Base(save_base(tmp_path / "base", gemma()))
    with pytest.raises(BuildError, match="5.q"):
        base.weight("5.q")
    with pytest.raises(BuildError, match=r"0.v: the base has \[8, 16\], the gradient \[4, 16\]"):
        signature_tensors(factor_all({"0.v": torch.ones(4, 16)}, 1), base)
