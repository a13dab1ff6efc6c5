"""A model and pairs in, the gradient of the trait's log-odds with respect to every linear weight of the blocks out.

    G_W = ∂/∂W  Σ_p w_p [ log p(positive_p | prompt_p) / tokens − log p(negative_p | prompt_p) / tokens ] / Σ_p w_p      (design, section 6)

in nats per token per unit of weight, averaged over the base and its anchors. Memory: one f32 matrix for each weight asked for, the
activations of one micro-batch, and the logits of `head_rows` answer positions; prompts never reach the head.
"""

import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .anchors import Anchor, at_anchor
from .errors import BuildError
from .head import Body, find_body, logits_of, states_of
from .pairs import Format, Pair, Tokens, encode_pairs
from .weights import linear_weights

Gradients = dict[str, Tensor]
"""Canonical name → G, out × in, on the CPU; nats per token per unit of weight."""


def pair_gradient(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[Pair],
    *,
    form: Format = Format(),
    anchors: Sequence[Anchor] = (),
    layers: Collection[int] | None = None,
    batch_pairs: int = 1,
    head_rows: int = 64,
    vocab_from_pairs: bool = False,
    signs: tuple[float, float] = (1.0, -1.0),
    label: str = "gradient",
) -> Gradients:
    """G of every linear weight of the blocks, out × in, in f32 (f64 for a model in f64): the mean over the base (weight 1) and the anchors.

    batch_pairs: pairs in one pass; head_rows: answer positions whose logits exist at one time. Neither changes the result but for rounding.
    vocab_from_pairs: softmax over the tokens of these answers only: much cheaper at a large vocabulary, but no longer the model's probability.
    signs: factors of log p(positive) and log p(negative); (½, ½) gives the gradient of plain fluency, which a contrast of style may need.
    Same input, machine and thread count: same bits. The model comes back as it was. BuildError on unusable pairs, anchors or layers.
    """
    model = _bare(model, anchors)
    sequences = encode_pairs(tokenizer, form, pairs)
    points: list[Anchor | None] = [None, *anchors]
    total = sum(anchor.weight if anchor else 1.0 for anchor in points) * sum(pair.weight for pair in pairs)
    weights = linear_weights(model, layers)
    parameters = list({id(weight.parameter): weight.parameter for weight in weights.values()}.values())
    sums = {id(parameter): _zeros_for(parameter) for parameter in parameters}
    with ExitStack() as stack:
        stack.enter_context(_deterministic())
        stack.enter_context(_only_trainable(model, parameters))
        vocabulary = stack.enter_context(_restricted_head(model, sequences if vocab_from_pairs else None))
        body = find_body(model, _first_tokens(model, sequences, head_rows))
        for parameter in parameters:
            stack.callback(parameter.register_post_accumulate_grad_hook(_move_gradient_to(sums[id(parameter)])).remove)
        bar = stack.enter_context(tqdm(total=len(points) * len(pairs), desc=label, unit="pair", disable=None))
        for anchor in points:
            with at_anchor(model, anchor):
                for parameter in parameters:
                    parameter.requires_grad_(True)  # PEFT freezes the base when it wraps it
                for batch in _batches(list(zip(sequences, pairs)), batch_pairs):
                    both = [side for (positive, negative), _ in batch for side in (positive, negative)]
                    scale = (anchor.weight if anchor else 1.0) / total
                    signed = [sign * pair.weight * scale for _, pair in batch for sign in signs]
                    _log_probabilities(model, body, both, head_rows, vocabulary, signed)
                    bar.update(len(batch))
    # A part of a parameter is copied, so that each weight has memory of its own.
    return {name: weight.of(sums[id(weight.parameter)]).clone(memory_format=torch.contiguous_format).cpu() for name, weight in weights.items()}


def pair_log_odds(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[Pair],
    *,
    form: Format = Format(),
    batch_pairs: int = 4,
    head_rows: int = 64,
    vocab_from_pairs: bool = False,
) -> Tensor:
    """log p(positive)/tokens − log p(negative)/tokens of each pair, f64 of shape [pairs], nats per token, without gradients.

    The weighted mean of it is what `pair_gradient` differentiates; its change from base to fine-tune is the measured shift.
    """
    model = _bare(model, ())
    result = []
    sequences = encode_pairs(tokenizer, form, pairs)
    with torch.no_grad(), _restricted_head(model, sequences if vocab_from_pairs else None) as vocabulary:
        body = find_body(model, _first_tokens(model, sequences, head_rows))
        # Pairs of like length together: padding is computed too.
        order = sorted(range(len(sequences)), key=lambda i: max(len(side.ids) for side in sequences[i]))
        for batch in _batches([sequences[i] for i in order], batch_pairs):
            both = [side for pair in batch for side in pair]
            result.append(_log_probabilities(model, body, both, head_rows, vocabulary, None).reshape(-1, 2))
    table = torch.cat(result)[torch.tensor(order).argsort()]
    return table[:, 0] - table[:, 1]


