"""The scanner's table of architectures (src/checkpoint/architectures.json), and what a model's config.json says by it.

One table for both programs: a weight that the builder named otherwise than the scanner would never be scored, or would pass for another.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLE: dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / "src/checkpoint/architectures.json").read_text(encoding="utf-8"))
_MOST = 2**24  # no model has a larger size


@dataclass(frozen=True)
class Fused:
    """The roles whose outputs lie one after the other in a weight; with by_head for each attention head anew."""

    parts: tuple[str, ...]
    by_head: bool = False


@dataclass(frozen=True)
class Config:
    """What the naming of parameters needs of a model's configuration; a size that it does not give is None. known: its layout is in the table."""

    model_type: str | None = None
    known: bool = False
    sizes: Mapping[str, int | None] = field(default_factory=lambda: dict.fromkeys(TABLE["sizes"]))
    fused: Mapping[str, Fused] = field(default_factory=dict)
    stacks: Mapping[str, Fused] = field(default_factory=dict)
    transposed: frozenset[str] = frozenset()
    linear: frozenset[str] = frozenset()
    buffers: frozenset[str] = frozenset()
    inner_of_experts: str | None = None
    tied: bool = False


def read_config(config: Mapping[str, Any]) -> Config:
    """The configuration as src/checkpoint/model-config.ts reads it. config: the object of config.json."""
    text = config["text_config"] if isinstance(config.get("text_config"), dict) else config
    models = TABLE["models"]
    layout = TABLE["layouts"].get(models.get(config.get("model_type")) or models.get(text.get("model_type")), {})
    return Config(
        model_type=config.get("model_type"),
        known=bool(layout),
        sizes={size: _size(text, fields) for size, fields in TABLE["sizes"].items()},
        fused=_by_path(layout.get("fused", {})),
        stacks=_by_path(layout.get("stacks", {})),
        transposed=frozenset(layout.get("transposed", ())),
        linear=frozenset(layout.get("linear", ())),
        buffers=frozenset(layout.get("buffers", ())),
        inner_of_experts=layout.get("expertInner"),
        tied=config.get("tie_word_embeddings", text.get("tie_word_embeddings")) is True,
    )


def _size(config: Mapping[str, Any], fields: list[str]) -> int | None:
    """The one whole number that the fields give; None where they give none, or several."""
    given = [config[name] for name in fields if config.get(name) is not None]
    good = given and all(type(value) is int and 1 <= value <= _MOST and value == given[0] for value in given)
    return given[0] if good else None


def _by_path(entries: Mapping[str, Any]) -> dict[str, Fused]:
    return {path: Fused(tuple(entry["parts"]), entry.get("byHead", False)) for path, entry in entries.items()}
