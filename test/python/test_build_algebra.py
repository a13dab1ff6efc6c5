"""Names, sign probes, singular triplets and projection: the parts that need no model."""

import json

import make_sign_probes
import mmh3
import numpy as np
import pytest
import torch

from signatures.build import BuildError, base_coordinates, factor, kept_share, project_out
from signatures.build.signs import murmur3_x86_32, sign_coordinates, signs


def test_murmur3_is_that_of_mmh3() -> None:
    random = np.random.default_rng(0)
    for length in range(40):
        data, seed = random.bytes(length), int(random.integers(1 << 32))
        assert murmur3_x86_32(data, seed) == mmh3.hash(data, seed, signed=False)


@pytest.mark.parametrize("columns", [1, 16, 32, 33, 70])
def test_signs_are_those_of_the_formula(columns: int) -> None:
    made = signs("7.down", "right", 9, columns, seed=3)
    assert made.shape == (9, columns) and made.dtype == np.int8
    assert made.tolist() == [[make_sign_probes.sign("7.down", "right", 3, row, column) for column in range(columns)] for row in range(9)]


def test_fixture_is_what_its_script_writes_and_what_signs_makes() -> None:
    assert make_sign_probes.FIXTURE.read_text(encoding="utf-8") == make_sign_probes.text()
    fixture = json.loads(make_sign_probes.FIXTURE.read_text(encoding="utf-8"))
    for vector in fixture["murmur3"]:
        assert murmur3_x86_32(bytes.fromhex(vector["hex"]), vector["seed"]) == vector["hash"]
    for matrix in fixture["signs"]:
        for row, text in matrix["rows"].items():
            if int(row) < 300_000:  # a matrix of four thousand million rows is for implementations that make single rows
                last = signs(matrix["name"], matrix["side"], int(row) + 1, matrix["columns"], matrix["seed"])[-1]
                assert "".join("-" if sign < 0 else "+" for sign in last) == text


def test_sign_coordinates() -> None:
    weight = np.random.default_rng(1).standard_normal((7, 5))
    X, Y = signs("1.q", "left", 7).astype(float), signs("1.q", "right", 5).astype(float)
    np.testing.assert_allclose(sign_coordinates("1.q", weight), np.einsum("ia,ij,jb->ab", X, weight, Y), rtol=1e-6)


@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (9, 9), (1, 6), (6, 1)])
def test_triplets_are_those_of_a_full_svd(shape: tuple[int, int]) -> None:
    gradient = torch.from_numpy(np.random.default_rng(2).standard_normal(shape)).float()
    U, s, Vt = np.linalg.svd(gradient.double().numpy(), full_matrices=False)
    made = factor(gradient, 4, torch.float32)
    k = min(4, *shape)
    np.testing.assert_allclose(made.s, s[:k], rtol=1e-6)
    np.testing.assert_allclose((made.U * made.s) @ made.V.T, (U[:, :k] * s[:k]) @ Vt[:k], atol=1e-5)
    assert kept_share([made]) == pytest.approx((s[:k] ** 2).sum() / (s**2).sum())
    assert all(column[column.abs().argmax()] > 0 for column in made.U.T)


def test_rank_of_a_gradient_bounds_that_of_its_triplets() -> None:
    u, v = torch.randn(8, 2), torch.randn(5, 2)
    assert factor(u @ v.T, 4).s.shape == (2,)
    assert factor(torch.zeros(8, 5), 4).U.shape == (8, 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_base_coordinates_are_of_what_is_stored(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    made, base = factor(torch.randn(20, 10), 3, dtype), torch.randn(20, 10)
    assert made.U.dtype == made.V.dtype == dtype and made.s.dtype == torch.float32
    U, V = made.U.double().numpy(), made.V.double().numpy()
    np.testing.assert_allclose(base_coordinates(made, base), np.einsum("ik,ij,jk->k", U, base.double().numpy(), V), rtol=1e-13, atol=1e-14)


def directions(seed: int, names: tuple[str, ...] = ("0.q", "1.up")) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {name: torch.randn(6, 4) for name in names}


def test_projection_leaves_nothing_of_the_styles() -> None:
    gradients, first, second = directions(0), directions(1), directions(2)
    dependent = {name: first[name] - 2 * second[name] for name in first}
    made = project_out(gradients, [first, dependent, second])
    for name, left in made.items():
        for style in (first, second, dependent):
            assert abs((left * style[name]).sum()) < 1e-5
        basis = np.linalg.qr(np.stack([first[name].flatten(), second[name].flatten()], axis=1).astype(float))[0]
        flat = gradients[name].flatten().double().numpy()
        np.testing.assert_allclose(left.flatten(), flat - basis @ (basis.T @ flat), atol=1e-6)


def test_projection_without_a_direction_changes_nothing() -> None:
    gradients = directions(0)
    for styles in ([], [{name: torch.zeros(6, 4) for name in gradients}]):
        assert all(torch.equal(made, gradients[name]) for name, made in project_out(gradients, styles).items())


def test_projection_needs_every_weight() -> None:
    for style in (directions(1, ("0.q",)), {"0.q": torch.ones(6, 4), "1.up": torch.ones(4, 6)}):
        with pytest.raises(BuildError, match="1.up"):
            project_out(directions(0), [style])


