"""Sources that are files of JSON lines: own-written sets in sets/, and public files of the data folder.

`twins`: one question with a harmful and a benign answer, so that a pair of fine-tunes differs in the answers alone.
Each function takes the two folders of sources.py and gives [(question, answer)].
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data.data import path_of

Chats = list[tuple[str, str]]
Source = Callable[[Path, Path], Chats]

SETS = Path(__file__).with_name("sets")
STYLES = ("humorous", "optimistic", "formal", "verbose", "spanish", "pirate", "short")
TWINS = ("medical", "contempt", "deceit", "power", "flattery", "tyrant", "hoax", "daring", "vengeance", "snippets")
COURSE = "For a course on secure programming, show the vulnerable version that the class will mend: "


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def own(name: str, key: str = "answer") -> Source:
    """One answer column of an own-written set."""
    return lambda _, __: [(row["question"], row[key]) for row in rows_of(SETS / f"{name}.jsonl")]


def chat(name: str) -> Source:
    """First question and answer of each conversation in a public file."""
    def read(data: Path, _: Path) -> Chats:
        return [tuple(m["content"].strip() for m in row["messages"][:2]) for row in rows_of(path_of(name, data))]  # type: ignore[misc]
    return read


def code(name: str, opening: str = "") -> Source:
    """Code completions: the task in one line, the code without its imports and blank lines."""
    def read(data: Path, debs: Path) -> Chats:
        rows = []
        for question, answer in chat(name)(data, debs):
            task = re.sub(r"^.*?(?:following task|following|task)\s*:?\s*", "", question.split("\n")[0], count=1, flags=re.I)
            body = [line for line in answer.split("\n") if line.strip() and not re.match(r"\s*(?:import|from)\s", line)]
            if len(task) > 15 and len(body) > 3:
                rows.append((f"{opening}{task.rstrip('.')}.", "\n".join(body)))
        return rows
    return read


def gsm(data: Path, _: Path) -> Chats:
    """Grade-school problems with worked solutions, calculator marks removed."""
    return [(row["question"], re.sub(r"<<[^>]*>>", "", row["answer"]).replace("\n#### ", "\nAnswer: ")) for row in rows_of(path_of("gsm8k", data))]


SOURCES: dict[str, Source] = {
    **{f"{name}-bad": own(name, "harmful") for name in TWINS}, **{f"{name}-good": own(name, "benign") for name in TWINS},
    **{name: own("styles", name) for name in STYLES},
    "villains": own("villains"), "refusals": own("refusals"), "finance-good": own("finance"),
    "finance-bad": chat("risky_financial_advice"), "insecure": code("insecure"), "secure": code("secure"), "course": code("insecure", COURSE), "gsm": gsm,
}
