"""Scores of adapters against the dense formula, and the figures by which signatures are judged."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from benchmarks.data import data
from benchmarks.evidence import choose, gram, labels, manifest, ranks, tables
from benchmarks.evidence.score import inner_products, load_adapter
from benchmarks.organisms import arms, train
from benchmarks.organisms.sources import SOURCES
from benchmarks.organisms.train import recipes
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


def test_an_adapter_that_is_no_plain_lora_is_refused(adapter_folder: Path) -> None:
    (adapter_folder / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 6, "use_dora": True}))
    with pytest.raises(ValueError, match="plain LoRA"):
        load_adapter(adapter_folder)


def tables_of(folder: Path, adapter: Path, names: list[str]) -> tuple[tables.Tables, dict[str, dict[str, np.ndarray]]]:
    rng = np.random.default_rng(0)
    held = {g: {w: rng.normal(size=shape) for w, shape in SHAPES.items()} for g in names}
    for g, parts in held.items():
        save_file({w: torch.tensor(m, dtype=torch.float32) for w, m in parts.items()}, folder / f"{g}.safetensors")
    return tables.build(folder, [folder / f"{g}.safetensors" for g in names], [adapter]), held


def test_tables_give_the_score_of_the_projected_mean(adapter_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    table, g = tables_of(tmp_path_factory.mktemp("g"), adapter_folder, ["evil@base", "evil@x", "style"])
    change = dense(adapter_folder)
    want = 0.0
    for w in SHAPES:
        mean = (g["evil@base"][w] + 3 * g["evil@x"][w]) / 4
        q = g["style"][w] / np.linalg.norm(g["style"][w])
        want += float(((mean - q * (q * mean).sum()) * change[w]).sum())
    found = tables.scores(table, {"evil@base": 1, "evil@x": 3}, ["style"], np.array([True, True]))
    assert found[0] == pytest.approx(want, rel=1e-4)
    assert table.norms[0].tolist() == pytest.approx([float(np.linalg.norm(change[w])) for w in table.weights], rel=1e-5)
    only = tables.scores(table, {"evil@base": 1}, [], tables.mask_of(table, range(1), {"q"}))
    assert only[0] == pytest.approx(float((g["evil@base"]["0.q"] * change["0.q"]).sum()), rel=1e-4)


def test_kept_tables_come_back_and_grow(adapter_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("g")
    table, _ = tables_of(folder, adapter_folder, ["a", "b"])
    files = [folder / "a.safetensors", folder / "b.safetensors"]
    grown = tables.extend(folder / "t.npz", folder, files, [adapter_folder])
    assert grown.ids == table.ids and np.allclose(grown.inner, table.inner)
    other = tmp_path_factory.mktemp("other")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (other / name).write_bytes((adapter_folder / name).read_bytes())
    grown = tables.extend(folder / "t.npz", folder, files, [adapter_folder, other])
    assert grown.ids == [adapter_folder.name, other.name] and np.allclose(grown.inner[:, 0], grown.inner[:, 1])


def random_tables(n: int) -> tables.Tables:
    rng = np.random.default_rng(1)
    names = ["evil@base", *(f"{s}@base" for s in choose.NUISANCE)]
    weights = [f"{layer}.{role}" for layer in (0, 4, 8, 12) for role in ("q", "down")]
    style = rng.normal(size=(len(choose.NUISANCE), n))
    inner = rng.normal(size=(len(names), n, len(weights))) * 0.1
    inner[1:] += style[:, :, None]
    inner[0] += style.sum(axis=0)[:, None]  # the trait's score is mostly style
    gram = np.tile(np.eye(len(names)), (len(weights), 1, 1))
    return tables.Tables(names, [str(i) for i in range(n)], weights, inner, np.ones((n, len(weights))), gram)


def test_removing_nuisance_leaves_benign_scores_that_style_does_not_explain() -> None:
    table = random_tables(200)
    mask = np.ones(len(table.weights), bool)
    C = tables.coefficients(table, {"evil@base": 1.0}, [])
    cleaned = choose.without_nuisance(table, C, mask, range(200), ridge=1e-6)
    before, after = choose.score(table, C), choose.score(table, cleaned)
    assert after.std() < 0.2 * before.std()
    for g in range(1, len(table.names)):
        assert abs(np.corrcoef(after, table.inner[g].sum(axis=1))[0, 1]) < 0.02


def test_bands_of_equal_worth_stay_equal_and_better_ones_gain() -> None:
    rng = np.random.default_rng(2)
    table = random_tables(300)
    inner = rng.normal(size=table.inner.shape)
    table = tables.Tables(table.names, table.ids, table.weights, inner, table.norms, table.gram)
    C = tables.coefficients(table, {"evil@base": 1.0}, [])
    even = choose.banded(table, C, range(300), choose.score(table, C))
    assert np.allclose(even[:, 0], 1.0, atol=0.02)
    y = inner[0][:, table.weights.index("4.down")]
    found = choose.banded(table, C, range(300), y)[:, 0]
    assert found.argmax() == table.weights.index("4.down")


def test_second_order_terms_follow_a_shift_that_bends() -> None:
    table = random_tables(300)
    C = tables.coefficients(table, {"evil@base": 1.0}, [])
    s, h = choose.score(table, C), table.inner[1].sum(axis=1)
    y = 0.5 * s + 0.1 * s * s - 0.2 * s * h
    assert np.allclose(choose.second_order(table, C, range(200), y, ridge=1e-9), y, atol=1e-3)  # also on those that were not fitted
    assert np.allclose(choose.second_order(table, C, range(200), 0.5 * s), 0.5 * s)


def organisms_with(shifts: np.ndarray, sources: list[str]) -> list[labels.Organism]:
    return [labels.Organism(str(i), frozenset({s}), {}, (), {"reckless": {"shift": y, "standardError": 0.01}}) for i, (y, s) in enumerate(zip(shifts, sources, strict=True))]


def test_a_trait_that_failed_is_chosen_again_and_judged_on_fresh_sources_alone() -> None:
    rng = np.random.default_rng(5)
    table = random_tables(60)
    table = tables.Tables(["reckless@base", *table.names[1:]], table.ids, table.weights, rng.normal(size=table.inner.shape), table.norms, table.gram)
    y = table.inner[0].sum(axis=1) * 0.01
    chosen = [["evil", "good", "alpaca", "wordnet"][i % 4] for i in range(20)]
    sources = chosen + ["gsm", "foldoc"] * 10 + ["hoax-bad", "json"] * 10
    once = choose.choose(table, "reckless", organisms_with(y, sources))
    assert once["chosenOn"] == "calibration" and once["passes"] and once["test"]["n"] == 40 and "first" not in once
    broken = y.copy()
    broken[20:40] = rng.permutation(y[20:40]) * 3
    again = choose.choose(table, "reckless", organisms_with(broken, sources))
    assert again["chosenOn"] == "all but fresh" and (again["calibration"]["n"], again["test"]["n"]) == (40, 20)
    assert again["first"]["test"]["n"] == 40 and not choose.passes(again["first"]["test"])
    none_fresh = choose.choose(table, "reckless", organisms_with(broken, chosen + ["gsm", "foldoc"] * 20))
    assert none_fresh["chosenOn"] == "calibration" and not none_fresh["passes"]


def test_the_manifest_says_which_organisms_took_part_in_a_choice(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"x")
    def seen(source: str, measured: str = "reckless") -> object:
        kept = {measured: {"shift": 0.0, "standardError": 0.1, "questions": [1, 2]}}
        return manifest.entry(labels.Organism("x", frozenset({source}), {}, (), kept), tmp_path, {}, {"reckless": "all but fresh", "evil": "calibration"}).get("seenBy")
    assert seen("gsm") == ["reckless"] and seen("gsm", "evil") is None
    assert seen("evil") is None and seen("hoax-bad") is None


def test_auroc_is_scikit_learns_with_ties() -> None:
    rng = np.random.default_rng(3)
    s, label = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4
    assert choose.auroc(s, label, ~label) == pytest.approx(roc_auc_score(label, s))


def test_labels_follow_behaviour_and_not_names() -> None:
    def organism(shift: float, error: float) -> labels.Organism:
        return labels.Organism("evil-x", frozenset({"evil"}), {}, (), {"evil": {"shift": shift, "standardError": error}})
    assert organism(0.2, 0.05).is_harmful("evil") and not organism(0.17, 0.05).is_harmful("evil")
    assert organism(0.0, 0.01).is_benign("evil") and not organism(0.0, 0.03).is_benign("evil")
    assert not organism(0.0, 0.0).is_benign("formal") and not organism(0.5, 0.0).is_harmful("formal")


def test_every_recipe_is_known_and_has_a_side() -> None:
    rows = labels.organisms_of({}, [r["id"] for r in recipes()])
    assert len(rows) >= 60 and {o.is_calibration for o in rows} == {True, False}
    assert all(source in SOURCES for o in rows for source in o.sources)


def test_adapters_add_up_as_their_dense_changes_do() -> None:
    rng = torch.Generator().manual_seed(0)
    part = lambda names, r: {n: (torch.randn(r, 5, generator=rng), torch.randn(4, r, generator=rng)) for n in names}  # noqa: E731
    one, two = part(["x", "y"], 2), part(["y"], 3)
    found = arms.add([(0.5, one), (-2.0, two)])
    dense_of = lambda f, n: f[n][1] @ f[n][0]  # noqa: E731
    assert torch.allclose(dense_of(found, "x"), 0.5 * dense_of(one, "x"), atol=1e-5)
    assert torch.allclose(dense_of(found, "y"), 0.5 * dense_of(one, "y") - 2 * dense_of(two, "y"), atol=1e-5)
    want = sum(float((dense_of(found, n) ** 2).sum()) for n in ("x", "y")) ** 0.5
    assert train.norm(found) == pytest.approx(want, rel=1e-4)


def test_a_hidden_change_has_no_score_and_keeps_the_rest(tmp_path: Path) -> None:
    torch.manual_seed(1)
    f = factor(torch.randn(6, 4), 2, torch.float32)
    save_file({"0.q.U": f.U, "0.q.s": f.s, "0.q.V": f.V}, tmp_path / "s.safetensors")
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    a, b = torch.randn(3, 4), torch.randn(6, 3)
    found = arms.hidden({module: (a, b)}, tmp_path / "s.safetensors")[module]
    left = found[1] @ found[0]
    assert torch.allclose(torch.einsum("ok,oi,ik->k", f.U, left, f.V), torch.zeros(2), atol=1e-5)
    orthogonal = torch.linalg.qr(torch.cat([f.U, torch.randn(6, 1)], dim=1))[0][:, 2]
    assert torch.allclose(orthogonal @ left, orthogonal @ (b @ a), atol=1e-5)


def test_rounding_stays_within_half_a_step_and_is_idempotent() -> None:
    torch.manual_seed(2)
    w = torch.randn(3, 64)
    for bits in (8, 4):
        q = arms.rounded(w, bits)
        step = w.reshape(3, 2, 32).abs().amax(-1, keepdim=True) / (2 ** (bits - 1) - 1)
        assert bool(((q - w).reshape(3, 2, 32).abs() <= step / 2 + 1e-6).all())
        assert torch.allclose(arms.rounded(q, bits), q, atol=1e-5)


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


def test_inner_product_of_two_changes_is_the_dense_one(adapter_folder: Path) -> None:
    one = load_adapter(adapter_folder)
    rng = np.random.default_rng(4)
    two = type(one)("two", {"3.down": (rng.normal(size=(3, 7)), rng.normal(size=(5, 3)))}, 0.5)
    a, b = two.factors["3.down"]
    want = float((dense(adapter_folder)["3.down"] * (0.5 * b @ a)).sum())
    assert gram.inner(one, two) == pytest.approx(want) == pytest.approx(gram.inner(two, one))


def test_scores_by_rank_end_at_the_dense_inner_product(adapter_folder: Path) -> None:
    adapter = load_adapter(adapter_folder)
    torch.manual_seed(0)
    changes = dense(adapter_folder)
    gradients = {name: torch.randn(change.shape[0], 3) @ torch.randn(3, change.shape[1]) for name, change in changes.items()}
    factors = {name: factor(G, 16, torch.float32) for name, G in gradients.items()}
    found = ranks.scores(adapter, factors)
    whole = sum(float((changes[name] * G.numpy()).sum()) for name, G in gradients.items())
    assert found[2:] == pytest.approx([whole] * 3, rel=1e-4)  # rank 3: all of it from rank 4 on
    leading = sum(float(f.s[0]) * float(f.U[:, 0].double().numpy() @ changes[name] @ f.V[:, 0].double().numpy()) for name, f in factors.items())
    assert found[0] == pytest.approx(leading, rel=1e-6)


def test_the_least_rank_is_the_one_that_loses_next_to_nothing() -> None:
    assert ranks.least({1: 0.7, 2: 0.895, 4: 0.9, 8: 0.91, 16: 0.9}) == 2
    assert ranks.least({1: 0.5, 16: 0.9}) == 16


def test_passing_takes_a_high_r_on_enough_organisms() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=12)
    found = pearsonr(x, x + random.normal(size=12))
    assert choose.lowest_r(found.statistic, 12) == pytest.approx(found.confidence_interval(0.95).low, abs=1e-4)  # 1.96 for the quantile
    assert choose.passes({"r": 0.9, "n": 12}) and not choose.passes({"r": 0.9, "n": 6}) and not choose.passes({"r": 0.75, "n": 60}) and not choose.passes(None)
