"""The `acp` adapter: Gemini CLI, OpenCode, Qwen, Kimi, and whatever else speaks the Agent Client Protocol."""

from __future__ import annotations

from supervisor.adapters.acp_driver import AcpDriver
from supervisor.adapters.acp_kit import argv_of, files_of, mcp_server_of, variables_of
from supervisor.adapters.acp_opening import Terms
from supervisor.adapters.acp_presets import Injection, habits_of
from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.driver import Capabilities, Driver, Line
from supervisor.clock import SystemClock
from supervisor.model.team import PoolSpec
from supervisor.runtime.launch import Launch, Polite


class AcpAdapter:
    """Starts a program that speaks ACP on stdio, and speaks with it."""

    name = "acp"

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say what one can ask: what the protocol has, less what this program was found not to do."""
        habits = habits_of(pool)
        return Capabilities(
            turns=True,
            inject=habits.injection is not Injection.NONE,
            interrupt=True,
            fresh_session=True,
            resume=habits.resumes,
            permissions=True,
            usage=habits.usage,
            cost=habits.cost,
            context=habits.context,
        )

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """List the configuration its program reads."""
        return files_of(context)

    def launch(self, context: LaunchContext) -> Launch:
        """Say what to start."""
        return Launch(
            argv=argv_of(context),
            cwd=str(context.directory),
            env=variables_of(context),
            session=context.session,
            agent=context.marker,
            takes_input=True,
            errors_apart=True,
            polite=Polite(close_input=True) if habits_of(context.pool).ends_with_input else None,
        )

    def driver(self, context: LaunchContext, line: Line) -> Driver:
        """Begin a conversation with what was started."""
        habits, pool = habits_of(context.pool), context.pool
        return AcpDriver(
            Terms(
                directory=str(context.directory),
                habits=habits,
                allowed=pool.allowed,
                model=pool.model,
                sets_model=not (habits.model_args or habits.is_configured),
                role="" if habits.is_configured else context.kit.role_text,
                resume=context.resume if habits.resumes else "",
                variables=frozenset(variables_of(context)),
                over_http=mcp_server_of(context, over_http=True),
                over_stdio=mcp_server_of(context, over_http=False),
            ),
            line,
            now=SystemClock().now,
        )
