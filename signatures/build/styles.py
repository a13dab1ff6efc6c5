"""Gradients in, the same gradients without what a change of style alone would do out; and pairs that differ in style only.

Answers with and without a trait also differ in form (prose or lists, short or long), and a signature must not fire on form. So the gradients
of contrasts in form alone are removed from G weight by weight: G − Q Q'G, Q an orthonormal basis of the vectorised style gradients (design, section 6).
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch

from .errors import BuildError
from .gradient import Gradients
from .pairs import Pair, read_records, text_field

_LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6})\s+", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*\*|__|`)(.+?)\1")
_SENTENCE_END = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["')\]]))\s+(?=["'(\[]?[A-Z0-9])""")

_ROUNDING = 1e-6  # what is smaller, relative to what it was part of, is rounding of the f32 gradients and no direction


def project_out(gradients: Gradients, styles: Sequence[Gradients]) -> Gradients:
    """G − Q Q'G for each weight, out × in in the dtype of G. Style directions that depend on the others are dropped.

    BuildError if a style lacks a weight or has it in another shape.
    """
    return {name: _without(gradient, name, styles) for name, gradient in gradients.items()}


def _without(gradient: torch.Tensor, name: str, styles: Sequence[Gradients]) -> torch.Tensor:
    columns = []
    for style in styles:
        if name not in style or style[name].shape != gradient.shape:
            raise BuildError(f"{name}: a style gradient lacks this weight or its shape; build it with the same base and --layers")
        column = style[name].double().flatten()
        if column.any():
            columns.append(column / column.norm())
    if not columns:
        return gradient
    basis, lengths, _ = torch.linalg.svd(torch.stack(columns, dim=1), full_matrices=False)
    basis = basis[:, lengths > _ROUNDING * lengths[0]]
    flat = gradient.double().flatten()
    left = flat - basis @ (basis.T @ flat)
    if left.norm() <= _ROUNDING * flat.norm():
        left = torch.zeros_like(left)
    return left.reshape(gradient.shape).to(gradient.dtype)


def read_benign(file: str | Path) -> list[tuple[str, str]]:
    """(prompt, answer) of each line {"prompt", "answer"} of a JSON-lines file of harmless answers. BuildError as for pairs."""
    return [(text_field(record, "prompt", where), text_field(record, "answer", where)) for where, record in read_records(file)]


def style_pairs(benign: Sequence[tuple[str, str]]) -> dict[str, list[Pair]]:
    """Two contrasts in form, made by rule: `prose-list` (the same sentences as prose, as a list) and `first-whole` (first sentence, whole answer).

    Answers of one sentence are passed over. BuildError if none is left.
    """
    split = [(prompt, sentences(answer)) for prompt, answer in benign]
    usable = [(prompt, parts) for prompt, parts in split if len(parts) > 1]
    if not usable:
        raise BuildError("--style-from-benign: no answer has two sentences; give longer harmless answers")
    return {
        "prose-list": [Pair(prompt, " ".join(parts), "\n".join(f"- {part}" for part in parts), 1.0, prompt) for prompt, parts in usable],
        "first-whole": [Pair(prompt, parts[0], " ".join(parts), 1.0, prompt) for prompt, parts in usable],
    }


def sentences(text: str) -> list[str]:
    """The sentences of a text after list marks, headings, emphasis and line breaks are gone; a line without a full stop counts as one."""
    lines = [_EMPHASIS.sub(r"\2", _LIST_MARK.sub("", line)).strip() for line in text.splitlines()]
    return [part.strip() for line in lines for part in _SENTENCE_END.split(line) if part.strip()]
