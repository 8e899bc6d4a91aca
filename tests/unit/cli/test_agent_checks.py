"""What doctor says of agents: with programs on PATH that are missing, old, new, hang or babble."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli import agent_checks
from supervisor.cli.agent_checks import AgentFound, all_agents
from supervisor.cli.checks import Verdict
from supervisor.config.presets import PRESETS
from supervisor.config.program_versions import ask_version
from supervisor.model.escape import visible

CLAUDE = PRESETS["claude"]


def program(directory: Path, name: str, body: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def looked(directory: Path, **environ: str) -> dict[str, AgentFound]:
    found = all_agents({"PATH": f"{directory}:/usr/bin:/bin", "HOME": str(directory), **environ})
    return {agent.name: agent for agent in found}


def test_each_known_agent_is_told_of_as_it_is_here(tmp_path: Path) -> None:
    program(tmp_path, "claude", "echo '1.0.2 (Claude Code)'")
    program(tmp_path, "codex", f"echo codex-cli {PRESETS['codex'].tried}")
    program(tmp_path, "opencode", "echo 99.0.0")
    program(tmp_path, "gemini", "printf '\\033]0;x\\007 rubbish'")
    found = looked(tmp_path)
    assert list(found) == list(PRESETS)
    assert found["claude"].verdict is Verdict.WARN
    assert f"1.0.2 is too old: {CLAUDE.minimum}" in found["claude"].detail
    assert found["claude"].step == f"npm install -g {CLAUDE.package}@{CLAUDE.tried}"
    assert found["codex"].verdict is Verdict.OK
    assert found["codex"].version == PRESETS["codex"].tried
    assert "resume" in found["codex"].can
    assert f"newer than {PRESETS['opencode'].tried}" in found["opencode"].detail
    assert found["gemini"].verdict is Verdict.WARN
    assert visible(found["gemini"].detail) == found["gemini"].detail
    assert (found["kimi"].detail, found["kimi"].path) == ("not installed", "")


def test_a_program_that_hangs_holds_doctor_up_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*asked: Any, **how: Any) -> Any:
        return ask_version(*asked, **{**how, "deadline_s": 0.3})

    monkeypatch.setattr(agent_checks, "ask_version", impatient)
    program(tmp_path, "claude", "sleep 60")
    assert "did not tell its version within 0.3 s" in looked(tmp_path)["claude"].detail


def test_a_key_or_a_file_of_a_login_is_noticed_and_neither_is_read(tmp_path: Path) -> None:
    for name in ("claude", "codex"):
        program(tmp_path, name, "echo 99.0.0")
    assert looked(tmp_path)["claude"].step.startswith("log in by starting `claude` once")
    home = tmp_path / "codex-home"
    home.mkdir()
    (home / "auth.json").write_text("canary")
    found = looked(tmp_path, ANTHROPIC_API_KEY="canary", CODEX_HOME=str(home))
    assert found["claude"].login == "key in ANTHROPIC_API_KEY"
    assert found["codex"].login == f"logged in, by {home / 'auth.json'}"
    assert "canary" not in repr(found)


def test_an_agent_without_an_adapter_can_do_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_asked: object, **_how: object) -> None:
        raise ImportError

    monkeypatch.setattr(agent_checks, "load_adapter", none)
    program(tmp_path, "claude", "echo 99.0.0")
    assert looked(tmp_path)["claude"].can == ()


def test_doctor_prints_them_as_lines_and_as_json(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "bin"
    directory.mkdir()
    program(directory, "claude", f"echo {CLAUDE.tried}")
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    lines = run("doctor").stdout
    assert f"ok    claude       {CLAUDE.tried}; " in lines
    assert f"-> npm install -g {PRESETS['kimi'].package}@" in lines
    told = json.loads(run("doctor", "--json").stdout)
    claude = next(agent for agent in told["agents"] if agent["name"] == "claude")
    assert (claude["version"], claude["verdict"]) == (CLAUDE.tried, "ok")
