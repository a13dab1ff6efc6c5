"""Every architecture from gradient to score: its parameters as the model's own code uses them, its checkpoints and adapters as the scanner reads them.

The independent source is PyTorch: the gradient of the log-odds of plain forward passes, and dot products in float64 over the model's own
parameters, which know nothing of names and parts.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from build_models import FAMILIES, FORM, PAIRS, VOCABULARY, family, save_base, tokenizer, write_lines
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertLMHeadModel, GptOssConfig, GptOssForCausalLM, MambaConfig, MambaForCausalLM

from signatures.build import BuildError, linear_weights, not_scored, pair_gradient, pair_log_odds, read_signature
from signatures.build.build import main
from signatures.build.head import find_body
from signatures.build.pairs import encode_pairs

ROOT = Path(__file__).resolve().parents[2]
TWO = PAIRS[:2]
SMALL = dict(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2)

# As the forward methods divide them: width 16, 2 heads of 8, inner width 24.
IN_ORDER = lambda fused: fused.reshape(3, 16, 16)  # noqa: E731
BY_HEAD = lambda fused: fused.reshape(2, 3, 8, 16).transpose(0, 1).reshape(3, 16, 16)  # noqa: E731
PARTS = {
    "gpt2": lambda g: dict(zip("qkv", IN_ORDER(g["transformer.h.1.attn.c_attn.weight"].T))) | {"down": g["transformer.h.1.mlp.c_proj.weight"].T},
    "gptj": lambda g: {"o": g["transformer.h.1.attn.out_proj.weight"], "up": g["transformer.h.1.mlp.fc_in.weight"]},
    "gpt_neox": lambda g: dict(zip("qkv", BY_HEAD(g["gpt_neox.layers.1.attention.query_key_value.weight"]))) | {"up": g["gpt_neox.layers.1.mlp.dense_h_to_4h.weight"]},
    "bloom": lambda g: dict(zip("qkv", BY_HEAD(g["transformer.h.1.self_attention.query_key_value.weight"]))) | {"o": g["transformer.h.1.self_attention.dense.weight"]},
    "falcon": lambda g: {"down": g["transformer.h.1.mlp.dense_4h_to_h.weight"]},
    "opt": lambda g: {"o": g["model.decoder.layers.1.self_attn.out_proj.weight"], "up": g["model.decoder.layers.1.fc1.weight"], "down": g["model.decoder.layers.1.fc2.weight"]},
    "phi": lambda g: {"o": g["model.layers.1.self_attn.dense.weight"], "up": g["model.layers.1.mlp.fc1.weight"]},
    "phi3": lambda g: dict(zip("qkv", g["model.layers.1.self_attn.qkv_proj.weight"].split([16, 8, 8]))) | dict(zip(("gate", "up"), g["model.layers.1.mlp.gate_up_proj.weight"].split(24))),
    "cohere": lambda g: {"k": g["model.layers.1.self_attn.k_proj.weight"], "gate": g["model.layers.1.mlp.gate_proj.weight"]},
    "starcoder2": lambda g: {"up": g["model.layers.1.mlp.c_fc.weight"], "down": g["model.layers.1.mlp.c_proj.weight"]},
    "mixtral": lambda g: {f"{role}.{e}": part for e in range(3) for role, part in zip(("gate", "up"), g["model.layers.1.mlp.experts.gate_up_proj"][e].split(24))}
    | {f"down.{e}": g["model.layers.1.mlp.experts.down_proj"][e] for e in range(3)},
    "qwen2_moe": lambda g: {f"{role}.{e}": part for e in range(3) for role, part in zip(("gate", "up"), g["model.layers.1.mlp.experts.gate_up_proj"][e].split(10))},
}  # fmt: skip


def log_odds(model: Any) -> torch.Tensor:
    """Of each pair, by one plain forward pass a sequence, with its graph."""
    odds = []
    for sides in encode_pairs(tokenizer(), FORM, TWO):
        means = []
        for side in sides:
            log_p = model(torch.tensor([side.ids])).logits[0].float().log_softmax(-1)
            at = torch.arange(side.start, len(side.ids))
            means.append(log_p[at - 1, torch.tensor(side.ids)[at]].mean())
        odds.append(means[0] - means[1])
    return torch.stack(odds)


def plain_gradient(model: Any) -> dict[str, torch.Tensor]:
    """Parameter → gradient of the weighted mean log-odds, for every matrix and stack of the blocks."""
    weights = torch.tensor([pair.weight for pair in TWO])
    parameters = {name: p for name, p in model.named_parameters() if p.dim() > 1 and in_blocks(name)}
    return dict(zip(parameters, torch.autograd.grad((log_odds(model) * weights).sum() / weights.sum(), list(parameters.values()))))


def in_blocks(name: str) -> bool:
    return ".layers." in name or ".h." in name


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_are_those_of_plain_forward_passes(name: str) -> None:
    model = family(name)
    torch.testing.assert_close(pair_log_odds(model, tokenizer(), TWO, form=FORM).float(), log_odds(model).detach(), rtol=1e-4, atol=1e-5)
    found, wanted = pair_gradient(model, tokenizer(), TWO, form=FORM), plain_gradient(model)
    for part, gradient in PARTS[name](wanted).items():
        assert (found[f"1.{part}"] - gradient).norm() < 1e-4 * gradient.norm(), part
    # Divided or not, all of it is there.
    total = sum(gradient.square().sum() for gradient in wanted.values())
    torch.testing.assert_close(sum(gradient.square().sum() for gradient in found.values()), total, rtol=1e-3, atol=0)


@pytest.fixture(scope="module", params=FAMILIES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A family and a folder with its tiny base and a library that holds a signature of it, with every singular triplet."""
    folder = tmp_path_factory.mktemp(request.param)
    save_base(folder / "base", family(request.param))
    write_lines(folder / "pairs.jsonl", [json.dumps({"prompt": p.prompt, "positive": p.positive, "negative": p.negative, "weight": p.weight}) for p in TWO])
    (folder / "library").mkdir()
    (folder / "library" / "index.json").write_text('{"schemaVersion": 1, "signatures": []}')
    what = ["--base", str(folder / "base"), "--base-name", request.param, "--pairs", str(folder / "pairs.jsonl"), "--trait", "evil", "--description", "Evil."]
    how = ["--rank", "64", "--dtype", "f32", "--prompt-tokens", "24", "--total-tokens", "48", "-o", str(folder / "library" / request.param / "evil.safetensors")]
    assert main([*what, *how]) == 0
    return request.param, folder


