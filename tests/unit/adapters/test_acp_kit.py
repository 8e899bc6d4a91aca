"""What an ACP agent's program is started with, program by program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters.acp import AcpAdapter
from supervisor.adapters.acp_kit import has_private_home, mcp_server_of
from supervisor.adapters.adapter import LaunchContext
from supervisor.config.presets import PRESETS
from supervisor.model.driving import Allowed, ClientHome
from tests.unit.adapters.conftest import MakeContext

KNOWN = [name for name, preset in PRESETS.items() if preset.adapter == "acp"]
ALL = [*KNOWN, "qwen", ""]


def _context(make_context: MakeContext, agent: str, **pool: Any) -> LaunchContext:
    context = make_context()
    command = (agent, "acp") if agent else ("mine",)
    kit = replace(context.kit, key="sk-secret", url="http://127.0.0.1:9/mcp", role_text="You are w.")
    changed = replace(context.pool, agent=agent, adapter="acp", command=command, **pool)
    return replace(context, pool=changed, kit=kit)


def _env(context: LaunchContext) -> dict[str, str]:
    return AcpAdapter().launch(context).env


def _files(context: LaunchContext) -> dict[str, str]:
    return {file.name: file.text for file in AcpAdapter().files(context)}


@pytest.mark.parametrize("agent", ALL)
@pytest.mark.parametrize("home", list(ClientHome))
def test_the_key_is_in_no_argument_no_variable_and_one_file(
    make_context: MakeContext, agent: str, home: ClientHome
) -> None:
    context = _context(make_context, agent, home=home)
    launch = AcpAdapter().launch(context)
    assert not any("sk-secret" in text for text in (*launch.argv, *launch.env.values()))
    assert [name for name, text in _files(context).items() if "sk-secret" in text] == ["acp/key"]


@pytest.mark.parametrize("agent", ALL)
def test_all_are_spoken_with_by_stdin_and_log_their_errors_apart(
    make_context: MakeContext, agent: str
) -> None:
    launch = AcpAdapter().launch(_context(make_context, agent))
    assert (launch.takes_input, launch.errors_apart) == (True, True)
    assert (launch.polite is None) == (agent == "gemini")  # the end of its stdin is nothing to it


def test_kimi_has_a_home_of_its_own_only_when_asked_for(make_context: MakeContext) -> None:
    assert not has_private_home(_context(make_context, "kimi", env={"KIMI_API_KEY": "k"}))
    assert "/kit/acp/home" in _env(_context(make_context, "kimi", home=ClientHome.PRIVATE))["KIMI_CODE_HOME"]


def test_arguments_stand_in_the_order_in_which_a_person_can_overrule_them(
    make_context: MakeContext, tmp_path: Path
) -> None:
    context = _context(make_context, "gemini", model="gemini-2.5-pro", args=("--debug", "{agent}"))
    policy = str(tmp_path / "kit" / "acp" / "gemini-policy.toml")
    assert AcpAdapter().launch(context).argv == (
        *("gemini", "acp", "--policy", policy, "-m", "gemini-2.5-pro"),
        *("--debug", "worker-2"),
    )
    assert AcpAdapter().launch(_context(make_context, "kimi", model="k2")).argv == ("kimi", "acp")


@pytest.mark.parametrize(
    ("agent", "variable", "key"),
    [
        ("gemini", "GEMINI_CLI_HOME", "GEMINI_API_KEY"),
        ("qwen", "QWEN_HOME", "OPENAI_API_KEY"),
        ("opencode", "XDG_CONFIG_HOME", "ANTHROPIC_API_KEY"),
    ],
)
def test_a_configuration_of_its_own_is_given_with_an_api_key_or_when_asked_for(
    make_context: MakeContext, agent: str, variable: str, key: str
) -> None:
    assert variable not in _env(_context(make_context, agent))
    assert variable not in _env(_context(make_context, agent, env={key: "k"}, home=ClientHome.OWN))
    for private in ({"env": {key: "k"}}, {"home": ClientHome.PRIVATE}):
        assert "/kit/acp/home" in _env(_context(make_context, agent, **private))[variable]
        assert has_private_home(_context(make_context, agent, **private))
    assert not has_private_home(_context(make_context, agent, env={key: ""}))


@pytest.mark.parametrize("agent", ["gemini", "qwen"])
def test_a_configuration_of_its_own_neither_updates_nor_reports_nor_asks_whom_to_trust(
    make_context: MakeContext, agent: str
) -> None:
    files = _files(_context(make_context, agent, home=ClientHome.PRIVATE))
    settings: dict[str, Any] = {}
    for name, text in files.items():
        if name.endswith(".json"):
            settings |= json.loads(text)
    assert settings["general"]["enableAutoUpdate"] is False
    assert settings["privacy"]["usageStatisticsEnabled"] is False
    assert settings["security"]["folderTrust"]["enabled"] is False
    own = _files(_context(make_context, agent, home=ClientHome.OWN))
    assert not any("home" in name for name in own)


def test_qwen_logs_in_by_the_key_it_is_given(make_context: MakeContext) -> None:
    def auth(**env: str) -> Any:
        files = _files(_context(make_context, "qwen", home=ClientHome.PRIVATE, env=env))
        return json.loads(files["acp/home/settings.json"])["security"].get("auth")

    assert auth(OPENAI_API_KEY="k") == {"selectedType": "openai"}
    assert auth() is None


def test_qwen_shows_the_team_s_tools_from_the_first_prompt(make_context: MakeContext) -> None:
    context = _context(make_context, "qwen")
    assert _env(context)["QWEN_CODE_LEGACY_MCP_BLOCKING"] == "1"
    settings = json.loads(_files(context)["acp/qwen-settings.json"])
    assert settings["tools"] == {"toolSearch": {"enabled": False}}
    assert settings["permissions"] == {"allow": ["mcp__supervisor__*"]}


@pytest.mark.parametrize(
    ("allowed", "edit", "shell"),
    [(Allowed.READ, "ask", "ask"), (Allowed.EDIT, "allow", "ask"), (Allowed.ALL, "allow", "allow")],
)
def test_opencode_asks_as_its_pool_says(
    make_context: MakeContext, allowed: Allowed, edit: str, shell: str
) -> None:
    config = json.loads(_env(_context(make_context, "opencode", allowed=allowed))["OPENCODE_CONFIG_CONTENT"])
    permission = config["permission"]
    assert (permission["edit"], permission["bash"], permission["*"]) == (edit, shell, shell)
    assert (permission["read"], permission["supervisor_*"]) == ("allow", "allow")


@pytest.mark.parametrize("given", ["", "{", "[]", '{"instructions": 7}', "[" * 10_000])
def test_opencode_gets_its_role_model_and_quiet_whatever_else_it_is_given(
    make_context: MakeContext, given: str
) -> None:
    env = {"OPENCODE_CONFIG_CONTENT": given}
    context = _context(make_context, "opencode", model="a/b", env=env)
    config = json.loads(_env(context)["OPENCODE_CONFIG_CONTENT"])
    assert (config["autoupdate"], config["share"], config["model"]) == (False, "disabled", "a/b")
    assert config["instructions"] == [str(context.kit.role_prompt)]


def test_a_pool_s_own_configuration_of_opencode_stays_but_cannot_loosen_what_is_asked(
    make_context: MakeContext,
) -> None:
    given = {
        "provider": {"lab": {}},
        "permission": {"bash": "allow"},
        "instructions": ["A.md"],
        "share": "auto",
    }
    context = _context(make_context, "opencode", env={"OPENCODE_CONFIG_CONTENT": json.dumps(given)})
    config = json.loads(_env(context)["OPENCODE_CONFIG_CONTENT"])
    assert (config["provider"], config["instructions"][0]) == ({"lab": {}}, "A.md")
    assert (config["permission"]["bash"], config["share"]) == ("ask", "disabled")
    assert "model" not in config


def test_an_agent_we_do_not_know_gets_nothing_but_the_protocol(make_context: MakeContext) -> None:
    context = _context(make_context, "")
    assert AcpAdapter().launch(context).argv == ("mine",)
    assert set(_files(context)) == {"acp/key"}
    assert not has_private_home(context)


def test_the_bridge_reads_the_key_from_its_file(make_context: MakeContext, tmp_path: Path) -> None:
    server = mcp_server_of(_context(make_context, ""), over_http=False)
    assert server["args"][-2:] == ["--key-file", str(tmp_path / "kit" / "acp" / "key")]
    assert "sk-secret" not in json.dumps(server)
    over_http = mcp_server_of(_context(make_context, ""), over_http=True)
    assert over_http["headers"] == [{"name": "Authorization", "value": "Bearer sk-secret"}]


def test_what_was_found_not_to_work_is_not_promised(make_context: MakeContext) -> None:
    able = {agent: AcpAdapter().capabilities(_context(make_context, agent).pool) for agent in ALL}
    assert {agent for agent in ALL if not able[agent].resume} == {"gemini"}
    assert {agent for agent in ALL if able[agent].inject} == {"opencode", "qwen"}
    assert {agent for agent in ALL if able[agent].cost} == {"opencode"}
    assert {agent for agent in ALL if not able[agent].usage} == {"kimi"}
    assert all(
        each.turns and each.permissions and each.interrupt and each.fresh_session for each in able.values()
    )
