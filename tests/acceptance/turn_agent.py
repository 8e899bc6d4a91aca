"""A small agent that only does what a turn tells it: JSON lines on its stdin, the team's tools by HTTP.

    python turn_agent.py

A planner makes two tasks of its goal; a worker hands its task in, unless the title says `die` and it is
the first to try it: then it dies in the middle.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


def say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def main() -> None:
    config = json.loads(Path(os.environ["SUPERVISOR_MCP_CONFIG"]).read_text())["mcpServers"]["supervisor"]
    async with (
        httpx2.AsyncClient(headers=config["headers"], timeout=60) as http,
        streamable_http_client(config["url"], http_client=http) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        say(type="started", session=f"session-{os.getpid()}", model="paper-1")
        say(type="coordinator", connected=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            if asked["type"] == "prompt":
                await turn(session, asked["text"])


async def turn(session: ClientSession, text: str) -> None:
    say(type="tool_start", call="1", tool="coordinator")
    if "The goal:" in text:
        for title in ("measure", "die once"):
            await session.call_tool("task_create", {"title": title})
    held = re.search(r'`task_id` "(T\d+)", `token` (\d+)', text)
    if held is not None:
        if "die once" in text and not (fuse := Path("died-once")).exists():
            fuse.touch()
            os._exit(3)
        await session.call_tool(
            "task_complete", {"task_id": held[1], "token": int(held[2]), "result": "done"}
        )
    say(type="tool_end", call="1", ok=True)
    say(type="usage", model="paper-1", input_tokens=1000, output_tokens=100)
    say(type="turn_end", ok=True, text="that was it")


asyncio.run(main())
