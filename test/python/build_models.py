"""Tiny random models, a tokenizer of bytes and an adapter, made offline for the tests of the signature builder."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from signatures.build import Format, Pair

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
