"""A team's work on a real database, to be killed at any instant: it tells each answer once it has it.

It speaks one fact per acknowledged call: the number and hash of the newest event that it was told of, and
its idempotency key.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.clock import SystemClock
from supervisor.coordinator import approvals, runs, upkeep
from supervisor.coordinator.actor import Actor
from supervisor.coordinator.agents import SlotNews
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.scope import Scope
from supervisor.errors import SupervisorError
from supervisor.model.agent import AgentState, ExitClass, ExitInfo
from supervisor.model.approval import Mode
from supervisor.model.event import Event
from supervisor.model.team import TeamSpec
from supervisor.model.wire import to_wire
from supervisor.store.queries import QUERIES
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.testing.small_team import SMALL_TEAM
from supervisor.transports.mcp.team_desk import TeamDesk
from supervisor.transports.mcp.tools.table import TOOLS
from supervisor.workspace.state_dir import open_state

HANDS: Final = 4
CALLS: Final = 2000


@dataclass(kw_only=True)
class Life:
    """One engine's life without processes: agents are names, and random calls are made for them."""

    coordinator: Coordinator
    desk: TeamDesk
    rng: random.Random
    seed: int
    speak: Callable[[dict[str, Any]], None]
    calls: int = CALLS
    newest: Event | None = None
    tokens: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def begin(self, team: TeamSpec) -> None:
        """Go on with the run, free what a killed life left, and let every agent be ready."""
        begun = await self.coordinator.write(lambda scope: runs.begin_run(scope, team, new=False))
        self.coordinator.store.run = begun.run.id
        await self.coordinator.write(upkeep.engine_was_lost)
        for pool in team.pools:
            for name in pool.agent_names:
                await self.start(name)

    async def start(self, name: str) -> None:
        """Admit the next incarnation of an agent."""
        key = f"{self.seed}-{next(self.numbers)}"
        actor = await self.coordinator.admit(name, key=key, session="crash", boot_id="boot")
        self.actors[name] = actor
        self.tokens[name] = []
        for state in (AgentState.STARTING, AgentState.IDLE):
            await self.news(name, state)

    async def news(self, name: str, state: AgentState, last_exit: ExitInfo | None = None) -> None:
        """Report a slot."""
        news = SlotNews(
            agent=name, state=state, incarnation=self.actors[name].incarnation, last_exit=last_exit
        )
        await self.coordinator.write(lambda scope: upkeep.slot_changed(scope, news))

    async def work(self) -> None:
        """Make random calls, several at once, until killed or done."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(HANDS):
                hands.create_task(self._calls())

    async def _calls(self) -> None:
        for _ in range(self.calls // HANDS):
            step = self.rng.choice(STEPS)
            try:
                await step(self)
            except SupervisorError:
                continue  # a refusal changes nothing, which the fold of events shows

    async def call(self, agent: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and tell that it was answered."""
        key = f"{self.seed}-{next(self.numbers)}" if TOOLS[tool].mutates and self.rng.random() < 0.3 else None
        keyed = {} if key is None else {"idempotency_key": key}
        answer = await self.desk.call(self.actors[agent], tool, arguments | keyed)
        self.told(agent=agent, key=key)
        return answer

    def told(self, **more: Any) -> None:
        """Speak of what was acknowledged."""
        if self.newest is not None:
            self.speak({"seq": self.newest.seq, "hash": self.newest.hash, **more})

    def committed(self, events: list[Event]) -> None:
        """Listen to the store."""
        self.newest = events[-1]

    def worker(self) -> str:
        """Pick somebody who works."""
        return self.rng.choice(("worker-1", "worker-2", "solo"))


async def _plan(life: Life) -> None:
    tasks = (await life.call("planner", "task_list", state="pending"))["tasks"]
    wanted = {"review": life.rng.random() < 0.4, "depends_on": [each["id"] for each in tasks[:1]]}
    await life.call("planner", "task_create", title="work", **wanted)


async def _claim(life: Life) -> None:
    name = life.worker()
    claim = await life.call(name, "task_claim")
    life.tokens[name].append((claim["task"]["id"], claim["token"]))


async def _report(life: Life) -> None:
    name = life.worker()
    if life.tokens[name]:
        task, token = life.tokens[name][-1]
        held = {"task_id": task, "token": token, "percent": life.rng.randrange(101)}
        await life.call(name, life.rng.choice(("task_progress", "task_checkpoint")), **held)


async def _end(life: Life) -> None:
    name = life.worker()
    if not life.tokens[name]:
        return
    task, token = life.tokens[name].pop()
    how: dict[str, dict[str, Any]] = {
        "task_complete": {"result": "done"},
        "task_fail": {"error": "broken"},
        "task_release": {"reason": "busy"},
    }
    tool = life.rng.choice(list(how))
    await life.call(name, tool, task_id=task, token=token, **how[tool])


async def _judge(life: Life) -> None:
    task = (await life.call("judge", "review_take"))["task"]["id"]
    accept = life.rng.random() < 0.6
    more = {} if accept else {"feedback": "tests"}
    await life.call("judge", "task_approve" if accept else "task_reject", task_id=task, **more)


