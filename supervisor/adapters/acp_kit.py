"""What an ACP agent's program is started with: arguments, variables and the configuration it reads.

Nothing here holds the team's key but one file, for agents that reach the team by the bridge: all others
are told it over stdin.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from supervisor.adapters.acp_fields import parsed_table
from supervisor.adapters.acp_presets import habits_of
from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.command import environment_of
from supervisor.adapters.kit import SERVER_NAME
from supervisor.config.placeholders import fill
from supervisor.model.driving import Allowed, ClientHome

KEY_FILE: Final = "acp/key"
_HOME: Final = "acp/home"
_POLICY: Final = "acp/gemini-policy.toml"
_QWEN_SETTINGS: Final = "acp/qwen-settings.json"
_OPENCODE_CONFIG: Final = "OPENCODE_CONFIG_CONTENT"

_QUIET: Final[dict[str, Any]] = {
    "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
}
"""Neither updates nor statistics: Gemini CLI and Qwen Code, which grew from it, name them alike."""

_ATTEMPTS_MAX: Final = 3
"""Gemini CLI waits for its model in silence, ten times and for minutes: we know better when to go on."""

_GEMINI_POLICY: Final = f"""\
[[rule]]
mcpName = "{SERVER_NAME}"
toolName = "*"
decision = "allow"
priority = 900
"""


def has_private_home(context: LaunchContext) -> bool:
    """Tell whether the program gets a configuration of its own instead of the person's."""
    home = context.pool.home
    if home is not ClientHome.AUTO:
        return home is ClientHome.PRIVATE
    env = environment_of(context)
    return any(env.get(name) for name in habits_of(context.pool).key_variables)


def files_of(context: LaunchContext) -> tuple[KitFile, ...]:
    """List what an agent of this pool reads: see `docs/agents.md` for what each is for."""
    files = [KitFile(name=KEY_FILE, text=context.kit.key)]
    match context.pool.agent:
        case "gemini":
            files.append(KitFile(name=_POLICY, text=_GEMINI_POLICY))
            if has_private_home(context):
                settings = {
                    **_QUIET,
                    "general": {**_QUIET["general"], "maxAttempts": _ATTEMPTS_MAX},
                    "security": {"folderTrust": {"enabled": False}},
                }
                files.append(KitFile(name=f"{_HOME}/.gemini/settings.json", text=_json(settings)))
        case "qwen":
            settings = {
                **_QUIET,
                "tools": {"toolSearch": {"enabled": False}},
                # else it asks its model by itself, after a turn, what is worth remembering
                "memory": {"enableManagedAutoMemory": False, "enableManagedAutoDream": False},
                "permissions": {"allow": [f"mcp__{SERVER_NAME}__*"]},
            }
            files.append(KitFile(name=_QWEN_SETTINGS, text=_json(settings)))
            if has_private_home(context):
                files.append(KitFile(name=f"{_HOME}/settings.json", text=_json(_qwen_home(context))))
    return tuple(files)


def argv_of(context: LaunchContext) -> tuple[str, ...]:
    """Return what is started: the command, what its program needs, and the pool's own arguments."""
    pool = context.pool
    more: tuple[str, ...] = ()
    if pool.agent == "gemini":
        more = ("--policy", str(context.kit.directory / _POLICY))
    model = (*habits_of(pool).model_args, pool.model) if pool.model and habits_of(pool).model_args else ()
    return (*fill(pool.command, context.places), *more, *model, *fill(pool.args, context.places))


def variables_of(context: LaunchContext) -> dict[str, str]:
    """Build the whole environment; a pool's own words win over ours where they cannot do harm."""
    env = environment_of(context)
    home = context.kit.directory / _HOME if has_private_home(context) else None
    match context.pool.agent:
        case "gemini":
            ours = {"GEMINI_CLI_NO_RELAUNCH": "true", "GEMINI_CLI_TRUST_WORKSPACE": "true"}
            return {**ours, **env, **({} if home is None else {"GEMINI_CLI_HOME": str(home)})}
        case "qwen":
            ours = {
                "QWEN_CODE_NO_RELAUNCH": "true",
                # else session/new returns before the team's tools are there
                "QWEN_CODE_LEGACY_MCP_BLOCKING": "1",
            }
            settings = {"QWEN_CODE_SYSTEM_SETTINGS_PATH": str(context.kit.directory / _QWEN_SETTINGS)}
            return {**ours, **env, **settings, **({} if home is None else {"QWEN_HOME": str(home)})}
        case "opencode":
            return {**_OPENCODE_QUIET, **env, **_opencode(context, env), **_xdg(home)}
        case "kimi":
            return {**env, **({} if home is None else {"KIMI_CODE_HOME": str(home)})}
        case _:
            return env


def mcp_server_of(context: LaunchContext, *, over_http: bool) -> dict[str, Any]:
    """Say in the protocol's words how the team is reached; this goes over stdin and may hold the key."""
    if over_http:
        return {
            "type": "http",
            "name": SERVER_NAME,
            "url": context.kit.url,
            "headers": [{"name": "Authorization", "value": f"Bearer {context.kit.key}"}],
        }
    return {
        "name": SERVER_NAME,
        "command": sys.executable,
        "args": [
            *("-m", "supervisor", "mcp", "--project", str(context.project)),
            *("--key-file", str(context.kit.directory / KEY_FILE)),
        ],
        "env": [],
    }


_OPENCODE_QUIET: Final = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_SHARE": "1",
}


def _opencode(context: LaunchContext, env: Mapping[str, str]) -> dict[str, str]:
    """Add ours to the configuration that a pool may give; what is asked for is ours to say."""
    pool = context.pool
    edit = "ask" if pool.allowed is Allowed.READ else "allow"
    rest = "allow" if pool.allowed is Allowed.ALL else "ask"
    theirs = parsed_table(env.get(_OPENCODE_CONFIG, "")) or {}
    instructions = theirs.get("instructions")
    config = {
        **theirs,
        "autoupdate": False,
        "share": "disabled",
        "instructions": [
            *(instructions if isinstance(instructions, list) else []),
            str(context.kit.role_prompt),
        ],
        "permission": {
            "*": rest,
            "edit": edit,
            "bash": rest,
            "webfetch": rest,
            "external_directory": rest,
            **dict.fromkeys(("read", "glob", "grep", "list", "todowrite", "todoread"), "allow"),
            f"{SERVER_NAME}_*": "allow",
        },
        **({"model": pool.model} if pool.model else {}),
    }
    return {_OPENCODE_CONFIG: json.dumps(config)}


def _xdg(home: Path | None) -> dict[str, str]:
    if home is None:
        return {}
    return {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "CACHE", "STATE")}


def _qwen_home(context: LaunchContext) -> dict[str, Any]:
    has_openai = bool(environment_of(context).get("OPENAI_API_KEY"))
    auth = {"auth": {"selectedType": "openai"}} if has_openai else {}
    return {"security": {**auth, "folderTrust": {"enabled": False}}}


def _json(settings: dict[str, Any]) -> str:
    return json.dumps(settings, indent=2) + "\n"
