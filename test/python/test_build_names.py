"""Names and parts of weights: the builder and the scanner by one table, held to one list that neither wrote."""

import json
from pathlib import Path

import pytest

from signatures.build import BuildError
from signatures.build.architectures import read_config
from signatures.build.names import ModuleName, layer_of, name_module, role_of
from signatures.build.parts import parts_of
from signatures.build.weights import listed

GOLDEN = json.loads((Path(__file__).parents[1] / "fixtures" / "names.json").read_text(encoding="utf-8"))
NEOX = dict(model_type="gpt_neox", hidden_size=8, num_attention_heads=2, intermediate_size=12)


@pytest.mark.parametrize("path, name, role, layer, expert", GOLDEN["named"])
def test_known_paths(path: str, name: str, role: str, layer: int | None, expert: int | None) -> None:
    assert name_module(path) == ModuleName(name, role, layer, expert)
    assert (role_of(name), layer_of(name)) == (role, layer)


def test_other_paths_keep_their_name() -> None:
    for path, name, layer in GOLDEN["other"]:
        assert name_module(path) == ModuleName(name, "other", layer, None), path
        assert (role_of(name), layer_of(name)) == ("other", layer), path


def test_the_names_of_a_signatures_tensors_tell_their_block() -> None:
    assert (layer_of("7.down.3.U"), role_of("7.down.3"), layer_of("embed"), role_of("embed")) == (7, "down", None, "embed")
    assert layer_of("layers.4.self_attention.query_key_value.c0") == 4


def test_what_cannot_be_taken_for_weights() -> None:
    path = "gpt_neox.layers.0.attention.query_key_value.weight"
    assert "24 outputs" not in str(parts_of(read_config(NEOX), path, [24, 8]))
    assert "20 outputs, where the configuration asks for 8 + 8 + 8" in parts_of(read_config(NEOX), path, [20, 8])
    assert "does not give the sizes" in parts_of(read_config({"model_type": "gpt_neox"}), path, [24, 8])
    assert "does not give the sizes" in parts_of(read_config(NEOX | {"n_head": 4}), path, [24, 8]), "two numbers for one size are none"
    assert "by head" in parts_of(read_config(NEOX | {"num_key_value_heads": 1}), path, [16, 8])
    assert "convolution" in parts_of(read_config({}), "backbone.layers.0.mixer.conv1d.weight", [32, 1, 4])
    assert "3 dimensions" in parts_of(read_config({}), "model.layers.0.mlp.experts.gate_up_proj", [2, 16, 64])
    mixtral = {"model_type": "mixtral", "intermediate_size": 6, "hidden_size": 4, "num_local_experts": 3}
    assert "a stack of 2 experts, where the configuration asks for 3" in parts_of(read_config(mixtral), "model.layers.0.mlp.experts.gate_up_proj", [2, 12, 4])
    assert parts_of(read_config({"model_type": "gpt2"}), "h.0.attn.bias", [1, 1, 16, 16]) == [], "a mask"
    with pytest.raises(BuildError, match="which way round codeshell stores it"):
        parts_of(read_config({"model_type": "codeshell"}), "transformer.h.0.mlp.c_fc.weight", [12, 8])


def test_what_is_not_scored_is_said_once_for_all_blocks() -> None:
    assert listed({"m.layers.0.mlp.gate": "a", "m.layers.11.mlp.gate": "a", "2.up.7": "b"}) == [{"name": "m.layers.*.mlp.gate", "reason": "a"}, {"name": "2.up.*", "reason": "b"}]
