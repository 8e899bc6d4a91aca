"""One agent of the crowd as a process of its own: plain HTTP, several calls at once, and a diary of each.

    python -m tests.integration.crowd_client URL KEY NAME DIARY

Reads one order a line from stdin and answers each with a line when it was carried out. The diary gets a line
before each call and one after it, at once, so that it tells of a call that a kill cut off.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from random import Random
from typing import Any
from urllib.parse import urlsplit

Answer = dict[str, Any]
PATIENCE_S = 60.0
STALE = "stale"


class Line:
    """One connection to the endpoint, one call after the other."""

    def __init__(self, url: str, key: str) -> None:
        self._host = urlsplit(url).netloc
        self._port = int(urlsplit(url).port or 0)
        self._key = key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, tool: str, arguments: Answer) -> tuple[str, Answer]:
        """Call a tool; return `ok` or the code of the refusal, and the answer."""
        params = {"name": tool, "arguments": arguments}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._key}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"MCP-Protocol-Version: 2025-11-25\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        async with asyncio.timeout(PATIENCE_S):
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(head.encode() + body)
            message = json.loads(await self._read(reader))
        return _told(message)

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        lines = dict(line.partition(": ")[::2] for line in head.split("\r\n")[1:] if line)
        if "content-length" in lines:
            body = await reader.readexactly(int(lines["content-length"]))
        else:
            body = b""
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        if lines.get("connection") == "close":
            self._streams = None
        data = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
        return data[-1] if data else body


def _told(message: Answer) -> tuple[str, Answer]:
    if "error" in message:
        return str(message["error"].get("data", {}).get("code", "protocol")), message["error"]
    content = message["result"]["structuredContent"]
    if message["result"].get("isError"):
        return content["error"]["code"], content["error"]
    return "ok", content


class Agent:
    """Carries out orders; remembers the tokens that it holds, and those that it used up."""

    def __init__(self, url: str, key: str, name: str, diary: str) -> None:
        self._url, self._key, self._name = url, key, name
        self._diary = os.open(diary, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._calls = 0
        self.held: dict[str, int] = {}
        self.over: list[tuple[str, int]] = []
        self.fails = 1

    def _write(self, **line: Any) -> None:
        os.write(self._diary, f"{json.dumps(line)}\n".encode())

    async def call(self, line: Line, tool: str, *, mark: str = "", **arguments: Any) -> tuple[str, Answer]:
        """Make a call and write it down."""
        self._calls += 1
        number = f"{self._name}/{os.getpid()}/{self._calls}"
        began = time.monotonic_ns()
        self._write(n=number, who=self._name, began=began, tool=tool, arguments=arguments, mark=mark)
        code, answer = await line.call(tool, arguments)
        kept: Answer = {name: answer.get(name) for name in ("token", "holder", "message") if name in answer}
        for noun in ("task", "vote", "approval"):
            if isinstance(answer.get(noun), dict):
                kept[noun] = {
                    name: answer[noun].get(name) for name in ("id", "state", "token", "winner", "outcome")
                }
        self._write(n=number, ended=time.monotonic_ns(), code=code, answer=kept)
        if code == "too_many":
            await asyncio.sleep(min(1.0, float(answer.get("retry_after_s", 0.1))))
        return code, answer

    # ---- single acts

    async def claim(self, line: Line, task: str | None = None, *, key: str | None = None) -> str:
        named = ({} if task is None else {"task_id": task}) | (
            {} if key is None else {"idempotency_key": key}
        )
        code, answer = await self.call(line, "task_claim", **named)
        if code == "ok":
            self.held[answer["task"]["id"]] = answer["token"]
        return code

    async def report(self, line: Line, task: str, tool: str) -> None:
        more: dict[str, Answer] = {
            "task_progress": {"percent": 5},
            "task_complete": {"result": "r"},
            "task_release": {"reason": "r"},
            "task_fail": {"error": "e", "permanent": True},
        }
        token = self.held[task]
        if tool != "task_progress":
            self.held.pop(task)
        code, _ = await self.call(line, tool, task_id=task, token=token, **more[tool])
        if code == "too_many":
            self.held.setdefault(task, token)
        elif code == "ok" and tool != "task_progress":
            self.over.append((task, token))

    async def write_late(self, line: Line, rng: Random) -> None:
        """Write with a token that is not current any more: each of these must be refused."""
        if self.over:
            task, token = rng.choice(self.over)
            await self.call(line, "task_progress", mark=STALE, task_id=task, token=token, percent=9)

    async def twice(self, lines: list[Line], rng: Random, task: str | None) -> None:
        """Claim by two calls at once under one key: what is done is done once, both are told the same."""
        key = f"{self._name}-{self._calls}-{rng.random()}"
        await asyncio.gather(*(self.claim(line, task, key=key) for line in lines[:2]))

    # ---- orders

    async def drain(self, lines: list[Line], rng: Random) -> None:
        """Work until nothing is left to do."""
        idle = 0
        while idle < 2:
            code = await self.claim(lines[0])
            if code != "ok":
                wanted: Answer = {"for": ["task"], "timeout_s": 0.5}
                _, answer = await self.call(lines[0], "wait", **wanted)
                idle = 0 if answer.get("woken_by") else idle + 1
                continue
            await self._work(lines, rng)

    async def _work(self, lines: list[Line], rng: Random) -> None:
        for task in list(self.held):
            chance = rng.random()
            if chance < 0.05:
                await self.twice(lines, rng, task)
            if chance < 0.3:
                await self.report(lines[0], task, "task_progress")
            tool = "task_complete"
            if rng.random() < 0.04:
                tool = "task_release"
            elif self.fails and rng.random() < 0.02:
                self.fails -= 1
                tool = "task_fail"
            await self.report(lines[0], task, tool)
            if rng.random() < 0.1:
                await self.write_late(lines[1], rng)

    async def steer(self, lines: list[Line], rng: Random, tasks: list[str], times: int) -> None:
        """Hold tasks and let them go again."""
        for _ in range(times):
            task = rng.choice(tasks)
            code, _ = await self.call(lines[0], "task_hold", task_id=task, reason="r")
            if code == "ok":
                await self.call(lines[0], "task_unhold", task_id=task)

    async def mix(self, lines: list[Line], rng: Random, order: Answer) -> None:
        """Do a few things of all kinds on a few objects, on all lines at once."""
        seeds = [rng.random() for _ in lines]
        await asyncio.gather(
            *(self._mixed(line, Random(seed), order) for line, seed in zip(lines, seeds, strict=True))
        )

    async def _mixed(self, line: Line, rng: Random, order: Answer) -> None:
        for _ in range(order["ops"]):
            mine = [task for task in order["tasks"] if task in self.held]
            act = rng.choice(("claim", "claim", "claim", "report", "report", "late", "cast", "use", "steer"))
            task = rng.choice(order["tasks"])
            if act == "report" and mine:
                tool = rng.choice(("task_progress", "task_progress", "task_complete", "task_release"))
                await self.report(line, rng.choice(mine), tool)
            elif act == "late":
                await self.write_late(line, rng)
            elif act == "cast":
                choice = rng.choice(("yes", "no"))
                await self.call(line, "vote_cast", vote_id=rng.choice(order["votes"]), choice=choice)
            elif act == "use" and self._name in order["approvals"]:
                number = order["approvals"][self._name]
                await self.call(line, "approval_use", approval_id=number, payload={"n": 1})
            elif act == "steer" and order["steer"]:
                tool = rng.choice(("task_hold", "task_unhold"))
                await self.call(line, tool, task_id=task, **({"reason": "r"} if tool == "task_hold" else {}))
            else:
                await self.claim(line, task)

    async def carry_out(self, order: Answer) -> None:
        """Carry out one order."""
        rng = Random(f"{order['seed']}/{self._name}")
        lines = [Line(self._url, self._key) for _ in range(2)]
        match order["do"]:
            case "drain":
                await self.drain(lines, rng)
            case "steer":
                await self.steer(lines, rng, order["tasks"], order["times"])
            case _:
                await self.mix(lines, rng, order)


async def main() -> None:
    """Carry out orders until there are no more."""
    agent = Agent(*sys.argv[1:5])
    loop = asyncio.get_running_loop()
    while order := await loop.run_in_executor(None, sys.stdin.readline):
        await agent.carry_out(json.loads(order))
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
