"""What each client is configured with: its own form, and never the key."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from supervisor.adapters.client_config import KEY_VARIABLE, Client, ClientConfig, over_http, over_stdio
from supervisor.errors import InvalidArgument

URL = "http://127.0.0.1:40123/mcp"
BRIDGE = ("/usr/bin/python", "-m", "supervisor", "mcp", "--key-file", '/home/a "b"/\\key\x7f ü')

HTTP: dict[Client, tuple[str, dict[str, Any]]] = {
    Client.CLAUDE: (
        ".mcp.json",
        {
            "mcpServers": {
                "supervisor": {
                    "type": "http",
                    "url": URL,
                    "headers": {"Authorization": "Bearer ${SUPERVISOR_KEY}"},
                    "alwaysLoad": True,
                }
            }
        },
    ),
    Client.CODEX: (
        ".codex/config.toml",
        {
            "mcp_servers": {
                "supervisor": {
                    "url": URL,
                    "bearer_token_env_var": "SUPERVISOR_KEY",
                    "default_tools_approval_mode": "approve",
                }
            }
        },
    ),
    Client.OPENCODE: (
        "opencode.json",
        {
            "mcp": {
                "supervisor": {
                    "type": "remote",
                    "url": URL,
                    "headers": {"Authorization": "Bearer {env:SUPERVISOR_KEY}"},
                    "oauth": False,
                    "enabled": True,
                }
            }
        },
    ),
    Client.GEMINI: (
        ".gemini/settings.json",
        {
            "mcpServers": {
                "supervisor": {
                    "httpUrl": URL,
                    "headers": {"Authorization": "Bearer $SUPERVISOR_KEY"},
                    "trust": True,
                }
            }
        },
    ),
    Client.QWEN: (
        ".qwen/settings.json",
        {
            "mcpServers": {
                "supervisor": {
                    "httpUrl": URL,
                    "headers": {"Authorization": "Bearer $SUPERVISOR_KEY"},
                    "trust": True,
                }
            }
        },
    ),
    Client.MCP_JSON: (
        "mcp.json",
        {
            "mcpServers": {
                "supervisor": {
                    "type": "http",
                    "url": URL,
                    "headers": {"Authorization": "Bearer ${SUPERVISOR_KEY}"},
                }
            }
        },
    ),
}


def parsed(config: ClientConfig, text: str) -> Any:
    return tomllib.loads(text) if config.file.endswith(".toml") else json.loads(text)


@pytest.mark.parametrize("client", Client)
def test_over_http_each_client_gets_its_own_form_in_its_own_file(client: Client) -> None:
    config = over_http(client, URL)
    file, content = HTTP[client]
    assert (config.file, parsed(config, config.text)) == (file, content)


@pytest.mark.parametrize("client", Client)
def test_over_stdio_each_client_starts_the_bridge_with_every_character_kept(client: Client) -> None:
    config = over_stdio(client, BRIDGE)
    entry = parsed(config, config.text)[config.section]["supervisor"]
    command = entry["command"]
    argv = command if isinstance(command, list) else [command, *entry["args"]]
    assert argv == list(BRIDGE)


@pytest.mark.parametrize("client", Client)
def test_a_clients_own_command_names_the_variable_and_no_key(client: Client) -> None:
    for config in (over_http(client, URL), over_stdio(client, BRIDGE)):
        if config.command:
            assert config.command[0] == config.program == client.value
            assert URL in config.command or list(config.command[-len(BRIDGE) :]) == list(BRIDGE)
        assert "sup_" not in config.text
    assert client is Client.OPENCODE or KEY_VARIABLE in over_http(client, URL).text


@pytest.mark.parametrize("client", [each for each in Client if each is not Client.CODEX])
def test_an_entry_is_put_beside_what_a_file_has(client: Client) -> None:
    config = over_http(client, URL)
    present = json.dumps({"theme": "dark", config.section: {"other": {"url": "x"}, "supervisor": {"old": 1}}})
    merged = json.loads(config.merged(present))
    assert merged == {"theme": "dark", config.section: {"other": {"url": "x"}, "supervisor": config.entry}}
    assert json.loads(config.merged("{}")) == json.loads(config.text)


@pytest.mark.parametrize("present", ["// comment\n{}", "[]", '{"mcpServers": []}', "[" * 100_000, ""])
def test_a_file_that_cannot_be_read_is_left_to_a_person(present: str) -> None:
    with pytest.raises(InvalidArgument, match="by hand"):
        over_http(Client.CLAUDE, URL).merged(present)


@pytest.mark.parametrize(
    "present", ["", "model = 'x'\n", "model = 'x'", "# note\n\n[mcp_servers.other]\nurl = 'y'\n"]
)
def test_a_table_is_put_behind_what_codex_has(present: str) -> None:
    config = over_http(Client.CODEX, URL)
    merged = config.merged(present)
    assert merged.startswith(present)
    assert tomllib.loads(merged)["mcp_servers"]["supervisor"] == config.entry
    assert config.merged(merged) == merged


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ("[mcp_servers.supervisor]\nurl = 'z'\n", "another `mcp_servers.supervisor`"),
        ("mcp_servers = 1\n", "another `mcp_servers.supervisor`"),
        ("[[", "no TOML"),
        ("mcp_servers = { other = { url = 'y' } }\n", "by hand"),
    ],
)
def test_what_codex_has_otherwise_is_left_to_a_person(present: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        over_http(Client.CODEX, URL).merged(present)
