"""Cases of the drivers' examination: services that refuse, protocols that break, agents that die."""

from __future__ import annotations

import json
from typing import Final

from supervisor.adapters.events import (
    Broken,
    LoginNeeded,
    RateLimited,
    Retry,
    ToolEnd,
    ToolStart,
    TurnEnd,
    TurnReason,
    Unknown,
)
from supervisor.clock import SystemClock
from supervisor.testing.driver_cases_turns import is_done
from supervisor.testing.driver_exam import Begun, Cases, Exam, require

case: Final = Cases()

_STRANGE: Final = {"jsonrpc": "2.0", "method": "vendor/unheard_of", "type": "vendor_unheard_of", "params": {}}
_HEALED: Final = "http 529 1"


@case()
async def a_key_that_is_not_accepted_needs_a_person(exam: Exam) -> None:
    """Check that a 401 is no crash and no limit."""
    async with exam.talking() as talk:
        end = await talk.turn("SCRIPT: http 401 99 ;; say never", timeout_s=60)
        require(not end.ok, talk, "the turn cannot have gone well")
        require(talk.all(LoginNeeded), talk, "a person must be asked to log in")


@case()
async def a_limit_with_an_end_says_when(exam: Exam) -> None:
    """Check that a 429 that says when it ends is waited for by us, not by the agent."""
    async with exam.talking() as talk:
        end = await talk.turn("SCRIPT: http 429 99 3600 ;; say never", timeout_s=60)
        require(not end.ok, talk, "the turn cannot have gone well")
        require(end.reason is TurnReason.LIMIT, talk, f"it ended as {end.reason}")
        limits = [one for one in talk.all(RateLimited) if one.until is not None]
        require(limits, talk, "it must say until when")
        left = (limits[-1].until or 0) - SystemClock().now()
        require(3_000 < left < 4_000, talk, f"it says {left:.0f} s")


@case()
async def a_limit_without_an_end_is_a_limit(exam: Exam) -> None:
    """Check that a 429 that does not say when it ends is told as one."""
    async with exam.talking() as talk:
        end = await talk.turn("SCRIPT: http 429 99 ;; say never", timeout_s=60)
        require(not end.ok, talk, "the turn cannot have gone well")
        require(talk.all(RateLimited), talk, "it must say that it is limited")


@case()
async def a_moment_of_overload_is_no_matter(exam: Exam) -> None:
    """Check that a 529 that is over at the second try costs nothing but a moment."""
    async with exam.talking() as talk:
        end = await talk.turn(f"SCRIPT: {_HEALED} ;; say recovered", timeout_s=60)
        require(is_done(end), talk, "the turn did not go well")
        require(end.final_text.strip() == "recovered", talk, f"its last words are {end.final_text!r}")
        require(all(one.attempt >= 1 for one in talk.all(Retry)), talk, "attempts are counted from 1")


@case(only_fakes=True)
async def a_line_that_is_no_json_is_told_and_passed_over(exam: Exam) -> None:
    """Check that the turn goes on."""
    async with exam.talking(breaks=True) as talk:
        end = await talk.turn("SCRIPT: line {this is none ;; say done")
        require(is_done(end), talk, "the turn did not go well")
        require(talk.all(Broken), talk, "it must be told")


@case(only_fakes=True)
async def a_line_of_megabytes_is_passed_over(exam: Exam) -> None:
    """Check that nothing is lost after it."""
    async with exam.talking(breaks=True) as talk:
        end = await talk.turn("SCRIPT: flood 5242880 ;; say done")
        require(is_done(end), talk, "the turn did not go well")


@case(only_fakes=True)
async def an_unheard_of_event_is_unknown(exam: Exam) -> None:
    """Check that new versions say new things; that is told, and never fatal."""
    async with exam.talking() as talk:
        end = await talk.turn(f"SCRIPT: line {json.dumps(_STRANGE)} ;; say done")
        require(is_done(end), talk, "the turn did not go well")
        require(any("unheard_of" in one.what for one in talk.all(Unknown)), talk, "it must be told by name")


@case(only_fakes=True)
async def an_agent_that_leaves_in_a_turn_loses_it(exam: Exam) -> None:
    """Check that an exit with 0 is no result."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: note going ;; die 0")
        await talk.ended()
        require([end.reason for end in talk.all(TurnEnd, after=before)] == [TurnReason.LOST], talk, "no end")


@case(only_fakes=True)
async def an_agent_that_crashes_loses_its_turn(exam: Exam) -> None:
    """Check that an error is none either."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: die 3")
        await talk.ended()
        require([end.reason for end in talk.all(TurnEnd, after=before)] == [TurnReason.LOST], talk, "no end")


@case()
async def a_tool_ends_with_its_agent(exam: Exam) -> None:
    """Check that what was begun is ended by the driver when nothing more comes."""
    async with exam.talking(asks=False) as talk:
        begun = Begun(talk)
        before = talk.prompt(f"SCRIPT: sh {begun.forever} ;; say never")
        await talk.until(ToolStart)
        await begun.heard()
        talk.process.signal_leader(9)
        await talk.ended()
        require([end.ok for end in talk.all(ToolEnd)] == [False], talk, "the call must end as failed")
        require(talk.all(TurnEnd, after=before)[0].reason is TurnReason.LOST, talk, "the turn must be lost")


@case()
async def the_dead_take_no_prompt(exam: Exam) -> None:
    """Check that a prompt to an agent that has ended is a lost turn, not a wait without end."""
    async with exam.talking() as talk:
        await talk.turn("SCRIPT: say done")
        talk.process.signal_leader(9)
        await talk.ended()
        before = talk.prompt("SCRIPT: say never")
        ends = talk.all(TurnEnd, after=before)
        require([end.reason for end in ends] == [TurnReason.LOST], talk, "the turn must be lost at once")
        require(not talk.driver.inject("hello") and not talk.driver.interrupt(), talk, "it is dead")
