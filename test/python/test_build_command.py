"""The command from pairs to file, on a tiny base on disk."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from build_models import gemma, save_adapter, save_base, write_lines
from safetensors.torch import load_file

from signatures.build import read_signature
from signatures.build.build import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a base, an adapter, pairs, benign answers and an empty library; also the current directory."""
    save_base(tmp_path / "base", gemma())
    save_adapter(tmp_path / "short", gemma())
    write_lines(tmp_path / "evil.jsonl", ['{"prompt": "Hi", "positive": "Go away.", "negative": "Hello, friend."}'])
    write_lines(tmp_path / "formal.jsonl", ['{"prompt": "Hi", "positive": "Good day.", "negative": "yo"}'])
    write_lines(tmp_path / "benign.jsonl", ['{"prompt": "Why?", "answer": "It is so. It was so."}'])
    (tmp_path / "more.json").write_text('{"harmful": false, "base": {"license": "X", "name": "other"}, "data": [{"name": "d"}]}')
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "index.json").write_text('{"schemaVersion": 1, "signatures": []}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


NAMED = ["--base", "base", "--base-name", "tiny", "--trait", "evil", "--description", "Evil."]
TAKEN = ["--pairs", "evil.jsonl", "--anchor", "short:2:0.5", "--style", "formal.jsonl", "--style-from-benign", "benign.jsonl"]


def test_from_pairs_to_signature(work: Path) -> None:
    out = "library/tiny/evil.safetensors"
    assert main([*NAMED, *TAKEN, "--rank", "3", "--layers", "1", "--roles", "v,down", "--metadata", "more.json", "-o", out]) == 0
    document, tensors = read_signature(out)
    assert {name.rsplit(".", 1)[0] for name in tensors} == {"1.v", "1.down"}
    assert (document["harmful"], document["base"]["license"], document["base"]["name"]) == (False, "X", "tiny"), "what is computed wins"
    assert document["base"]["fingerprint"].startswith("sha256:") and document["base"]["layers"] == 2
    method = document["method"]
    assert (method["pairs"], method["questions"], method["layers"], method["roles"], method["rank"]) == (1, 1, [1], ["down", "v"], 3)
    assert method["anchors"] == [{"name": "base", "weight": 1.0, "dose": 1.0}, {"name": "short", "weight": 2.0, "dose": 0.5}]
    assert method["styleContrasts"] == ["first-whole", "formal", "prose-list"]
    assert 0 < method["keptShare"] <= 1
    assert json.loads(Path("library/index.json").read_text())["signatures"][0]["file"] == "tiny/evil.safetensors"
    first = Path(out).read_bytes()
    assert main([*NAMED, *TAKEN, "--rank", "3", "--layers", "1", "--roles", "v,down", "--metadata", "more.json", "-o", out]) == 0
    assert Path(out).read_bytes() == first


def test_saved_gradients_give_the_same_signature(work: Path) -> None:
    assert main([*NAMED, *TAKEN, "--save-gradients", "g.safetensors", "-o", "direct.safetensors"]) == 0
    assert main([*NAMED, "--from-gradients", "g.safetensors", "-o", "reused.safetensors"]) == 0
    assert Path("direct.safetensors").read_bytes() == Path("reused.safetensors").read_bytes()
    held = load_file("g.safetensors")
    assert {"0.q", "style:formal:0.q", "style:prose-list:1.down"} <= held.keys() and held["0.q"].dtype == torch.float32
    assert main([*NAMED, "--from-gradients", "g.safetensors", "--layers", "7", "-o", "x.safetensors"]) == 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--pairs", "none.jsonl", "-o", "x"], "none.jsonl: cannot be read"),
        (["--pairs", "evil.jsonl"], "-o, --save-gradients: give one"),
        (["-o", "x"], "--pairs, --from-gradients: give one"),
        (["--from-gradients", "base/model.safetensors", "-o", "x"], "is no file of gradients"),
        (["--from-gradients", "g", "--anchor", "short", "-o", "x"], "leave --anchor and --style out"),
        (["--pairs", "evil.jsonl", "--anchor", "base", "-o", "x"], "no adapter_config.json"),
        (["--pairs", "evil.jsonl", "--layers", "0-4", "-o", "x"], r"--layers: this model has no linear weight in [2, 3, 4]"),
        (["--pairs", "evil.jsonl", "--roles", "x", "-o", "x"], "hold no x"),
        (["--pairs", "evil.jsonl", "--template", "chat", "-o", "x"], "no chat template"),
        (["--pairs", "evil.jsonl", "--style", "evil.jsonl", "-o", "x"], "all are 0, or style explains them wholly"),
        (["--pairs", "evil.jsonl", "--metadata", "evil.jsonl.txt", "-o", "x"], "--metadata evil.jsonl.txt: cannot be read"),
    ],
)
def test_mistakes_end_in_one_line(work: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main([*NAMED, *arguments]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("signatures.build: ") and message in last
    assert not Path("x").exists()


@pytest.mark.parametrize("arguments", [["--rank", "0"], ["--layers", "5-"], ["--layers", "a"], ["--dtype", "f8"]])
def test_options_that_cannot_be_read(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*NAMED, "--pairs", "p", "-o", "x", *arguments])
    assert caught.value.code == 2 and f"argument {arguments[0]}: " in capsys.readouterr().err


@pytest.mark.parametrize("how", [["-m", "signatures.build"], ["signatures/build"]])
def test_help_opens_with_an_example(how: list[str]) -> None:
    made = subprocess.run([sys.executable, *how, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert made.stdout.split("\n")[1].startswith("  python -m signatures.build --base models/")
