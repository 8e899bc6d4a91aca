"""Cases of the drivers' examination: beginning, turns, tools, sessions, what is used."""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Final

import psutil

from supervisor.adapters.events import (
    ActKind,
    CoordinatorLink,
    Started,
    Text,
    ToolEnd,
    ToolStart,
    TurnEnd,
    TurnReason,
    Usage,
)
from supervisor.errors import WrongState
from supervisor.testing.conversation import Conversation
from supervisor.testing.driver_exam import CANARY, KEY, NOWHERE, Begun, Cases, Exam, require

case: Final = Cases()


def is_done(end: TurnEnd) -> bool:
    """Say whether a turn went well."""
    return end.ok and end.reason is TurnReason.DONE


def spent(talk: Conversation, after: int = 0) -> Counter[str]:
    """Add up what a part of a conversation has used."""
    total: Counter[str] = Counter()
    for used in talk.all(Usage, after=after):
        total["input"] += used.input_tokens or 0
        total["output"] += used.output_tokens or 0
    return total


@case()
async def a_prompt_opens_one_conversation_and_ends_once(exam: Exam) -> None:
    """Check that the first prompt may come before `Started`; there is one of each."""
    async with exam.talking() as talk:
        end = await talk.turn("SCRIPT: say hello there")
        require(is_done(end), talk, "the turn did not go well")
        require(end.final_text.strip() == "hello there", talk, f"its last words are {end.final_text!r}")
        require(len(talk.all(Started)) == 1, talk, "it must start once")
        require(any("hello there" in text.text for text in talk.all(Text)), talk, "no text was told")


@case()
async def what_drips_is_told_whole(exam: Exam) -> None:
    """Check that a text is handed on as a message or as lines, never as fragments of words."""
    async with exam.talking() as talk:
        await talk.turn("SCRIPT: drip 6 0.01 wholeword ;; say end")
        told = " ".join(text.text for text in talk.all(Text))
        require(told.count("wholeword") == 6, talk, f"it told {told!r}")
        require(
            all("whol" not in text.text or "wholeword" in text.text for text in talk.all(Text)), talk, "cut"
        )


@case()
async def a_tool_call_begins_and_ends(exam: Exam) -> None:
    """Check that a shell command has its effect between its two events."""
    async with exam.talking(asks=False) as talk:
        end = await talk.turn("SCRIPT: sh touch made.txt ;; say done")
        require(is_done(end), talk, "the turn did not go well")
        begun = [one for one in talk.all(ToolStart) if one.kind is ActKind.SHELL]
        require(len(begun) == 1, talk, "there must be one shell call")
        require("touch made.txt" in begun[0].title, talk, f"its title is {begun[0].title!r}")
        ended = [one for one in talk.all(ToolEnd) if one.call == begun[0].call]
        require(len(ended) == 1 and ended[0].ok, talk, "it must end well, once")
        require((talk.project / "made.txt").exists(), talk, "nothing was made")


@case()
async def tools_called_at_once_each_begin_and_end(exam: Exam) -> None:
    """Check that the calls of one answer are told apart."""
    async with exam.talking(asks=False) as talk:
        await talk.turn("SCRIPT: par sh touch one.txt && sh touch two.txt ;; say done")
        calls = [one.call for one in talk.all(ToolStart) if one.kind is ActKind.SHELL]
        require(len(set(calls)) == 2, talk, "there must be two calls")
        require(sorted(one.call for one in talk.all(ToolEnd)) == sorted(calls), talk, "both must end")


@case()
async def a_tool_that_fails_is_no_end_of_the_turn(exam: Exam) -> None:
    """Check that a command that ends with an error is the agent's matter."""
    async with exam.talking(asks=False) as talk:
        require(is_done(await talk.turn("SCRIPT: sh false ;; say went on")), talk, "the turn did not go well")
        require(len(talk.all(ToolEnd)) == 1, talk, "the call must end")


@case()
async def the_coordinator_is_called_without_asking(exam: Exam) -> None:
    """Check that its tools are no matter for approvals, also where everything else is."""
    async with exam.talking() as talk:
        end = await talk.turn('SCRIPT: mcp whoami {"word": "here"} ;; say done')
        require(is_done(end), talk, "the turn did not go well")
        kinds = [one.kind for one in talk.all(ToolStart)]
        require(kinds == [ActKind.MCP], talk, f"the calls are {kinds}")
        if exam.subject.says_link:
            require(talk.all(CoordinatorLink)[-1].connected, talk, "it must say that it is connected")


@case()
async def a_coordinator_out_of_reach_is_said(exam: Exam) -> None:
    """Check that an agent without its team is none of the team's."""
    if not exam.subject.says_link:
        return
    async with exam.talking(url=NOWHERE) as talk:
        await talk.turn("SCRIPT: say alone")
        link = await talk.until(CoordinatorLink)
        require(not link.connected, talk, "it must say that it is not connected")


@case()
async def a_second_turn_is_in_the_same_conversation(exam: Exam) -> None:
    """Check that a conversation goes on in one process."""
    async with exam.talking() as talk:
        await talk.turn("SCRIPT: say first")
        session = talk.session
        before = len(talk.events)
        end = await talk.turn("SCRIPT: say second")
        require(end.final_text.strip() == "second", talk, f"its last words are {end.final_text!r}")
        require(talk.session == session, talk, "it began another conversation")
        require(len(talk.all(TurnEnd, after=before)) == 1, talk, "it must end once")


