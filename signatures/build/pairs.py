"""A file of contrastive pairs in, token sequences with the position of their answer out.

One line of the file is one JSON object: {"prompt", "positive", "negative"[, "weight"][, "question"]}. `positive` answers the prompt with
the trait, `negative` without. Pairs of one `question` (default: the prompt) belong together when data are split.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BuildError

GEMMA = "<start_of_turn>user\n{prompt}<end_of_turn>\n<start_of_turn>model\n{answer}<end_of_turn>"


@dataclass(frozen=True)
class Pair:
    """The same prompt answered with and without the trait. `weight` is relative: the gradient is a weighted mean."""

    prompt: str
    positive: str
    negative: str
    weight: float = 1.0
    question: str = ""


@dataclass(frozen=True)
class Format:
    """How a prompt and an answer become tokens.

    template: a string with `{prompt}` and then `{answer}`, or `chat` for the tokenizer's own chat template.
    prompt_tokens: everything up to the end of the prompt is cut here; total_tokens: the whole sequence is cut here.
    What follows the answer in the template (an end mark) is scored with the answer, where the cut leaves it.
    """

    template: str = GEMMA
    prompt_tokens: int = 56
    total_tokens: int = 112

    def resolved(self, tokenizer: Any) -> "Format":
        """The same format with a literal template. BuildError if the template is unusable."""
        text = _chat_template(tokenizer) if self.template == "chat" else self.template
        if text.count("{prompt}") != 1 or text.count("{answer}") != 1 or text.index("{prompt}") > text.index("{answer}"):
            raise BuildError(f"template {text!r}: needs {{prompt}} once and after it {{answer}} once")
        return Format(text, self.prompt_tokens, self.total_tokens)


@dataclass(frozen=True)
class Tokens:
    """Token ids of one prompt with one answer; the tokens from `start` on are the answer."""

    ids: list[int]
    start: int


def read_pairs(file: str | Path) -> list[Pair]:
    """Read and check a JSON-lines file of pairs. BuildError (file, line, mend) at the first line that cannot be used."""
    pairs = [_pair(record, where) for where, record in read_records(file)]
    if not pairs:
        raise BuildError(f"{file}: holds no pair; write one JSON object a line")
    return pairs


def read_records(file: str | Path) -> list[tuple[str, dict[str, Any]]]:
    """Every JSON object of a JSON-lines file with its place `file:line`; blank lines are passed over."""
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise BuildError(f"{file}: cannot be read ({error.strerror}); give a JSON-lines file") from error
    except UnicodeDecodeError as error:
        raise BuildError(f"{file}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    records = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise BuildError(f"{where}: is not JSON ({error.msg}, column {error.colno}); write one object a line") from error
        if not isinstance(record, dict):
            raise BuildError(f"{where}: is no JSON object; write one object a line")
        records.append((where, record))
    return records


def text_field(record: dict[str, Any], field: str, where: str) -> str:
    """A field that must be a string with something in it. BuildError otherwise."""
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise BuildError(f'{where}: "{field}" is {"missing" if field not in record else "no text"}; give it as a string that is not blank')
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BuildError(f'{where}: "{field}" holds half a character (a lone surrogate); write the character itself') from error
    return value


def _pair(record: dict[str, Any], where: str) -> Pair:
    prompt, positive, negative = (text_field(record, field, where) for field in ("prompt", "positive", "negative"))
    if positive == negative:
        raise BuildError(f'{where}: "positive" and "negative" are the same text; a pair must differ')
    weight = record.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight) or weight <= 0:
        raise BuildError(f'{where}: "weight" is {weight!r}; give a number above 0, or leave it out')
    question = text_field(record, "question", where) if "question" in record else prompt
    return Pair(prompt, positive, negative, float(weight), question)


def _chat_template(tokenizer: Any) -> str:
    """The tokenizer's chat template around placeholders, as a literal template."""
    if not getattr(tokenizer, "chat_template", None):
        raise BuildError("template chat: this tokenizer has no chat template; give the template as a string")
    turns = [{"role": "user", "content": "{prompt}"}, {"role": "assistant", "content": "{answer}"}]
    # A line break after the end mark belongs to the next turn and is not part of what the model says.
    return tokenizer.apply_chat_template(turns, tokenize=False).rstrip("\n")


def encode(tokenizer: Any, form: Format, prompt: str, answer: str) -> Tokens:
    """Tokens of one prompt and answer under a resolved format. BuildError if the cuts leave no answer token."""
    head, rest = form.template.split("{prompt}")
    bridge, tail = rest.split("{answer}")
    first = _first_token(tokenizer, head)
    begin = first + _tokens(tokenizer, head)
    if len(begin) >= form.prompt_tokens:
        raise BuildError(f"--prompt-tokens {form.prompt_tokens}: the template alone takes {len(begin)} before the prompt; allow more")
    # Head and prompt are tokenized as one text, as in training: the cut is made on tokens.
    ids = (first + _tokens(tokenizer, head + prompt))[: form.prompt_tokens] + _tokens(tokenizer, bridge)
    start = len(ids)
    ids = (ids + _tokens(tokenizer, answer + tail))[: form.total_tokens]
    if start >= len(ids):
        raise BuildError(f"--total-tokens {form.total_tokens}: leaves no token of the answer {answer[:40]!r}; allow more")
    return Tokens(ids, start)


def encode_pairs(tokenizer: Any, form: Format, pairs: Sequence[Pair]) -> list[tuple[Tokens, Tokens]]:
    """(positive, negative) token sequences of every pair, in order."""
    form = form.resolved(tokenizer)
    return [(encode(tokenizer, form, pair.prompt, pair.positive), encode(tokenizer, form, pair.prompt, pair.negative)) for pair in pairs]


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []


def _first_token(tokenizer: Any, head: str) -> list[int]:
    """[BOS] where this tokenizer starts every text with it and the template does not write it itself."""
    bos = getattr(tokenizer, "bos_token_id", None)
    if bos is None or bos not in tokenizer("")["input_ids"] or head.startswith(tokenizer.bos_token):
        return []
    return [bos]
