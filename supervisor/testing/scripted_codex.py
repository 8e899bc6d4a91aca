"""An agent that speaks the protocol of Codex' app-server on stdio and plays the script in its prompt.

`python -m supervisor.testing.scripted_codex app-server` is Codex as far as a driver sees it. It reads its
`CODEX_HOME/config.toml`, keeps its threads beside it, and needs no model.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.testing.plain_mcp import HttpDoor, tool_names
from supervisor.testing.scripted_claude_turn import write_all
from supervisor.testing.scripted_codex_turn import Thread, Turn, TurnOver

LINE_MAX: Final = 64 << 20
VERSION: Final = "0.169.0"
_SERVER: Final = "supervisor"


class Refused(Exception):
    """A request is answered with this error."""

    def __init__(self, message: str, code: int = -32600) -> None:
        """Keep what is said."""
        super().__init__(message)
        self.code: Final = code


@dataclass(slots=True)
class ScriptedCodex:
    """The program: its configuration, its threads, whom it waits for, and the turn that runs."""

    config: dict[str, Any]
    silent: frozenset[str] = frozenset()
    is_greeted: bool = False
    door: HttpDoor | None = None
    threads: dict[str, Thread] = field(default_factory=dict)
    answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    shells: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    turn: Turn | None = None
    playing: asyncio.Task[None] | None = None

    @property
    def must_ask_for_tools(self) -> bool:
        """Tell whether the team's tools are asked for."""
        return bool(self._server.get("default_tools_approval_mode") != "approve")

    @property
    def _server(self) -> dict[str, Any]:
        found: dict[str, Any] = self.config.get("mcp_servers", {}).get(_SERVER, {})
        return found

    # ------------------------------------------------------------ what it says

    def notify(self, method: str, **params: Any) -> None:
        """Say something that is not answered, if the host wants to hear it."""
        if method not in self.silent:
            _write({"method": method, "params": params})

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the host and wait as long as it takes; what is answered or given up is resolved."""
        number = next(self.numbers)
        self.answers[number] = asyncio.get_running_loop().create_future()
        _write({"id": number, "method": method, "params": params})
        try:
            return await self.answers[number]
        finally:
            del self.answers[number]
            self.notify("serverRequest/resolved", threadId=params["threadId"], requestId=number)

    async def run(self, call: str, command: str) -> tuple[int, str]:
        """Run a shell in a session of its own; one that was interrupted lives on until it is cleaned up."""
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self.shells[call] = process
        said, _ = await process.communicate()
        del self.shells[call]
        return process.returncode or 0, said.decode("utf-8", "replace")

    # ------------------------------------------------------------ what it hears

    async def live(self, reader: asyncio.StreamReader) -> None:
        """Do what is said until stdin ends."""
        async with asyncio.TaskGroup() as tasks:
            async for line in reader:
                await self._hear(json.loads(line), tasks)
            if self.playing is not None:
                self.playing.cancel()

    async def _hear(self, message: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        if "method" not in message:
            waiting = self.answers.get(message["id"])
            if waiting is not None and not waiting.done():
                waiting.set_result(message.get("result") or {})
        elif "id" in message:
            try:
                result = await self._do(message["method"], message.get("params") or {}, tasks)
            except Refused as refusal:
                _write({"id": message["id"], "error": {"code": refusal.code, "message": str(refusal)}})
                return
            _write({"id": message["id"], "result": result})
            if message["method"] == "turn/start":
                self._play(message["params"], tasks)

    async def _do(self, method: str, params: dict[str, Any], tasks: asyncio.TaskGroup) -> dict[str, Any]:
        if method == "initialize":
            capabilities = params.get("capabilities") or {}
            self.is_greeted, self.silent = (
                True,
                frozenset(capabilities.get("optOutNotificationMethods") or ()),
            )
            return {"userAgent": f"scripted/{VERSION}", "codexHome": os.environ["CODEX_HOME"]}
        if not self.is_greeted:
            raise Refused("Not initialized")
        match method:
            case "account/read":
                return {"account": None, "requiresOpenaiAuth": "model_provider" not in self.config}
            case "thread/start":
                return await self._open(Thread(), params)
            case "thread/resume":
                return await self._resume(params)
            case "thread/unsubscribe":
                self.threads.pop(params["threadId"], None)
                return {}
            case "thread/backgroundTerminals/clean":
                self._clean_up()
                return {}
            case "turn/start":
                return self._begin(params)
            case "turn/steer" | "turn/interrupt":
                return self._during(method, params)
        raise Refused(f"unknown method {method}", -32601)

    async def _resume(self, params: dict[str, Any]) -> dict[str, Any]:
        thread = Thread.kept(params["threadId"])
        if thread is None:
            raise Refused(f"no rollout found for thread id {params['threadId']}")
        opened = await self._open(thread, params)
        self.notify(
            "thread/tokenUsage/updated",
            threadId=thread.id,
            turnId="before",
            tokenUsage=thread.usage(thread.totals),
        )
        return opened

    async def _open(self, thread: Thread, params: dict[str, Any]) -> dict[str, Any]:
        thread.settings = params
        self.notify("mcpServer/startupStatus/updated", threadId=thread.id, name=_SERVER, status="starting")
        try:
            self.door = HttpDoor(url=self._server["url"], headers=self._server["http_headers"])
            await asyncio.to_thread(tool_names, self.door)
        except (OSError, RuntimeError, KeyError) as problem:
            self.door = None
            if self._server.get("required"):
                why = f"required MCP servers failed to initialize: {_SERVER}: {problem}"
                raise Refused(f"error creating thread: {why}", -32603) from problem
            self.notify(
                "mcpServer/startupStatus/updated",
                threadId=thread.id,
                name=_SERVER,
                status="failed",
                error=str(problem),
            )
        else:
            self.notify("mcpServer/startupStatus/updated", threadId=thread.id, name=_SERVER, status="ready")
        self.threads[thread.id] = thread
        return {
            "model": params.get("model") or "scripted",
            "thread": {"id": thread.id, "cliVersion": VERSION, "cwd": params.get("cwd")},
        }

    # ------------------------------------------------------------ turns

    def _begin(self, params: dict[str, Any]) -> dict[str, Any]:
        thread = self.threads.get(params["threadId"])
        if thread is None:
            raise Refused(f"thread not found: {params['threadId']}")
        if self.turn is not None:
            raise Refused("a turn is running")
        self.turn = Turn(self, thread)
        return {"turn": {"id": self.turn.id, "status": "inProgress", "items": []}}

    def _play(self, params: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        text = "\n".join(part.get("text", "") for part in params["input"])
        self.playing = tasks.create_task(self._turn(text))

    def _during(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("expectedTurnId") or params.get("turnId")
        if self.turn is None or self.playing is None or wanted != self.turn.id:
            raise Refused(f"no active turn to {method.rpartition('/')[2]}")
        if method == "turn/steer":
            self.turn.steered += [part["text"] for part in params["input"]]
            return {"turnId": self.turn.id}
        self.playing.cancel()
        return {}

    async def _turn(self, text: str) -> None:
        turn = self.turn
        assert turn is not None  # noqa: S101 - it was just begun
        self.notify("turn/started", threadId=turn.thread.id, turn={"id": turn.id, "status": "inProgress"})
        turn.thread.keep()
        status, error = "completed", None
        try:
            await turn.play(text)
        except TurnOver as over:
            status, error = over.status, over.error
        except asyncio.CancelledError:
            status = "interrupted"
        turn.thread.keep()
        self.turn = self.playing = None
        ended: dict[str, Any] = {"id": turn.id, "status": status, "error": error, "items": []}
        self.notify("turn/completed", threadId=turn.thread.id, turn=ended)

    def _clean_up(self) -> None:
        for shell in self.shells.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        self.shells.clear()


def _write(message: dict[str, Any]) -> None:
    write_all(json.dumps(message).encode() + b"\n")


async def _run() -> None:
    config = tomllib.loads((Path(os.environ["CODEX_HOME"]) / "config.toml").read_text())
    reader = asyncio.StreamReader(limit=LINE_MAX)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await ScriptedCodex(config).live(reader)


def main() -> None:
    """Play until stdin ends."""
    if sys.argv[1:2] != ["app-server"]:
        sys.exit("usage: python -m supervisor.testing.scripted_codex app-server")
    asyncio.run(_run())
    os._exit(0)


if __name__ == "__main__":
    main()