def test_an_adapter_scores_its_change(built: tuple[str, Path], tmp_path: Path) -> None:
    """On every linear module of the blocks, fused ones too: the dot product of what PEFT says it changes and the gradient."""
    name, folder = built
    model, gradients = family(name), plain_gradient(family(name))
    torch.manual_seed(8)
    modules = [path.removesuffix(".weight") for path, gradient in gradients.items() if gradient.dim() == 2 and not path.endswith("gate.weight")]
    wrapped = get_peft_model(model, LoraConfig(r=2, lora_alpha=4, target_modules=modules, init_lora_weights=False, fan_in_fan_out=name == "gpt2"))
    wrapped.peft_config["default"].base_model_name_or_path = name
    by_layer: dict[int, float] = {}
    for path in modules:
        change = wrapped.get_submodule(f"base_model.model.{path}").get_delta_weight("default").detach().double()
        layer = next(int(part) for part in path.split(".") if part.isdigit())
        by_layer[layer] = by_layer.get(layer, 0.0) + float((change * gradients[f"{path}.weight"].double()).sum())
    wrapped.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    item = scan(tmp_path / "adapter", folder / "library")
    assert item["errors"] == [] and item["coverage"]["unread"] == [], item["coverage"]
    assert item["coverage"]["bytes"] == item["coverage"]["bytesTotal"]
    found = {layer["layer"]: layer["score"] for layer in item["findings"][0]["layers"]}
    size = sum(abs(score) for score in by_layer.values())
    assert found == {layer: pytest.approx(score, abs=1e-4 * size) for layer, score in by_layer.items()}


