"""How Claude Code and Qwen Code are started."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.claude import END, ClaudeAdapter
from supervisor.model.driving import Allowed, ClientHome
from supervisor.testing.adapter_conformance import Trial, make_trial

ADAPTER = ClaudeAdapter()
KEYS = {"claude": "ANTHROPIC_API_KEY", "qwen": "OPENAI_API_KEY"}

both = pytest.mark.parametrize("agent", ["claude", "qwen"])


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return make_trial(tmp_path)


def a_context(trial: Trial, agent: str, *, resume: str = "", **pool: Any) -> LaunchContext:
    spec = replace(trial.context.pool, agent=agent, command=(agent,), **pool)
    return replace(trial.context, pool=spec, resume=resume)


def after(argv: tuple[str, ...], flag: str) -> str:
    assert argv.count(flag) == 1, (flag, argv)
    return argv[argv.index(flag) + 1]


def test_claude_is_started_to_talk_by_stdio_with_the_kit_alone(trial: Trial) -> None:
    context = a_context(trial, "claude", model="opus", args=("--effort", "low"))
    argv = ADAPTER.launch(context).argv
    assert argv[:2] == ("claude", "-p")
    assert after(argv, "--input-format") == after(argv, "--output-format") == "stream-json"
    assert after(argv, "--permission-prompt-tool") == "stdio"
    assert after(argv, "--mcp-config") == str(context.kit.mcp_config)
    assert "--strict-mcp-config" in argv
    assert after(argv, "--allowedTools") == "mcp__supervisor"
    assert after(argv, "--append-system-prompt-file") == str(context.kit.role_prompt)
    assert after(argv, "--model") == "opus"
    assert argv[-2:] == ("--effort", "low"), "what the pool adds comes last, and so it wins"


def test_qwen_is_started_to_talk_by_stdio_with_a_kit_in_its_own_form(trial: Trial) -> None:
    context = a_context(trial, "qwen", model="qwen3")
    argv = ADAPTER.launch(context).argv
    assert argv[0] == "qwen"
    assert after(argv, "--input-format") == after(argv, "--output-format") == "stream-json"
    assert after(argv, "--mcp-config") == str(context.kit.directory / "qwen" / "mcp.json")
    assert after(argv, "--allowed-mcp-server-names") == "supervisor"
    assert after(argv, "--append-system-prompt") == context.kit.role_text
    assert after(argv, "-m") == "qwen3"
    files = {file.name: json.loads(file.text) for file in ADAPTER.files(context)}
    server = files["qwen/mcp.json"]["mcpServers"]["supervisor"]
    assert server["httpUrl"] == context.kit.url
    assert server["headers"] == {"Authorization": f"Bearer {trial.key}"}
    assert files["qwen/settings.json"]["tools"]["toolSearch"]["enabled"] is False
    settings = ADAPTER.launch(context).env["QWEN_CODE_SYSTEM_SETTINGS_PATH"]
    assert settings == str(context.kit.directory / "qwen" / "settings.json")


def test_qwen_without_a_role_gets_no_empty_one(trial: Trial) -> None:
    context = a_context(trial, "qwen")
    context = replace(context, kit=replace(context.kit, role_text=""))
    assert "--append-system-prompt" not in ADAPTER.launch(context).argv


def test_claude_needs_no_file_but_those_that_all_agents_get(trial: Trial) -> None:
    assert ADAPTER.files(a_context(trial, "claude")) == ()


@both
def test_the_key_stands_in_files_only(trial: Trial, agent: str) -> None:
    launch = ADAPTER.launch(a_context(trial, agent))
    assert not any(trial.key in text for text in (*launch.argv, *launch.env.values()))
    assert trial.key not in repr(ADAPTER.files(a_context(trial, agent)))


@both
def test_it_speaks_by_pipes_and_is_asked_to_end_before_it_is_made_to(trial: Trial, agent: str) -> None:
    launch = ADAPTER.launch(a_context(trial, agent))
    assert (launch.takes_input, launch.errors_apart) == (True, True)
    assert launch.polite is not None
    assert launch.polite.close_input
    requests = [json.loads(line)["request"]["subtype"] for line in END.splitlines()]
    assert launch.polite.message == END
    assert requests == ["interrupt", "end_session"]


@pytest.mark.parametrize(
    ("agent", "allowed", "flag", "mode"),
    [
        ("claude", Allowed.READ, "--permission-mode", "default"),
        ("claude", Allowed.EDIT, "--permission-mode", "acceptEdits"),
        ("claude", Allowed.ALL, "--permission-mode", "acceptEdits"),
        ("qwen", Allowed.READ, "--approval-mode", "default"),
        ("qwen", Allowed.EDIT, "--approval-mode", "auto-edit"),
        ("qwen", Allowed.ALL, "--approval-mode", "auto-edit"),
    ],
)
def test_what_it_may_do_is_a_mode_and_never_one_that_stops_asking_us(
    trial: Trial, agent: str, allowed: Allowed, flag: str, mode: str
) -> None:
    argv = ADAPTER.launch(a_context(trial, agent, allowed=allowed)).argv
    assert after(argv, flag) == mode
    assert not {"--dangerously-skip-permissions", "bypassPermissions", "yolo", "--yolo"} & {*argv}


# ------------------------------------------------------------ conversations


@both
def test_each_incarnation_begins_a_conversation_of_its_own(trial: Trial, agent: str) -> None:
    context = a_context(trial, agent)
    names = [
        after(ADAPTER.launch(each).argv, "--session-id")
        for each in (context, replace(context, incarnation=8), replace(context, session="other"))
    ]
    assert len({uuid.UUID(name) for name in names}) == 3


@both
def test_a_conversation_is_gone_on_with_by_its_name(trial: Trial, agent: str) -> None:
    argv = ADAPTER.launch(a_context(trial, agent, resume="0b7b4b0e-0000-4000-8000-000000000001")).argv
    assert after(argv, "--resume") == "0b7b4b0e-0000-4000-8000-000000000001"
    assert "--session-id" not in argv


@both
@pytest.mark.parametrize(
    "resume", ["--dangerously-skip-permissions", "-c", "a b", "x\n", "../x", "", "x" * 101, "é"]
)
def test_a_name_that_an_agent_made_up_never_becomes_an_argument(
    trial: Trial, agent: str, resume: str
) -> None:
    argv = ADAPTER.launch(a_context(trial, agent, resume=resume)).argv
    assert "--resume" not in argv
    assert resume not in argv
    uuid.UUID(after(argv, "--session-id"))


# ------------------------------------------------------------ homes


@pytest.mark.parametrize(
    ("home", "has_key", "is_private"),
    [
        (ClientHome.AUTO, True, True),
        (ClientHome.AUTO, False, False),
        (ClientHome.OWN, True, False),
        (ClientHome.PRIVATE, False, True),
    ],
)
@pytest.mark.parametrize("is_inherited", [True, False])
@both
def test_whose_configuration_it_reads(
    trial: Trial, agent: str, home: ClientHome, has_key: bool, is_private: bool, is_inherited: bool
) -> None:
    key = {KEYS[agent]: "sk"} if has_key else {}
    context = a_context(
        trial,
        agent,
        home=home,
        env={} if is_inherited else key,
        env_allow=tuple(key) if is_inherited else (),
    )
    launch = ADAPTER.launch(replace(context, environ={**context.environ, **key}))
    place = {"claude": ("CLAUDE_CONFIG_DIR", "claude"), "qwen": ("QWEN_HOME", "qwen/home")}[agent]
    assert launch.env.get(place[0]) == (str(context.kit.directory / place[1]) if is_private else None)
    if agent == "qwen":
        assert ("--auth-type" in launch.argv) == (is_private and has_key)


def test_a_key_that_is_not_passed_on_makes_no_private_home(trial: Trial) -> None:
    context = a_context(trial, "claude")
    launch = ADAPTER.launch(replace(context, environ={"ANTHROPIC_API_KEY": "sk"}))
    assert "CLAUDE_CONFIG_DIR" not in launch.env
    assert "ANTHROPIC_API_KEY" not in launch.env


@both
def test_it_calls_nobody_and_wakes_itself_never_unless_the_pool_says_so(trial: Trial, agent: str) -> None:
    name = {"claude": "CLAUDE_CODE_DISABLE_CRON", "qwen": "QWEN_CODE_DISABLE_CRON"}[agent]
    assert ADAPTER.launch(a_context(trial, agent)).env[name] == "1"
    assert ADAPTER.launch(a_context(trial, agent, env={name: "0"})).env[name] == "0"


def test_the_agents_scratch_is_its_kits(trial: Trial) -> None:
    env = ADAPTER.launch(a_context(trial, "claude")).env
    assert env["CLAUDE_CODE_TMPDIR"] == str(trial.context.kit.directory / "tmp")
    assert env["DISABLE_TELEMETRY"] == env["DISABLE_AUTOUPDATER"] == "1"


def test_what_can_be_asked_depends_on_the_program(trial: Trial) -> None:
    claude = ADAPTER.capabilities(a_context(trial, "claude").pool)
    qwen = ADAPTER.capabilities(a_context(trial, "qwen").pool)
    assert (claude.inject, claude.next_turn, claude.rewrite, claude.cost) == (True, False, True, True)
    assert (qwen.inject, qwen.next_turn, qwen.rewrite, qwen.cost) == (False, True, False, False)
    assert ADAPTER.capabilities(a_context(trial, "").pool) == claude
