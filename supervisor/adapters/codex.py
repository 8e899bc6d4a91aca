"""Codex: its app-server, with a home of its own in the agent's kit."""

from __future__ import annotations

from typing import Any, Final

from supervisor import __version__
from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.codex_config import (
    HOME_VARIABLE,
    LOGIN,
    config_of,
    home_name,
    is_private,
    own_home,
)
from supervisor.adapters.codex_driver import CodexDriver
from supervisor.adapters.command import environment_of
from supervisor.adapters.driver import Capabilities, Driver, Line
from supervisor.config.placeholders import fill
from supervisor.model.driving import Allowed
from supervisor.model.team import PoolSpec
from supervisor.runtime.launch import Polite
from supervisor.runtime.spawn import Launch

_POLICIES: Final = {
    Allowed.READ: ("untrusted", "danger-full-access"),
    Allowed.EDIT: ("on-request", "workspace-write"),
    Allowed.ALL: ("never", "danger-full-access"),
}
"""When Codex asks, and in which of its sandboxes a command then runs.

What a person allowed must be able to do what it says, so who asks for all but reading has no sandbox: in the
one for reading, an approved command would still be refused its writing.
"""


class CodexAdapter:
    """Speaks with `codex app-server`."""

    name = "codex"

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say what Codex can do; it names no money, and takes no other input for what it is allowed."""
        return Capabilities(
            turns=True,
            inject=True,
            interrupt=True,
            fresh_session=True,
            resume=True,
            permissions=True,
            questions=True,
            usage=True,
            context=True,
        )

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """Write its configuration; a login is the person's own file, so that a renewed one stays valid."""
        folder, home = home_name(context), own_home(context)
        config = KitFile(name=f"{folder}/config.toml", text=config_of(context))
        if is_private(context) or home is None:
            return (config,)
        return (config, KitFile(name=f"{folder}/{LOGIN}", link=home / LOGIN))

    def launch(self, context: LaunchContext) -> Launch:
        """Start the command with its own home; closing its stdin ends it."""
        env = environment_of(context)
        env[HOME_VARIABLE] = str(context.kit.directory / home_name(context))
        return Launch(
            argv=fill((*context.pool.command, *context.pool.args), context.places),
            cwd=str(context.directory),
            env=env,
            session=context.session,
            agent=context.marker,
            takes_input=True,
            errors_apart=True,
            polite=Polite(close_input=True),
        )

    def driver(self, context: LaunchContext, line: Line) -> Driver | None:
        """Begin the conversation."""
        return CodexDriver(
            line, version=__version__, settings=_thread_settings(context), resume=context.resume
        )


def _thread_settings(context: LaunchContext) -> dict[str, Any]:
    policy, sandbox = _POLICIES[context.pool.allowed]
    settings: dict[str, Any] = {
        "cwd": str(context.directory),
        "approvalPolicy": policy,
        "sandbox": sandbox,
        "developerInstructions": context.kit.role_text,
    }
    if context.pool.model:
        settings["model"] = context.pool.model
    return settings
