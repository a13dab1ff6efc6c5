"""The gradient against finite differences, against itself in other batches, and against anchors merged by hand."""

from typing import Any

import pytest
import torch
from build_models import FORM, PAIRS, gemma, gpt2, in_float64, llama, save_adapter, tokenizer
from peft import PeftModel

from signatures.build import Anchor, BuildError, Format, Pair, linear_weights, pair_gradient, pair_log_odds


def objective(model: Any) -> float:
    """The weighted mean log-odds per token by one plain forward pass a sequence: no batch, no slices, no shared code but the tokens."""
    from signatures.build.pairs import encode_pairs

    total = 0.0
    for pair, sides in zip(PAIRS, encode_pairs(tokenizer(), FORM, PAIRS)):
        for sign, side in zip((1, -1), sides):
            with torch.no_grad():
                log_p = model(torch.tensor([side.ids])).logits[0].log_softmax(-1)
            at = torch.arange(side.start, len(side.ids))
            total += sign * pair.weight * log_p[at - 1, torch.tensor(side.ids)[at]].mean().item()
    return total / sum(pair.weight for pair in PAIRS)


@pytest.mark.parametrize("make", [gemma, llama, gpt2])
def test_finite_differences(make: Any) -> None:
    """<direction, G_W> is the objective's slope along a random direction, for every weight; Conv1D comes out as out × in."""
    model = in_float64(make())
    gradients = pair_gradient(model, tokenizer(), PAIRS, form=FORM)
    torch.manual_seed(5)
    for name, weight in linear_weights(model).items():
        direction = torch.randn_like(gradients[name])
        with torch.no_grad():
            values = weight.of(weight.parameter)  # a view, so that the parameter itself is moved
            values += 1e-5 * direction
            above = objective(model)
            values -= 2e-5 * direction
            below = objective(model)
            values += 1e-5 * direction
        slope = (above - below) / 2e-5
        assert (direction * gradients[name]).sum().item() == pytest.approx(slope, rel=1e-5, abs=1e-7), name


def test_shapes_are_out_by_in() -> None:
    shapes = {name: tuple(gradient.shape) for name, gradient in pair_gradient(gpt2(), tokenizer(), PAIRS, form=FORM, layers=[1]).items()}
    assert shapes == {"1.q": (16, 16), "1.k": (16, 16), "1.v": (16, 16), "1.o": (16, 16), "1.up": (64, 16), "1.down": (16, 64)}


def test_log_odds_are_what_is_differentiated() -> None:
    odds = pair_log_odds(in_float64(gemma()), tokenizer(), PAIRS, form=FORM, batch_pairs=2, head_rows=5)
    weights = torch.tensor([pair.weight for pair in PAIRS], dtype=torch.float64)
    assert ((odds * weights).sum() / weights.sum()).item() == pytest.approx(objective(in_float64(gemma())), abs=1e-12)


def test_batches_and_slices_change_nothing() -> None:
    model = in_float64(gemma())
    alone = pair_gradient(model, tokenizer(), PAIRS, form=FORM, batch_pairs=1, head_rows=1000)
    together = pair_gradient(model, tokenizer(), PAIRS, form=FORM, batch_pairs=3, head_rows=4)
    for name in alone:
        torch.testing.assert_close(alone[name], together[name], rtol=1e-9, atol=1e-13)


def test_logits_of_few_answer_positions_at_a_time() -> None:
    model, rows = gemma(), []
    model.lm_head.register_forward_hook(lambda _, __, logits: rows.append(logits.shape[:-1].numel()))
    pair_gradient(model, tokenizer(), PAIRS, form=Format(), batch_pairs=3, head_rows=7)
    assert max(rows) == 7
    # Twice 7 to see that they are the model's own; and <end_of_turn> is scored with the answer.
    answers = sum(len(text) + 1 for pair in PAIRS for text in (pair.positive, pair.negative))
    assert sum(rows) == 2 * 7 + answers


def test_only_wanted_weights_get_gradients_and_the_model_comes_back() -> None:
    model = gemma()
    model.train()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    gradients = pair_gradient(model, tokenizer(), PAIRS, form=FORM, layers=[1])
    assert {name.split(".")[0] for name in gradients} == {"1"}
    assert model.training and all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())
    assert not torch.are_deterministic_algorithms_enabled()
    whole = pair_gradient(model, tokenizer(), PAIRS, form=FORM)
    assert all(torch.equal(whole[name], gradients[name]) for name in gradients)


