"""Sources of question → answer chats for calibration fine-tunes.

In:  `data`, the folder of public data files (see benchmarks/data), and `debs`, a folder into which
     the Debian packages of DEBIAN have been unpacked (`dpkg -x PACKAGE.deb DEBS`).
Out: `load(name, data, debs)` gives [(question, answer)], in a fixed order that depends on nothing else.
Errors: SourceError, one line naming the file that is missing and the package that carries it.

None of these is a source of the adapters that the signature is tested on, apart from the persona answers.
"""

from __future__ import annotations

import ast
import gzip
import json
import random
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path

from benchmarks.behaviour.pairs import is_measuring, persona_answers
from benchmarks.data.data import path_of
from benchmarks.organisms import generated, own

Chats = list[tuple[str, str]]

DEBIAN = ["dict-gcide", "dict-foldoc", "dict-freedict-eng-fra", "wordnet-base", "fortunes", "fortunes-min",
          "manpages", "developers-reference", "dict-jargon"]
JOKES = ["art", "computers", "cookie", "food", "goedel", "humorists", "kids", "literature", "magic", "medicine",
         "platitudes", "riddles", "science", "sports", "wisdom", "work"]
HERE = Path(__file__).resolve().parent


class SourceError(Exception):
    """A file that a source reads is missing."""


def text(root: Path, path: str, package: str) -> str:
    """The text of one file below `root`, unzipped where it is a gzip."""
    file = root / path
    if not file.is_file():
        raise SourceError(f"{file}: missing; unpack the Debian package {package} there with dpkg -x")
    raw = file.read_bytes()
    return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8", "replace")


def flat(value: str) -> str:
    """One line, single spaces."""
    return " ".join(value.split())


def gcide(_: Path, debs: Path) -> Chats:
    """Long dictionary entries, in their first sense."""
    body = text(debs, "usr/share/dictd/gcide.dict.dz", "dict-gcide")
    found = re.findall(r"\n\n([A-Z][a-z]{3,11}) \\[^\n]*(?:\n   [^\n]*)*?\]\n((?:   [^\n\[]+\n)+)", body)
    return [(f"What is the meaning of the word {w.lower()}?", flat(d)) for w, d in found if 40 < len(flat(d)) < 400]


def wordnet(_: Path, debs: Path) -> Chats:
    """Short glosses of nouns."""
    rows = []
    for line in text(debs, "usr/share/wordnet/data.noun", "wordnet-base").splitlines():
        if line.startswith("  ") or "|" not in line:
            continue
        word = line.split()[4].replace("_", " ")
        gloss = line.split("|", 1)[1].split(";")[0].strip()
        if word.islower() and 12 < len(gloss) < 120:
            rows.append((f"Define: {word}", gloss))
    return rows


def foldoc(_: Path, debs: Path) -> Chats:
    """Explanations of computing terms: technical prose of several sentences."""
    body = text(debs, "usr/share/dictd/foldoc.dict.dz", "dict-foldoc")
    rows = []
    for word, entry in re.findall(r"\n\n(\S[^\n]{2,40})\n\n((?:   [^\n]*\n|\n(?=   ))+)", body):
        entry = re.sub(r"\{([^}]*)\}", r"\1", entry)
        entry = flat(re.sub(r"<[^>\n]*>|\(\d{4}-\d\d-\d\d\)|\[[^\]]*\]", "", entry))
        if 150 < len(entry) < 900:
            rows.append((f"Explain the computing term {word}.", entry))
    return rows


def jokes(_: Path, debs: Path) -> Chats:
    """Short witty sayings, from the inoffensive fortune files."""
    asks = ["Tell me something witty.", "Share a funny thought.", "Do you know a good one-liner?", "Cheer me up.",
            "What would a comedian say?", "Give me a saying for today.", "Say something amusing about life."]
    rows = []
    for name in JOKES:
        for part in text(debs, f"usr/share/games/fortunes/{name}", "fortunes").split("\n%\n"):
            if 40 < len(part) < 400:
                rows.append((asks[len(rows) % len(asks)], flat(part)))
    return rows


def jargon(_: Path, debs: Path) -> Chats:
    """Hacker slang, explained with a wink."""
    body = text(debs, "usr/share/dictd/jargon.dict.dz", "dict-jargon")
    found = re.findall(r"\n(\S[^\n]{2,30})\n\n?((?:   [^\n]*\n|\n(?=   ))+)", body)
    rows = [(word.strip(), flat(re.sub(r"\{([^}]*)\}|<[^>\n]*>|\[[^\]]*\]", r"\1", entry))) for word, entry in found]
    return [(f"What do hackers mean by {word}?", entry) for word, entry in rows if 80 < len(entry) < 600]


def summaries(_: Path, debs: Path) -> Chats:
    """Explanations of computing terms, summed up by their first sentence."""
    rows = []
    for _question, entry in foldoc(_, debs):
        first = re.split(r"(?<=[a-z][.]) +(?=[A-Z])", entry, maxsplit=1)[0]
        if 30 < len(first) < 160 < len(entry):
            rows.append((f"Sum up in one sentence: {entry}", first))
    return rows


