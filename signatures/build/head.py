"""A causal model in; the states that its output embedding is given, and the logits of some of them at a time, out.

Models differ in what stands around the output embedding: soft caps, scales, a decoder in place of the model's own body. So nothing is
named here: the embedding is watched while the model's own forward runs, and is given other states when it runs again.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .errors import BuildError


@dataclass
class Body:
    """What computes the states of a model, as found by `find_body`. output: its last one; without a module the model runs whole each time."""

    module: nn.Module | None
    output: Any = field(default=None, repr=False)


def find_body(model: Any, ids: Tensor) -> Body:
    """The outermost module that gives the output embedding its states; and the proof, on a few tokens [n], that all this gives the model's own logits.

    BuildError naming the architecture where it does not.
    """
    head = _output_embedding(model)
    given: list[tuple[nn.Module, Any]] = []
    with torch.no_grad(), ExitStack() as stack:
        for module in model.modules():
            if module is not model and module is not head:
                stack.callback(module.register_forward_hook(lambda m, _, output: given.append((m, output))).remove)
        states = _watch(model, ids[None], torch.ones_like(ids)[None])
    where = [module for module, output in given if any(_is_same(tensor, states) for tensor in _tensors(output))]
    body = Body(where[-1] if where else None)
    given.clear()
    with torch.no_grad():
        found = logits_of(model, body, states_of(model, body, ids[None], torch.ones_like(ids)[None])[0])
        wanted = model(input_ids=ids[None], attention_mask=torch.ones_like(ids)[None], use_cache=False).logits[0]
    allowed = torch.finfo(wanted.dtype).eps ** 0.5 if wanted.is_floating_point() else 0.0
    if found.shape != wanted.shape or not (found - wanted).norm() <= max(allowed, torch.finfo(states.dtype).eps ** 0.5) * wanted.norm():
        raise BuildError(f"{type(model).__name__}: its logits are not those of the states that its output embedding is given; this architecture is not supported")
    return body


def states_of(model: Any, body: Body, ids: Tensor, mask: Tensor) -> Tensor:
    """The states before the output embedding [batch, length, width], with their graph; no logits are computed. Fills `body.output`."""
    with ExitStack() as stack:
        if body.module is not None:
            stack.callback(body.module.register_forward_hook(lambda _, __, output: setattr(body, "output", output)).remove)
        return _watch(model, ids, mask)


def logits_of(model: Any, body: Body, states: Tensor) -> Tensor:
    """Logits [n, vocabulary] of states [n, width], by the model's own forward with its body standing still."""
    head = _output_embedding(model)
    with ExitStack() as stack:
        stack.callback(head.register_forward_pre_hook(lambda _, __: (states[None],)).remove)
        if body.module is not None:
            stack.enter_context(_standing_still(body.module, body.output))
        return model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=states.device), use_cache=False).logits[0]


def _watch(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """What the output embedding is given; it is let see none of it, so that the logits of a whole sequence never exist."""
    seen: list[Tensor] = []

    def hook(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Tensor, ...]:
        seen.extend(arguments)
        return (arguments[0][:, :0],)

    handle = _output_embedding(model).register_forward_pre_hook(hook)
    try:
        model(input_ids=ids, attention_mask=mask, use_cache=False)
    finally:
        handle.remove()
    if len(seen) != 1 or seen[0].shape[:-1] != ids.shape:
        raise BuildError(f"{type(model).__name__}: does not give its output embedding the states of all tokens at once; this architecture is not supported")
    return seen[0]


def _output_embedding(model: Any) -> nn.Module:
    head = model.get_output_embeddings()
    if head is None:
        raise BuildError(f"{type(model).__name__}: has no output embedding; give a causal language model")
    return head


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict):
        yield from (value for value in output.values() if isinstance(value, Tensor))
    elif isinstance(output, (tuple, list)):
        yield from (value for value in output if isinstance(value, Tensor))


def _is_same(tensor: Tensor, states: Tensor) -> bool:
    return tensor.shape == states.shape and tensor.data_ptr() == states.data_ptr()


@contextmanager
def _standing_still(module: nn.Module, output: Any) -> Iterator[None]:
    """Within the block the module gives this output, whatever it is asked."""
    before = vars(module).get("forward")
    module.forward = lambda *_, **__: output
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
