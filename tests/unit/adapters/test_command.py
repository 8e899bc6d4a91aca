"""The command adapter says what to start and reads what is written."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.command import CommandAdapter
from supervisor.adapters.driver import Capabilities
from tests.unit.adapters.conftest import MakeContext


def test_placeholders_are_filled_inside_single_elements(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context(
        command=("{python}", "{profile_dir}/a b.py", "--to={report_dir}", "{agent}", "{project}")
    )
    launch = CommandAdapter().launch(context)
    assert launch.argv == (
        sys.executable,
        f"{tmp_path}/profiles/a b.py",
        f"--to={tmp_path}/report",
        "worker-2",
        str(tmp_path),
    )


def test_nothing_of_a_command_meets_a_shell(make_context: MakeContext) -> None:
    elements = ("prog", "$HOME", "`id`", "a; b", "*", "~", "{{agent}}")
    launch = CommandAdapter().launch(make_context(command=elements))
    assert launch.argv == (*elements[:-1], "{agent}")


def test_it_runs_in_the_project_under_the_marker_of_its_incarnation(
    make_context: MakeContext, tmp_path: Path
) -> None:
    launch = CommandAdapter().launch(make_context())
    assert (launch.cwd, launch.session, launch.agent) == (str(tmp_path), "5e55", "worker-2#7")


def test_the_program_finds_its_kit_and_its_name_by_variables(
    make_context: MakeContext, tmp_path: Path
) -> None:
    env = CommandAdapter().launch(make_context()).env
    assert env == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/me",
        "TERM": "dumb",
        "PYTHONUNBUFFERED": "1",
        "SUPERVISOR_AGENT": "worker-2",
        "SUPERVISOR_MCP_CONFIG": str(tmp_path / "kit" / "mcp.json"),
        "SUPERVISOR_PROMPT": str(tmp_path / "kit" / "prompt.md"),
    }


def test_a_pool_adds_variables_and_lets_named_ones_through(make_context: MakeContext) -> None:
    context = make_context(
        env={"LEVEL": "3", "TERM": "vt100"},
        env_allow=("SSH_AUTH_SOCK", "NOT_SET"),
        environ={"PATH": "/bin", "SSH_AUTH_SOCK": "/run/agent", "OTHER": "x"},
    )
    env = CommandAdapter().launch(context).env
    assert (env["LEVEL"], env["TERM"], env["SSH_AUTH_SOCK"]) == ("3", "vt100", "/run/agent")
    assert "NOT_SET" not in env
    assert "OTHER" not in env


def test_a_pool_cannot_put_something_in_the_place_of_the_kit(make_context: MakeContext) -> None:
    forged = {"SUPERVISOR_MCP_CONFIG": "/evil.json", "SUPERVISOR_AGENT": "judge", "SUPERVISOR_PROMPT": "/x"}
    plain = CommandAdapter().launch(make_context()).env
    assert CommandAdapter().launch(make_context(env=forged)).env == plain


def test_without_a_path_the_system_s_default_is_given(make_context: MakeContext) -> None:
    env = CommandAdapter().launch(make_context(environ={})).env
    assert env["PATH"] == os.defpath


def test_by_default_the_engine_s_own_environment_is_picked_from(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Antarctica/Troll")
    given = make_context()
    context = LaunchContext(
        agent=given.agent,
        incarnation=given.incarnation,
        pool=given.pool,
        project=given.project,
        profile_dir=given.profile_dir,
        report_dir=given.report_dir,
        kit=given.kit,
        session=given.session,
    )
    assert CommandAdapter().launch(context).env["TZ"] == "Antarctica/Troll"
    assert "Antarctica" not in repr(context)


def test_it_holds_no_conversation_and_promises_none(make_context: MakeContext) -> None:
    context = make_context()
    adapter = CommandAdapter()
    assert adapter.capabilities(context.pool) == Capabilities()
    assert adapter.files(context) == ()


def test_further_arguments_stand_behind_the_command(make_context: MakeContext) -> None:
    context = make_context(command=("prog", "a"))
    context = replace(context, pool=replace(context.pool, args=("--as", "{agent}")))
    assert CommandAdapter().launch(context).argv == ("prog", "a", "--as", "worker-2")


def test_it_works_in_its_workspace_if_it_has_one(make_context: MakeContext, tmp_path: Path) -> None:
    context = replace(make_context(), workspace=tmp_path / "tree")
    assert CommandAdapter().launch(context).cwd == str(tmp_path / "tree")
