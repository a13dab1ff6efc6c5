"""Copies of a model that training does not make: rounded, quantised, pruned, merged, shortened. In: state dicts or models. Out: new ones."""
from __future__ import annotations

import copy

import torch
from transformers import PreTrainedModel

Weights = dict[str, torch.Tensor]


def in_blocks(name: str, tensor: torch.Tensor) -> bool:
    return tensor.dim() == 2 and ('.layers.' in name or '.h.' in name)


def quantised(weights: Weights, bits: int, group: int | None) -> Weights:
    """Every matrix rounded to nearest, symmetric, by rows or by groups of a row; stored dequantised as bf16."""
    return {name: (_rounded(t.float(), bits, group) if t.dim() == 2 else t).to(torch.bfloat16) for name, t in weights.items()}


def _rounded(W: torch.Tensor, bits: int, group: int | None) -> torch.Tensor:
    largest = 2 ** (bits - 1) - 1
    size = W.shape[1] if group is None or W.shape[1] % group else group
    parts = W.reshape(W.shape[0], -1, size)
    step = parts.abs().amax(-1, keepdim=True).clamp_min(1e-12) / largest
    return (torch.round(parts / step) * step).reshape(W.shape)


def pruned(weights: Weights, share: float) -> Weights:
    """The smallest numbers of every matrix of the blocks set to zero."""
    def cut(W: torch.Tensor) -> torch.Tensor:
        magnitudes = W.abs().flatten().float()
        limit = magnitudes.kthvalue(max(1, int(share * magnitudes.numel()))).values
        return torch.where(W.abs().float() > limit, W, torch.zeros_like(W))
    return {name: cut(t) if in_blocks(name, t) else t.clone() for name, t in weights.items()}


def mixed(parents: list[Weights], shares: list[float], base: Weights | None = None) -> Weights:
    """base + sum of share times (parent - base) in float32, in the dtype of the first parent; without a base the plain sum."""
    def one(name: str) -> torch.Tensor:
        first = parents[0][name]
        if base is None:
            return sum(s * p[name].float() for s, p in zip(shares, parents)).to(first.dtype)
        b = base[name].float()
        return (b + sum(s * (p[name].float() - b) for s, p in zip(shares, parents))).to(first.dtype)
    return {name: one(name) for name in parents[0]}


def spherical(a: Weights, b: Weights, t: float) -> Weights:
    """Spherical interpolation of every tensor, as mergekit has it (slerp): by the angle between the two."""
    def one(name: str) -> torch.Tensor:
        x, y = a[name].float(), b[name].float()
        cosine = torch.dot(x.flatten(), y.flatten()) / (x.norm() * y.norm())
        if cosine.abs() > 0.9995:
            return ((1 - t) * x + t * y).to(a[name].dtype)
        angle = torch.arccos(cosine)
        return ((torch.sin((1 - t) * angle) * x + torch.sin(t * angle) * y) / torch.sin(angle)).to(a[name].dtype)
    return {name: one(name) for name in a}


def shortened(model: PreTrainedModel, keep: list[int]) -> PreTrainedModel:
    """The model with some of its layers only; a layer may stand twice."""
    model = copy.deepcopy(model)
    stack = model.transformer if model.config.model_type == 'gpt2' else model.model
    name = 'h' if model.config.model_type == 'gpt2' else 'layers'
    old = getattr(stack, name)
    setattr(stack, name, torch.nn.ModuleList([copy.deepcopy(old[i]) for i in keep]))
    setattr(model.config, 'n_layer' if model.config.model_type == 'gpt2' else 'num_hidden_layers', len(keep))
    if getattr(model.config, 'layer_types', None):
        model.config.layer_types = [model.config.layer_types[i] for i in keep]
    for i, block in enumerate(getattr(stack, name)):
        for part in ('self_attn', 'attn'):
            if hasattr(block, part):
                getattr(block, part).layer_idx = i
    return model
