"""A plain command that speaks in JSON lines: each type, each duty of a driver, and a real program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.adapters import events as told
from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.command import CommandAdapter
from supervisor.adapters.command_driver import CommandDriver
from supervisor.adapters.driver import Answer, Capabilities
from supervisor.adapters.events import ActKind, AgentEvent, OptionScope, TurnReason
from supervisor.adapters.open_matters import CALLS_MAX, REQUESTS_MAX
from supervisor.clock import SystemClock
from supervisor.errors import WrongState
from supervisor.model.driving import OutputForm
from supervisor.runtime.process import Process
from supervisor.runtime.spawn import spawn

EXAMPLE = Path(__file__).resolve().parents[3] / "docs/examples/json_agent.py"


class Wire:
    """A line that keeps what passes."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.events: list[AgentEvent] = []
        self.is_open = True

    def send(self, data: bytes) -> bool:
        if self.is_open:
            self.sent += [json.loads(line) for line in data.splitlines()]
        return self.is_open

    def tell(self, event: AgentEvent) -> None:
        self.events.append(event)


class Desk:
    """A driver and both its ends."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.driver = CommandDriver(self.wire)
        self.driver.open()

    def says(self, **message: Any) -> list[AgentEvent]:
        """Return what one line of the agent makes it tell."""
        before = len(self.wire.events)
        self.driver.hear(json.dumps(message).encode() + b"\n")
        return self.wire.events[before:]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            {"type": "started", "session": "s", "model": "m", "version": "1"},
            told.Started(session_id="s", model="m", version="1"),
        ),
        (
            {"type": "coordinator", "connected": False, "detail": "refused"},
            told.CoordinatorLink(connected=False, detail="refused"),
        ),
        ({"type": "text", "text": "hi"}, told.Text(text="hi")),
        ({"type": "thinking", "text": "hm"}, told.Thinking(text="hm")),
        (
            {"type": "tool_start", "call": "1", "tool": "sh", "kind": "shell", "title": "ls"},
            told.ToolStart(call="1", tool="sh", kind=ActKind.SHELL, title="ls"),
        ),
        (
            {"type": "question", "request": "q", "text": "Red?", "choices": ["yes", 7]},
            told.Question(request="q", text="Red?", choices=("yes",)),
        ),
        (
            {"type": "plan", "steps": [{"state": "completed", "text": "a"}, {"text": "b"}, "c"]},
            told.Plan(steps=(("completed", "a"), ("pending", "b"))),
        ),
        (
            {"type": "usage", "model": "m", "input_tokens": 3, "output_tokens": True, "cost_usd": 0.5},
            told.Usage(model="m", input_tokens=3, cost_usd=0.5, cost_is_known=True),
        ),
        (
            {"type": "retry", "status": 529, "attempt": 2, "after_s": 1.5},
            told.Retry(status=529, attempt=2, after_s=1.5),
        ),
        ({"type": "rate_limited", "until": 99.0}, told.RateLimited(until=99.0)),
        ({"type": "rate_limited", "until": -1}, told.RateLimited(until=None)),
        ({"type": "login_needed", "detail": "run login"}, told.LoginNeeded(detail="run login")),
        ({"type": "compacted"}, told.Compacted()),
    ],
)
def test_each_type_becomes_its_event(desk: Desk, message: dict[str, Any], event: AgentEvent) -> None:
    assert desk.says(**message) == [event]


def test_a_permission_carries_all_that_is_needed_to_judge_it(desk: Desk) -> None:
    (event,) = desk.says(
        type="permission",
        request="p",
        kind="edit",
        tool="write",
        title="a.txt",
        payload={"path": "a.txt"},
        cwd="/w",
        reason="outside",
        rewritable=True,
        options=[{"id": "y", "label": "Yes", "scope": "always"}, {"id": "n", "scope": "odd"}, 3],
    )
    assert isinstance(event, told.Permission)
    assert (event.kind, event.payload, event.rewritable) == (ActKind.EDIT, {"path": "a.txt"}, True)
    assert [option.scope for option in event.options] == [OptionScope.ALWAYS, OptionScope.ONCE]


@pytest.mark.parametrize("message", [{"type": "weather", "x": 1}, {"type": None}, {}])
def test_what_is_not_known_is_told_as_unknown_and_cut(desk: Desk, message: dict[str, Any]) -> None:
    (event,) = desk.says(**message, more="y" * 5_000)
    assert isinstance(event, told.Unknown)
    assert len(event.raw) == 2_000


@pytest.mark.parametrize("line", [b"plain words", b"[1]", b"\xff", b'{"type":', b"[" * 9_000])
def test_a_line_that_is_no_object_is_told_and_passed_over(desk: Desk, line: bytes) -> None:
    desk.driver.hear(line + b"\n")
    assert isinstance(desk.wire.events[0], told.Broken)
    assert desk.says(type="text", text="on") == [told.Text(text="on")]


def test_a_prompt_has_one_end_and_only_one_turn_runs(desk: Desk) -> None:
    desk.driver.prompt("do it", fresh=True)
    assert desk.wire.sent == [{"type": "prompt", "turn": 1, "text": "do it", "fresh": True}]
    with pytest.raises(WrongState):
        desk.driver.prompt("and this")
    end = told.TurnEnd(ok=True, reason=TurnReason.DONE, final_text="did")
    assert desk.says(type="turn_end", text="did") == [end]
    (again,) = desk.says(type="turn_end")
    assert isinstance(again, told.Broken)
    desk.driver.prompt("next")
    assert desk.wire.sent[-1]["turn"] == 2


def test_a_turn_that_was_interrupted_says_so(desk: Desk) -> None:
    assert not desk.driver.interrupt()
    desk.driver.prompt("do it")
    assert desk.driver.interrupt()
    (end,) = desk.says(type="turn_end", ok=False)
    assert isinstance(end, told.TurnEnd)
    assert end.reason is TurnReason.INTERRUPTED


def test_a_turn_that_failed_by_itself_is_an_error(desk: Desk) -> None:
    desk.driver.prompt("do it")
    (end,) = desk.says(type="turn_end", ok=False)
    assert isinstance(end, told.TurnEnd)
    assert end.reason is TurnReason.ERROR


def test_words_reach_it_only_during_a_turn(desk: Desk) -> None:
    assert not desk.driver.inject("wait")
    desk.driver.prompt("do it")
    assert desk.driver.inject("wait")
    assert desk.wire.sent[-1] == {"type": "inject", "text": "wait"}


def test_an_answer_reaches_only_what_is_open_and_once(desk: Desk) -> None:
    desk.says(type="permission", request="p", payload=1)
    answer = Answer(allow=True, option="y", words="go", payload={"command": "ls"})
    assert not desk.driver.answer("other", answer)
    assert desk.driver.answer("p", answer)
    assert not desk.driver.answer("p", answer)
    assert desk.wire.sent == [
        {
            "type": "answer",
            "request": "p",
            "allow": True,
            "words": "go",
            "option": "y",
            "payload": {"command": "ls"},
        }
    ]


def test_an_answer_that_cannot_be_sent_leaves_the_request_open(desk: Desk) -> None:
    desk.says(type="question", request="q", text="?")
    desk.wire.is_open = False
    assert not desk.driver.answer("q", Answer(allow=True))
    desk.wire.is_open = True
    assert desk.driver.answer("q", Answer(allow=True))


def test_the_end_of_a_turn_ends_what_is_open_in_it(desk: Desk) -> None:
    desk.driver.prompt("do it")
    desk.says(type="tool_start", call="1", tool="sh")
    desk.says(type="permission", request="p")
    ended = desk.says(type="turn_end")
    assert [type(event).__name__ for event in ended] == ["RequestGone", "ToolEnd", "TurnEnd"]


def test_the_end_of_the_process_ends_all_that_is_open(desk: Desk) -> None:
    desk.driver.prompt("do it")
    desk.says(type="tool_start", call="1", tool="sh")
    desk.driver.hear(b'{"type":"text","text":"last words"}')
    desk.driver.close()
    assert [type(event).__name__ for event in desk.wire.events[1:]] == ["Text", "ToolEnd", "TurnEnd"]
    last = desk.wire.events[-1]
    assert isinstance(last, told.TurnEnd)
    assert last.reason is TurnReason.LOST


def test_a_prompt_to_whom_does_not_read_is_lost_at_once(desk: Desk) -> None:
    desk.wire.is_open = False
    desk.driver.prompt("do it")
    (end,) = desk.wire.events
    assert isinstance(end, told.TurnEnd)
    assert end.reason is TurnReason.LOST


def test_calls_and_requests_begin_once_end_once_and_do_not_grow_without_end(desk: Desk) -> None:
    for number in range(CALLS_MAX):
        desk.says(type="tool_start", call=str(number), tool="t")
    for number in range(REQUESTS_MAX):
        desk.says(type="question", request=str(number), text="?")
    for message in (
        {"type": "tool_start", "call": "0"},
        {"type": "tool_start", "call": "one more"},
        {"type": "tool_end", "call": "none such"},
        {"type": "question", "request": "one more"},
    ):
        (event,) = desk.says(**message)
        assert isinstance(event, told.Broken)
    assert desk.says(type="request_gone", request="none such") == []
    assert desk.says(type="request_gone", request="3", why="late") == [
        told.RequestGone(request="3", why="late")
    ]
    assert desk.says(type="tool_end", call="7", summary="ok") == [
        told.ToolEnd(call="7", ok=True, summary="ok")
    ]


def test_a_raw_command_is_asked_for_nothing(make_context: Callable[..., LaunchContext]) -> None:
    context = make_context()
    adapter = CommandAdapter()
    assert adapter.capabilities(context.pool) == Capabilities()
    assert adapter.driver(context, Wire()) is None
    assert not adapter.launch(context).takes_input


class Live(Wire):
    """A line to a real program."""

    process: Process

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Event()

    def send(self, data: bytes) -> bool:
        return self.process.tell(data)

    def tell(self, event: AgentEvent) -> None:
        super().tell(event)
        self.more.set()

    async def tells(self, kind: type[AgentEvent]) -> AgentEvent:
        async with asyncio.timeout(10):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
                self.more.clear()
                await self.more.wait()
        return found[-1]


async def test_the_example_agent_asks_works_and_ends_with_its_input(
    make_context: Callable[..., LaunchContext],
) -> None:
    context = make_context(command=("{python}", "-S", str(EXAMPLE)))
    context = replace(context, pool=replace(context.pool, output=OutputForm.JSON))
    adapter, wire = CommandAdapter(), Live()
    assert adapter.capabilities(context.pool).permissions
    driver = adapter.driver(context, wire)
    assert driver is not None
    wire.process = spawn(adapter.launch(context), on_output=driver.hear, clock=SystemClock())
    driver.prompt("please ask first")
    request = await wire.tells(told.Permission)
    assert isinstance(request, told.Permission)
    assert driver.answer(request.request, Answer(allow=True))
    end = await wire.tells(told.TurnEnd)
    assert isinstance(end, told.TurnEnd)
    assert end.ok
    wire.process.close_input()
    assert (await wire.process.wait()).code == 0
    assert (await wire.process.clean_up()).empty
    assert any(isinstance(event, told.ToolEnd) for event in wire.events)
