"""Hearing what version a program has: from those that tell, and from those that hang, babble or mean ill."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.config.presets import PRESETS
from supervisor.config.profile import check_programs
from supervisor.config.program_versions import Version, ask_version, numbers_of, too_old, version_of
from supervisor.errors import ProgramMissing
from supervisor.model.agent import Role
from supervisor.model.escape import visible
from supervisor.model.team import PoolSpec, TeamSpec
from supervisor.runtime.proc_table import read_stat

CLAUDE = PRESETS["claude"]


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def team_of(directory: Path, *, agent: str = "claude", command: tuple[str, ...] = ("claude",)) -> TeamSpec:
    env = {"PATH": f"{directory}:/usr/bin:/bin"}
    pool = PoolSpec(name="w", role=Role.WORKER, command=command, agent=agent, env=env)
    return TeamSpec(name="t", description="", pools=(pool,), source=str(directory / "t.toml"), digest="")


def living(session: int) -> list[int]:
    """Return who of a session lives, once the kernel has had a moment to end those that were killed."""
    until = time.monotonic() + 5
    while True:
        stats = [read_stat(int(path.name)) for path in Path("/proc").glob("[0-9]*")]
        found = [stat.pid for stat in stats if stat is not None and stat.alive and stat.session == session]
        if not found or time.monotonic() > until:
            return found


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo '2.1.328 (Claude Code)'", "2.1.328"),
        ("echo codex-cli 0.169.0", "0.169.0"),
        ("echo v1.18; exit 3", "1.18"),
        ("echo WARNING: of 3 things; echo 0.61.0 >&2", "0.61.0"),
        ("printf '\\033[31m0.24.4\\033[0m'", "0.24.4"),
    ],
)
def test_a_version_is_found_in_what_it_says(tmp_path: Path, body: str, words: str) -> None:
    assert ask_version(program(tmp_path / "tool", body), ("--version",)) == Version(words=words)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("true", "it told no version"),
        ("echo hello", "it told no version: hello"),
        ("printf '\\033]52;c;Zm9v\\007'", "it told no version: "),
        ("echo 10.0.0.0.1", "it told no version: 10.0.0.0.1"),
        ("yes rubbish", "it told no version: rubbish rubbish"),
    ],
)
def test_rubbish_is_told_as_such_in_safe_words(tmp_path: Path, body: str, why: str) -> None:
    found = ask_version(program(tmp_path / "tool", body), ("--version",))
    assert found.words == ""
    assert found.why.startswith(why)
    assert visible(found.why) == found.why
    assert len(found.why) < 150


@pytest.mark.parametrize("body", ["sleep 60", "sleep 60 & sleep 60", "trap '' TERM INT HUP; sleep 60"])
def test_a_program_that_hangs_is_waited_for_only_so_long_and_killed(tmp_path: Path, body: str) -> None:
    began = time.monotonic()
    tool = program(tmp_path / "tool", f"echo $$ > {tmp_path}/pid; {body}")
    found = ask_version(tool, ("--version",), deadline_s=0.4)
    assert time.monotonic() - began < 5
    assert found.why == "it did not tell its version within 0.4 s"
    assert not living(int((tmp_path / "pid").read_text()))


def test_a_program_that_cannot_run_says_why(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("\x7fELF nonsense")
    tool.chmod(0o755)
    assert ask_version(tool, ()).why.startswith("it cannot be started: ")
    assert version_of(tmp_path / "gone", CLAUDE).why.startswith("it cannot be read: ")


def test_it_runs_with_an_empty_home_and_none_of_our_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary")
    tool = program(tmp_path / "tool", f"env > {tmp_path}/env; ls -A >> {tmp_path}/env; echo 1.2.3")
    assert ask_version(tool, ()).words == "1.2.3"
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert "canary" not in seen.values()
    assert seen["HOME"] != os.environ.get("HOME")
    assert not Path(seen["HOME"]).exists()


def test_a_package_tells_its_version_without_being_run(tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / "@anthropic-ai" / "claude-code"
    tool = program(package / "bin" / "cli.js", "echo 9.9.9")
    (package / "package.json").write_text(json.dumps({"name": CLAUDE.package, "version": "2.0.61"}))
    link = tmp_path / "claude"
    link.symlink_to(tool)
    assert version_of(link, CLAUDE) == Version(words="2.0.61")


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "other", "version": "1.0.0"}', '{"name": 3}'])
def test_another_package_around_it_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "package.json").write_text(text)
    assert version_of(program(tmp_path / "bin" / "claude", "echo 2.2.2"), CLAUDE) == Version(words="2.2.2")


def test_it_is_asked_again_only_when_it_was_changed(tmp_path: Path) -> None:
    tool = program(tmp_path / "claude", f"echo x >> {tmp_path}/asked; echo 2.2.2")
    assert version_of(tool, CLAUDE) == version_of(tool, CLAUDE)
    assert (tmp_path / "asked").read_text() == "x\n"
    program(tool, "echo 2.2.33")
    assert version_of(tool, CLAUDE).words == "2.2.33"


def test_versions_are_compared_as_numbers() -> None:
    assert too_old(Version(words="2.0.9"), CLAUDE)
    assert not too_old(Version(words=CLAUDE.minimum), CLAUDE)
    assert not too_old(Version(words="10.0.0"), CLAUDE)
    assert not too_old(Version(why="unknown"), CLAUDE)
    assert numbers_of("2.10") > numbers_of("2.9.1")


def test_a_team_with_a_missing_agent_is_refused_with_what_installs_it(tmp_path: Path) -> None:
    team = team_of(tmp_path)
    with pytest.raises(ProgramMissing, match=f"npm install -g @anthropic-ai/claude-code@{CLAUDE.tried}"):
        check_programs(team)


def test_a_team_with_an_agent_too_old_is_refused_with_both_versions(tmp_path: Path) -> None:
    program(tmp_path / "claude", "echo 1.0.3")
    with pytest.raises(ProgramMissing, match=rf"1\.0\.3 .* too old; {CLAUDE.minimum} is the oldest"):
        check_programs(team_of(tmp_path))


def test_an_agent_that_tells_nothing_or_is_started_otherwise_is_let_through(tmp_path: Path) -> None:
    program(tmp_path / "claude", "echo rubbish")
    check_programs(team_of(tmp_path))
    program(tmp_path / "mine", "echo 0.0.1")
    check_programs(team_of(tmp_path, command=("mine",)))
    check_programs(replace(team_of(tmp_path, agent="")))
