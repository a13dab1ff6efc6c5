"""Hides where a model comes from without changing what it computes. In: a transformers model. Out: a copy that gives the same logits.

Each function returns a changed copy; `same_function` checks that the logits stayed. What an architecture does not allow raises NotPossible.
"""
from __future__ import annotations

import copy

import torch
from transformers import PreTrainedModel


class NotPossible(Exception):
    """This architecture has no such symmetry."""


def same_function(a: PreTrainedModel, b: PreTrainedModel) -> float:
    """The largest difference of the logits over a few random texts, relative to their spread."""
    text = torch.randint(1, a.config.vocab_size, (4, 24), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        x, y = a(input_ids=text).logits, b(input_ids=text).logits
    return float((x - y).abs().max() / x.std())


def blocks(model: PreTrainedModel):
    return model.transformer.h if is_gpt2(model) else model.model.layers


def is_gpt2(model: PreTrainedModel) -> bool:
    return model.config.model_type == 'gpt2'


def permuted(model: PreTrainedModel, seed: int = 0) -> PreTrainedModel:
    """Hidden units of every MLP in another order."""
    model = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    for block in blocks(model):
        mlp = block.mlp
        if is_gpt2(model):
            order = torch.randperm(mlp.c_fc.weight.shape[1], generator=generator)
            mlp.c_fc.weight.data = mlp.c_fc.weight.data[:, order].contiguous()
            mlp.c_fc.bias.data = mlp.c_fc.bias.data[order]
            mlp.c_proj.weight.data = mlp.c_proj.weight.data[order].contiguous()
        else:
            order = torch.randperm(mlp.up_proj.weight.shape[0], generator=generator)
            mlp.gate_proj.weight.data = mlp.gate_proj.weight.data[order].contiguous()
            mlp.up_proj.weight.data = mlp.up_proj.weight.data[order].contiguous()
            mlp.down_proj.weight.data = mlp.down_proj.weight.data[:, order].contiguous()
    return model


def scaled(model: PreTrainedModel, seed: int = 1) -> PreTrainedModel:
    """Every unit of up multiplied by its own number, its column of down divided by it."""
    if is_gpt2(model):
        raise NotPossible('the activation stands between the two')
    model = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    for block in blocks(model):
        mlp = block.mlp
        factor = torch.exp(0.7 * torch.randn(mlp.up_proj.weight.shape[0], generator=generator))
        mlp.up_proj.weight.data *= factor[:, None]
        mlp.down_proj.weight.data /= factor[None, :]
    return model


def folded(model: PreTrainedModel) -> PreTrainedModel:
    """The weights of the norms before attention and MLP multiplied into the matrices that follow them, and set to one."""
    model = copy.deepcopy(model)
    for block in blocks(model):
        if is_gpt2(model):
            pairs = [(block.ln_1, [block.attn.c_attn]), (block.ln_2, [block.mlp.c_fc])]
            for norm, followers in pairs:
                for linear in followers:  # in x out
                    linear.bias.data += norm.bias.data @ linear.weight.data
                    linear.weight.data *= norm.weight.data[:, None]
                norm.weight.data.fill_(1.0)
                norm.bias.data.zero_()
            continue
        gemma = 'gemma' in model.config.model_type
        mlp_norm = block.pre_feedforward_layernorm if gemma else block.post_attention_layernorm
        attention = block.self_attn
        for norm, followers in [(block.input_layernorm, [attention.q_proj, attention.k_proj, attention.v_proj]), (mlp_norm, [block.mlp.gate_proj, block.mlp.up_proj])]:
            scale = norm.weight.data + 1.0 if gemma else norm.weight.data
            for linear in followers:
                linear.weight.data *= scale[None, :]
            norm.weight.data.fill_(0.0 if gemma else 1.0)
    return model


def rotated(model: PreTrainedModel, seed: int = 2) -> PreTrainedModel:
    """Queries and keys turned alike within each head (by angles that commute with the rotary embedding), and values against the output."""
    model = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    heads = model.config.num_attention_heads
    hidden = model.config.hidden_size
    for block in blocks(model):
        if is_gpt2(model):
            size = hidden // heads
            attention = block.attn
            for head in range(heads):
                R, S = orthogonal(size, generator), orthogonal(size, generator)
                for part, Q in ((0, R), (1, R), (2, S)):
                    at = slice(part * hidden + head * size, part * hidden + (head + 1) * size)
                    attention.c_attn.weight.data[:, at] = attention.c_attn.weight.data[:, at] @ Q.T
                    attention.c_attn.bias.data[at] = Q @ attention.c_attn.bias.data[at]
                at = slice(head * size, (head + 1) * size)
                attention.c_proj.weight.data[at] = S @ attention.c_proj.weight.data[at]
            continue
        attention = block.self_attn
        size = attention.head_dim
        groups = heads // model.config.num_key_value_heads
        turnsQueries = getattr(attention, 'q_norm', None) is None  # a norm of each query stands in the way
        for key in range(model.config.num_key_value_heads):
            R, S = rotary(size, generator), orthogonal(size, generator)
            k = slice(key * size, (key + 1) * size)
            if turnsQueries:
                turn(attention.k_proj, k, R)
            turn(attention.v_proj, k, S)
            for query in range(key * groups, (key + 1) * groups):
                q = slice(query * size, (query + 1) * size)
                if turnsQueries:
                    turn(attention.q_proj, q, R)
                attention.o_proj.weight.data[:, q] = attention.o_proj.weight.data[:, q] @ S.T
    return model


def turn(linear: torch.nn.Linear, rows: slice, R: torch.Tensor) -> None:
    linear.weight.data[rows] = R @ linear.weight.data[rows]
    if linear.bias is not None:
        linear.bias.data[rows] = R @ linear.bias.data[rows]


def orthogonal(size: int, generator: torch.Generator) -> torch.Tensor:
    Q, R = torch.linalg.qr(torch.randn(size, size, generator=generator))
    return Q * torch.sign(torch.diagonal(R))


def rotary(size: int, generator: torch.Generator) -> torch.Tensor:
    """A rotation by its own angle in every plane (i, i + size/2), which is what the rotary embedding turns."""
    half = size // 2
    angle = 2 * torch.pi * torch.rand(half, generator=generator)
    c, s = torch.diag(torch.cos(angle)), torch.diag(torch.sin(angle))
    return torch.cat([torch.cat([c, -s], 1), torch.cat([s, c], 1)], 0)


def reordered(model: PreTrainedModel, seed: int = 4) -> PreTrainedModel:
    """The channels of the residual stream in another order, everywhere."""
    model = copy.deepcopy(model)
    order = torch.randperm(model.config.hidden_size, generator=torch.Generator().manual_seed(seed))
    hidden = model.config.hidden_size
    tied = model.config.tie_word_embeddings
    for name, parameter in model.named_parameters():
        if tied and name == 'lm_head.weight':
            continue
        writes = any(name.endswith(end) for end in ('o_proj.weight', 'down_proj.weight', 'attn.c_proj.bias', 'mlp.c_proj.bias'))
        reads_conv = any(name.endswith(end) for end in ('c_attn.weight', 'c_fc.weight'))
        writes_conv = name.endswith('attn.c_proj.weight') or name.endswith('mlp.c_proj.weight')
        headwise = any(part in name for part in ('q_norm', 'k_norm'))
        if headwise:
            continue
        data = parameter.data
        if is_gpt2(model) and writes_conv:
            parameter.data = data[:, order].contiguous()
        elif is_gpt2(model) and reads_conv:
            parameter.data = data[order].contiguous()
        elif writes:
            parameter.data = data[order].contiguous()
        elif 'bias' in name and not ('ln_' in name):
            continue
        elif data.dim() == 1:
            if data.shape[0] == hidden:
                parameter.data = data[order].contiguous()
        else:  # embeddings, and what reads the stream
            parameter.data = data[:, order].contiguous()
    return model


def everything(model: PreTrainedModel) -> PreTrainedModel:
    """All of them that the architecture allows, apart from the order of the residual stream."""
    for change in (folded, rotated, permuted, scaled):
        try:
            model = change(model)
        except NotPossible:
            pass
    return model
