"""A crowd: one engine's endpoint and many clients, each a process; their diaries as histories."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.integration.linearizability import NEVER, Op, explains
from tests.integration.plain_objects import PlainTask, PlainVote, approval_step, task_step, vote_step

ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 120.0
HALF: Final = 1 << 62
TASK_TOOLS: Final = (
    *("task_claim", "task_progress", "task_complete", "task_release", "task_fail"),
    *("task_hold", "task_unhold"),
)

Answer = dict[str, Any]
History = dict[str, list[Op]]


async def start(module: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tests.integration.{module}",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=1 << 26,
    )


async def line_of(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise AssertionError("the process has no stdout")
    async with asyncio.timeout(PATIENCE_S):
        return await process.stdout.readline()


def say(process: asyncio.subprocess.Process, order: Answer) -> None:
    if process.stdin is None:
        raise AssertionError("the process has no stdin")
    process.stdin.write(f"{json.dumps(order)}\n".encode())


@dataclass(kw_only=True)
class Crowd:
    """The processes, and what was asked of the engine."""

    server: asyncio.subprocess.Process
    url: str
    keys: dict[str, str]
    diaries: Path
    clients: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    asked: dict[int, Answer] = field(default_factory=dict)
    answers: dict[int, asyncio.Future[Answer]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return list(self.clients)

    async def join(self, *names: str) -> None:
        """Let agents come as processes."""
        for name in names:
            diary = str(self.diaries / name)
            self.clients[name] = await start("crowd_client", self.url, self.keys[name], name, diary)

    async def listen(self) -> None:
        """Take the engine's answers in until it ends."""
        while line := await line_of_engine(self.server):
            told = json.loads(line)
            self.answers[told["n"]].set_result(told)

    async def do(self, order: str, **more: Any) -> Answer:
        """Ask something of the engine that no agent may."""
        number = len(self.asked) + 1
        self.asked[number] = {"n": number, "do": order, **more}
        self.answers[number] = asyncio.get_running_loop().create_future()
        say(self.server, self.asked[number])
        async with asyncio.timeout(PATIENCE_S):
            return await self.answers[number]

    def order(self, name: str, **order: Any) -> None:
        say(self.clients[name], order)

    async def carried_out(self, names: Iterable[str]) -> None:
        """Wait until these have done what they were told."""
        for name in names:
            assert await line_of(self.clients[name]) == b"done\n", f"{name} ended in the middle"

    async def kill(self, name: str) -> None:
        """Kill a client in the middle of whatever it does; its agent's next life comes as another process."""
        self.clients[name].send_signal(signal.SIGKILL)
        await self.clients[name].wait()
        self.keys[name] = (await self.do("crash", who=name))["key"]
        await self.join(name)


async def line_of_engine(server: asyncio.subprocess.Process) -> bytes:
    if server.stdout is None:
        raise AssertionError("the engine has no stdout")
    return await server.stdout.readline()


@asynccontextmanager
async def crowd(ground: Path, size: int, *, broken: str = "sound") -> AsyncIterator[Crowd]:
    """Give a crowd of `size` clients beside its engine; `broken` takes a promise out of the engine."""
    diaries = ground / "diaries"
    diaries.mkdir()
    server = await start("crowd_server", str(ground / "crowd.db"), str(size), broken)
    told = json.loads(await line_of(server))
    crowded = Crowd(server=server, url=told["url"], keys=told["keys"], diaries=diaries)
    try:
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(crowded.listen())
            await crowded.join(*(name for name in crowded.keys if name != "planner"))
            yield crowded
            listening.cancel()
    finally:
        for process in (*crowded.clients.values(), server):
            if process.returncode is None:
                process.kill()
            await process.wait()


# ---- histories


def calls_of(diaries: Path) -> list[Answer]:
    """Read all diaries: each call with what came of it, if anything did."""
    calls: dict[str, Answer] = {}
    for diary in sorted(diaries.iterdir()):
        for line in diary.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            calls.setdefault(told["n"], {"ended": NEVER, "code": "", "answer": {}}).update(told)
    return _once_per_key(calls.values())


