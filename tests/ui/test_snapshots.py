"""Colour and layout, as SVG: few, because they are large and change with the toolkit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from supervisor.testing import sample_team
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine
from supervisor.testing.ui_stage import LARGE, SMALL
from supervisor.ui.app import SupervisorApp

Compare = Callable[..., bool]


def an_app(environ: dict[str, str] | None = None, *, found: bool = False) -> SupervisorApp:
    clock = VirtualClock()
    engine = FakeEngine(clock)
    sample_team.fill(engine)
    if found:
        sample_team.find_fault(engine)
    return SupervisorApp(
        Path("/nowhere"),
        owns_engine=True,
        connect=engine.connect,
        clock=clock,
        environ=environ or {},
        tick_s=None,
    )


def looking_at(*keys: str) -> Callable[[Pilot[str]], object]:
    async def look(pilot: Pilot[str]) -> None:
        app = pilot.app
        assert isinstance(app, SupervisorApp)
        assert isinstance(app.clock, VirtualClock)
        await pilot.pause()
        app.tick()
        await pilot.pause()
        await pilot.press(*keys)
        await app.clock.advance(1)
        app.tick()
        await pilot.pause()

    return look


@pytest.mark.parametrize(
    ("keys", "size"),
    [(("1",), SMALL), (("2", "l", "l"), LARGE), (("4",), LARGE), (("6",), SMALL), (("6",), LARGE)],
    ids=["fleet", "board", "votes", "approvals", "approvals-large"],
)
def test_a_screen_in_colour(snap_compare: Compare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    assert snap_compare(an_app(), terminal_size=size, run_before=looking_at(*keys))


def test_the_light_theme(snap_compare: Compare) -> None:
    light = an_app({"SUPERVISOR_THEME": "light"})
    assert snap_compare(light, terminal_size=SMALL, run_before=looking_at("1", "j"))


def test_the_quit_dialog(snap_compare: Compare) -> None:
    assert snap_compare(an_app(), terminal_size=SMALL, run_before=looking_at("1", "ctrl+q"))


def test_agents_that_do_not_get_on_stand_out(snap_compare: Compare) -> None:
    app = an_app(found=True)
    assert snap_compare(app, terminal_size=LARGE, run_before=looking_at("1", "j", "j"))
