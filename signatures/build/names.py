"""Hugging Face paths in, canonical weight names `layer.role[.expert]` out.

Wrapper prefixes (`model.`, `language_model.`, `base_model.model.`, `transformer.`) carry no information and are dropped: only what
follows the list of blocks counts. Towers for other senses than text are not named at all: their blocks would take the language model's names.
"""

import re

ROLES = {"q", "k", "v", "o", "gate", "up", "down", "embed", "head"}

_LEAVES = {
    "q_proj": "q", "k_proj": "k", "v_proj": "v", "o_proj": "o", "gate_proj": "gate", "up_proj": "up", "down_proj": "down",
    "c_fc": "up",  # GPT-2
    "gate": "router",  # a mixture's router is called `gate`, which here means gate_proj
}
_PARENT_AND_LEAF = {("attn", "c_proj"): "o", ("mlp", "c_proj"): "down"}  # GPT-2 has two leaves of one name
_OUTSIDE = {"embed_tokens": "embed", "wte": "embed", "embed_in": "embed", "lm_head": "head", "embed_out": "head"}
_OTHER_SENSES = {"vision_tower", "vision_model", "visual", "audio_tower", "audio_model", "multi_modal_projector"}
_ADAPTER_PARTS = {"lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector", "modules_to_save"}
_BLOCK = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.(.+)$")
_EXPERT = re.compile(r"(?:^|\.)experts\.(\d+)\.")


def canonical_name(path: str) -> str | None:
    """The canonical name of a module path or of a tensor name (with `.weight`), or None if it is no linear weight of the language model.

    A leaf that no table knows keeps its own name as its role, so that nothing is merged by mistake; see `unknown_roles`.
    """
    path = path.removesuffix(".weight").removesuffix(".base_layer")
    parts = path.split(".")
    if _OTHER_SENSES & set(parts) or _ADAPTER_PARTS & set(parts):
        return None
    block = _BLOCK.search(path)
    if block is None:
        return _OUTSIDE.get(parts[-1])
    layer, inside = block.groups()
    leaf, parent = parts[-1], parts[-2]
    role = _PARENT_AND_LEAF.get((parent, leaf)) or _LEAVES.get(leaf, leaf)
    expert = _EXPERT.search(inside)
    return f"{layer}.{role}" + (f".{expert.group(1)}" if expert else "")


def layer_of(name: str) -> int | None:
    """The block number of a canonical name; None for `embed` and `head`."""
    first = name.split(".", 1)[0]
    return int(first) if first.isdigit() else None


def role_of(name: str) -> str:
    """The role of a canonical name: `q` of `7.q`, `embed` of `embed`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def unknown_roles(names: list[str]) -> list[str]:
    """The roles among canonical names that no other part of the program knows, sorted."""
    return sorted({role_of(name) for name in names} - ROLES)


def reading_order(name: str) -> tuple[int, str]:
    """Sort key: by block, then by the rest of the name; what lies outside the blocks last."""
    layer = layer_of(name)
    return (layer if layer is not None else 1 << 30, name)
