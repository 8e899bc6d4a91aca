"""The `pty` adapter: a program at a terminal of its own, typed at and read like by a person."""

from __future__ import annotations

from typing import Final

from supervisor.adapters.adapter import KitFile, LaunchContext
from supervisor.adapters.command import environment_of
from supervisor.adapters.driver import Capabilities, Driver, Line
from supervisor.adapters.pty_driver import PtyDriver
from supervisor.config.placeholders import fill
from supervisor.model.team import PoolSpec
from supervisor.runtime.spawn import Launch
from supervisor.runtime.terminal import TerminalSize

TERM: Final = "xterm-256color"
"""What it takes its terminal for; colours are passed over."""


class PtyAdapter:
    """Starts the pool's command at a terminal, and makes of its screen what the pool's patterns say."""

    name = "pty"

    def capabilities(self, pool: PoolSpec) -> Capabilities:
        """Say what the patterns let one ask: without a sign of a turn's end there are no turns."""
        patterns, spec = pool.patterns, pool.terminal
        ends = bool(patterns.done or patterns.busy or spec.quiet_s)
        return Capabilities(
            turns=ends, interrupt=ends and bool(spec.interrupt_keys), permissions=bool(patterns.ask)
        )

    def files(self, context: LaunchContext) -> tuple[KitFile, ...]:
        """Ask for no file but those that all agents get."""
        return ()

    def launch(self, context: LaunchContext) -> Launch:
        """Fill the command's placeholders and ask for a terminal."""
        spec = context.pool.terminal
        env = {**environment_of(context), "TERM": context.pool.env.get("TERM", TERM)}
        return Launch(
            argv=fill((*context.pool.command, *context.pool.args), context.places),
            cwd=str(context.directory),
            env=env,
            session=context.session,
            agent=context.marker,
            terminal=TerminalSize(rows=spec.rows, columns=spec.columns),
        )

    def driver(self, context: LaunchContext, line: Line) -> Driver | None:
        """Read its screen; also where nothing is asked of it, for its log and for who looks in."""
        return PtyDriver(line, context.pool.terminal, context.pool.patterns, name=context.marker)
