"""A small real agent over the official client: plans a number of tasks, or works on them until stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

TICK_S = 0.5


async def main(tasks: int, step_s: float) -> None:
    config = json.loads(Path(os.environ["SUPERVISOR_MCP_CONFIG"]).read_text())["mcpServers"]["supervisor"]
    async with (
        httpx2.AsyncClient(headers=config["headers"], timeout=60) as http,
        streamable_http_client(config["url"], http_client=http) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()

        async def call(tool: str, **arguments: Any) -> dict[str, Any]:
            answer = await session.call_tool(tool, arguments)
            return dict(answer.structured_content or {})

        me = await call("whoami")
        say(f"{me['name']} #{me['incarnation']} reports")
        if me["role"] == "planner":
            for number in range(tasks):
                await call("task_create", title=f"job {number}", idempotency_key=f"job-{number}")
            return
        while True:
            await call("wait", **{"for": ["task"]})
            claimed = await call("task_claim")
            if "error" in claimed:
                continue
            await work(step_s)
            task, token = claimed["task"]["id"], claimed["token"]
            code = "database_unavailable"
            while code == "database_unavailable":
                done = await call("task_complete", task_id=task, token=token, result=me["name"])
                code = done.get("error", {}).get("code", "taken")
                await asyncio.sleep(0 if code == "taken" else TICK_S)
            say(f"{me['name']} handed in {task} by token {token}: {code}")


async def work(step_s: float) -> None:
    """Take so long, and show life in it."""
    for _ in range(int(step_s / TICK_S)):
        await asyncio.sleep(TICK_S)
        say("still at it")
    await asyncio.sleep(step_s % TICK_S)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
