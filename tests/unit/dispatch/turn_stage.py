"""The turn keeper over a real coordinator; the agents and their processes are on paper."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from supervisor.adapters.driver import Answer, Capabilities
from supervisor.adapters.events import AgentEvent, CoordinatorLink, Started, TurnEnd, TurnReason
from supervisor.coordinator import work
from supervisor.dispatch.turns import TurnKeeper
from supervisor.errors import WrongState
from supervisor.model.event import Event
from supervisor.model.task import Task
from supervisor.model.team import PoolSpec
from supervisor.model.turn import Turn
from supervisor.supervision.notices import Condemned
from supervisor.testing.small_team import SmallTeam, small_team

ALL = Capabilities(
    turns=True, inject=True, interrupt=True, fresh_session=True, resume=True, usage=True, context=True
)
LIMIT_S = 10.0


@dataclass(eq=False)
class PaperPartner:
    """An agent that a test speaks for."""

    agent: str
    incarnation: int
    pool: PoolSpec
    capabilities: Capabilities = ALL
    resumed: str = ""
    directory: Path = Path()
    prompts: list[tuple[str, bool]] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)
    interrupts: int = 0
    refuses: bool = False
    in_turn: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def prompt(self, text: str, *, fresh: bool = False) -> None:
        if self.refuses or self.in_turn:
            raise WrongState("a turn runs")
        self.in_turn = True
        self.prompts.append((text, fresh))
        self.moved.set()

    def inject(self, text: str) -> bool:
        self.injected.append(text)
        self.moved.set()
        return True

    def interrupt(self) -> bool:
        self.interrupts += 1
        self.moved.set()
        return True

    def answer(self, request: str, answer: Answer) -> bool:
        return False


@dataclass
class PaperBench:
    """Supervision as the keeper sees it."""

    ready_ones: list[tuple[str, int]] = field(default_factory=list)
    condemned: list[tuple[str, Condemned]] = field(default_factory=list)

    def ready(self, agent: str, incarnation: int) -> None:
        self.ready_ones.append((agent, incarnation))

    def condemn(self, agent: str, condemned: Condemned) -> None:
        self.condemned.append((agent, condemned))


@dataclass
class PaperSigns:
    """Oversight as the keeper sees it."""

    events: list[str] = field(default_factory=list)
    tools: list[tuple[str, bool]] = field(default_factory=list)
    limits: list[tuple[str, float]] = field(default_factory=list)

    def heard_event(self, agent: str) -> None:
        self.events.append(agent)

    def heard_tool(self, agent: str, *, runs: bool) -> None:
        self.tools.append((agent, runs))

    def heard_limit(self, agent: str, seconds: float) -> None:
        self.limits.append((agent, seconds))


@dataclass
class Stage:
    """A keeper that runs, and the handles to move its agents."""

    team: SmallTeam
    keeper: TurnKeeper
    bench: PaperBench
    signs: PaperSigns

    def enter(self, name: str, *, linked: bool = True, **changes: Any) -> PaperPartner:
        """Open a conversation with a live incarnation."""
        pool = self.team.coordinator.team.pool_of(name)
        pool_changes = changes.pop("pool", {})
        partner = PaperPartner(name, self.team[name].incarnation, replace(pool, **pool_changes), **changes)
        self.keeper.began(partner)
        self.tell(partner, Started(session_id=partner.resumed or f"s-{name}", model="m"))
        if linked:
            self.tell(partner, CoordinatorLink(connected=True))
        return partner

    def tell(self, partner: PaperPartner, event: AgentEvent) -> None:
        """Let an agent tell something."""
        if isinstance(event, TurnEnd):
            partner.in_turn = False
        self.keeper.heard(partner, event)

    def end(self, partner: PaperPartner, words: str = "", **how: Any) -> None:
        """Let an agent end its turn."""
        told = {"ok": True, "reason": TurnReason.DONE, "final_text": words, **how}
        self.tell(partner, TurnEnd(**told))

    def leave(self, partner: PaperPartner) -> None:
        """Let an agent's process end."""
        if partner.in_turn:
            self.end(partner, ok=False, reason=TurnReason.LOST)
        self.keeper.ended(partner)

    async def prompted(self, partner: PaperPartner, count: int = 1) -> str:
        """Return the prompt number `count` as soon as it is there."""
        await until(partner, lambda: len(partner.prompts) >= count)
        return partner.prompts[count - 1][0]

    async def complete(self, partner: PaperPartner, task: str, result: str = "done") -> None:
        """Let an agent hand its task in by the tool."""
        actor, token = self.team[partner.agent], (await self.team.task(task)).token
        await self.team.do(lambda scope: work.complete(scope, actor, task, token, result))

    async def turns(self) -> list[Turn]:
        """Return all turns, oldest first."""
        return list(await self.team.coordinator.read(lambda scope: scope.tx.values(Turn, "turn.all")))

    async def ended_turns(self, count: int) -> list[Turn]:
        """Return all turns once so many have ended."""
        while True:
            known = await self.turns()
            if sum(turn.ended_at is not None for turn in known) >= count:
                return known
            await self.settle()

    async def until_task(self, task: str, holds: Callable[[Task], object]) -> Task:
        """Return a task once something holds of it."""
        while not holds(found := await self.team.task(task)):
            await self.settle()
        return found

    async def told(self, kind: str) -> list[Event]:
        """Return the events of a kind."""
        return [event for event in await self.team.events() if event.kind == kind]

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        await self.team.clock.settle()
        await self.team.do(lambda _scope: None)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass bit by bit, and the database answer in between."""
        for _ in range(10):
            await self.rest()
            await self.team.clock.advance(seconds / 10)
        await self.rest()

    async def rest(self) -> None:
        """Let everything happen that anybody could still do without time passing."""
        for _ in range(6):
            await self.settle()


async def until(partner: PaperPartner, holds: Callable[[], bool]) -> None:
    """Return once something holds of an agent."""
    async with asyncio.timeout(LIMIT_S):
        while not holds():
            partner.moved.clear()
            await partner.moved.wait()


@asynccontextmanager
async def turn_stage(directory: Path, **changes: Any) -> AsyncIterator[Stage]:
    """Give a keeper over a small team, and cancel it at the end."""
    async with small_team(directory, **changes) as team:
        bench, signs = PaperBench(), PaperSigns()
        keeper = TurnKeeper(team.coordinator, team.clock, random.Random(1), bench)
        keeper.watched_by(signs)
        async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(keeper.keep())
            await team.clock.settle()
            yield Stage(team=team, keeper=keeper, bench=bench, signs=signs)
            keeping.cancel()
