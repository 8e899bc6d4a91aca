"""A conversation with a real program at a real terminal, through the engine's own line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.adapters import events as told
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import AgentEvent, TurnReason
from supervisor.adapters.pty import PtyAdapter
from supervisor.clock import SystemClock
from supervisor.dispatch.ports import Partner
from supervisor.engine.talks import Talk, Talks
from supervisor.model.escape import is_hidden
from supervisor.model.screen import ScreenPatterns, TerminalSpec
from supervisor.model.team import StopLadder
from supervisor.runtime.process import Process
from supervisor.runtime.spawn import spawn
from supervisor.testing.adapter_conformance import make_trial

PATTERNS = ScreenPatterns(
    ready="^\u276f$", done=r"^\* done$|^interrupted$", ask=r"^\(y/n\)$", rate_limit="^API error 429"
)
SPEC = TerminalSpec(rows=20, columns=80, allow_keys=("y",), deny_keys=("n",))
QUICK = StopLadder(leader_s=0.5, group_s=0.5)
PROGRAM = (sys.executable, "-m", "supervisor.testing.scripted_tui")


class Ear:
    """Keeps what is heard."""

    def __init__(self) -> None:
        self.events: list[AgentEvent] = []
        self._more = asyncio.Event()

    def began(self, partner: Partner) -> None: ...

    def ended(self, partner: Partner) -> None:
        self._more.set()

    def heard(self, partner: Partner, event: AgentEvent) -> None:
        self.events.append(event)
        self._more.set()

    async def hears(self, kind: type[AgentEvent], count: int = 1) -> AgentEvent:
        async with asyncio.timeout(20):
            while len(found := [event for event in self.events if isinstance(event, kind)]) < count:
                self._more.clear()
                await self._more.wait()
        return found[-1]


class Stage:
    """One agent at a terminal, its conversation, and what its log gets."""

    def __init__(self, talks: Talks, directory: Path) -> None:
        self.talks = talks
        self.log = bytearray()
        self.ear = Ear()
        self.directory = directory
        talks.listen(self.ear)

    def start(self, *arguments: str, patterns: ScreenPatterns = PATTERNS) -> tuple[Talk, Process]:
        context = make_trial(self.directory).context
        pool = replace(
            context.pool, command=(*PROGRAM, *arguments), adapter="pty", terminal=SPEC, patterns=patterns
        )
        context = replace(context, pool=pool, environ={"PATH": "/usr/bin:/bin"}, workspace=Path.cwd())
        adapter = PtyAdapter()
        talk = self.talks.prepare(context, adapter, log=self.log.extend)
        assert talk is not None
        process = spawn(adapter.launch(context), on_output=talk.hear, clock=SystemClock())
        self.talks.begin(talk, process)
        return talk, process


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    talks = Talks()
    keeping = asyncio.create_task(talks.keep())
    made = Stage(talks, tmp_path)
    yield made
    talk = talks.of("worker-2")
    if talk is not None and talk._process is not None:
        await talk._process.stop(QUICK, now=True)
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_a_prompt_a_question_an_answer_and_an_end(stage: Stage) -> None:
    talk, process = stage.start()
    talk.prompt("please\nSCRIPT: note hello ;; sh true ;; say bye")
    request = await stage.ear.hears(told.Permission)
    assert isinstance(request, told.Permission)
    assert request.payload["screen"][-3:] == ["Allow this command?", "  true", "(y/n)"]
    assert talk.answer(request.request, Answer(allow=True))
    end = await stage.ear.hears(told.TurnEnd)
    assert isinstance(end, told.TurnEnd)
    assert "true: 0" in end.final_text
    talk.prompt("SCRIPT: http 429 ;; sleep 60")
    await stage.ear.hears(told.RateLimited)
    assert talk.interrupt()
    last = await stage.ear.hears(told.TurnEnd, 2)
    assert isinstance(last, told.TurnEnd)
    assert last.reason is TurnReason.INTERRUPTED
    process.close_input()
    assert (await process.wait()).code == 0
    assert (await process.clean_up()).empty


async def test_a_painting_program_is_read_too_and_its_death_loses_the_turn(stage: Stage) -> None:
    patterns = replace(PATTERNS, ready="^ ready$", done="^ ready$", busy="esc to interrupt")
    talk, process = stage.start("--full", patterns=patterns)
    talk.prompt("SCRIPT: say painted")
    end = await stage.ear.hears(told.TurnEnd)
    assert isinstance(end, told.TurnEnd)
    assert "painted" in end.final_text
    talk.prompt("SCRIPT: die 3")
    last = await stage.ear.hears(told.TurnEnd, 2)
    assert isinstance(last, told.TurnEnd)
    assert last.reason is TurnReason.LOST
    assert (await process.wait()).code == 3
    assert (await process.clean_up()).empty


async def test_hostile_words_reach_neither_the_log_nor_anybody_as_they_are(stage: Stage) -> None:
    talk, process = stage.start()
    hostile = r"\x1b]52;c;Y2FuYXJ5\x07\x1b[2J\x9b31mred\u202eevil\x1bP1$r\x1b\\shown"
    talk.prompt(f"SCRIPT: line {hostile} ;; flood 20000")
    end = await stage.ear.hears(told.TurnEnd)
    assert isinstance(end, told.TurnEnd)
    assert end.ok
    await process.stop(QUICK, now=True)
    text = stage.log.decode()
    assert "redevilshown" in text
    assert "Y2FuYXJ5" not in text.replace(hostile, "")
    assert not [each for each in text if each not in "\n\t" and is_hidden(ord(each))]


async def test_an_expression_that_never_ends_holds_nobody_up(stage: Stage) -> None:
    patterns = replace(PATTERNS, rate_limit=r"(x+x+)+y", done=r"^\* done$")
    talk, _ = stage.start(patterns=patterns)
    loop = asyncio.get_running_loop()
    talk.prompt(f"SCRIPT: note {'x' * 70} ;; say bye")
    began = loop.time()
    slowest = 0.0
    while not any(isinstance(event, told.TurnEnd) for event in stage.ear.events):
        before = loop.time()
        await asyncio.sleep(0.01)
        slowest = max(slowest, loop.time() - before)
        assert loop.time() - began < 20
    assert slowest < 1.0
