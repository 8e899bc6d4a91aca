"""The `command` adapter: any program, as it is."""

from __future__ import annotations

from typing import Final

from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.driver import Capabilities, Driver, Line
from supervisor.adapters.environment import allowed_environment
from supervisor.config.placeholders import fill
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch

AGENT_VARIABLE: Final = "SUPERVISOR_AGENT"
MCP_CONFIG_VARIABLE: Final = "SUPERVISOR_MCP_CONFIG"
PROMPT_VARIABLE: Final = "SUPERVISOR_PROMPT"


class CommandAdapter:
    """Starts the pool's command in the project; the program finds its kit by two variables.

    Of its output only text for people is read: what it wants to say to the team it says by tools.
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
        )

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say that it can be asked for nothing."""
        return Capabilities()

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """Ask for no file but those that all agents get."""
        return ()

    def driver(self, context: LaunchContext, line: Line) -> Driver | None:
        """Hold no conversation."""
        return None


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
