"""The configuration of one Codex: what stands in the CODEX_HOME that is an agent's alone."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.kit import SERVER_NAME
from supervisor.config.presets import PRESETS
from supervisor.model.driving import Allowed, ClientHome

HOME_VARIABLE: Final = "CODEX_HOME"
LOGIN: Final = "auth.json"
KEY_PROVIDER: Final = "by-key"
"""The model provider that takes its key from a variable: Codex' own reads none."""

_BASE_URL_VARIABLE: Final = "OPENAI_BASE_URL"
_OPENAI: Final = "https://api.openai.com/v1"
_CONFIG_BYTES_MAX: Final = 1_048_576

_OURS: Final[dict[str, Any]] = {
    "check_for_update_on_startup": False,
    "cli_auth_credentials_store": "file",
    # without these Codex calls github.com and chatgpt.com when it starts; by goals it goes on by itself
    "features": {
        "goals": False,
        "plugins": False,
        "remote_plugin": False,
        "apps": False,
        "tool_suggest": False,
        "skill_mcp_dependency_install": False,
        "plugin_sharing": False,
    },
    "analytics": {"enabled": False},
    "feedback": {"enabled": False},
}
_TAKEN: Final = (
    "model",
    "model_provider",
    "model_providers",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_verbosity",
    "model_context_window",
    "model_auto_compact_token_limit",
    "model_catalog_json",
    "service_tier",
    "openai_base_url",
    "chatgpt_base_url",
    "forced_login_method",
    "forced_chatgpt_workspace_id",
)
"""What is taken from a person's own configuration: who answers and how, nothing that starts or allows."""


def config_of(context: LaunchContext) -> str:
    """Return the whole config.toml of one incarnation, its key included."""
    own = _own_settings(context)
    settings: dict[str, Any] = {name: own[name] for name in _TAKEN if name in own}
    if variable := key_variable(context):
        provider = {
            "name": "OpenAI",
            "base_url": context.pool.env.get(_BASE_URL_VARIABLE, _OPENAI),
            "env_key": variable,
            "wire_api": "responses",
        }
        settings |= {"model_provider": KEY_PROVIDER, "model_providers": {KEY_PROVIDER: provider}}
    settings |= _OURS
    settings["mcp_servers"] = {
        SERVER_NAME: {
            "url": context.kit.url,
            "http_headers": {"Authorization": f"Bearer {context.kit.key}"},
            "default_tools_approval_mode": "approve",
            "required": True,  # else a turn begins without the team's tools if they are not there in a second
            "startup_timeout_sec": 30,
        }
    }
    settings["projects"] = {str(context.directory): {"trust_level": _trust(context, own)}}
    return "".join(f"{_key(name)} = {_value(value)}\n" for name, value in settings.items())


def home_name(context: LaunchContext) -> str:
    """Name the folder of the kit that is the agent's CODEX_HOME; its conversations stay in it.

    A private one is another, so that no link to a login is left in it.
    """
    return "codex-private" if is_private(context) else "codex"


def is_private(context: LaunchContext) -> bool:
    """Tell whether the agent's program knows nothing of the person's own configuration."""
    if context.pool.home is ClientHome.AUTO:
        return bool(_key_variables(context))
    return context.pool.home is ClientHome.PRIVATE


def key_variable(context: LaunchContext) -> str:
    """Return the variable with the API key that is passed on, empty if there is none or a login is used."""
    return next(iter(_key_variables(context)), "") if is_private(context) else ""


def own_home(context: LaunchContext) -> Path | None:
    """Return the person's own CODEX_HOME, None if nothing says where it would be."""
    if place := context.environ.get(HOME_VARIABLE):
        return Path(place)
    home = context.environ.get("HOME")
    return Path(home) / ".codex" if home else None


def _key_variables(context: LaunchContext) -> tuple[str, ...]:
    passed = {name for name in context.pool.env_allow if name in context.environ} | set(context.pool.env)
    return tuple(name for name in PRESETS["codex"].key_variables if name in passed)


def _own_settings(context: LaunchContext) -> dict[str, Any]:
    """Read the person's own configuration; one that cannot be read is none, as Codex itself will tell."""
    home = own_home(context)
    if home is None or is_private(context):
        return {}
    try:
        with (home / "config.toml").open("rb") as file:
            return tomllib.loads(file.read(_CONFIG_BYTES_MAX).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return {}


def _trust(context: LaunchContext, own: Mapping[str, Any]) -> str:
    """Trust a project if the person does, or if its agents may do everything anyway.

    Codex starts the programs that a trusted project's own `.codex/config.toml` names, and asks nobody.
    """
    projects = own.get("projects")
    known = projects.get(str(context.project)) if isinstance(projects, dict) else None
    is_known = isinstance(known, dict) and known.get("trust_level") == "trusted"
    return "trusted" if is_known or context.pool.allowed is Allowed.ALL else "untrusted"


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    """Spell a value as TOML; its basic strings are JSON's, but for DEL."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _key(value)
        case int() | float():
            return repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return "[" + ", ".join(_value(one) for one in value) + "]"
        case _:
            return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }"