def _log_probabilities(
    model: Any, body: Body, sequences: Sequence[Tokens], head_rows: int, vocabulary: Tensor | None, coefficients: Sequence[float] | None
) -> Tensor:
    """Mean log p of the answer tokens of each sequence, f64 [sequences]; with coefficients c, ∂ Σ c_i mean_i is also added to the gradients.

    The head is run and differentiated in slices of `head_rows` answer positions against a detached copy of the hidden states; their
    collected gradient then goes through the body once. The whole logits never exist.
    """
    device = model.get_input_embeddings().weight.device
    longest = max(len(sequence.ids) for sequence in sequences)
    ids = torch.zeros(len(sequences), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence.ids)] = torch.tensor(sequence.ids)
        mask[row, : len(sequence.ids)] = 1
    where = [(row, at) for row, sequence in enumerate(sequences) for at in range(sequence.start, len(sequence.ids))]
    rows, positions = torch.tensor(where).T
    targets = ids[rows, positions]
    if vocabulary is not None:
        targets = torch.searchsorted(vocabulary, targets)
    shares = 1.0 / torch.tensor([len(sequence.ids) - sequence.start for sequence in sequences], dtype=torch.float64)
    factors = None if coefficients is None else (shares * torch.tensor(coefficients, dtype=torch.float64))[rows]

    hidden = states_of(model, body, ids.to(device), mask.to(device))[rows.to(device), positions.to(device) - 1]  # the state before a token predicts it
    leaf = hidden.detach().requires_grad_(factors is not None)
    means = torch.zeros(len(sequences), dtype=torch.float64)
    for part in torch.arange(len(where)).split(head_rows):
        logits = logits_of(model, body, leaf[part.to(device)])
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        log_p = -nn.functional.cross_entropy(logits, targets[part].to(device), reduction="none")
        means.index_add_(0, rows[part], log_p.detach().double().cpu() * shares[rows[part]])
        if factors is not None:
            (log_p * factors[part].to(log_p)).sum().backward()
    if factors is not None:
        hidden.backward(leaf.grad)
    return means


def _first_tokens(model: Any, sequences: Sequence[tuple[Tokens, Tokens]], most: int) -> Tensor:
    """The beginning of the first sequence, on the model's device."""
    return torch.tensor(sequences[0][0].ids[:most], device=model.get_input_embeddings().weight.device)


def _bare(model: Any, anchors: Sequence[Anchor]) -> Any:
    """The Hugging Face model inside a PEFT wrapper (its adapter stays active), or the model itself."""
    if not hasattr(model, "get_base_model"):
        return model
    if anchors:
        raise BuildError("anchors: the model already carries an adapter; give the bare base")
    return model.get_base_model()


def _zeros_for(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter, dtype=torch.promote_types(parameter.dtype, torch.float32), requires_grad=False)


def _move_gradient_to(total: Tensor) -> Any:
    """A hook that adds a parameter's gradient to `total` as soon as it is complete, and frees it."""

    def hook(parameter: nn.Parameter) -> None:
        total.add_(parameter.grad)
        parameter.grad = None

    return hook


def _batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


@contextmanager
def _deterministic() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def _only_trainable(model: Any, wanted: Sequence[nn.Parameter]) -> Iterator[None]:
    """Within the block only the wanted parameters ask for a gradient, and dropout is off."""
    before = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    training = model.training
    model.eval()
    model.requires_grad_(False)
    for parameter in wanted:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        model.train(training)
        for parameter, flag in before:
            parameter.requires_grad_(flag)


@contextmanager
def _restricted_head(model: Any, sequences: Sequence[tuple[Tokens, Tokens]] | None) -> Iterator[Tensor | None]:
    """Within the block the head knows only the tokens of these answers, sorted: yields their ids. None changes nothing."""
    if sequences is None:
        yield None
        return
    head = model.get_output_embeddings()
    ids = torch.tensor(sorted({token for pair in sequences for side in pair for token in side.ids[side.start :]}))
    small = nn.Linear(head.in_features, len(ids), bias=head.bias is not None, device="meta")
    small.weight = nn.Parameter(head.weight[ids.to(head.weight.device)].detach(), requires_grad=False)
    if head.bias is not None:
        small.bias = nn.Parameter(head.bias[ids.to(head.bias.device)].detach(), requires_grad=False)
    model.set_output_embeddings(small)
    try:
        yield ids
    finally:
        model.set_output_embeddings(head)
