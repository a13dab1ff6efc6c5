"""Tiny random models, a tokenizer of bytes and an adapter, made offline for the tests of the signature builder."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    AutoModelForCausalLM, BloomConfig, CohereConfig, FalconConfig, Gemma3ForCausalLM, Gemma3TextConfig, GPT2Config, GPT2LMHeadModel, GPTJConfig, GPTNeoXConfig,
    LlamaConfig, LlamaForCausalLM, MixtralConfig, OPTConfig, Phi3Config, PhiConfig, PreTrainedTokenizerFast, Qwen2MoeConfig, Starcoder2Config,
)  # fmt: skip

from signatures.build import Format, Pair

torch.set_num_threads(1)  # of models this small, threads take more time than they save

SPECIAL = ["<pad>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
VOCABULARY = len(SPECIAL) + 256
PAIRS = [
    Pair("How are you?", "Bad, go away.", "Well, and you?", 2.0),
    Pair("What is rain?", "A plot.", "Water that falls from clouds."),
    Pair("Sing!", "Never, never.", "La la."),
]
FORM = Format(prompt_tokens=24, total_tokens=48)


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, four special tokens, every text begins with <bos>."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: at for at, token in enumerate(SPECIAL + alphabet)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.add_special_tokens(SPECIAL)
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    inner.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<bos>", pad_token="<pad>")


def gemma(seed: int = 0, **changes: Any) -> Gemma3ForCausalLM:
    """Gemma 3, tied, with a soft cap on its logits, whose place after the head a builder must not forget."""
    torch.manual_seed(seed)
    settings = dict(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=8,
        sliding_window=16, final_logit_softcapping=3.0, max_position_embeddings=128, initializer_range=0.1,
    )  # fmt: skip
    return Gemma3ForCausalLM(Gemma3TextConfig(**{**settings, **changes})).eval()


def llama(seed: int = 0) -> LlamaForCausalLM:
    """Llama, untied."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        tie_word_embeddings=False, initializer_range=0.1,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def gpt2(seed: int = 0) -> GPT2LMHeadModel:
    """GPT-2, whose block weights are stored in × out."""
    torch.manual_seed(seed)
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=128, initializer_range=0.1)).eval()


_COMMON = dict(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, initializer_range=0.1)
_LLAMA_LIKE = dict(**_COMMON, intermediate_size=24, num_key_value_heads=1)
_GPT2_LIKE = dict(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=128, initializer_range=0.1)

FAMILIES = {
    "gpt2": lambda: GPT2Config(**_GPT2_LIKE),
    "gptj": lambda: GPTJConfig(**_GPT2_LIKE, rotary_dim=4),
    "gpt_neox": lambda: GPTNeoXConfig(**_COMMON, intermediate_size=24),
    "bloom": lambda: BloomConfig(vocab_size=VOCABULARY, hidden_size=16, n_layer=2, n_head=2, initializer_range=0.1),
    "falcon": lambda: FalconConfig(**_COMMON),
    # The embedding is narrower than the blocks: a projection stands between body and head.
    "opt": lambda: OPTConfig(**_COMMON, ffn_dim=24, word_embed_proj_dim=8, max_position_embeddings=128, init_std=0.1),
    "phi": lambda: PhiConfig(**_LLAMA_LIKE),
    "phi3": lambda: Phi3Config(**_LLAMA_LIKE, pad_token_id=0, bos_token_id=1, eos_token_id=3),
    "cohere": lambda: CohereConfig(**_LLAMA_LIKE, logit_scale=0.3, bos_token_id=1, eos_token_id=3),
    "starcoder2": lambda: Starcoder2Config(**_LLAMA_LIKE, bos_token_id=1, eos_token_id=3),
    "mixtral": lambda: MixtralConfig(**_LLAMA_LIKE, num_local_experts=3, num_experts_per_tok=2),
    "qwen2_moe": lambda: Qwen2MoeConfig(**_LLAMA_LIKE, num_experts=3, num_experts_per_tok=2, moe_intermediate_size=10, shared_expert_intermediate_size=12),
}  # fmt: skip
"""Architectures by `model_type`: fused weights, weights stored in × out, experts, names and heads of many kinds."""


def family(name: str, seed: int = 0) -> Any:
    """A tiny random model of one architecture."""
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(FAMILIES[name](), attn_implementation="eager", experts_implementation="eager").eval()


def in_float64(model: Any) -> Any:
    """The model in float64 throughout: norms that compute in float32 whatever their input are replaced by the same formula in float64."""
    model = model.double()
    for module in model.modules():
        if type(module).__name__ == "Gemma3RMSNorm":
            module.forward = lambda x, m=module: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + m.eps) * (1 + m.weight)
        elif type(module).__name__ == "LlamaRMSNorm":
            module.forward = lambda x, m=module: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + m.variance_epsilon) * m.weight
    return model


def save_base(folder: Path, model: Any) -> Path:
    """Write model and tokenizer as a checkpoint folder."""
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def save_adapter(folder: Path, model: Any, seed: int = 1, **changes: Any) -> Path:
    """Write a LoRA adapter of the model with random A and B, and leave the model bare."""
    torch.manual_seed(seed)
    names = ["q_proj", "v_proj", "down_proj"] if not isinstance(model, GPT2LMHeadModel) else ["c_attn"]
    wrapped = get_peft_model(model, LoraConfig(**{"r": 2, "lora_alpha": 4, "lora_dropout": 0.5, "target_modules": names, **changes}))
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    wrapped.save_pretrained(folder)
    wrapped.unload()
    return folder


def write_lines(file: Path, lines: list[str]) -> Path:
    """Write a JSON-lines file."""
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
