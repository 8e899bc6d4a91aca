"""The peer of benchmarks.send: mcp_agent_mail, run as it comes by an interpreter that has it.

It needs an older MCP SDK than ours, so it lives in an environment of its own; BENCH_AGENT_MAIL names
that environment's Python. Durable for it means a row, and a commit to git for each message.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.crew import BODY
from benchmarks.mcp_calls import Connection, Endpoint

PYTHON: Final = "BENCH_AGENT_MAIL"
PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A running server, its project and who may write in it."""

    endpoint: Endpoint
    version: str
    project: str
    agents: tuple[tuple[str, str], ...]

    def letter(self, number: int) -> tuple[str, dict[str, Any]]:
        """Return the call that sends one message from one agent to the next."""
        sender, token = self.agents[number % len(self.agents)]
        to, _ = self.agents[(number + 1) % len(self.agents)]
        arguments = {"project_key": self.project, "sender_name": sender, "to": [to], "subject": "Section 4"}
        return "send_message", arguments | {"body_md": BODY} | ({"sender_token": token} if token else {})


def python() -> str:
    """Return the interpreter that has mcp_agent_mail, or nothing."""
    return os.environ.get(PYTHON, "")


@contextmanager
def running(agents: int) -> Iterator[Office]:
    """Serve a fresh project with so many registered agents."""
    with tempfile.TemporaryDirectory(prefix="bench-mail-") as place:
        project = Path(place) / "project"
        project.mkdir()
        port = _free_port()
        environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite+aiosqlite:///{place}/mail.sqlite3",
            "STORAGE_ROOT": f"{place}/archive",
            "HTTP_RBAC_ENABLED": "false",
            "CONTACT_ENFORCEMENT_ENABLED": "false",
            "LLM_ENABLED": "false",
        }
        command = [
            python(),
            "-m",
            "mcp_agent_mail.cli",
            "serve-http",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        with (Path(place) / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=place, env=environment)
            try:
                endpoint = Endpoint(url=f"http://127.0.0.1:{port}/api/", headers={}, pid=server.pid)
                yield asyncio.run(_opened(endpoint, str(project), agents))
            finally:
                server.terminate()
                server.wait(timeout=PATIENCE_S)


async def _opened(endpoint: Endpoint, project: str, agents: int) -> Office:
    connection = Connection([endpoint])
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with suppress(OSError):
            await connection.ask("ensure_project", {"human_key": project})
            break
        if time.monotonic() > deadline:
            raise TimeoutError("mcp_agent_mail did not answer")
        await asyncio.sleep(0.2)
    named = []
    for _ in range(agents):
        asked = {"project_key": project, "program": "bench", "model": "bench"}
        known = _content(await connection.ask("register_agent", asked))
        named.append((known["name"], known.get("registration_token", "")))
    await connection.close()
    return Office(endpoint=endpoint, version=_version(), project=project, agents=tuple(named))


def _content(body: bytes) -> dict[str, Any]:
    text = body.decode().partition("data: ")[2] or body.decode()
    content: dict[str, Any] = json.loads(text)["result"]["structuredContent"]
    return content


def _version() -> str:
    program = "from importlib.metadata import version; print(version('mcp-agent-mail'))"
    asked = subprocess.run(
        [python(), "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    return asked.stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
