"""A stage for the UI: the real app on a fake engine, a still clock, and frames as plain text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from textual.pilot import Pilot

from supervisor.testing import sample_team
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine, an_engine
from supervisor.ui.app import SupervisorApp

SMALL: Final = (80, 24)
LARGE: Final = (200, 50)
_TURNS: Final = 500


class Stage:
    """The app under a test's hands. Nothing moves until the test moves it."""

    def __init__(
        self, app: SupervisorApp, pilot: Pilot[str], engine: FakeEngine, clock: VirtualClock
    ) -> None:
        """Hold what belongs together."""
        self.app = app
        self.pilot = pilot
        self.engine = engine
        self.clock = clock

    async def settle(self) -> None:
        """Let everything that is under way come to rest, then tick and let that come to rest."""
        await self.pilot.pause()
        self.app.tick()
        await self._readers()
        await self.pilot.pause()

    async def _readers(self) -> None:
        readers = [worker for worker in self.app.workers if worker.group in {"log", "search", "commands"}]
        if readers:
            await self.app.workers.wait_for_complete(readers)

    async def press(self, *keys: str) -> None:
        """Press keys at this instant and settle."""
        await self.pilot.press(*keys)
        await self.settle()

    async def wait(self, seconds: float) -> None:
        """Let time pass, then settle."""
        await self.clock.advance(seconds)
        await self.settle()

    async def until(self, text: str) -> None:
        """Let the toolkit work until `text` is on screen; raise TimeoutError if it never comes."""
        for _ in range(_TURNS):
            if text in self.frame:
                return
            await self.pilot.pause()
        raise TimeoutError(f"`{text}` never came:\n{self.frame}")

    async def resize(self, size: tuple[int, int]) -> None:
        """Give the terminal another size and settle."""
        await self.pilot.resize_terminal(*size)
        await self.settle()

    async def go(self, digit: str) -> None:
        """Switch to a screen and look at it for a second."""
        await self.press(digit)
        await self.wait(1.0)

    @property
    def frame(self) -> str:
        """Return the screen as plain text, one line per row, without trailing blanks."""
        return frame_of(self.app)

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Return (approval, decision) for each answer the engine got."""
        return [
            (args["approval_id"], args["decision"]) for verb, args in self.engine.calls if verb == "answer"
        ]


def frame_of(app: SupervisorApp) -> str:
    """Read the screen as text; the only use of the toolkit's compositor outside the toolkit."""
    strips = app.screen._compositor.render_strips()  # noqa: SLF001 - there is no public way to read a frame
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


@asynccontextmanager
async def stage(
    *,
    size: tuple[int, int] = SMALL,
    owns_engine: bool = False,
    fill: bool = True,
    engine: FakeEngine | None = None,
    clock: VirtualClock | None = None,
    environ: Mapping[str, str] | None = None,
    log_dir: Path | None = None,
) -> AsyncIterator[Stage]:
    """Raise the curtain: the app runs, connected, painted once."""
    clock = clock or VirtualClock()
    engine = engine or FakeEngine(clock, an_engine(clock, log_dir=str(log_dir or "/nowhere")))
    if fill:
        sample_team.fill(engine)
    app = SupervisorApp(
        Path("/nowhere/control.sock"),
        owns_engine=owns_engine,
        connect=engine.connect,
        clock=clock,
        environ=environ or {},
        tick_s=None,
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        raised = Stage(app, pilot, engine, clock)
        await raised.settle()
        if fill:
            engine.measure(*sample_team.metrics(clock.now()))
            await raised.settle()
        yield raised
