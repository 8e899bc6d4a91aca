"""The `command` adapter: any program, as it is, or one that speaks in lines of JSON."""

from __future__ import annotations

from typing import Final

from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.command_driver import CommandDriver
from supervisor.adapters.driver import Capabilities, Driver, Line
from supervisor.adapters.environment import allowed_environment
from supervisor.config.placeholders import fill
from supervisor.model.driving import OutputForm
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch, Polite

AGENT_VARIABLE: Final = "SUPERVISOR_AGENT"
MCP_CONFIG_VARIABLE: Final = "SUPERVISOR_MCP_CONFIG"
PROMPT_VARIABLE: Final = "SUPERVISOR_PROMPT"

_JSON_LINES: Final = Capabilities(
    turns=True,
    inject=True,
    interrupt=True,
    fresh_session=True,
    permissions=True,
    rewrite=True,
    questions=True,
    usage=True,
    cost=True,
    context=True,
)


class CommandAdapter:
    """Starts the pool's command in the project; the program finds its kit by two variables.

    Its output is for people alone, and what it wants to say to the team it says by tools; unless the pool
    says `output = "json"`: then both sides speak in lines of JSON.
    """

    name = "command"

    def launch(self, context: LaunchContext) -> Launch:
        """Fill the command's placeholders and pick its environment."""
        return Launch(
            argv=fill((*context.pool.command, *context.pool.args), context.places),
            cwd=str(context.directory),
            env=environment_of(context),
            session=context.session,
            agent=context.marker,
            takes_input=_is_json(context.pool),
            errors_apart=_is_json(context.pool),
            polite=Polite(close_input=True) if _is_json(context.pool) else None,
        )

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say that it can be asked for nothing, or for all that JSON lines have words for."""
        return _JSON_LINES if _is_json(pool) else Capabilities()

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """Ask for no file but those that all agents get."""
        return ()

    def driver(self, context: LaunchContext, line: Line) -> Driver | None:
        """Speak in JSON lines if the pool says so; else hold no conversation."""
        return CommandDriver(line) if _is_json(context.pool) else None


def _is_json(pool: PoolSpec) -> bool:
    return pool.output is OutputForm.JSON


def environment_of(context: LaunchContext) -> dict[str, str]:
    """Build an agent's whole environment; what is ours comes last, so that nothing can stand in its place."""
    return {
        **allowed_environment(context.environ, context.pool.env_allow),
        "TERM": "dumb",
        "PYTHONUNBUFFERED": "1",
        **context.pool.env,
        AGENT_VARIABLE: context.agent,
        MCP_CONFIG_VARIABLE: str(context.kit.mcp_config),
        PROMPT_VARIABLE: str(context.kit.role_prompt),
    }
