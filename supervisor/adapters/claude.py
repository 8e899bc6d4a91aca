"""The `claude` adapter: Claude Code and Qwen Code, each as one long-lived process that we talk with."""

from __future__ import annotations

import json
import re
import uuid
from typing import Final

from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.claude_dialect import QWEN, dialect_of
from supervisor.adapters.claude_driver import ClaudeDriver
from supervisor.adapters.claude_reading import COORDINATOR_TOOLS
from supervisor.adapters.claude_wire import END_NAMES, Beginning, asking
from supervisor.adapters.command import environment_of
from supervisor.adapters.driver import Capabilities, Driver, Line
from supervisor.adapters.json_lines import spelled
from supervisor.adapters.kit import SERVER_NAME
from supervisor.config.placeholders import fill
from supervisor.config.presets import PRESETS
from supervisor.model.driving import Allowed, ClientHome
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch, Polite

_SESSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
"""A conversation's name comes from the agent: what does not look like one must not become an argument."""

_STREAMS: Final = ("--input-format", "stream-json", "--output-format", "stream-json")

_CLAUDE_QUIET: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_BUG_COMMAND": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_CRON": "1",
}
"""No telemetry and no updates; and nothing that would begin a turn by itself, which costs money unasked."""

_QWEN_QUIET: Final = {"QWEN_CODE_NO_RELAUNCH": "true", "QWEN_CODE_DISABLE_CRON": "1"}

_QWEN_SETTINGS: Final = {
    "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "tools": {"toolSearch": {"enabled": False}},  # else the coordinator's tools hide behind a search
    # else it asks its model by itself, after a turn, what is worth remembering
    "memory": {"enableManagedAutoMemory": False, "enableManagedAutoDream": False},
}
_QWEN_FOLDER: Final = "qwen"

END: Final = b"".join(
    spelled(asking(name, what, {}))
    for name, what in zip(END_NAMES, ("interrupt", "end_session"), strict=True)
)
"""Asks the agent to end; a turn that runs is given up, which Qwen Code would first bring to its end."""


class ClaudeAdapter:
    """Speaks Claude's stream of JSON; which program it is says the pool's preset."""

    name = "claude"

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say what one can ask of the pool's program."""
        return dialect_of(pool).capabilities

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """Write what Qwen Code reads: its own form of MCP configuration, and settings above the person's."""
        if dialect_of(context.pool) is not QWEN:
            return ()
        bearer = {"Authorization": f"Bearer {context.kit.key}"}
        server = {"httpUrl": context.kit.url, "headers": bearer, "trust": True}
        return (
            KitFile(
                name=f"{_QWEN_FOLDER}/mcp.json",
                text=json.dumps({"mcpServers": {SERVER_NAME: server}}, indent=2) + "\n",
            ),
            KitFile(name=f"{_QWEN_FOLDER}/settings.json", text=json.dumps(_QWEN_SETTINGS, indent=2) + "\n"),
        )

    def launch(self, context: LaunchContext) -> Launch:
        """Say what to start: the pool's command, what we need, and last what the pool adds."""
        is_qwen = dialect_of(context.pool) is QWEN
        ours = _qwen_arguments(context) if is_qwen else _claude_arguments(context)
        return Launch(
            argv=(
                *fill(context.pool.command, context.places),
                *ours,
                *fill(context.pool.args, context.places),
            ),
            cwd=str(context.directory),
            env=_qwen_environment(context) if is_qwen else _claude_environment(context),
            session=context.session,
            agent=context.marker,
            takes_input=True,
            errors_apart=True,
            polite=Polite(message=END, close_input=True),
        )

    def driver(self, context: LaunchContext, line: Line) -> Driver:
        """Begin the conversation."""
        session = session_of(context)
        return ClaudeDriver(
            line,
            dialect_of(context.pool),
            Beginning(
                seed=_seed_of(context),
                session=session,
                is_resumed=session == context.resume,
                model=context.pool.model,
                cwd=str(context.directory),
                allows_all=context.pool.allowed is Allowed.ALL,
            ),
        )


def session_of(context: LaunchContext) -> str:
    """Name the conversation: the one to go on with, else one that no other incarnation has."""
    if _SESSION.fullmatch(context.resume):
        return context.resume
    return str(uuid.uuid5(uuid.NAMESPACE_URL, _seed_of(context)))


def _seed_of(context: LaunchContext) -> str:
    return f"{context.kit.directory}/{context.session}/{context.marker}"


def _claude_arguments(context: LaunchContext) -> tuple[str, ...]:
    mode = "default" if context.pool.allowed is Allowed.READ else "acceptEdits"
    return (
        "-p",
        *_STREAMS,
        "--verbose",
        *("--permission-prompt-tool", "stdio"),
        *("--permission-mode", mode),
        *("--mcp-config", str(context.kit.mcp_config), "--strict-mcp-config"),
        *("--allowedTools", COORDINATOR_TOOLS),
        *("--append-system-prompt-file", str(context.kit.role_prompt)),
        *_model_and_session(context, "--model"),
    )


def _qwen_arguments(context: LaunchContext) -> tuple[str, ...]:
    mode = "default" if context.pool.allowed is Allowed.READ else "auto-edit"
    return (
        *_STREAMS,
        *("--approval-mode", mode),
        *("--mcp-config", str(context.kit.directory / _QWEN_FOLDER / "mcp.json")),
        *("--allowed-mcp-server-names", SERVER_NAME),
        *(("--append-system-prompt", context.kit.role_text) if context.kit.role_text else ()),
        *_qwen_login(context),
        *_model_and_session(context, "-m"),
    )


def _qwen_login(context: LaunchContext) -> tuple[str, ...]:
    """Say that the key is to be used: in a home of its own nobody has chosen that yet."""
    environment = environment_of(context)
    is_needed = _is_private(context, environment) and environment.get("OPENAI_API_KEY")
    return ("--auth-type", "openai") if is_needed else ()


def _model_and_session(context: LaunchContext, flag: str) -> tuple[str, ...]:
    model = (flag, context.pool.model) if context.pool.model else ()
    session = session_of(context)
    return (*model, "--resume" if session == context.resume else "--session-id", session)


def _claude_environment(context: LaunchContext) -> dict[str, str]:
    environment = {**_CLAUDE_QUIET, **environment_of(context)}
    environment.setdefault("CLAUDE_CODE_TMPDIR", str(context.kit.directory / "tmp"))
    if _is_private(context, environment):
        environment["CLAUDE_CONFIG_DIR"] = str(context.kit.directory / "claude")
    return environment


def _qwen_environment(context: LaunchContext) -> dict[str, str]:
    folder = context.kit.directory / _QWEN_FOLDER
    environment = {**_QWEN_QUIET, **environment_of(context)}
    environment["QWEN_CODE_SYSTEM_SETTINGS_PATH"] = str(folder / "settings.json")
    if _is_private(context, environment):
        environment["QWEN_HOME"] = str(folder / "home")
    return environment


def _is_private(context: LaunchContext, environment: dict[str, str]) -> bool:
    """Tell whether the agent gets a configuration of its own: by choice, or as it needs no login."""
    match context.pool.home:
        case ClientHome.PRIVATE:
            return True
        case ClientHome.OWN:
            return False
        case ClientHome.AUTO:
            keys = PRESETS[dialect_of(context.pool).name].key_variables
            return any(environment.get(key) for key in keys)