def test_same_bits_twice() -> None:
    first, second = (pair_gradient(gemma(), tokenizer(), PAIRS, form=FORM) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("dose", [1.0, 0.25])
def test_anchors_are_averaged(tmp_path: Any, dose: float) -> None:
    """Base and anchor at weights 1 and 3 = a quarter of G at the base + three quarters of G at W + dose·ΔW, the latter merged by hand."""
    base, merged = in_float64(gemma()), in_float64(gemma())
    folder = save_adapter(tmp_path / "adapter", gemma())
    wrapped = PeftModel.from_pretrained(gemma(), folder)
    for weight, module in zip(linear_weights(merged).values(), linear_modules(wrapped.get_base_model())):
        if hasattr(module, "get_delta_weight"):
            with torch.no_grad():
                weight.parameter.add_(dose * module.get_delta_weight("default").double())
    before = {name: parameter.clone() for name, parameter in base.named_parameters()}
    both = pair_gradient(base, tokenizer(), PAIRS, form=FORM, anchors=[Anchor(str(folder), 3.0, dose)])
    at_base = pair_gradient(base, tokenizer(), PAIRS, form=FORM)
    at_anchor = pair_gradient(merged, tokenizer(), PAIRS, form=FORM)
    for name in both:
        torch.testing.assert_close(both[name], at_base[name] / 4 + at_anchor[name] * 3 / 4, rtol=1e-4, atol=1e-7)  # PEFT computes an adapter in f32
    assert (at_anchor["0.down"] - at_base["0.down"]).norm() > 0.01 * at_base["0.down"].norm()
    after = dict(base.named_parameters())
    assert after.keys() == before.keys() and all(torch.equal(after[name], before[name]) for name in before)


def linear_modules(model: Any) -> list[Any]:
    """The modules behind linear_weights, LoRA layers where there are any, in the same order."""
    from signatures.build.names import name_module, reading_order

    named = {name_module(path).name: module for path, module in model.named_modules() if path.endswith("_proj")}
    return [named[name] for name in sorted(named, key=reading_order)]


def test_a_wrapped_model_is_taken_with_its_adapter(tmp_path: Any) -> None:
    folder = save_adapter(tmp_path / "adapter", gemma())
    wrapped = PeftModel.from_pretrained(gemma(), folder).eval()
    alone = pair_gradient(wrapped, tokenizer(), PAIRS, form=FORM)
    base = pair_gradient(gemma(), tokenizer(), PAIRS, form=FORM)
    both = pair_gradient(gemma(), tokenizer(), PAIRS, form=FORM, anchors=[Anchor(str(folder))])
    torch.testing.assert_close(both["0.v"], (base["0.v"] + alone["0.v"]) / 2)
    with pytest.raises(BuildError, match="bare base"):
        pair_gradient(wrapped, tokenizer(), PAIRS, form=FORM, anchors=[Anchor(str(folder))])


def test_unusable_anchors(tmp_path: Any) -> None:
    def build(folder: Any) -> None:
        pair_gradient(gemma(), tokenizer(), PAIRS, form=FORM, anchors=[Anchor(str(folder))])

    with pytest.raises(BuildError, match="no adapter_config.json"):
        build(tmp_path)
    with pytest.raises(BuildError, match="no plain LoRA"):
        build(save_adapter(tmp_path / "dora", gemma(), use_dora=True))
    with pytest.raises(BuildError, match="changes no weight"), pytest.warns(UserWarning):
        deeper = save_adapter(tmp_path / "other", gemma(num_hidden_layers=3, layer_types=["full_attention"] * 3), layers_to_transform=[2])
        config = deeper / "adapter_config.json"
        config.write_text(config.read_text().replace('"layers_to_transform": [\n    2\n  ]', '"layers_to_transform": null'))
        build(deeper)
    for text in ("", "a:0", "a:1:2", "a:x", "a:1:1:1", "a:nan"):
        with pytest.raises(BuildError, match="give DIR"):
            Anchor.parse(text)
    assert Anchor.parse("a/b:2:.5") == Anchor("a/b", 2.0, 0.5)


def test_vocabulary_of_the_answers() -> None:
    """With one pair, the restricted softmax is that of the logits of its answers' tokens alone; and the head is put back."""
    model, head = in_float64(gemma()), None
    head = model.lm_head
    pair = Pair("a", "yes", "nay")
    odds = pair_log_odds(model, tokenizer(), [pair], form=FORM, vocab_from_pairs=True)
    assert model.lm_head is head
    ids = {text: tokenizer()(text, add_special_tokens=False)["input_ids"] + [3] for text in ("yes", "nay")}
    kept = sorted(set(ids["yes"] + ids["nay"]))
    begin = tokenizer()("<start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\n")["input_ids"]
    means = []
    for answer in ids.values():
        with torch.no_grad():
            logits = model(torch.tensor([begin + answer])).logits[0, len(begin) - 1 : -1, kept]
        means.append(logits.log_softmax(-1)[range(4), [kept.index(token) for token in answer]].mean().item())
    assert odds.item() == pytest.approx(means[0] - means[1], abs=1e-12)
    assert pair_gradient(model, tokenizer(), [pair], form=FORM, vocab_from_pairs=True)["0.v"].any()


def test_half_precision_sums_in_f32() -> None:
    gradients = pair_gradient(gemma().bfloat16(), tokenizer(), PAIRS, form=FORM)
    exact = pair_gradient(gemma(), tokenizer(), PAIRS, form=FORM)
    assert gradients["1.up"].dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(gradients["1.up"].flatten(), exact["1.up"].flatten(), 0) > 0.98


def test_layers_that_are_not_there() -> None:
    with pytest.raises(BuildError, match=r"--layers.*\[2\]"):
        pair_gradient(gemma(), tokenizer(), PAIRS, form=Format(), layers=[1, 2])
