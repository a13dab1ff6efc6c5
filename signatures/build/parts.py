"""One tensor of a model in, the weights that it holds out: the rules of src/checkpoint/model-tensor.ts and fused.ts, from the same table.

Used twice, so that both agree: for the parameters of the model that gradients are taken of, and for the tensors of the base on disk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .architectures import TABLE, Config, Fused
from .errors import BuildError
from .names import ModuleName, in_block, name_module, split_block

_AMBIGUOUS = frozenset(TABLE["ambiguous"])
Range = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """One weight within a stored tensor: of an expert, the matrix of that expert; of it or its transpose, some outputs (first, count) or all."""

    named: ModuleName
    expert: int | None = None
    transposed: bool = False
    outputs: tuple[Range, ...] | None = None

    def of(self, stored: Tensor) -> Tensor:
        """The weight, out × in, as a view where that is possible."""
        matrix = stored if self.expert is None else stored[self.expert]
        matrix = matrix.T if self.transposed else matrix
        if self.outputs is None:
            return matrix
        pieces = [matrix[first : first + count] for first, count in self.outputs]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def shape(self, stored: Sequence[int]) -> list[int]:
        """[out, in] of the weight in a tensor of this shape."""
        matrix = list(stored[-2:])[::-1] if self.transposed else list(stored[-2:])
        return matrix if self.outputs is None else [sum(count for _, count in self.outputs), matrix[1]]


def parts_of(config: Config, tensor: str, shape: Sequence[int]) -> list[Part] | str:
    """The weights that a tensor holds (none: it is no matrix), or why it cannot be taken for weights, in one clause.

    BuildError where the table does not say which way round this architecture stores a weight: each way would be wrong for half of the models.
    """
    module = re.sub(r"\.(?:weight|bias)\Z", "", tensor)
    block = split_block(module)
    if len(shape) < 2 or _path(split_block(tensor)) in config.buffers:
        return []
    if len(shape) == 3 and block is not None and block[1] in config.stacks:
        return _stack(config, block[0], config.stacks[block[1]], shape)
    if len(shape) == 3 and shape[1] == 1:
        return "a convolution of each channel alone, which is no matrix"
    if len(shape) > 2:
        return f"a tensor of {len(shape)} dimensions, which no rule of this architecture explains"
    if block is not None and block[1] in _AMBIGUOUS and block[1] not in config.transposed | config.linear:
        raise BuildError(f"{tensor}: src/checkpoint/architectures.json does not say which way round {config.model_type} stores it; add this model there")
    transposed = _path(block) in config.transposed
    if block is not None and block[1] in config.fused:
        split = split_outputs(config.fused[block[1]], config, config.sizes["inner"], shape[1 if transposed else 0])
        return split if isinstance(split, str) else [Part(in_block(block[0], role), None, transposed, outputs) for role, outputs in split]
    return [Part(name_module(module), None, transposed)]


def _path(block: tuple[int, str] | None) -> str:
    return "" if block is None else block[1]


def _stack(config: Config, layer: int, fused: Fused, shape: Sequence[int]) -> list[Part] | str:
    if config.sizes["experts"] not in (None, shape[0]):
        return f"a stack of {shape[0]} experts, where the configuration asks for {config.sizes['experts']}"
    split = split_outputs(fused, config, config.sizes[config.inner_of_experts or "inner"], shape[1])
    if isinstance(split, str):
        return split
    return [Part(in_block(layer, role, expert), expert, False, outputs) for expert in range(shape[0]) for role, outputs in split]


def split_outputs(fused: Fused, config: Config, inner: int | None, stored: int) -> list[tuple[str, tuple[Range, ...]]] | str:
    """Which of the stored outputs belong to which role, or why that cannot be told. inner: width of the feed-forward block or of an expert."""
    counts = [_outputs_of(role, config, inner) for role in fused.parts]
    if None in counts and len(counts) > 1 and set(fused.parts) <= {"gate", "up", "down"}:
        counts = [stored // len(counts)] * len(counts)  # two of one unknown size are equal ones
    if any(count is None for count in counts):
        return "a fused weight, and the configuration does not give the sizes by which it is to be divided"
    known = [count or 0 for count in counts]
    if sum(known) != stored:
        return f"a fused weight of {stored} outputs, where the configuration asks for {' + '.join(map(str, known))} ({', '.join(fused.parts)})"
    if not fused.by_head:
        return [(role, ((sum(known[:at]), count),)) for at, (role, count) in enumerate(zip(fused.parts, known))]
    heads = config.sizes["heads"]
    if heads is None or len(set(known)) > 1 or known[0] % heads:
        return "a fused weight whose parts are not of one size, so that it cannot be divided by head"
    size, step = known[0] // heads, len(known)
    return [(role, tuple(((head * step + at) * size, size) for head in range(heads))) for at, role in enumerate(fused.parts)]


def _outputs_of(role: str, config: Config, inner: int | None) -> int | None:
    sizes = config.sizes
    hidden, heads = sizes["hidden"], sizes["heads"]
    if role in ("gate", "up"):
        return inner
    if role in ("o", "down"):
        return hidden
    if heads is None:
        return None
    size = sizes["headSize"] or (hidden // heads if hidden and hidden % heads == 0 else None)
    return None if size is None else size * (heads if role == "q" else sizes["keyHeads"] or heads)
