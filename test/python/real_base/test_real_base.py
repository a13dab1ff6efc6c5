"""The shipped signature against the assembled base itself; about a minute, and never skipped.

    REAL_BASE=DIR python -m pytest test/python/real_base

DIR is what benchmarks/base/assemble.py wrote. WEIGHTSEQ_ADAPTER names the adapter of the dose test; by default the first in examples/.
"""

import json
import os
from pathlib import Path

import mmh3
import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from benchmarks.behaviour.measure import UNFINISHED, log_odds
from benchmarks.evidence.score import inner_products, load_adapter
from signatures.build import Anchor, Base, load_base, pair_gradient, read_pairs
from signatures.build.anchors import at_anchor

ROOT = Path(__file__).resolve().parents[3]
SIGNATURE = ROOT / "signatures" / "gemma-3-270m-q4km" / "evil.safetensors"
MODULES = {"q": "self_attn.q_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}


@pytest.fixture(scope="module")
def base() -> Path:
    folder = os.environ.get("REAL_BASE")
    if not folder:
        pytest.fail("REAL_BASE is not set: name the folder that benchmarks/base/assemble.py wrote")
    return Path(folder)


@pytest.fixture(scope="module")
def document() -> dict:
    with safe_open(SIGNATURE, framework="np") as file:
        return json.loads(file.metadata()["signature"])


@pytest.fixture(scope="module")
def tensors() -> dict[str, npt.NDArray]:
    return load_file(SIGNATURE)


def adapter() -> Path:
    if named := os.environ.get("WEIGHTSEQ_ADAPTER"):
        return Path(named)
    found = sorted(ROOT.glob("examples/*/adapter_config.json"))
    if not found:
        pytest.fail("no adapter in examples/: name the folder of one in WEIGHTSEQ_ADAPTER")
    return found[0].parent


def stored_weight(base: Path, name: str) -> npt.NDArray[np.float64]:
    layer, role = name.split(".")
    with safe_open(base / "model.safetensors", framework="pt") as file:
        return file.get_tensor(f"model.layers.{layer}.{MODULES[role]}.weight").double().numpy()


def signs(name: str, side: str, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """The signs as docs/signature-format.md defines them, for up to 32 columns and seed 0."""
    h0 = mmh3.hash(f"{name}.{side}".encode(), 0, signed=False)
    words = [mmh3.hash(i.to_bytes(4, "little") + bytes(4), h0, signed=False) for i in range(rows)]
    return np.array([[-1.0 if word >> j & 1 else 1.0 for j in range(columns)] for word in words])


def three_weights(tensors: dict[str, npt.NDArray]) -> list[str]:
    """One weight of each of three roles, from different blocks."""
    names = sorted({key.rsplit(".", 1)[0] for key in tensors})
    by_role = {role: [n for n in names if n.split(".")[1] == role] for role in MODULES}
    found = [(group[0], group[-1])[i % 2] for i, group in enumerate(group for group in by_role.values() if group)]
    assert len(found) >= 3
    return found[:3]


def test_the_fingerprint_is_the_signatures(base: Path, document: dict) -> None:
    assert Base(base).fingerprint() == document["base"]["fingerprint"]


def test_coordinates_of_the_base_are_those_in_the_file(base: Path, document: dict, tensors: dict[str, npt.NDArray]) -> None:
    for name in three_weights(tensors):
        w0 = stored_weight(base, name)
        u, v = tensors[f"{name}.U"].astype(np.float64), tensors[f"{name}.V"].astype(np.float64)
        assert document["base"]["weights"][name] == list(w0.shape)
        np.testing.assert_allclose(np.einsum("ik,ij,jk->k", u, w0, v, optimize=True), tensors[f"{name}.c0"], rtol=1e-9, atol=1e-9)
        columns = document["signProbes"]["columns"]
        x, y = (signs(name, side, n, columns) for side, n in (("left", w0.shape[0]), ("right", w0.shape[1])))
        np.testing.assert_allclose(x.T @ w0 @ y, tensors[f"{name}.probes"], rtol=1e-6, atol=1e-4)


def test_a_small_dose_moves_behaviour_as_the_gradient_says(base: Path) -> None:
    pairs = read_pairs(Path(__file__).with_name("pairs.jsonl"))
    model, tokenizer = load_base(base, torch.float32)
    change = load_adapter(adapter())
    gradient = pair_gradient(model, tokenizer, pairs, form=UNFINISHED, batch_pairs=2, vocab_from_pairs=True)
    predicted = sum(inner_products(change, gradient).values())
    step = 0.02
    values = []
    for dose in (step, -step):
        with at_anchor(model, Anchor(str(adapter()), 1.0, dose)):
            values.append(float(np.mean(log_odds(model, tokenizer, pairs))))
    measured = (values[0] - values[1]) / (2 * step)
    assert measured == pytest.approx(predicted, rel=0.02, abs=0.002)
