"""Broken drivers: each is found by the case that is there for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.command import CommandAdapter
from supervisor.adapters.command_driver import CommandDriver
from supervisor.adapters.driver import Answer, Driver, Line
from supervisor.adapters.events import (
    AgentEvent,
    Broken,
    CoordinatorLink,
    Permission,
    RateLimited,
    RequestGone,
    Started,
    Text,
    ToolEnd,
    TurnEnd,
    TurnReason,
    Unknown,
    Usage,
)
from supervisor.runtime.launch import Launch
from supervisor.testing.driver_conformance import CASES, examine
from supervisor.testing.driver_exam import CANARY
from supervisor.testing.scripted_coordinator import ScriptedCoordinator
from tests.agents.subjects import LINES

BY_NAME: Final = {case.name: case for case in CASES}

Change = Callable[[AgentEvent], list[AgentEvent]]


class FaultyLine:
    """Hands on what a driver tells in a changed form."""

    def __init__(self, line: Line, change: Change) -> None:
        self._line = line
        self._change = change

    def send(self, data: bytes) -> bool:
        return self._line.send(data)

    def tell(self, event: AgentEvent) -> None:
        for changed in self._change(event):
            self._line.tell(changed)


@dataclass
class Faulty(CommandAdapter):
    """The adapter of the scripted agent, with one fault."""

    change: Change = lambda event: [event]
    made: type[CommandDriver] = CommandDriver
    launched: Callable[[LaunchContext, Launch], Launch] = lambda _context, launch: launch

    def launch(self, context: LaunchContext) -> Launch:
        return self.launched(context, super().launch(context))

    def driver(self, context: LaunchContext, line: Line) -> Driver:
        return self.made(FaultyLine(line, self.change))


def dropping(kind: type[AgentEvent], fits: Callable[..., bool] = lambda _event: True) -> Change:
    return lambda event: [] if isinstance(event, kind) and fits(event) else [event]


def totals() -> Change:
    sums: list[Usage] = []

    def change(event: AgentEvent) -> list[AgentEvent]:
        if not isinstance(event, Usage):
            return [event]
        sums.append(event)
        inputs, outputs = (
            sum(one.input_tokens or 0 for one in sums),
            sum(one.output_tokens or 0 for one in sums),
        )
        return [replace(event, input_tokens=inputs, output_tokens=outputs)]

    return change


def in_fragments(event: AgentEvent) -> list[AgentEvent]:
    if not isinstance(event, Text):
        return [event]
    return [Text(text=event.text[place : place + 5]) for place in range(0, len(event.text), 5)]


def as_done(event: AgentEvent) -> list[AgentEvent]:
    return [TurnEnd(ok=True, reason=TurnReason.DONE)] if isinstance(event, TurnEnd) else [event]


def as_connected(event: AgentEvent) -> list[AgentEvent]:
    return [CoordinatorLink(connected=True)] if isinstance(event, CoordinatorLink) else [event]


def without_its_end(event: AgentEvent) -> list[AgentEvent]:
    return [replace(event, until=None)] if isinstance(event, RateLimited) else [event]


def under_one_name(event: AgentEvent) -> list[AgentEvent]:
    return [replace(event, request="the-one")] if isinstance(event, Permission) else [event]


class TakesAnything(CommandDriver):
    def answer(self, request: str, answer: Answer) -> bool:
        super().answer(request, answer)
        return True


class AnswersLate(CommandDriver):
    """Sends every answer, also one to a request that is closed."""

    def answer(self, request: str, answer: Answer) -> bool:
        was_open = super().answer(request, answer)
        return was_open or self._say(type="answer", request=request, allow=answer.allow, words="")


class AlwaysAllows(CommandDriver):
    def answer(self, request: str, answer: Answer) -> bool:
        return super().answer(request, replace(answer, allow=True))


class ForgetsTheNewForm(CommandDriver):
    def answer(self, request: str, answer: Answer) -> bool:
        return super().answer(request, replace(answer, payload=None))


class Raises(CommandDriver):
    def hear(self, data: bytes) -> None:
        super().hear(data)
        if b"{this" in data:
            raise ValueError(data)


class InterruptsNothing(CommandDriver):
    def interrupt(self) -> bool:
        return super().interrupt() or True


class InjectsAnyTime(CommandDriver):
    def inject(self, text: str) -> bool:
        return super().inject(text) or True


class NeverFresh(CommandDriver):
    def prompt(self, text: str, *, fresh: bool = False) -> None:
        super().prompt(text)


class TwoTurnsAtOnce(CommandDriver):
    def prompt(self, text: str, *, fresh: bool = False) -> None:
        if not self._open.in_turn:
            super().prompt(text, fresh=fresh)


class ForgetsToClose(CommandDriver):
    def close(self) -> None:
        self._lines.finish()


def with_the_key(context: LaunchContext, launch: Launch) -> Launch:
    return replace(launch, env={**launch.env, "TEAM_KEY": context.kit.key})


def with_everything(context: LaunchContext, launch: Launch) -> Launch:
    return replace(launch, env={**launch.env, CANARY: context.environ[CANARY]})


TWICE: Final[Change] = lambda event: [event, event]  # noqa: E731 - a table of small changes

CANARIES: Final[list[tuple[str, Faulty, str]]] = [
    ("ends each turn twice", Faulty(change=TWICE), "a_prompt_opens_one_conversation_and_ends_once"),
    (
        "never says that it started",
        Faulty(change=dropping(Started)),
        "a_prompt_opens_one_conversation_and_ends_once",
    ),
    ("tells totals", Faulty(change=totals()), "usage_is_told_in_increments"),
    ("tells no usage", Faulty(change=dropping(Usage)), "usage_is_told_in_increments"),
    ("cuts words", Faulty(change=in_fragments), "what_drips_is_told_whole"),
    ("loses ends of tools", Faulty(change=dropping(ToolEnd)), "a_tool_call_begins_and_ends"),
    (
        "loses failed tools",
        Faulty(change=dropping(ToolEnd, lambda end: not end.ok)),
        "a_tool_that_fails_is_no_end_of_the_turn",
    ),
    ("calls every end a success", Faulty(change=as_done), "a_tool_is_interrupted"),
    ("is always connected", Faulty(change=as_connected), "a_coordinator_out_of_reach_is_said"),
    ("forgets when a limit ends", Faulty(change=without_its_end), "a_limit_with_an_end_says_when"),
    ("gives two requests one name", Faulty(change=under_one_name), "what_is_allowed_is_done"),
    ("keeps what is gone to itself", Faulty(change=dropping(RequestGone)), "a_request_goes_with_its_agent"),
    ("hides what it does not know", Faulty(change=dropping(Unknown)), "an_unheard_of_event_is_unknown"),
    (
        "hides what is broken",
        Faulty(change=dropping(Broken)),
        "a_line_that_is_no_json_is_told_and_passed_over",
    ),
    ("takes any answer", Faulty(made=TakesAnything), "an_answer_to_nothing_open_is_refused"),
    ("sends late answers", Faulty(made=AnswersLate), "an_answer_to_nothing_open_is_refused"),
    ("allows what is denied", Faulty(made=AlwaysAllows), "what_is_denied_is_not_done"),
    ("forgets the new form", Faulty(made=ForgetsTheNewForm), "what_is_rewritten_is_done_instead"),
    ("raises", Faulty(made=Raises), "a_line_that_is_no_json_is_told_and_passed_over"),
    ("interrupts nothing", Faulty(made=InterruptsNothing), "without_a_turn_there_is_nothing_to_interrupt"),
    ("takes words at any time", Faulty(made=InjectsAnyTime), "words_are_taken_during_a_turn"),
    ("is never fresh", Faulty(made=NeverFresh), "a_fresh_conversation_has_another_name"),
    ("takes two turns at once", Faulty(made=TwoTurnsAtOnce), "no_turn_begins_in_a_turn"),
    ("loses the end of the dead", Faulty(made=ForgetsToClose), "an_agent_that_crashes_loses_its_turn"),
    ("shows the key", Faulty(launched=with_the_key), "nothing_of_the_key_can_be_seen"),
    ("passes on everything", Faulty(launched=with_everything), "nothing_of_the_environment_gets_through"),
]


@pytest.mark.parametrize(("adapter", "case"), [pytest.param(one[1], one[2], id=one[0]) for one in CANARIES])
async def test_a_broken_driver_is_found(
    adapter: Faulty, case: str, tmp_path: Path, coordinator: ScriptedCoordinator
) -> None:
    with pytest.raises(AssertionError):
        await examine(BY_NAME[case], replace(LINES, adapter=adapter), tmp_path, url=coordinator.url)
