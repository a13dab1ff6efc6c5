"""Tiny models of several architectures, trained from different seeds on generated text. In: an architecture and a seed. Out: a transformers model.

The same configuration and the same text for every seed of an architecture: two seeds have everything in common but descent.
"""
from __future__ import annotations

import copy

import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, GPT2Config, LlamaConfig, PretrainedConfig, PreTrainedModel, Qwen2Config

VOCABULARY = 384
LENGTH = 48
HIDDEN = 64
LAYERS = 4
HEADS = 4
KEY_HEADS = 2
INNER = 160


def configuration(architecture: str) -> PretrainedConfig:
    common = dict(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                  num_key_value_heads=KEY_HEADS, max_position_embeddings=128, bos_token_id=0, eos_token_id=0, pad_token_id=0)
    if architecture == 'llama':
        return LlamaConfig(**common, head_dim=HIDDEN // HEADS, tie_word_embeddings=False)
    if architecture == 'qwen2':
        return Qwen2Config(**common, tie_word_embeddings=True)
    if architecture == 'gemma3':
        return Gemma3TextConfig(**common, head_dim=HIDDEN // HEADS, tie_word_embeddings=True, sliding_window=64, query_pre_attn_scalar=16)
    if architecture == 'gpt2':
        return GPT2Config(vocab_size=VOCABULARY, n_embd=HIDDEN, n_layer=LAYERS, n_head=HEADS, n_positions=128, bos_token_id=0, eos_token_id=0)
    raise ValueError(architecture)


ARCHITECTURES = ('llama', 'qwen2', 'gemma3', 'gpt2')


class Language:
    """Text of one kind: what follows depends on the last token and the class of the one before. `turns` moves some of the rules away from language 0."""

    def __init__(self, kind: int, turns: float = 0.35) -> None:
        base = torch.Generator().manual_seed(1)
        self.next = torch.randint(1, VOCABULARY, (VOCABULARY, 4, 6), generator=base)
        if kind > 0:
            own = torch.Generator().manual_seed(1000 + kind)
            other = torch.randint(1, VOCABULARY, self.next.shape, generator=own)
            self.next = torch.where(torch.rand(self.next.shape[:2] + (1,), generator=own) < turns, other, self.next)
        self.chances = torch.tensor([0.5, 0.2, 0.12, 0.08, 0.06, 0.04])

    def batch(self, size: int, generator: torch.Generator) -> torch.Tensor:
        """size × LENGTH tokens."""
        text = torch.randint(1, VOCABULARY, (size, LENGTH), generator=generator)
        for at in range(2, LENGTH):
            choice = torch.multinomial(self.chances.expand(size, -1), 1, generator=generator)[:, 0]
            text[:, at] = self.next[text[:, at - 1], text[:, at - 2] % 4, choice]
        return text


def train(model: PreTrainedModel, kind: int, steps: int, rate: float, seed: int, decay: float = 0.01) -> PreTrainedModel:
    """Trains in place what requires a gradient; the order of the data comes from the seed."""
    language = Language(kind)
    generator = torch.Generator().manual_seed(77 * seed + kind)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    model.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group['lr'] = rate * min(1.0, (step + 1) / 20) * (1 - step / steps)
        text = language.batch(24, generator)
        loss = model(input_ids=text, labels=text).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
    model.eval()
    model.lastLoss = float(loss.detach()) if steps else float('nan')
    return model


def root(architecture: str, seed: int, steps: int = 400) -> PreTrainedModel:
    """A model trained from its own random initialisation."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(configuration(architecture)).float()
    return train(model, 0, steps, 3e-3, seed, decay=0.1)


def tuned(model: PreTrainedModel, kind: int, seed: int, steps: int = 60, rate: float = 3e-4) -> PreTrainedModel:
    """A fine-tune of every parameter on another language."""
    return train(copy.deepcopy(model), kind, steps, rate, seed)


def adapted(model: PreTrainedModel, kind: int, seed: int, rank: int = 4, steps: int = 60, rate: float = 3e-3) -> tuple[PreTrainedModel, PreTrainedModel]:
    """A LoRA fine-tune of every linear weight of the blocks: the merged model, and the adapter (a PEFT model)."""
    from peft import LoraConfig, get_peft_model
    torch.manual_seed(9000 + seed)
    gpt2 = model.config.model_type == 'gpt2'
    targets = ['c_attn', 'c_proj', 'c_fc'] if gpt2 else ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']
    peft = get_peft_model(copy.deepcopy(model), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, fan_in_fan_out=gpt2, task_type='CAUSAL_LM'))
    train(peft, kind, steps, rate, seed, decay=0.0)
    return copy.deepcopy(peft).merge_and_unload(), peft