async def _talk(life: Life) -> None:
    to = life.rng.choice(("all", "role:judge", "group:council", "planner", "human"))
    await life.call(life.worker(), "message_send", to=to, body="x" * life.rng.randrange(1, 4000))


async def _read(life: Life) -> None:
    name = life.rng.choice(("planner", "judge", "voter-1"))
    mail = (await life.call(name, "inbox", limit=5))["messages"]
    if mail:
        await life.call(name, "message_ack", ids=[mail[0]["id"]])


async def _vote(life: Life) -> None:
    council = {"options": ["a", "b"], "electorate": ["group:council"]}
    vote = (await life.call("planner", "vote_open", question="?", **council))["vote"]["id"]
    for voter in ("voter-1", "voter-2", "voter-3"):
        await life.call(voter, "vote_cast", vote_id=vote, choice=life.rng.choice("ab"))


async def _remember(life: Life) -> None:
    await life.call(life.worker(), "memory_set", key=life.rng.choice("abc"), value=str(life.rng.random()))


async def _approve(life: Life) -> None:
    name, payload = life.worker(), {"number": life.rng.random()}
    asked = (await life.call(name, "approval_request", kind="k", title="t", payload=payload))["approval"]
    await life.coordinator.write(
        lambda scope: approvals.answer(scope, asked["id"], digest=asked["digest"], allow=True)
    )
    life.told()
    await life.call(name, "approval_use", approval_id=asked["id"], payload=payload)


async def _die(life: Life) -> None:
    name = life.rng.choice(("worker-1", "worker-2"))
    life.coordinator.dismiss(name, life.actors[name].incarnation)
    await life.news(name, AgentState.BACKOFF, ExitInfo(kind=ExitClass.SIGNAL, signal=9))
    await life.start(name)
    life.told()


STEPS: Final = (_plan, _claim, _claim, _report, _end, _judge, _talk, _read, _vote, _remember, _approve, _die)


async def live(
    project: Path, seed: int, speak: Callable[[dict[str, Any]], None], fault: str, calls: int = CALLS
) -> None:
    """Open the project's database and work on it."""
    clock = SystemClock()
    state = open_state(project, create=True)
    FAULTS[fault](speak)
    async with Store(state.database, clock) as store:
        coordinator = Coordinator(store, clock, SMALL_TEAM, Mode.INTERACTIVE)
        desk = TeamDesk(coordinator, facts={}, on_call=lambda _: None, stopping=lambda _: False)
        mute = fault == "told before the commit"
        life = Life(
            coordinator=coordinator,
            desk=desk,
            rng=random.Random(seed),  # noqa: S311 - a repeatable workload
            seed=seed,
            speak=(lambda _: None) if mute else speak,
            calls=calls,
        )
        store.listen(life.committed)
        await life.begin(SMALL_TEAM)
        await life.work()


def _sound(_speak: Callable[[dict[str, Any]], None]) -> None:
    """Change nothing."""


def _told_before_the_commit(speak: Callable[[dict[str, Any]], None]) -> None:
    """Break the order of commit and answer, as a writer without durability does."""
    written = Coordinator.write

    async def write(self: Coordinator, use_case: Callable[[Scope], Any]) -> Any:
        def early(scope: Scope) -> Any:
            answer = use_case(scope)
            speak({"seq": scope.tx.end.seq, "hash": scope.tx.end.hash})
            return answer

        return await written(self, early)

    Coordinator.write = write  # type: ignore[method-assign]


def _event_apart(_speak: Callable[[dict[str, Any]], None]) -> None:
    """Write events in a transaction of their own, after the one with the change."""
    appended = Transaction._append  # noqa: SLF001 - a seeded fault
    committed = Store._commit  # noqa: SLF001 - a seeded fault

    def number_only(self: Transaction, *parts: Any) -> None:
        self._connection.execute("SAVEPOINT event")
        appended(self, *parts)
        self._connection.execute("ROLLBACK TO event")
        self._connection.execute("RELEASE event")

    def commit_twice(self: Store, connection: sqlite3.Connection, waiting: list[Any]) -> Any:
        batch = committed(self, connection, waiting)
        time.sleep(0.01)  # as long as a disk may take: nearly every kill falls in between
        connection.execute("BEGIN IMMEDIATE")
        for event in batch.events:
            columns = to_wire(event) | {"after": json.dumps(event.after, ensure_ascii=False)}
            connection.execute(QUERIES["event.append"], columns)
        connection.execute("COMMIT")
        return batch

    Transaction._append = number_only  # type: ignore[assignment,method-assign]  # noqa: SLF001 - a seeded fault
    Store._commit = commit_twice  # type: ignore[method-assign]  # noqa: SLF001 - a seeded fault


FAULTS: Final[dict[str, Callable[[Callable[[dict[str, Any]], None]], None]]] = {
    "": _sound,
    "told before the commit": _told_before_the_commit,
    "event apart": _event_apart,
}
