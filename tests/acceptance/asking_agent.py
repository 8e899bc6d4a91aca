"""An agent that asks before it acts: JSON lines on its stdin, the team's tools by HTTP.

    python asking_agent.py

It asks for three commands, one after the other, and a question; what it was told is its task's result.
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

COMMANDS = ("make allowed", "curl example.org", "make waiting")


def say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def told(request: str) -> dict[str, Any]:
    while line := await asyncio.to_thread(sys.stdin.readline):
        heard: dict[str, Any] = json.loads(line)
        if heard["type"] == "answer" and heard["request"] == request:
            return heard
    sys.exit(0)


async def main() -> None:
    config = json.loads(Path(os.environ["SUPERVISOR_MCP_CONFIG"]).read_text())["mcpServers"]["supervisor"]
    async with (
        httpx2.AsyncClient(headers=config["headers"], timeout=60) as http,
        streamable_http_client(config["url"], http_client=http) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        say(type="started", session="asking", model="paper-1")
        say(type="coordinator", connected=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            if asked["type"] == "prompt":
                await turn(session, asked["text"])


async def turn(session: ClientSession, text: str) -> None:
    held = re.search(r'`task_id` "(T\d+)", `token` (\d+)', text)
    if held is not None:
        answers = []
        for number, command in enumerate(COMMANDS):
            asked = {"kind": "shell", "tool": "sh", "title": command, "payload": {"command": command}}
            say(type="permission", request=f"p{number}", rewritable=True, **asked)
            answer = await told(f"p{number}")
            answers.append([answer["allow"], answer.get("payload")])
        say(type="question", request="q", text="Which colour?", choices=["red", "green"])
        answers.append([(await told("q"))["allow"], None])
        done = {"task_id": held[1], "token": int(held[2]), "result": json.dumps(answers)}
        await session.call_tool("task_complete", done)
    say(type="turn_end", ok=True, text="asked")


asyncio.run(main())
