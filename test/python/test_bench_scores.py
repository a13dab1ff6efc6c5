"""Scores of adapters against the dense formula, and the figures by which signatures are judged."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy import stats

from benchmarks.data import data
from benchmarks.evidence import figures, tables
from benchmarks.evidence.score import factored_score, inner_products, load_adapter
from signatures.build import factor

SHAPES = {"0.q": (6, 4), "3.down": (5, 7)}
MODULES = {"0.q": "layers.0.self_attn.q_proj", "3.down": "layers.3.mlp.down_proj"}


@pytest.fixture
def adapter_folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    tensors = {}
    for name, (out, inside) in SHAPES.items():
        stem = f"base_model.model.model.{MODULES[name]}"
        tensors |= {f"{stem}.lora_A.weight": torch.randn(2, inside), f"{stem}.lora_B.weight": torch.randn(out, 2)}
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 6}))
    return tmp_path


def dense(folder: Path) -> dict[str, np.ndarray]:
    adapter = load_adapter(folder)
    return {name: 3.0 * b @ a for name, (a, b) in adapter.factors.items()}


def test_inner_products_and_norm_equal_the_dense_ones(adapter_folder: Path) -> None:
    gradients = {name: torch.randn(*shape) for name, shape in SHAPES.items()}
    change = dense(adapter_folder)
    found = inner_products(load_adapter(adapter_folder), gradients)
    for name in SHAPES:
        assert found[name] == pytest.approx(float((change[name] * gradients[name].double().numpy()).sum()))
    assert load_adapter(adapter_folder).norm() == pytest.approx(math.sqrt(sum((c**2).sum() for c in change.values())))


def test_factored_score_equals_the_dense_sum(adapter_folder: Path) -> None:
    tensors, want = {}, 0.0
    for name, shape in SHAPES.items():
        f = factor(torch.randn(*shape), 3, torch.float32)
        tensors |= {f"{name}.U": f.U, f"{name}.s": f.s, f"{name}.V": f.V}
        u, s, v = f.U.double().numpy(), f.s.double().numpy(), f.V.double().numpy()
        want += sum(s[i] * u[:, i] @ dense(adapter_folder)[name] @ v[:, i] for i in range(len(s)))
    assert factored_score(load_adapter(adapter_folder), tensors) == pytest.approx(want)


def test_an_adapter_that_is_no_plain_lora_is_refused(adapter_folder: Path) -> None:
    (adapter_folder / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 6, "use_dora": True}))
    with pytest.raises(ValueError, match="plain LoRA"):
        load_adapter(adapter_folder)


def test_tables_give_the_score_of_the_projected_mean() -> None:
    rng = np.random.default_rng(0)
    g = {name: rng.normal(size=(4, 3)) for name in ("evil@base", "evil@x", "style")}
    change = rng.normal(size=(4, 3))
    names = list(g)
    table: tables.Tables = {
        "names": names, "weights": ["0.q"], "inner": {n: {"a": [float((g[n] * change).sum())]} for n in names},
        "gram": {"0.q": [[float((g[m] * g[n]).sum()) for n in names] for m in names]}, "norms": {"a": 1.0},
    }
    mean = (g["evil@base"] + 3 * g["evil@x"]) / 4
    q = g["style"] / np.linalg.norm(g["style"])
    want = float(((mean - q * (q * mean).sum()) * change).sum())
    found = tables.full_rank_scores(table, {"evil@base": 1, "evil@x": 3}, ["style"], ["0.q"])
    assert found["a"] == pytest.approx(want)


def test_null_p_is_the_prediction_t_test() -> None:
    null = [0.1, -0.2, 0.05, 0.3]
    m, s = np.mean(null), np.std(null, ddof=1)
    assert figures.null_p(0.9, null) == pytest.approx(1 - stats.t.cdf((0.9 - m) / (s * math.sqrt(1.25)), 3))
    assert figures.null_p(float(m), null) == pytest.approx(0.5)


def test_the_line_is_least_squares_with_and_without_intercept() -> None:
    x, y = [0.0, 1.0, 2.0, 4.0], [0.1, 0.9, 2.2, 3.9]
    free, fixed = figures.fit_line(x, y, False), figures.fit_line(x, y, True)
    slope, intercept = np.polyfit(x, y, 1)
    assert (free["slope"], free["intercept"]) == (pytest.approx(slope), pytest.approx(intercept))
    assert fixed["slope"] == pytest.approx(np.dot(x, y) / np.dot(x, x)) and fixed["intercept"] == 0
    assert fixed["sumSquares"] == pytest.approx(21) and free["sumSquares"] == pytest.approx(8.75)
    t = stats.t.ppf(0.95, 3)
    assert figures.half_width(fixed, 2.0) == pytest.approx(t * fixed["residualSd"] * math.sqrt(1 + 4 / 21))


def test_a_source_is_predicted_without_itself() -> None:
    assert figures.leave_source_out_error(["a", "a", "b", "b"], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]) == pytest.approx(0)
    assert figures.leave_source_out_error(["a", "a", "b", "b"], [1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 2.0, 2.0]) == pytest.approx(1)


def test_each_benign_source_is_judged_by_the_others() -> None:
    found = figures.leave_one_out_p({"a": [0.0, 0.1], "b": [0.0], "c": [0.05], "far": [5.0]})
    assert found["far"] < 0.001 < found["a"]


def test_a_data_file_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.json").write_text(json.dumps({"x": {"file": "x.txt", "source": "s", "url": "file:///nowhere/x", "license": "", "sha256": "0" * 64}}))
    monkeypatch.setattr(data, "MANIFEST", tmp_path / "m.json")
    with pytest.raises(data.DataError, match="cannot be read"):
        data.path_of("x", tmp_path)
    (tmp_path / "x.txt").write_text("altered")
    with pytest.raises(data.DataError, match="sha256 .* expected 0000"):
        data.path_of("x", tmp_path)
    with pytest.raises(data.DataError, match="known are x"):
        data.path_of("y", tmp_path)
