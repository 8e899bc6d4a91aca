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
        sys.stdout.write(f"{me['name']} #{me['incarnation']} reports\n")
        sys.stdout.flush()
        if me["role"] == "planner":
            for number in range(tasks):
                await call("task_create", title=f"job {number}", idempotency_key=f"job-{number}")
            return
        while True:
            await call("wait", **{"for": ["task"]})
            claimed = await call("task_claim")
            if "error" in claimed:
                continue
            await asyncio.sleep(step_s)
            await call(
                "task_complete", task_id=claimed["task"]["id"], token=claimed["token"], result=me["name"]
            )


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
