"""Each screen as a person sees it, as plain text, at the least and at a large size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.testing import sample_team
from supervisor.testing.ui_stage import LARGE, SMALL, stage

SCREENS = {"1": "fleet", "2": "board", "3": "inbox", "4": "votes", "5": "logs", "6": "approvals"}
SIZES = {"small": SMALL, "large": LARGE}
Compare = Callable[[str, str], None]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("digit", SCREENS)
async def test_a_screen_looks_as_it_did(digit: str, size: str, golden_frame: Compare, tmp_path: Path) -> None:
    (tmp_path / "engine.log").write_text("listening\nworker-1 started\n")
    async with stage(size=SIZES[size], log_dir=tmp_path) as played:
        await played.go(digit)
        golden_frame(f"{SCREENS[digit]}-{size}", played.frame)


@pytest.mark.parametrize("digit", SCREENS)
async def test_an_empty_screen_teaches_what_will_appear(digit: str, golden_frame: Compare) -> None:
    async with stage(fill=False) as played:
        await played.go(digit)
        golden_frame(f"{SCREENS[digit]}-empty", played.frame)


@pytest.mark.parametrize("digit", SCREENS)
async def test_a_narrow_terminal_shows_one_pane(digit: str, golden_frame: Compare) -> None:
    async with stage(size=(60, 18)) as played:
        await played.go(digit)
        golden_frame(f"{SCREENS[digit]}-narrow", played.frame)


@pytest.mark.parametrize("size", SIZES)
async def test_agents_that_do_not_get_on_stand_out(size: str, golden_frame: Compare) -> None:
    async with stage(size=SIZES[size]) as played:
        sample_team.find_fault(played.engine)
        await played.go("1")
        await played.wait(1)
        await played.press("j")
        golden_frame(f"fleet-stalled-{size}", played.frame)
        assert "stalled T4" in played.frame


async def test_a_tiny_terminal_says_so(golden_frame: Compare) -> None:
    async with stage(size=(38, 9)) as played:
        golden_frame("tiny", played.frame)


async def test_ascii_terminals_get_ascii_only() -> None:
    async with stage(size=LARGE, environ={"SUPERVISOR_ASCII": "1"}) as played:
        for digit in SCREENS:
            await played.go(digit)
            assert played.frame.isascii(), [line for line in played.frame.splitlines() if not line.isascii()]


async def test_a_finished_run_is_plain_to_see(golden_frame: Compare) -> None:
    async with stage() as played:
        sample_team.finish(played.engine)
        await played.wait(1)
        golden_frame("finished", played.frame)
        assert "run finished" in played.frame
        assert ".supervisor/reports/run-1" in played.frame


async def test_a_lost_engine_is_plain_to_see_and_its_age_is_told(golden_frame: Compare) -> None:
    async with stage() as played:
        played.engine.drop()
        await played.settle()
        await played.wait(130)
        golden_frame("lost", played.frame)
        assert "from 2m ago" in played.frame


async def test_an_engine_that_comes_back_is_shown_again() -> None:
    async with stage() as played:
        played.engine.drop()
        await played.settle()
        played.engine.is_up = True
        await played.wait(3)
        assert "live" in played.frame
        assert "cannot be reached" not in played.frame


async def test_without_an_engine_the_screen_says_why(golden_frame: Compare) -> None:
    from supervisor.testing.clock import VirtualClock
    from supervisor.testing.fake_feed import FakeEngine

    clock = VirtualClock()
    engine = FakeEngine(clock)
    engine.is_up = False
    async with stage(fill=False, clock=clock, engine=engine) as played:
        golden_frame("no-engine", played.frame)


@pytest.mark.parametrize("digit", SCREENS)
async def test_help_lists_the_keys_of_the_screen(digit: str) -> None:
    async with stage() as played:
        await played.go(digit)
        await played.press("question_mark")
        assert SCREENS[digit].capitalize() in played.frame or "On every screen" in played.frame


async def test_dialogs_look_as_they_did(golden_frame: Compare) -> None:
    async with stage(owns_engine=True) as played:
        await played.press("ctrl+q")
        golden_frame("quit", played.frame)
        await played.press("escape", "j", "X")
        golden_frame("confirm-restart", played.frame)
        await played.press("escape", "m")
        golden_frame("compose", played.frame)
