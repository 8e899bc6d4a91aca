"""Following a run: every event once, in order, across gaps, until it is over."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from supervisor.headless.follow import RunFollower
from supervisor.headless.line_writer import LineWriter
from supervisor.headless.printer import JsonPrinter, Printer, StoryPrinter
from supervisor.model.task import TaskState
from supervisor.model.wire import to_wire
from supervisor.model.world import Snapshot
from supervisor.testing.scripted_team import BEGIN, ScriptedTeam
from supervisor.transports.control.client import FeedItem
from supervisor.transports.control.protocol import Bye, MetricsFrame


class Feed:
    """Yields what it was given; answers `events` from the team's log."""

    def __init__(self, team: ScriptedTeam, *frames: FeedItem) -> None:
        self.team = team
        self.frames = frames
        self.asked: list[str] = []
        self.closed = False

    async def feed(self) -> AsyncGenerator[FeedItem, None]:
        try:
            for frame in self.frames:
                yield frame
        finally:
            self.closed = True

    async def call(self, verb: str, **args: Any) -> Any:
        self.asked.append(verb)
        return {"events": [to_wire(each) for each in self.team.events if each.seq > args["since"]][:2]}


async def followed(feed: Feed, printer: Printer | None = None, **options: Any) -> tuple[Any, list[str]]:
    out = io.StringIO()
    end = await RunFollower(feed, printer or StoryPrinter(), LineWriter(out), **options).follow()
    return end, out.getvalue().splitlines()


def begun() -> tuple[ScriptedTeam, Snapshot]:
    team = ScriptedTeam()
    team.start_run()
    return team, team.snapshot()


async def test_it_ends_when_the_run_is_over_and_closes_the_feed() -> None:
    team, start = begun()
    team.task("one")
    team.finish_run("1 of 1 tasks done")
    unread = team.tell("engine.noise", "x")
    feed = Feed(team, start, *team.events[1:-1], unread)

    end, lines = await followed(feed)

    assert end.over
    assert lines == [
        "00:01 team survey, run 1: 2 agents on /project",
        "00:02 planner created T1 one",
        "00:03 run 1 finished: 1 of 1 tasks done",
    ]
    assert feed.closed


async def test_with_something_to_do_at_the_end_it_does_that_once_and_goes_on_until_the_farewell() -> None:
    team, start = begun()
    team.finish_run("done")
    team.tell("engine.stopping", "x")
    calls: list[str] = []

    async def on_over() -> None:
        calls.append("over")

    end, lines = await followed(Feed(team, start, *team.events[1:], Bye(reason="done")), on_over=on_over)

    assert calls == ["over"]
    assert end.farewell == "done"
    assert lines[-1].endswith("engine stopping")


async def test_an_earlier_run_that_had_ended_is_not_taken_for_this_one() -> None:
    team, _ = begun()
    team.finish_run("long ago")
    stale = replace(team.snapshot(), engine=replace(team.engine, started_at=BEGIN + 100))

    end, _ = await followed(Feed(team, stale, Bye(reason="stopped")))

    assert not end.over


async def test_a_run_that_was_over_before_the_first_look_is_over() -> None:
    team, _ = begun()
    team.finish_run("quick")

    end, _ = await followed(Feed(team, team.snapshot()))

    assert end.over


async def test_what_was_missed_in_a_gap_is_fetched_and_told_in_order() -> None:
    team, start = begun()
    for title in ("one", "two", "three", "four"):
        team.task(title)
    feed = Feed(team, start, team.events[1], team.snapshot(), team.events[-1], Bye(reason="x"))

    end, lines = await followed(feed)

    assert [line.split()[-1] for line in lines[1:]] == ["one", "two", "three", "four"]
    assert feed.asked == ["events", "events"]
    assert end.world.seq == 5


async def test_a_gap_that_the_log_cannot_fill_is_bridged_by_the_snapshot() -> None:
    team, start = begun()
    team.task("one")
    later = team.snapshot()
    team.events.clear()

    end, _ = await followed(Feed(team, start, later, Bye(reason="x")))

    assert end.world.seq == later.version


async def test_metrics_are_no_story() -> None:
    team, start = begun()

    _, lines = await followed(Feed(team, start, MetricsFrame(at=1.0, agents=()), Bye(reason="x")))

    assert len(lines) == 1


async def test_as_json_every_line_is_one_versioned_object_without_control_characters() -> None:
    team, start = begun()
    team.task("\x1b[31m\x9b\x7f\u202e title")
    team.finish_run("done")

    _, lines = await followed(Feed(team, start, *team.events[1:]), JsonPrinter())
    told = [json.loads(line) for line in lines]

    assert [(each["v"], each["type"]) for each in told] == [(1, "start"), (1, "event"), (1, "event")]
    assert told[1]["event"]["after"]["title"] == "\x1b[31m\x9b\x7f\u202e title"
    assert all(line.isascii() and line.isprintable() for line in lines)


async def test_a_reader_that_left_ends_the_writing_and_not_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    team, start = begun()
    team.finish_run("done")
    writer = LineWriter(Gone())

    end = await RunFollower(Feed(team, start, *team.events[1:]), StoryPrinter(), writer).follow()

    assert end.over
    assert writer.broken


@pytest.mark.parametrize("printer", [StoryPrinter(), JsonPrinter()])
def test_the_last_words_give_outcome_counts_and_report(printer: Printer) -> None:
    lines = printer.ended(
        {
            "exit_code": 1,
            "outcome": "half done",
            "counts": {"done": 1, "failed": 2, "pending": 0},
            "report": "/r",
        }
    )

    assert "half done" in lines[0]
    if isinstance(printer, StoryPrinter):
        assert lines == ["half done; tasks: 1 done, 2 failed", "report: /r"]
    else:
        assert json.loads(lines[0])["exit_code"] == 1


def test_going_on_with_a_run_says_how_far_it_had_come() -> None:
    team, _ = begun()
    team.task("one", state=TaskState.DONE)
    team.task("two")

    assert (
        StoryPrinter().opened(team.snapshot(), team.world)[0].endswith("; going on with 1 of 2 tasks ended")
    )
