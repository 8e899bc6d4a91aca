"""What every rule of the team machine stands on: a real team, a plain one beside it, and calls on both."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from hypothesis.stateful import RuleBasedStateMachine, invariant

from supervisor.coordinator import runs, upkeep
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews, begin_incarnation
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.views import whole_world
from supervisor.errors import SupervisorError
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.team import Distribution
from supervisor.model.wire import to_wire
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.transports.mcp.tools.table import TOOLS
from tests.integration.plain_team import PlainTeam
from tests.integration.plain_team_mail import CALLED_BY, OK, PEOPLE, WIP, Row
from tests.integration.plain_team_tasks import BLANK, DEALT
from tests.integration.swift_store import SwiftStore, copied

MEMORY: Final = Path("/dev/shm")
AGAIN: Final = 5
"""Every so many calls are made twice."""

MODEL_TEAM: Final = replace(
    SMALL_TEAM,
    pools=tuple(
        replace(pool, tags=PEOPLE[pool.agent_names[0]][2], wip=WIP.get(pool.agent_names[0], 5))
        for pool in SMALL_TEAM.pools
    ),
)
ENDS: Final = frozenset({"task.done", "task.failed", "task.cancelled", "task.skipped"})
DONE: Final = Counter[str]()
"""How many histories, steps and calls were made, and by which rules."""


class HandClock(VirtualClock):
    """A virtual clock for a team in which nobody sleeps."""

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self._move_to(self._monotonic + seconds)


def _team(store: SwiftStore, clock: VirtualClock, distribution: str) -> SmallTeam:
    spec = replace(MODEL_TEAM, distribution=Distribution(distribution))
    return SmallTeam(coordinator=Coordinator(store, clock, spec, Mode.INTERACTIVE), clock=clock)


async def _begin(team: SmallTeam) -> None:
    begun = await team.do(lambda scope: runs.begin_run(scope, MODEL_TEAM, new=False))
    team.store.run = begun.run.id


async def start_agents(team: SmallTeam, *names: str) -> None:
    """Begin the next incarnation of some agents, ready for work, in one transaction."""

    def begin(scope: Scope) -> None:
        for name in names:
            number = begin_incarnation(
                scope, name, key_hash=f"{name}{team.clock.now()}", session="s", boot_id="b"
            )
            for state in (AgentState.STARTING, AgentState.IDLE):
                upkeep.slot_changed(scope, SlotNews(agent=name, state=state, incarnation=number))
            pool = MODEL_TEAM.pool_of(name)
            team.actors[name] = Actor(
                name=name, role=pool.role, incarnation=number, run=1, groups=pool.groups, tags=pool.tags
            )

    await team.clock.advance(1)
    await team.do(begin)


@cache
def beginning() -> tuple[Path, float]:
    """Make the database that every history begins with, and say how late it is there."""
    directory = Path(tempfile.mkdtemp(prefix="begin-", dir=MEMORY if MEMORY.is_dir() else None))
    clock = HandClock()

    async def make() -> None:
        async with SwiftStore(directory / "begin.db", clock) as store:
            team = _team(store, clock, "pull")
            await _begin(team)
            await team.do(_tell_lineages)
            await start_agents(team, *PEOPLE)
            copied(store.path, directory / "0.db")

    asyncio.run(make())
    return directory / "0.db", clock.now()


def _tell_lineages(scope: Scope) -> None:
    for name, parent in CALLED_BY.items():
        agent = replace(scope.agent(name), spawned_by=parent)
        scope.tx.record("agent.enrolled", agent, actor="supervisor")


class MachineBase(RuleBasedStateMachine):
    """Each rule asks the plain team how a call must end and makes it; after each the states are compared."""

    def __init__(self) -> None:
        super().__init__()
        first, now = beginning()
        self.loop = asyncio.new_event_loop()
        self.root = Path(tempfile.mkdtemp(prefix="model-", dir=first.parent))
        self.clock = HandClock(now=now)
        self.plain = PlainTeam(now=now)
        self.openings = 0
        self.calls = 0
        self.crashed_at = 0
        self.seen: dict[str, dict[str, Any]] = {}
        self.ghosts: list[Actor] = []
        self.strange: list[str] = []
        self.path = self.root / "0.db"
        copied(first, self.path)
        self.open()
        for name, pool in ((name, MODEL_TEAM.pool_of(name)) for name in PEOPLE):
            self.team.actors[name] = Actor(
                name=name, role=pool.role, incarnation=1, run=1, groups=pool.groups, tags=pool.tags
            )
        DONE["histories"] += 1

    def run(self, work_to_do: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work_to_do)

    def open(self) -> None:
        self.store = SwiftStore(self.path, self.clock)
        self.run(self.store.__aenter__())
        self.team = _team(self.store, self.clock, self.plain.dealing)
        self.desk = TeamDesk(
            self.team.coordinator, facts={}, on_call=lambda _: None, stopping=lambda _: False
        )
        self.run(_begin(self.team))
        self.look_at_everything()
        self.store.listen(self.heard)

    # ---- what the real team's state is

    def look_at_everything(self) -> None:
        """Read every table; between such looks only what events tell is taken in."""
        world = self.run(self.store.read(whole_world))
        self.seen = {noun: {} for noun in ROWS}
        for noun, spell in ROWS.items():
            for key, value in world.tables[noun].items():
                self.seen[noun][key] = spell(to_wire(value))
        self.events = world.seq

    def heard(self, events: list[Event]) -> None:
        for event in events:
            if event.noun in ROWS:
                known = self.seen[event.noun].get(event.subject)
                self.seen[event.noun][event.subject] = row = ROWS[event.noun](event.after)
                if event.kind in ENDS and known is not None and known["state"] == row["state"]:
                    self.strange.append(f"{event.subject} ended twice by {event.kind}")

    # ---- calls

    def ends(self, expected: str, who: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """Make a call, some twice under one key; it must end as expected, and the second change nothing."""
        self.calls += 1
        DONE["calls"] += 1
        expected = "unauthenticated" if who in self.plain.dead else expected
        twice = self.calls % AGAIN == 0 and TOOLS[tool].mutates
        if twice:
            arguments |= {"idempotency_key": f"call-{self.calls}"}
        before = self.store.last_seq
        answer: Row
        code, answer = self.run(self._call(self.team[who], tool, arguments))
        assert code == expected, f"{who} {tool} {arguments} ended as {code}, not as {expected}: {answer}"
        assert code == OK or self.store.last_seq == before, f"{who} {tool} was refused but changed something"
        if code == OK and twice:
            after = self.store.last_seq
            again = self.run(self._call(self.team[who], tool, arguments))
            assert again == (OK, answer), f"{who} {tool} {arguments} ended otherwise the second time"
            assert self.store.last_seq == after, f"{who} {tool} {arguments} was done twice"
        self.take_over_what_was_dealt()
        return answer

    async def _call(self, actor: Actor, tool: str, arguments: Row) -> tuple[str, Row]:
        self.clock.pass_by(1)
        try:
            return OK, await self.desk.call(actor, tool, arguments)
        except SupervisorError as error:
            return error.code, {"message": error.message}

    def expect(self, who: str, promised: Callable[[], str]) -> str:
        """Let time pass as the call will, and ask the plain team, unless the caller is dead."""
        self.plain.now = self.clock.now() + 1
        return OK if who in self.plain.dead else self.plain.ends(promised)

    def both(self, who: str, promised: Callable[[], str], tool: str, **arguments: Any) -> Row:
        """Let both teams do the same."""
        return self.ends(self.expect(who, promised), who, tool, **arguments)

    def by_person(self, promised: Callable[[], str], use_case: Callable[[Scope], Any]) -> None:
        """Let both teams do what a person or the engine does."""
        self.calls += 1
        self.clock.pass_by(1)
        self.plain.now = self.clock.now()
        expected, code = self.plain.ends(promised), OK
        before = self.store.last_seq
        try:
            self.run(self.team.do(use_case))
        except SupervisorError as error:
            code = error.code
        assert code == expected, f"a person's act ended as {code}, not as {expected}"
        assert code == OK or self.store.last_seq == before, "it was refused but changed something"
        self.take_over_what_was_dealt()

    # ---- finding one's way

    def task(self, number: int) -> str | None:
        """Name one of the newest tasks, 0 being the last."""
        known = list(self.plain.tasks)
        return known[-1 - number] if number < len(known) else None

    def in_state(self, *states: str) -> list[str]:
        return [name for name, task in self.plain.tasks.items() if task["state"] in states]

    def living(self, *names: str) -> str | None:
        return next((name for name in names if name not in self.plain.dead), None)

    def die(self, who: str, to: str) -> None:
        """End an incarnation: by a crash (`backoff`, `parked`), stopped (`exited`) or by itself (`ended`)."""
        actor = self.team[who]
        self.ghosts.append(actor)
        self.plain.now = self.clock.now()
        kinds = {"exited": ExitClass.STOP_REQUESTED, "ended": ExitClass.OK}
        state = AgentState.EXITED if to == "ended" else AgentState(to)
        last_exit = ExitInfo(kind=kinds.get(to, ExitClass.SIGNAL))
        self.team.coordinator.dismiss(who, actor.incarnation)
        self.run(self.team.news(who, state, incarnation=actor.incarnation, last_exit=last_exit, reason="r"))
        self.plain.die(who, to=to)
        self.take_over_what_was_dealt()

    def start(self, who: str) -> None:
        self.plain.now = self.clock.now()
        self.run(start_agents(self.team, who))
        self.plain.start(who)

    # ---- comparing

    @invariant()
    def the_state_is_what_the_plain_team_says(self) -> None:
        DONE["steps"] += 1
        self.take_over_what_was_dealt()
        assert self.strange == []
        for noun, told in self.promised().items():
            assert self.seen[noun] == told, differences(noun, self.seen[noun], told)
        assert list(self.seen["handoff"].values()) == self.plain.handoffs

    def promised(self) -> dict[str, Any]:
        """Spell the plain team's state as `seen` has it."""
        plain = self.plain
        return {
            "task": {name: task_row(task) for name, task in plain.tasks.items()},
            "milestone": {
                name: (row["state"], row["cycle"], row["max_cycles"], row["next_cycle_at"])
                for name, row in plain.milestones.items()
            },
            "agent": plain.everybody(),
            "delivery": {key: (copy["state"], copy["attempts"]) for key, copy in plain.mail.items()},
            "vote": {
                name: (vote["state"], vote["outcome"], vote["winner"], vote["electorate"], vote["quorum"])
                for name, vote in plain.votes.items()
            },
            "ballot": {
                f"{name}/{who}": choice
                for name, vote in plain.votes.items()
                for who, choice in vote["ballots"].items()
            },
            "approval": {name: each["state"] for name, each in plain.approvals.items()},
            "question": {name: (each["state"], each["choice"]) for name, each in plain.questions.items()},
            "memory": {
                place: (row["value"], row["version"], row["author"], row["until"], row["deleted"])
                for place, row in plain.memory.items()
            },
            "board": plain.boards,
            "checkpoint": plain.checkpoints,
        }

    def take_over_what_was_dealt(self) -> None:
        """Take over whom the team's distribution chose, if it chose fairly."""
        if self.plain.dealing == "pull":
            return
        fresh = [
            (task, self.seen["task"][name]["assignee"])
            for name, task in self.plain.tasks.items()
            if task["assignee"] == DEALT
            or (task["assignee"] is None and task["state"] == "pending" and name in self.seen["task"])
        ]
        chosen = [(task, who) for task, who in fresh if who is not None]
        for task, who in chosen:
            able = self.plain.candidates(task)
            assert who in able, f"{who} was dealt what it cannot claim"
            shares = {name: self.plain.share(name) for name in able}
            assert shares[who] <= min(shares.values()) + len(chosen), f"{who} was dealt more than its share"
        for task, who in chosen:
            task["assignee"] = who
            self.plain.turns[who] += 1

    def teardown(self) -> None:
        try:
            told = self.seen
            self.look_at_everything()
            for noun, rows in told.items():
                assert self.seen[noun] == rows, differences(noun, self.seen[noun], rows)
            self.run(self.team.check_invariants())
        finally:
            self.run(self.store.__aexit__(None, None, None))
            self.loop.close()
            shutil.rmtree(self.root)


