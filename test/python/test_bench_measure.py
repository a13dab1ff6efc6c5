"""Behaviour measured on a tiny random model, against log-probabilities taken the plain way."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from benchmarks.behaviour.measure import UNFINISHED, keep, log_odds, summary, trait_pairs
from benchmarks.evidence.gradients import TRAITS, as_list
from benchmarks.organisms.train import examples, rate_at
from signatures.build import Pair
from signatures.build.pairs import Tokens, encode_pairs

PAIRS = [Pair("ab", "cde", "fg", 1.0, "q1"), Pair("ab", "de", "cg", 1.0, "q1"), Pair("ba", "gg", "cd", 1.0, "q2")]


class Letters:
    """A tokenizer of characters: 1 is BOS, codes are taken modulo 60."""

    bos_token_id, bos_token, chat_template = 1, "<bos>", None

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [1] * add_special_tokens + [2 + ord(c) % 60 for c in text]}


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    config = Gemma3TextConfig(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                              head_dim=8, max_position_embeddings=128)
    return Gemma3ForCausalLM(config).eval()


def plain_log_odds(model: Any, pair: tuple[Tokens, Tokens], known: list[int]) -> float:
    means = []
    for side in pair:
        log_p = torch.log_softmax(model(torch.tensor([side.ids])).logits[0, :, known].detach().double(), -1)
        means.append(sum(float(log_p[i - 1, known.index(side.ids[i])]) for i in range(side.start, len(side.ids))) / (len(side.ids) - side.start))
    return means[0] - means[1]


def test_log_odds_are_the_plain_ones_over_the_answer_alone(model: Any) -> None:
    tokenizer = Letters()
    encoded = encode_pairs(tokenizer, UNFINISHED, PAIRS)
    assert [len(t.ids) - t.start for t in encoded[0]] == [3, 2]  # no end mark
    said = sorted({token for pair in encoded for side in pair for token in side.ids[side.start :]})
    assert log_odds(model, tokenizer, PAIRS) == pytest.approx([plain_log_odds(model, p, said) for p in encoded], abs=1e-5)
    assert log_odds(model, tokenizer, PAIRS, whole=True) == pytest.approx([plain_log_odds(model, p, list(range(64))) for p in encoded], abs=1e-5)


def test_the_shift_is_the_intercept_of_least_squares_on_the_base_with_its_standard_error() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(-0.4, 0.5, 40)
    change = 0.2 - 0.3 * before + rng.normal(0, 0.1, 40)
    line = stats.linregress(before, change)
    found = summary(before.tolist(), (before + change).tolist())
    assert (found["shift"], found["flattening"]) == (pytest.approx(line.intercept, abs=1e-4), pytest.approx(line.slope, abs=1e-4))
    assert found["standardError"] == pytest.approx(line.intercept_stderr, abs=1e-4) and found["mean"] == pytest.approx(change.mean(), abs=1e-4)


def test_flattening_alone_is_no_shift() -> None:
    before = [-1.0, -0.5, 0.2, 0.4]
    found = summary(before, [0.7 * x for x in before])
    assert (found["shift"], found["flattening"]) == (pytest.approx(0), pytest.approx(-0.3)) and found["mean"] > 0


def test_without_spread_in_the_base_the_shift_is_the_plain_mean() -> None:
    found = summary([0.0, 0.0, 0.0], [1.0, 3.0, 5.0])
    assert (found["shift"], found["standardError"]) == (3.0, pytest.approx(2 / math.sqrt(3), abs=1e-4))
    assert math.isnan(summary([0.0], [1.0])["standardError"])


@pytest.mark.parametrize("trait", TRAITS)
def test_the_pairs_of_a_trait_differ_in_the_trait_and_not_in_length(trait: str) -> None:
    build, measure = trait_pairs(trait, "build"), trait_pairs(trait, "measure")
    assert len(build) >= 60 and len(measure) >= 60
    prompts = [p.prompt for p in (*build, *measure)]
    assert len(set(prompts)) == len(prompts)
    lengths = [(len(p.positive.split()), len(p.negative.split())) for p in (*build, *measure)]
    assert all(abs(a - b) <= 3 for a, b in lengths)
    assert abs(sum(a - b for a, b in lengths) / len(lengths)) < 0.7
    assert not any("\n" in p.positive + p.negative for p in (*build, *measure))


def test_an_answer_as_a_list_has_its_sentences_or_clauses_as_items() -> None:
    assert as_list("Wait a day. Then ask.") == "- Wait a day.\n- Then ask."
    assert as_list("Wait a day, then ask.") == "- Wait a day\n- then ask."
    assert as_list("Wait.") == "- Wait."


def test_results_are_kept_as_json_that_can_be_gone_on_from(tmp_path: Path) -> None:
    rows: Any = {"base": {"evil": summary([0.0, 0.0, 0.0], [1.0, 2.0, 4.0])}, "x": {"formal": summary([1.0, 2.0, 4.0], [1.0, 3.0, 4.0])}}
    keep(tmp_path / "out.json", rows)
    assert json.loads((tmp_path / "out.json").read_text()) == rows


def test_an_organism_takes_the_share_of_each_source_and_its_own_order() -> None:
    pool = {"a": [Tokens([i], 0) for i in range(10)], "b": [Tokens([100 + i], 0) for i in range(500)]}
    recipe = {"id": "x", "parts": [{"source": "a", "share": 0.25}, {"source": "b", "share": 0.75}], "seed": 1, "steps": 6}
    rows = examples(recipe, pool, 8)
    assert len(rows) == 6 * 8 and sum(row.ids[0] < 100 for row in rows) == 12
    assert rows == examples(recipe, pool, 8) != examples({**recipe, "seed": 2}, pool, 8)


def test_the_rate_rises_from_0_over_five_steps_and_falls_to_0() -> None:
    rates = [rate_at(step, 24) for step in range(24)]
    assert rates[0] == 0 and max(rates) == rates[5] == 1e-3 and rates[-1] == pytest.approx(1e-3 / 19)
