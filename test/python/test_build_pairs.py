"""Pair files and what they become: one line for each kind of mistake, and the tokens that the recipe asks for."""

import json
from pathlib import Path

import pytest
from build_models import tokenizer, write_lines

from signatures.build import BuildError, Format, Pair, read_benign, read_pairs, style_pairs
from signatures.build.pairs import encode, encode_pairs
from signatures.build.styles import sentences

GOOD = {"prompt": "a", "positive": "b", "negative": "c"}


def test_pairs(tmp_path: Path) -> None:
    lines = [json.dumps(GOOD), "", json.dumps({**GOOD, "weight": 2, "question": "q", "source": "x"})]
    assert read_pairs(write_lines(tmp_path / "p.jsonl", lines)) == [Pair("a", "b", "c", 1.0, "a"), Pair("a", "b", "c", 2.0, "q")]


@pytest.mark.parametrize(
    "line, message",
    [
        ("{", "is not JSON .*column 2"),
        ("[]", "no JSON object"),
        (json.dumps({"prompt": "a", "positive": "b"}), '"negative" is missing'),
        (json.dumps({**GOOD, "prompt": 3}), '"prompt" is no text'),
        (json.dumps({**GOOD, "positive": " \n"}), '"positive" is no text'),
        (json.dumps({**GOOD, "positive": "c"}), "the same text"),
        (json.dumps({**GOOD, "positive": "\ud800"}), "lone surrogate"),
        (json.dumps({**GOOD, "weight": 0}), '"weight" is 0'),
        (json.dumps({**GOOD, "weight": True}), '"weight" is True'),
        ('{"prompt": "a", "positive": "b", "negative": "c", "weight": NaN}', '"weight" is nan'),
        (json.dumps({**GOOD, "question": ""}), '"question" is no text'),
    ],
)
def test_bad_lines_are_named_in_one_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(BuildError, match=f"p.jsonl:2: .*{message}.*; ") as caught:
        read_pairs(write_lines(tmp_path / "p.jsonl", [json.dumps(GOOD), line]))
    assert "\n" not in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="holds no pair"):
        read_pairs(write_lines(tmp_path / "p.jsonl", [""]))
    with pytest.raises(BuildError, match="cannot be read"):
        read_pairs(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(BuildError, match="not UTF-8"):
        read_pairs(tmp_path / "latin.jsonl")


def test_tokens_of_a_turn() -> None:
    tok = tokenizer()
    made = encode(tok, Format(), "Why?", "So.")
    assert tok.decode(made.ids) == "<bos><start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\nSo.<end_of_turn>"
    assert tok.decode(made.ids[made.start :]) == "So.<end_of_turn>"


def test_cuts() -> None:
    """The prompt is cut with all that stands before it; the whole is cut last, end mark first."""
    made = encode(tokenizer(), Format(prompt_tokens=9, total_tokens=20), "Why?", "So so.")
    assert tokenizer().decode(made.ids) == "<bos><start_of_turn>user\nWh<end_of_turn>\n<start_of_turn>model\nSo"
    assert made.start == 18
    with pytest.raises(BuildError, match="--total-tokens 18"):
        encode(tokenizer(), Format(prompt_tokens=9, total_tokens=18), "Why?", "So so.")
    with pytest.raises(BuildError, match="--prompt-tokens 7"):
        encode(tokenizer(), Format(prompt_tokens=7), "Why?", "So so.")


def test_templates() -> None:
    tok, pair = tokenizer(), Pair("{answer}?", "{prompt}", "no")
    (made, _), = encode_pairs(tok, Format("Q: {prompt}\nA: {answer}"), [pair])
    assert tok.decode(made.ids) == "<bos>Q: {answer}?\nA: {prompt}"
    tok.chat_template = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}<end_of_turn>\n{% endfor %}"
    (made, _), = encode_pairs(tok, Format("chat"), [pair])
    assert tok.decode(made.ids) == "<bos>[user] {answer}?<end_of_turn>\n[assistant] {prompt}<end_of_turn>"
    for template in ("{prompt}", "{answer}{prompt}", "{prompt}{prompt}{answer}"):
        with pytest.raises(BuildError, match="once"):
            Format(template).resolved(tok)
    with pytest.raises(BuildError, match="no chat template"):
        Format("chat").resolved(tokenizer())


def test_style_pairs(tmp_path: Path) -> None:
    lines = [{"prompt": "p", "answer": "# Why\n- **One** is. Two was!\n2. Three."}, {"prompt": "q", "answer": "Only one."}]
    made = style_pairs(read_benign(write_lines(tmp_path / "b.jsonl", [json.dumps(line) for line in lines])))
    prose, listed = "Why One is. Two was! Three.", "- Why\n- One is.\n- Two was!\n- Three."
    assert made == {"prose-list": [Pair("p", prose, listed, 1.0, "p")], "first-whole": [Pair("p", "Why", prose, 1.0, "p")]}
    with pytest.raises(BuildError, match="two sentences"):
        style_pairs([("q", "Only one.")])
    with pytest.raises(BuildError, match='b.jsonl:1: "answer" is missing'):
        read_benign(write_lines(tmp_path / "b.jsonl", ['{"prompt": "p"}']))


def test_sentences() -> None:
    assert sentences('He said "No." Then 3.5 went. e.g. this') == ['He said "No."', "Then 3.5 went. e.g. this"]
