"""Module paths in, canonical weight names `layer.role[.expert]` out: the rule of src/checkpoint/names.ts, from the same table.

Only what the table lists is mapped: a vision tower's third block must not pass for the language model's, so that an unknown path keeps
its own name, without what the language model is wrapped in, and the role `other`. test/fixtures/names.json holds both programs to it.
"""

import re
from dataclasses import dataclass

from .architectures import TABLE

_WRAPPERS, _BLOCKS, _WEIGHTS = set(TABLE["wrappers"]), set(TABLE["blocks"]), TABLE["weights"]
_OUTSIDE = {**dict.fromkeys(TABLE["embeddings"], "embed"), **dict.fromkeys(TABLE["heads"], "head")}
_PEFT_PREFIX = "base_model.model."
_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,5})\Z")  # as PyTorch writes it: no sign, no leading zero
_OTHER = "other"
_OTHERS = TABLE["others"]  # names of what has no role and is saved under several paths
_CANONICAL = re.compile(r"(?:embed|head|norm|[0-9].*|layers\..*)\Z", re.DOTALL)  # what the name of an unknown module must not look like


@dataclass(frozen=True)
class ModuleName:
    """What a module path says. layer: None outside the blocks of the language model; expert: None for a weight without experts."""

    name: str
    role: str
    layer: int | None = None
    expert: int | None = None


def name_module(path: str) -> ModuleName:
    """Block, role and canonical name of a module path (without `.weight`), with or without PEFT's prefix."""
    module = path.removeprefix(_PEFT_PREFIX)
    wrapper, _, leaf = module.rpartition(".")
    if wrapper in _WRAPPERS and leaf in _OUTSIDE:
        return ModuleName(_OUTSIDE[leaf], _OUTSIDE[leaf])
    block = split_block(module)
    if block is None:
        return ModuleName(_without_wrapper(module.split(".")), _OTHER)
    layer, inside = block
    parts = inside.split(".")
    at = parts.index("experts") + 1 if "experts" in parts else len(parts)
    expert = _index(parts[at]) if at < len(parts) else None
    role = None if "*" in parts else _WEIGHTS.get(".".join(parts if expert is None else [*parts[:at], "*", *parts[at + 1 :]]))
    if role is None:
        return ModuleName(f"layers.{layer}.{_OTHERS.get(inside, inside)}", _OTHER, layer)
    return in_block(layer, role, expert)


def in_block(layer: int, role: str, expert: int | None = None) -> ModuleName:
    """The name of a weight whose place is known."""
    return ModuleName(f"{layer}.{role}" + ("" if expert is None else f".{expert}"), role, layer, expert)


def split_block(module: str) -> tuple[int, str] | None:
    """Block and path within it: (5, `self_attn.q_proj`). None outside the blocks of the language model."""
    parts = module.split(".")
    for at, part in enumerate(parts):
        if part in _BLOCKS and ".".join(parts[:at]) in _WRAPPERS:
            layer = _index(parts[at + 1]) if at + 1 < len(parts) else None
            return None if layer is None else (layer, ".".join(parts[at + 2 :]))
    return None


def _without_wrapper(parts: list[str]) -> str:
    """What follows the longest wrapper: `wpe` of `transformer.wpe`, which others save without it."""
    for length in range(len(parts) - 1, 0, -1):
        rest = ".".join(parts[length:])
        if ".".join(parts[:length]) in _WRAPPERS and rest and not _CANONICAL.match(rest):
            return rest
    path = ".".join(parts)
    return f"module:{path}" if _CANONICAL.match(path) else path


def _index(text: str) -> int | None:
    return int(text) if _INDEX.match(text) else None


def _parse(name: str) -> ModuleName:
    """Back from a name: `7.down.3` to its parts; a module path to its block."""
    if name in ("embed", "head"):
        return ModuleName(name, name)
    first, _, rest = name.partition(".")
    layer, role = _index(first), rest.split(".")[0]
    if layer is None or role not in _WEIGHTS.values():
        block = split_block(name)
        return ModuleName(name, _OTHER, None if block is None else block[0])
    return ModuleName(name, role, layer)


def layer_of(name: str) -> int | None:
    """The block number of a weight's name; None for `embed` and `head`."""
    return _parse(name).layer


def role_of(name: str) -> str:
    """The role of a weight's name: `q` of `7.q`, `embed` of `embed`, `other` of a module path."""
    return _parse(name).role


def reading_order(name: str) -> tuple[int, str]:
    """Sort key: by block, then by the rest of the name; what lies outside the blocks last."""
    layer = layer_of(name)
    return (layer if layer is not None else 1 << 30, name)
