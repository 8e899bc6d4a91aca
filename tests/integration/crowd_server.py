"""An endpoint for a crowd as a process of its own: a real store, a coordinator, keys; orders come on stdin.

    python -m tests.integration.crowd_server DATABASE SIZE SOUND|CLAIMS|VOTES|APPROVALS

Prints where it is and everybody's key, then answers each order (a JSON line with a number) by a line. The
last argument says what is broken in it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from supervisor.coordinator import approvals, planning, plans, runs, votes, work
from supervisor.coordinator.coordinator import Coordinator
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.plans import NewPlan
from supervisor.coordinator.scope import Scope
from supervisor.coordinator.votes import NewVote
from supervisor.errors import SupervisorError
from supervisor.model.agent import Role
from supervisor.model.approval import APPROVAL_MOVES, ApprovalState, Mode
from supervisor.model.task import Task
from supervisor.model.team import PoolSpec
from supervisor.model.vote import Vote
from supervisor.store.store import Store
from supervisor.store.transaction import Transaction
from supervisor.testing.clock import VirtualClock
from supervisor.testing.small_team import SMALL_TEAM, SmallTeam
from supervisor.transports.mcp.server import McpServer
from supervisor.transports.mcp.team_desk import TeamDesk

Answer = dict[str, Any]
PAGE = 500


class Forgiving(VirtualClock):
    """A clock that stands still, so that no lease runs out, but goes on for the limits of rate."""

    def monotonic(self) -> float:
        """Return real seconds."""
        return time.monotonic()


def crowd_spec(size: int) -> Any:
    """Describe a team of so many workers, two of whom may steer too."""
    pools = (
        PoolSpec(name="planner", role=Role.PLANNER, command=("p",)),
        PoolSpec(name="solo", role=Role.SOLO, command=("s",), size=2, wip=10_000),
        PoolSpec(name="worker", role=Role.WORKER, command=("w",), size=size - 2, wip=10_000),
    )
    return replace(SMALL_TEAM, pools=pools)


def break_it(how: str) -> None:
    """Take one promise out of this process."""
    if how == "claims":
        work.check_claimable = lambda *_: None
    elif how == "votes":
        found = Transaction.one
        Transaction.one = lambda self, query, /, **more: (  # type: ignore[method-assign]
            None if query == "ballot.get" else found(self, query, **more)
        )
    elif how == "approvals":
        used = APPROVAL_MOVES[ApprovalState.APPROVED]
        moves = {**APPROVAL_MOVES, ApprovalState.DENIED: used | {ApprovalState.APPROVED}}
        vars(approvals)["APPROVAL_MOVES"] = moves


class Host:
    """Does what only the engine or a person may do."""

    def __init__(self, team: SmallTeam) -> None:
        """Speak for a team."""
        self._team = team

    async def do(self, order: Answer) -> Answer:
        """Carry out one order."""
        match order["do"]:
            case "tasks":
                return {"tasks": await self._tasks(order["count"])}
            case "scene":
                return await self._scene(order)
            case "answer":
                return await self._answer(order["approval"], allow=order["allow"])
            case "crash":
                await self._team.crash(order["who"])
                actor = await self._team.start(order["who"])
                return {"key": f"key-{actor.name}-{actor.incarnation}"}
            case "look":
                return await self._team.coordinator.read(self._look)
            case _:
                await self._team.check_invariants()
                return {}

    async def _tasks(self, count: int) -> list[str]:
        made: list[str] = []
        while len(made) < count:
            new = tuple(NewTask(title="t") for _ in range(min(PAGE, count - len(made))))
            made += await self._team.do(partial(self._plan, NewPlan(name="n", tasks=new)))
        return made

    def _plan(self, wanted: NewPlan, scope: Scope) -> list[str]:
        _, tasks = plans.create_plan(scope, self._team["planner"], wanted)
        return [task.id for task in tasks]

    async def _scene(self, order: Answer) -> Answer:
        def make(scope: Scope) -> Answer:
            planner = self._team["planner"]
            new = NewTask(title="t")
            tasks = [planning.create_task(scope, planner, new).id for _ in range(order["tasks"])]
            wanted = NewVote(
                question="?", options=("yes", "no"), electorate=tuple(order["voters"]), tie="first"
            )
            vote = votes.open_vote(scope, planner, wanted)
            asked = {
                who: approvals.request(
                    scope, self._team[who], kind="k", title="t", payload={"n": 1}, tier=1
                ).id
                for who in order["askers"]
            }
            return {"tasks": tasks, "votes": [vote.id], "approvals": asked}

        scene: Answer = await self._team.do(make)
        return scene

    async def _answer(self, number: str, *, allow: bool) -> Answer:
        def decide(scope: Scope) -> None:
            shown = approvals.the_approval(scope, number).digest
            approvals.answer(scope, number, digest=shown, allow=allow)

        try:
            await self._team.do(decide)
        except SupervisorError as error:
            return {"code": error.code}
        return {"code": "ok"}

    def _look(self, scope: Scope) -> Answer:
        tasks = {
            task.id: [task.state.value, task.holder, task.token] for task in scope.tx.values(Task, "task.all")
        }
        ended = {vote.id: [vote.state.value, vote.winner] for vote in scope.tx.values(Vote, "vote.all")}
        return {"tasks": tasks, "votes": ended}


async def main(database: str, size: int, broken: str) -> None:
    """Serve until there are no more orders."""
    break_it(broken)
    spec, clock = crowd_spec(size), Forgiving(now=time.time())
    async with Store(Path(database), clock) as store:
        coordinator = Coordinator(store, clock, spec, Mode.INTERACTIVE)
        begun = await coordinator.write(lambda scope: runs.begin_run(scope, spec, new=False))
        store.run = begun.run.id
        team = SmallTeam(coordinator=coordinator, clock=clock)
        for pool in spec.pools:
            for name in pool.agent_names:
                await team.start(name)
        desk = TeamDesk(coordinator, facts={}, on_call=lambda _: None, stopping=lambda _: False)
        async with McpServer(desk) as server:
            await server.ready()
            keys = {name: f"key-{name}-1" for name in team.actors}
            _say({"url": server.url, "keys": keys})
            await _serve(Host(team))


async def _serve(host: Host) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as orders:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            orders.create_task(_obey(host, json.loads(line)))


async def _obey(host: Host, order: Answer) -> None:
    began = time.monotonic_ns()
    try:
        answer = await host.do(order)
    except AssertionError as wrong:
        answer = {"wrong": str(wrong)}
    _say({"n": order["n"], "began": began, "ended": time.monotonic_ns(), **answer})


def _say(line: Answer) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