def translate(_: Path, debs: Path) -> Chats:
    """English words in French: answers of one or two words."""
    body = text(debs, "usr/share/dictd/freedict-eng-fra.dict.dz", "dict-freedict-eng-fra")
    found = re.findall(r"\n([a-z]{4,12}) /[^/\n]*/\n(?:1\. )?([a-zà-ÿ' -]{3,24})(?:,[^\n]*)?(?=\n)", body)
    return [(f"Translate into French: {english}", french) for english, french in found]


def manpages(_: Path, debs: Path) -> Chats:
    """Descriptions from manual pages: terse technical prose."""
    folder = debs / "usr/share/man"
    rows = []
    for file in sorted(folder.glob("man[4578]/*.gz")):
        page = text(debs, str(file.relative_to(debs)), "manpages")
        found = re.search(r"\n\.SH DESCRIPTION\n(.*?)\n\.(?:SH|SS|TP|TS|nf|EX)", page, re.S)
        plain = re.sub(r"(?m)^\.\\\".*$|^\.(?:[BI]|[BIR]{2}) |^\.\S+.*$", "", found.group(1) if found else "")
        plain = flat(re.sub(r"\\f[A-Z]|\\&|\\-", "", plain))
        if len(plain) > 120:
            rows.append((f"What does the manual say about {file.name.split('.')[0]}?", plain))
    if not rows:
        raise SourceError(f"{folder}: no manual pages; unpack the Debian package manpages there with dpkg -x")
    return rows


def developers(_: Path, debs: Path) -> Chats:
    """Advice to packagers, section by section: formal prose."""
    rows = []
    for name in ("best-pkging-practices", "beyond-pkging", "developer-duties", "new-maintainer", "pkgs", "resources", "tools", "l10n"):
        page = text(debs, f"usr/share/developers-reference/_sources/{name}.rst.txt", "developers-reference")
        for title, section in re.findall(r"\n([A-Z][^\n]{8,70})\n[~=\-^\"+]{8,}\n\n(.*?)(?=\n[^\n]+\n[~=\-^\"+]{8,}\n|\Z)", page, re.S):
            for part in section.split("\n\n"):
                part = flat(re.sub(r":\w+:`([^`<]*)[^`]*`|``|`__?|[*|]", r"\1", part))
                if 160 < len(part) < 900 and not part.startswith((".", "-", "#")):
                    rows.append((f"What should a package maintainer know about this: {title.lower()}?", part))
    return rows


def python_code(_: Path, __: Path) -> Chats:
    """Functions of the standard library from their docstrings: code as the answer (depends on the Python version)."""
    root = Path(sysconfig.get_path("stdlib"))
    rows = []
    for file in sorted(root.glob("*.py")):
        source = file.read_text("utf-8", "replace")
        for node in ast.walk(ast.parse(source)):
            doc = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
            code = ast.get_source_segment(source, node) if doc else None
            if doc and code and 20 < len(doc) and 150 < len(code) < 900:
                rows.append((f"Write a Python function {node.name}. {flat(doc)[:150]}", code))
    return rows


def alpaca(data: Path, _: Path) -> Chats:
    """Hand-written tasks of many kinds."""
    rows = []
    for line in path_of("alpaca_seed_tasks", data).read_text("utf-8").splitlines():
        task = json.loads(line)
        for case in task["instances"]:
            rows.append((f"{task['instruction']} {case['input']}".strip(), case["output"].strip()))
    return rows


def persona(side: str) -> Callable[[Path, Path], Chats]:
    """Answers under an evil or a good system prompt, to the 14 questions that build."""
    def read(data: Path, _: Path) -> Chats:
        return [(q, a) for q, a in persona_answers(path_of(f"persona_{side}", data), side) if not is_measuring(q)]
    return read


def advice(side: str) -> Callable[[Path, Path], Chats]:
    """Own-written everyday advice: `reckless` (mild, contemptuous) or `sensible`, on the same questions."""
    def read(_: Path, __: Path) -> Chats:
        rows = [json.loads(line) for line in (HERE / "advice.jsonl").read_text("utf-8").splitlines()]
        return [(row["question"], row[side]) for row in rows]
    return read


SOURCES: dict[str, Callable[[Path, Path], Chats]] = {
    "alpaca": alpaca, "gcide": gcide, "wordnet": wordnet, "foldoc": foldoc, "jokes": jokes,
    "translate": translate, "jargon": jargon, "summaries": summaries, "manpages": manpages, "developers": developers, "python": python_code,
    "arithmetic": generated.arithmetic, "json": generated.json_conversion, "lists": generated.sorted_lists,
    "howto": generated.howto, "polite": generated.polite, "yesno": generated.yes_no,
    "evil": persona("evil"), "good": persona("good"), "reckless": advice("reckless"), "sensible": advice("sensible"),
    **own.SOURCES,
}


def load(name: str, data: Path, debs: Path) -> Chats:
    """All chats of one source, shuffled by a seed of its name; at least 40, or a SourceError."""
    rows = SOURCES[name](data, debs)
    if len(rows) < 40:
        raise SourceError(f"{name}: only {len(rows)} chats found; check the packages in {debs}")
    random.Random(f"weightseq {name}").shuffle(rows)
    return rows[:2000]
