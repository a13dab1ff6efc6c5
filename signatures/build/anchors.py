"""A folder in, a model out: the base, and the base moved to an anchor (a benign fine-tune of it, given as a LoRA adapter).

The gradient at an anchor is taken with respect to the base's weights while the adapter adds its part beside them: for a plain LoRA
y = Wx + dose·s·BAx, so dL/dW is the gradient at W + dose·s·BA. That is not so for DoRA and its like, which are refused.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel
from peft.tuners.lora import LoraLayer
from transformers import AutoModelForCausalLM, AutoTokenizer

from .errors import BuildError


@dataclass(frozen=True)
class Anchor:
    """A LoRA adapter of the base. weight: its share of the mean (the base has 1). dose in (0, 1]: how far to go from base to adapter."""

    path: str
    weight: float = 1.0
    dose: float = 1.0

    @staticmethod
    def parse(text: str) -> "Anchor":
        """`DIR[:weight[:dose]]`. BuildError if the numbers cannot be used."""
        path, *numbers = text.split(":")
        try:
            values = [float(number) for number in numbers]
        except ValueError:
            values = [math.nan]
        if not path or len(values) > 2 or not all(math.isfinite(value) and value > 0 for value in values) or any(dose > 1 for dose in values[1:]):
            raise BuildError(f"--anchor {text}: give DIR[:weight[:dose]], weight above 0, dose above 0 and at most 1")
        return Anchor(path, *values)


def load_base(folder: str | Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> tuple[Any, Any]:
    """(model, tokenizer) of a folder in the Hugging Face layout. No code of the folder is run and nothing is fetched."""
    if not (Path(folder) / "config.json").is_file():
        raise BuildError(f"--base {folder}: holds no config.json; give the folder of a Hugging Face checkpoint")
    # Eager attention: the memory-efficient kernel has no deterministic backward pass on GPUs, and sequences are short. Eager experts:
    # the grouped products do not take every width or dtype.
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager", local_files_only=True, use_safetensors=True
    )
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)


@contextmanager
def at_anchor(model: Any, anchor: Anchor | None) -> Iterator[None]:
    """Within the block `model` computes as the anchor does; afterwards it is the base again, bit for bit. None is the base itself."""
    if anchor is None:
        yield
        return
    _require_plain_lora(anchor)
    wrapped = PeftModel.from_pretrained(model, anchor.path, is_trainable=False, local_files_only=True)
    try:
        layers = [module for module in wrapped.modules() if isinstance(module, LoraLayer)]
        # PEFT only warns where names do not match; such an anchor would silently be a second base.
        parts = [part.weight for layer in layers for part in layer.lora_B.values()]
        parts += [part for layer in layers for part in layer.lora_embedding_B.values()]
        if not any(bool(part.any()) for part in parts):
            raise BuildError(f"--anchor {anchor.path}: changes no weight of this base; give an adapter trained on it")
        for layer in layers:
            for name in layer.scaling:
                layer.scaling[name] *= anchor.dose
        wrapped.eval()
        yield
    finally:
        wrapped.unload()


def _require_plain_lora(anchor: Anchor) -> None:
    if not (Path(anchor.path) / "adapter_config.json").is_file():
        raise BuildError(f"--anchor {anchor.path}: holds no adapter_config.json; give the folder of a PEFT adapter")
    config = PeftConfig.from_pretrained(anchor.path)
    plain = (
        config.peft_type == "LORA"
        and not config.use_dora
        and not config.lora_bias
        and config.bias == "none"
        and not config.modules_to_save
        and not config.trainable_token_indices
    )
    if not plain:
        raise BuildError(f"--anchor {anchor.path}: is no plain LoRA (DoRA, biases or whole modules were trained); give one that is")
