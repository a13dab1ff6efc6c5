"""Joined readings: every organism once, the later one's where both have it, NaN for what nobody read."""

from pathlib import Path

import json
import numpy as np
import pytest

from benchmarks.evidence.join import Readings, join, load, save


def readings(weights: list[str], organisms: dict[str, float], signatures: dict[str, tuple[str, list[str]]], base: str = "b") -> Readings:
    """Every score is the organism's number plus the weight's layer; |ΔW| is its ten-fold."""
    rows = np.array(list(organisms.values()), np.float32)
    layer = lambda name: float(name.split(".")[0])  # noqa: E731
    document = {"base": base, "weights": [{"name": w, "role": "q", "layer": int(layer(w))} for w in weights],
                "signatures": [{"trait": t, "fingerprint": f, "weights": [weights.index(w) for w in own]} for t, (f, own) in signatures.items()], "organisms": [{"id": i} for i in organisms]}
    tensors = {"deltaNorms": np.stack([10 * (rows + layer(w)) for w in weights], 1), "scoreSds": np.stack([rows + s for s in range(len(signatures))], 1), "gram": np.outer(rows, rows),
               **{f"scores.{t}": np.stack([rows + layer(w) for w in own], 1) for t, (_, own) in signatures.items()}}
    return Readings(document, tensors, {"format": "weightseq-bench-readings", "version": "1", "readings": json.dumps(document)})


EARLIER = readings(["0.q", "1.q"], {"a": 1, "b": 2, "c": 3}, {"evil": ("f", ["1.q"]), "gone": ("g", ["0.q"])})
LATER = readings(["2.q", "1.q"], {"b": 5, "d": 6}, {"sly": ("s", ["2.q"]), "evil": ("f", ["2.q", "1.q"])})


def test_every_organism_stands_there_once_the_later_one() -> None:
    joined = join(EARLIER, LATER)
    assert [o["id"] for o in joined.document["organisms"]] == ["a", "c", "b", "d"]
    assert [w["name"] for w in joined.document["weights"]] == ["0.q", "1.q", "2.q"]
    np.testing.assert_array_equal(joined.tensors["deltaNorms"], [[10, 20, 0], [30, 40, 0], [0, 60, 70], [0, 70, 80]])


def test_scores_stay_with_their_weights() -> None:
    joined = join(EARLIER, LATER)
    assert [(s["trait"], s["weights"]) for s in joined.document["signatures"]] == [("sly", [2]), ("evil", [1, 2])]
    np.testing.assert_array_equal(joined.tensors["scores.evil"], [[2, 0], [4, 0], [6, 7], [7, 8]])
    np.testing.assert_array_equal(joined.tensors["scores.sly"], [[np.nan], [np.nan], [7], [8]])
    np.testing.assert_array_equal(joined.tensors["scoreSds"], [[0, 1], [0, 3], [5, 6], [6, 7]])


def test_a_signature_with_other_tensors_is_another_one() -> None:
    changed = readings(["1.q"], {"a": 1}, {"evil": ("other", ["1.q"])})
    assert np.isnan(join(changed, LATER).tensors["scores.evil"][0]).all()


def test_inner_products_across_are_not_known() -> None:
    gram = join(EARLIER, LATER).tensors["gram"]
    np.testing.assert_array_equal(gram[:2, :2], [[1, 3], [3, 9]])
    np.testing.assert_array_equal(gram[2:, 2:], [[25, 30], [30, 36]])
    assert np.isnan(gram[:2, 2:]).all() and np.isnan(gram[2:, :2]).all()


def test_another_base_is_refused() -> None:
    with pytest.raises(ValueError, match="of one base"):
        join(readings(["0.q"], {"a": 1}, {"evil": ("f", ["0.q"])}, base="x"), LATER)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    joined = join(EARLIER, LATER)
    save(joined, tmp_path / "r.safetensors")
    again = load(tmp_path / "r.safetensors")
    assert again.document == joined.document
    for name, tensor in joined.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], tensor)
