"""What integrations/ offers, held against the official schemas and run by the real tools: GitHub's and GitLab's JSON
schemas (as check-jsonschema carries them), pre-commit, shellcheck. What its shell steps do is tested in test/pack."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WORKFLOW = ROOT / "integrations/github/weightseq.yml"
GITLAB = ROOT / "integrations/gitlab/weightseq.gitlab-ci.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
CONFIG = ROOT / "integrations/pre-commit/.pre-commit-config.yaml"


def run(*args: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(arg) for arg in args], capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("schema, file", [("vendor.github-workflows", WORKFLOW), ("custom.github-workflows-require-timeout", WORKFLOW), ("vendor.gitlab-ci", GITLAB)])
def test_is_valid_against_the_official_schema(schema: str, file: Path, tmp_path: Path) -> None:
    done = run(BIN / "check-jsonschema", "--builtin-schema", schema, file)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / file.name
    broken.write_text(file.read_text().replace("runs-on:", "runs-where:").replace("timeout-minutes:", "minutes:").replace("script:", "scripts:"))
    assert run(BIN / "check-jsonschema", "--builtin-schema", schema, broken).returncode != 0


@pytest.mark.parametrize("command, file", [("validate-manifest", HOOKS), ("validate-config", CONFIG)])
def test_pre_commit_takes_it(command: str, file: Path) -> None:
    done = run(BIN / "pre-commit", command, file)
    assert done.returncode == 0, done.stdout + done.stderr


def scripts() -> list[tuple[str, str]]:
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["weightseq"]["steps"]
    found = [(step["name"], step["run"]) for step in steps if "run" in step]
    found.append(("gitlab", "\n".join(yaml.safe_load(GITLAB.read_text())["weightseq"]["script"])))
    found.append(("hook", yaml.safe_load(HOOKS.read_text())[0]["entry"].split("'")[1]))
    return found


@pytest.mark.parametrize("name, script", scripts(), ids=[name for name, _ in scripts()])
def test_shellcheck_finds_nothing(name: str, script: str) -> None:
    done = run(BIN / "shellcheck", "--shell=bash", "--enable=all", "--exclude=SC2154,SC2250,SC2292,SC2312", "-", input=script)
    assert done.returncode == 0, done.stdout


def test_pre_commit_runs_the_hook(tmp_path: Path) -> None:
    """A commit with a harmful adapter is refused by the real pre-commit, one with a benign adapter is not."""
    git = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": os.devnull}
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    command = bin_folder / "weightseq"
    command.write_text(f'#!/bin/sh\nexec node "{ROOT}/dist/cli/main.js" "$@"\n')
    command.chmod(0o755)
    env = os.environ | git | {"PATH": f"{bin_folder}:{BIN}:{os.environ['PATH']}", "PRE_COMMIT_HOME": str(tmp_path / "home")}
    hooks, work = tmp_path / "hooks", tmp_path / "work"
    for folder in (hooks, work):
        folder.mkdir()
        assert run("git", "init", "-q", ".", cwd=folder, env=env).returncode == 0
    shutil.copy(HOOKS, hooks)
    for args in (["add", "."], ["commit", "-qm", "hooks"], ["tag", "v0.1.0"]):
        assert run("git", *args, cwd=hooks, env=env).returncode == 0
    (work / ".pre-commit-config.yaml").write_text(CONFIG.read_text().replace("https://example.com/weightseq.git", str(hooks)))
    assert run(BIN / "pre-commit", "install", cwd=work, env=env).returncode == 0

    def commit(example: str) -> subprocess.CompletedProcess[str]:
        shutil.copytree(ROOT / "examples" / example, work / "an adapter" / example)
        assert run("git", "add", ".", cwd=work, env=env).returncode == 0
        return run("git", "commit", "-qm", example, cwd=work, env=env)

    good = commit("sensible-advice")
    assert good.returncode == 0, good.stdout + good.stderr
    bad = commit("evil-persona")
    assert bad.returncode != 0
    assert "HARMFUL TRAIT FOUND: " in bad.stdout + bad.stderr
    log = run("git", "log", "--format=%s", cwd=work, env=env).stdout.split()
    assert log == ["sensible-advice"]
