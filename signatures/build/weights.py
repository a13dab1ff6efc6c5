"""A model in; the linear weights of its blocks by canonical name, and everything in it that no signature of it will score, out."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from .architectures import read_config
from .errors import BuildError
from .names import layer_of, name_module, reading_order, split_block
from .parts import Part, parts_of

_ADAPTER_PARTS = {"lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector", "modules_to_save"}


@dataclass(frozen=True)
class LinearWeight:
    """A weight of the model: part of a parameter, or all of it."""

    parameter: nn.Parameter
    part: Part

    def of(self, stored: Tensor) -> Tensor:
        """What this weight has of a tensor of the parameter's shape, out × in: of its values, of its gradient."""
        return self.part.of(stored)


def linear_weights(model: Any, layers: Collection[int] | None = None) -> dict[str, LinearWeight]:
    """Every weight in the blocks, or in the given blocks only, by canonical name: fused ones divided, stacks of experts taken apart.

    BuildError where there is none, where a block is missing, or where two weights would have one name.
    """
    found, _ = _survey(model, layers)
    missing = set(layers or ()) - {layer_of(name) for name in found}
    if missing and found:
        raise BuildError(f"--layers: this model has no linear weight in {sorted(missing)}; its blocks count from 0")
    if not found:
        where = f"block {sorted(missing)}" if missing else "any block"
        raise BuildError(f"{type(model).__name__}: no linear weight in {where} that src/checkpoint/architectures.json knows; check --layers, or add the paths of this model there")
    return {name: found[name] for name in sorted(found, key=reading_order)}


def not_scored(model: Any, layers: Collection[int] | None = None) -> dict[str, str]:
    """Parameter → why it is no linear weight, for every matrix or stack that `linear_weights` leaves out; embedding and head are no part of it."""
    return _survey(model, layers)[1]


def listed(reasons: Mapping[str, str]) -> list[dict[str, str]]:
    """[{name, reason}], one line for names that differ in their numbers only (`layers.*.gate`)."""
    return [{"name": name, "reason": reason} for name, reason in dict.fromkeys((re.sub(r"\.\d+(?=\.|\Z)", ".*", n), r) for n, r in reasons.items())]


def _survey(model: Any, layers: Collection[int] | None) -> tuple[dict[str, LinearWeight], dict[str, str]]:
    config = read_config(model.config.to_dict())
    modules = dict(model.named_modules())
    found: dict[str, LinearWeight] = {}
    left_out: dict[str, str] = {}
    for full, parameter in model.named_parameters():
        path = full.replace(".base_layer.", ".")
        if parameter.dim() < 2 or _ADAPTER_PARTS & set(path.split(".")):
            continue
        block = split_block(path)
        if block is None:
            if name_module(path.removesuffix(".weight")).role == "other":
                left_out[path] = "outside the blocks of the language model"
            continue
        if layers is not None and block[0] not in layers:
            continue
        if not parameter.is_floating_point():
            raise BuildError(f"{path}: is quantised; build from a checkpoint in floating point")
        parts = parts_of(config, path, parameter.shape)
        if isinstance(parts, str):
            left_out[path] = parts
            continue
        for part in parts:
            name = part.named.name
            if isinstance(modules[full.rpartition(".")[0]], Conv1D) != part.transposed:
                raise BuildError(f"{path}: src/checkpoint/architectures.json has it the other way round than {type(model).__name__}; correct it there")
            if name in found:
                raise BuildError(f"{path}: a second weight is named {name}; teach src/checkpoint/architectures.json to tell them apart")
            found[name] = LinearWeight(parameter, part)
    return found, left_out
