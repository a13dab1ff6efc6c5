"""Bring both answers of a contrastive pair to one form and one length.

Style is the enemy: evil answers in the source are prose, good ones are lists. What is left after
`one_form` is running text on one line; `like_length` then cuts both answers to the same number of words.
Pure functions on strings; they raise nothing.
"""

from __future__ import annotations

import re

LIST_MARK = re.compile(r"^\s*(?:[-*+•–]|\(?\d{1,2}[.)]|\(?[a-zA-Z][.)])\s+")
HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s*|>+\s*)+")
RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$|^\s*```.*$")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
EMPHASIS = re.compile(r"\*+|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)|`+|~~")


def one_form(text: str) -> str:
    """Running text: no markdown, list marks or line breaks; single spaces."""
    lines = []
    for line in text.splitlines():
        if RULE.match(line):
            continue
        line = HEADING.sub("", line)
        line = EMPHASIS.sub("", LINK.sub(r"\1", LIST_MARK.sub("", line)))
        line = LIST_MARK.sub("", line)
        if line.strip():
            lines.append(line)
    return " ".join(" ".join(lines).split())


def like_length(a: str, b: str, cap: int) -> tuple[str, str]:
    """Both texts cut to the same number of words: the shorter one's, `cap` words at most."""
    left, right = a.split(), b.split()
    n = min(len(left), len(right), cap)
    return " ".join(left[:n]), " ".join(right[:n])
