"""Nothing paints by itself: one tick paints what differs, and an idle team paints nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.model.agent import AgentState
from supervisor.testing.ui_stage import LARGE, stage
from supervisor.ui.widgets.line_table import LineTable


class Painted:
    """Counts the lines that tables draw."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[int] = []
        draw = LineTable.row_line

        def counted(table: LineTable, index: int, part: int, width: int) -> Any:
            self.rows.append(index)
            return draw(table, index, part, width)

        monkeypatch.setattr(LineTable, "row_line", counted)


async def test_an_idle_team_repaints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(size=LARGE) as played:
        await played.go("1")
        painted = Painted(monkeypatch)
        for _ in range(8):
            await played.wait(0.1)
        assert painted.rows == []


async def test_events_paint_only_at_the_tick_and_only_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(size=LARGE) as played:
        await played.go("1")
        painted = Painted(monkeypatch)
        agent = played.engine.world.agents["worker-2"]
        for number in range(50):
            played.engine.put(replace(agent, restarts=number))
        await played.pilot.pause()
        assert painted.rows == []
        await played.settle()
        assert set(painted.rows) == {3}
        assert len(painted.rows) <= 2


async def test_screens_out_of_sight_are_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(size=LARGE) as played:
        await played.go("1")
        await played.go("4")
        painted = Painted(monkeypatch)
        agent = played.engine.world.agents["worker-2"]
        played.engine.put(replace(agent, state=AgentState.IDLE))
        await played.settle()
        assert painted.rows == []


async def test_the_cursor_stays_with_its_row_when_rows_come_before_it() -> None:
    async with stage() as played:
        await played.go("1")
        await played.press("G")
        agent = played.engine.world.agents["worker-1"]
        played.engine.put(*(replace(agent, name=f"worker-{number}") for number in range(5, 30)))
        await played.settle()
        assert played.app.screen.query_one("#agents", LineTable).key == "reviewer-3"


async def test_details_do_not_scroll_under_the_reader() -> None:
    from supervisor.ui.widgets.text_pane import TextPane

    async with stage() as played:
        await played.go("2")
        await played.press("l", "l", "j", "j", "enter")
        pane = played.app.screen.query_one("#task", TextPane)
        await played.press("ctrl+d")
        place = pane.scroll_offset
        task = played.engine.world.tasks["T5"]
        played.engine.put(replace(task, percent=61))
        await played.settle()
        assert pane.scroll_offset == place