@case()
async def no_turn_begins_in_a_turn(exam: Exam) -> None:
    """Check that a second prompt is refused by an error and harms nothing."""
    async with exam.talking() as talk:
        before = talk.prompt("SCRIPT: drip 3 0.05 word ;; say first")
        try:
            talk.driver.prompt("SCRIPT: say second")
        except WrongState:
            pass
        else:
            require(False, talk, "two turns at once")  # noqa: FBT003 - reads as it is
        end = await talk.until(TurnEnd, after=before)
        require(end.final_text.strip().endswith("first"), talk, f"its last words are {end.final_text!r}")


@case("fresh_session")
async def a_fresh_conversation_has_another_name(exam: Exam) -> None:
    """Check that one process can begin anew, and its usage does not go backwards."""
    async with exam.talking() as talk:
        await talk.turn("SCRIPT: say first")
        session, before = talk.session, len(talk.events)
        end = await talk.turn("SCRIPT: say second", fresh=True)
        require(is_done(end), talk, "the turn did not go well")
        require(len(talk.all(Started, after=before)) == 1, talk, "it must say that it began anew")
        require(talk.session != session, talk, "it is the same conversation")


@case("resume")
async def a_killed_agent_goes_on_in_its_conversation(exam: Exam) -> None:
    """Check that it is killed in a tool call; the next incarnation knows what was said."""
    async with exam.talking(asks=False) as talk:
        begun = Begun(talk)
        before = talk.prompt(f"SCRIPT: sh {begun.forever} ;; say never")
        await begun.heard()
        os.kill(talk.process.pid, signal.SIGKILL)
        await talk.ended()
        require(talk.all(TurnEnd, after=before)[0].reason is TurnReason.LOST, talk, "the turn must be lost")
        session = talk.session
    async with exam.talking(resume=session, incarnation=2) as talk:
        end = await talk.turn("SCRIPT: say back again")
        require(end.final_text.strip() == "back again", talk, f"its last words are {end.final_text!r}")
        require(talk.session == session, talk, f"it went on as {talk.session}, not as {session}")


@case("usage")
async def usage_is_told_in_increments(exam: Exam) -> None:
    """Check that two turns alike use alike; what was used before is not told again."""
    async with exam.talking() as talk:
        await talk.turn("SCRIPT: say one")
        first = spent(talk)
        before = len(talk.events)
        await talk.turn("SCRIPT: say two")
        second = spent(talk, before)
        require(first["output"] > 0, talk, "it used nothing")
        require(second["output"] == first["output"], talk, f"first {first}, then {second}: a total?")
        require(second["input"] < 2 * first["input"], talk, f"first {first}, then {second}: a total?")


@case("usage", "resume")
async def usage_after_a_resume_is_no_total(exam: Exam) -> None:
    """Check that what a former incarnation has used was told by it."""
    async with exam.talking() as talk:
        for number in range(3):
            await talk.turn(f"SCRIPT: say {number}")
        session, earlier = talk.session, spent(talk)["output"]
    async with exam.talking(resume=session, incarnation=2) as talk:
        await talk.turn("SCRIPT: say on")
        used = spent(talk)["output"]
        require(0 < used <= earlier / 2, talk, f"used {earlier} before and {used} after: a total?")


@case()
async def nothing_of_the_key_can_be_seen(exam: Exam) -> None:
    """Check that no argument and no variable of any process of the tree has it."""
    async with exam.talking(asks=False) as talk:
        begun = Begun(talk)
        talk.prompt(f"SCRIPT: sh {begun.forever} ;; say never")
        await begun.heard()
        leader = psutil.Process(talk.process.pid)
        for process in (leader, *leader.children(recursive=True)):
            seen = (*process.cmdline(), *process.environ().values())
            require(not any(KEY in word for word in seen), talk, f"{process.name()} shows the key")
        require(psutil.Process(talk.process.pid).children(), talk, "there must be a tool's process")


@case()
async def nothing_of_the_environment_gets_through(exam: Exam) -> None:
    """Check that an agent's tools see an allow-list."""
    async with exam.talking(asks=False) as talk:
        await talk.turn("SCRIPT: sh env > seen.txt ;; say done")
        seen = (talk.project / "seen.txt").read_text()
        require(CANARY not in seen, talk, "a variable got through")
        require("PATH=" in seen, talk, "there must be a PATH")


@case()
async def stopping_leaves_no_process(exam: Exam) -> None:
    """Check that whatever its tools have started ends with it."""
    async with exam.talking(asks=False) as talk:
        begun = Begun(talk)
        talk.prompt(
            f"SCRIPT: sh (tail -f /dev/null & setsid tail -f /dev/null &) ; {begun.forever} ;; say never"
        )
        await begun.heard()
        tree = psutil.Process(talk.process.pid).children(recursive=True)
        end = await talk.stop()
        require(end.empty, talk, "the tree is not empty")
        left = [process for process in tree if process.is_running() and process.status() != "zombie"]
        require(not left, talk, f"left: {left}")
