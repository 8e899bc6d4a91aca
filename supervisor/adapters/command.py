"""The `command` adapter: any program, as it is."""

from __future__ import annotations

from typing import Final

from supervisor.adapters.adapter import AgentEvent, LaunchContext, Text
from supervisor.adapters.environment import allowed_environment
from supervisor.config.placeholders import fill
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
            argv=fill(context.pool.command, context.places),
            cwd=str(context.project),
            env=_environment(context),
            session=context.session,
            agent=context.marker,
        )

    def parse_line(self, line: bytes) -> AgentEvent | None:
        """Read a line as text; bytes that are no UTF-8 are replaced."""
        text = line.decode("utf-8", "replace").rstrip("\r")
        return Text(text=text) if text.strip() else None


def _environment(context: LaunchContext) -> dict[str, str]:
    """Build the whole environment; what is ours comes last, so that nothing can stand in its place."""
    return {
        **allowed_environment(context.environ, context.pool.env_allow),
        "TERM": "dumb",
        "PYTHONUNBUFFERED": "1",
        **context.pool.env,
        AGENT_VARIABLE: context.agent,
        MCP_CONFIG_VARIABLE: str(context.kit.mcp_config),
        PROMPT_VARIABLE: str(context.kit.role_prompt),
    }