def _once_per_key(calls: Iterable[Answer]) -> list[Answer]:
    """Take calls under one key that were told the same as one call, which was done before either answer."""
    kept: list[Answer] = []
    by_key: dict[str, Answer] = {}
    for call in calls:
        key = call["arguments"].get("idempotency_key")
        known = by_key.get(key) if key and call["code"] == "ok" else None
        if known is None:
            if key and call["code"] == "ok":
                by_key[key] = call
            kept.append(call)
            continue
        assert known["answer"] == call["answer"], f"one key, two answers: {known} and {call}"
        known["began"] = min(known["began"], call["began"])
        known["ended"] = min(known["ended"], call["ended"])
    return kept


def histories(crowded: Crowd, calls: list[Answer]) -> tuple[History, History, History]:
    """Sort calls by the task, vote and approval that they are about."""
    tasks: History = defaultdict(list)
    votes: History = defaultdict(list)
    approvals: History = defaultdict(list)
    for call in calls:
        tool, arguments, answer = call["tool"], call["arguments"], call["answer"]
        same = {"who": call["who"], "what": tool, "code": call["code"]}
        same |= {"began": call["began"], "ended": call["ended"]}
        if tool in TASK_TOOLS:
            subject = arguments.get("task_id") or (answer.get("task") or {}).get("id")
            if subject is None:
                continue  # whoever was told that there is nothing, or died before an answer came
            answered = answer.get("token" if call["code"] == "ok" else "holder")
            tasks[subject].append(Op(**same, said=(arguments.get("token"),), told=(answered,)))
        elif tool == "vote_cast":
            vote = answer.get("vote") or {}
            outcome = (vote.get("state"), vote.get("winner"))
            votes[arguments["vote_id"]].append(Op(**same, said=(arguments["choice"],), told=outcome))
        elif tool == "approval_use":
            approvals[arguments["approval_id"]].append(Op(**same))
    _lost_claims(calls, tasks)
    for number, order in crowded.asked.items():
        told = crowded.answers[number].result()
        when = {"began": told["began"], "ended": told["ended"]}
        if order["do"] == "crash":
            for ops in tasks.values():
                ops.append(Op(who=order["who"], what="crash", code="ok", **when))
        elif order["do"] == "answer":
            said = ("approved" if order["allow"] else "denied",)
            approvals[order["approval"]].append(
                Op(who="human", what="answer", said=said, code=told["code"], **when)
            )
    return tasks, votes, approvals


def _lost_claims(calls: list[Answer], tasks: History) -> None:
    """A claim of whatever is best that was cut off may have won any task, or none."""
    for call in calls:
        cut = call["ended"] == NEVER and call["tool"] == "task_claim"
        if cut and "task_id" not in call["arguments"]:
            for ops in tasks.values():
                ops.append(Op(who=call["who"], what="task_claim", began=call["began"]))


def looked_at(seen: Answer, tasks: History, votes: History) -> None:
    """Add to each history what the engine shows at its end."""
    for number, told in seen["tasks"].items():
        tasks[number].append(Op(who="", what="look", told=tuple(told), code="ok", began=HALF, ended=HALF + 1))
    for number, told in seen["votes"].items():
        votes[number].append(Op(who="", what="look", told=tuple(told), code="ok", began=HALF, ended=HALF + 1))


def unexplained(tasks: History, votes: History, approvals: History, voters: tuple[str, ...]) -> list[str]:
    """Name the objects whose history no order of its calls explains."""
    wrong = [name for name, ops in tasks.items() if not explains(ops, PlainTask(), task_step)]
    wrong += [name for name, ops in votes.items() if not explains(ops, PlainVote(voters), vote_step)]
    wrong += [name for name, ops in approvals.items() if not explains(ops, "pending", approval_step)]
    return wrong