def differences(noun: str, seen: dict[str, Any], told: dict[str, Any]) -> str:
    """Say what is otherwise than promised."""
    lines = []
    for key in seen.keys() | told.keys():
        one, other = seen.get(key), told.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            lines += [
                f"{key}.{name} is {one[name]!r}, not {other[name]!r}"
                for name in one
                if one[name] != other[name]
            ]
            lines += [f"{key} as it is: {one}"] if one != other else []
        elif one != other:
            lines.append(f"{key} is {one!r}, not {other!r}")
    return f"{noun}: " + "; ".join(sorted(lines))


COMPARED: Final = tuple(name for name in BLANK if name != "archived")


def _task(after: Row) -> Row:
    row = {name: tuple(value) if isinstance(value := after[name], list) else value for name in COMPARED}
    row["archived"] = after["archived_at"] is not None
    return row


def task_row(task: Row) -> Row:
    return {name: task[name] for name in BLANK}


ROWS: Final[dict[str, Callable[[Row], Any]]] = {
    "task": _task,
    "milestone": lambda m: (m["state"], m["cycle"], m["max_cycles"], m["next_cycle_at"]),
    "agent": lambda a: (a["state"], a["task"], bool(a["quarantined"])),
    "delivery": lambda d: (d["state"], d["attempts"]),
    "vote": lambda v: (v["state"], v["outcome"], v["winner"], v["electorate"], v["quorum"]),
    "ballot": lambda b: b["choice"],
    "approval": lambda a: a["state"],
    "question": lambda q: (q["state"], q["choice"]),
    "memory": lambda m: (m["value"], m["version"], m["author"], m["expires_at"], m["deleted"]),
    "board": lambda b: b["text"],
    "checkpoint": lambda c: (c["token"], c["percent"]),
    "handoff": lambda h: (h["task"], h["sender"], h["to"]),
}
"""What of each noun is compared."""