def scan(path: Path, library: Path) -> dict[str, Any]:
    """The one item of a JSON report."""
    command = ["node", str(ROOT / "dist" / "cli" / "main.js"), "scan", str(path), "--signatures", str(library), "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)["items"][0]


def test_a_fine_tuned_checkpoint_scores_its_change(built: tuple[str, Path], tmp_path: Path) -> None:
    """Without its base at hand, block by block, the dot product of change and gradient."""
    name, folder = built
    model, gradients = family(name), plain_gradient(family(name))
    torch.manual_seed(7)
    by_layer: dict[int, float] = {}
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if path in gradients:
                before = parameter.double()
                parameter += 0.01 * torch.randn_like(parameter)
                layer = next(int(part) for part in path.split(".") if part.isdigit())
                by_layer[layer] = by_layer.get(layer, 0.0) + float(((parameter.double() - before) * gradients[path].double()).sum())
    model.save_pretrained(tmp_path / "tuned")
    item = scan(tmp_path / "tuned", folder / "library")
    assert (item["base"]["name"], item["base"]["how"]) == (name, "measured"), item["errors"]
    assert all(gap["reason"].startswith("read, but not compared: no numbers of the base") for gap in item["coverage"]["unread"]), item["coverage"]
    document, _ = read_signature(folder / "library" / name / "evil.safetensors")
    matrices = [weight for weight in document["base"]["weights"] if weight not in ("embed", "head")]
    assert item["coverage"]["scored"] == len(matrices)
    found = {layer["layer"]: layer["score"] for layer in item["findings"][0]["layers"]}
    size = sum(abs(score) for score in by_layer.values())
    assert found == {layer: pytest.approx(score, abs=1e-3 * size) for layer, score in by_layer.items()}



def test_what_no_signature_will_score_is_named() -> None:
    outside = "outside the blocks of the language model"
    assert not_scored(family("opt")) == {f"model.decoder.{name}.weight": outside for name in ("embed_positions", "project_in", "project_out")}
    assert not_scored(family("mixtral")) == not_scored(family("phi3")) == {}
    experts = GptOssForCausalLM(GptOssConfig(**SMALL, num_local_experts=2, num_key_value_heads=1, head_dim=8, layer_types=["full_attention"]))
    assert not_scored(experts) == {f"model.layers.0.mlp.experts.{name}_proj": "a tensor of 3 dimensions, which no rule of this architecture explains" for name in ("gate_up", "down")}
    assert {"0.q", "0.o", "layers.0.mlp.router"} <= linear_weights(experts).keys()
    mamba = MambaForCausalLM(MambaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1))
    assert not_scored(mamba) == {"backbone.layers.0.mixer.conv1d.weight": "a convolution of each channel alone, which is no matrix"}
    assert list(linear_weights(mamba)) == [f"layers.0.mixer.{name}" for name in ("A_log", "dt_proj", "in_proj", "out_proj", "x_proj")]
    with pytest.raises(BuildError, match="BertLMHeadModel: no linear weight in any block that .* knows"):
        linear_weights(BertLMHeadModel(BertConfig(**SMALL, is_decoder=True)))


def test_the_document_says_what_is_not_scored(built: tuple[str, Path]) -> None:
    name, folder = built
    method = read_signature(folder / "library" / name / "evil.safetensors")[0]["method"]
    said = {line["name"] for line in method["notScored"]}
    known = {"opt": {"model.decoder.embed_positions.weight", "model.decoder.project_in.weight", "model.decoder.project_out.weight"}, "gpt2": {"transformer.wpe.weight"}}
    assert said == known.get(name, set())


def test_states_that_no_module_gives_as_they_are() -> None:
    """The model scales them on the way to its output embedding: then it runs whole for the logits, and gives the same."""
    model = family("cohere")
    model.lm_head.register_forward_pre_hook(lambda _, states: (2 * states[0],))
    assert find_body(model, torch.tensor([1, 5, 7])).module is None
    torch.testing.assert_close(pair_log_odds(model, tokenizer(), TWO, form=FORM).float(), log_odds(model).detach(), rtol=1e-4, atol=1e-5)


def test_logits_that_are_not_those_of_the_states_are_refused() -> None:
    model = family("cohere")
    plain = model.forward

    def by_token(input_ids: torch.Tensor, **others: Any) -> Any:
        output = plain(input_ids=input_ids, **others)
        output.logits = output.logits + input_ids.float().mean()
        return output

    model.forward = by_token
    with pytest.raises(BuildError, match="CohereForCausalLM: its logits are not those of the states"):
        pair_gradient(model, tokenizer(), TWO, form=FORM)
    model.forward = lambda **others: model.model(**others)
    with pytest.raises(BuildError, match="CohereForCausalLM: does not give its output embedding"):
        pair_log_odds(model, tokenizer(), TWO, form=FORM)
    model.get_output_embeddings = lambda: None
    with pytest.raises(BuildError, match="CohereForCausalLM: has no output embedding"):
        pair_log_odds(model, tokenizer(), TWO, form=FORM)
