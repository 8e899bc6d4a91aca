"""An agent that speaks the JSON lines of the `command` adapter and plays the script in its prompt.

`python -m supervisor.testing.scripted_lines`: what every adapter's examination is itself tried on.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from supervisor.clock import SystemClock
from supervisor.testing.script import Step, answers_of, script_in

_SPENT: Final = {"input_tokens": 800, "cached_tokens": 200, "output_tokens": 50}
_LINE_MAX: Final = 64 << 20


class ScriptedLines:
    """One agent; it has one turn at a time, and asks before each shell command."""

    def __init__(self) -> None:
        """Begin with no conversation."""
        self._turn: asyncio.Task[None] | None = None
        self._answers: Final[dict[str, asyncio.Future[dict[str, Any]]]] = {}
        self._count = 0
        self._session = ""

    async def run(self) -> None:
        """Take what is said until stdin ends; then end what runs."""
        reader = asyncio.StreamReader(limit=_LINE_MAX)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        async with asyncio.TaskGroup() as group:
            while line := await reader.readline():
                self._take(json.loads(line), group)
            if self._turn is not None:
                self._turn.cancel()

    def _take(self, said: dict[str, Any], group: asyncio.TaskGroup) -> None:
        match said["type"]:
            case "prompt":
                self._turn = group.create_task(self._play(said["text"], fresh=said["fresh"]))
                self._turn.add_done_callback(_over)
            case "interrupt" if self._turn is not None:
                self._turn.cancel()
            case "answer":
                waiting = self._answers.pop(said["request"], None)
                if waiting is not None:
                    waiting.set_result(said)
            case _:
                _tell("text", text=f"heard: {said.get('text', '')}")

    async def _play(self, prompt: str, *, fresh: bool) -> None:
        if fresh or not self._session:
            self._session = secrets.token_hex(16)
            _tell("started", session=self._session, model="scripted", version="1")
            _tell("coordinator", connected=await _reaches_team())
        script = script_in(prompt) or (Step("say", "no script"),)
        for group in answers_of(script):
            if not await self._answer(group):
                return

    async def _answer(self, steps: tuple[Step, ...]) -> bool:
        """Play one answer; False if the turn is over with it."""
        for step in steps[:-1]:
            if not await self._simple(step):
                return False
        _tell("usage", model="scripted", **_SPENT)
        last = steps[-1]
        if not last.calls:
            return await self._simple(last)
        async with asyncio.TaskGroup() as group:
            for step in last.calls:
                group.create_task(self._call(step))
        return True

    async def _simple(self, step: Step) -> bool:
        match step.verb:
            case "say":
                _tell("text", text=step.rest)
                _tell("turn_end", ok=True, text=step.rest)
                return False
            case "note":
                _tell("text", text=step.rest)
            case "think":
                _tell("thinking", text=step.rest)
            case "sleep":
                await asyncio.sleep(float(step.rest))
            case "drip":
                await _drip(step.rest)
            case "http":
                return await _refused(step.rest)
            case "hang":
                await asyncio.Event().wait()
            case _:
                _raw(step)
        return True

    async def _call(self, step: Step) -> None:
        self._count += 1
        call = f"call-{self._count}"
        if step.verb not in {"sh", "write"}:
            _tell("tool_start", call=call, tool=step.rest.partition(" ")[0], kind="mcp", title=step.rest)
            _tell("tool_end", call=call, ok=True, summary="fine")
            return
        command = step.rest if step.verb == "sh" else "touch {} # {}".format(*step.rest.split(" ", 1))
        _tell("tool_start", call=call, tool="sh", kind="shell", title=command)
        try:
            is_ok = await self._shell(call, command)
        except asyncio.CancelledError:
            _tell("tool_end", call=call, ok=False, summary="interrupted")
            raise
        _tell("tool_end", call=call, ok=is_ok)

    async def _shell(self, call: str, command: str) -> bool:
        if os.environ.get("SCRIPTED_ALLOWED") != "all":
            answer = await self._asked(call, command)
            if not answer["allow"]:
                return False
            command = answer.get("payload", {}).get("command", command)
        process = subprocess.Popen(  # noqa: ASYNC220 - nothing is awaited between its start and our watch
            ["/bin/sh", "-c", command], stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            await _ended(process.pid)
        except asyncio.CancelledError:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            code: int = process.wait()
        return code == 0

    async def _asked(self, call: str, command: str) -> dict[str, Any]:
        request = f"ask-{call}"
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[request] = waiting
        _tell(
            "permission",
            request=request,
            call=call,
            kind="shell",
            tool="sh",
            title=command,
            payload={"command": command},
            rewritable=True,
            options=[
                {"id": "once", "label": "Allow once", "scope": "once"},
                {"id": "session", "label": "Allow for this session", "scope": "session"},
                {"id": "no", "label": "Deny", "scope": "deny"},
            ],
        )
        try:
            return await waiting
        except asyncio.CancelledError:
            self._answers.pop(request, None)
            _tell("request_gone", request=request, why="interrupted")
            raise


async def _ended(pid: int) -> None:
    """Wait for the end of a child, which stays a zombie."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _over(turn: asyncio.Task[None]) -> None:
    """Say that a turn was interrupted, also one that had not yet begun."""
    if turn.cancelled():
        _tell("turn_end", ok=False, reason="interrupted")


def _tell(what: str, **more: Any) -> None:
    _write(json.dumps({"type": what, **more}))


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _drip(rest: str) -> None:
    count, gap, text = rest.split(" ", 2)
    for _ in range(int(count)):
        await asyncio.sleep(float(gap))
    _tell("text", text=" ".join([text] * int(count)))


async def _refused(rest: str) -> bool:
    """Do as a client does that is refused: try again, wait for the limit's end, or ask for a login."""
    code, times, after = (*rest.split(), "", "")[:3]
    if code == "401":
        _tell("login_needed", detail="the key is not accepted")
    elif code == "429":
        _tell("rate_limited", until=SystemClock().now() + float(after) if after else None, detail="too much")
    else:
        for attempt in range(1, int(times or 1) + 1):
            _tell("retry", status=int(code), attempt=attempt, after_s=0.0)
        return True
    _tell("turn_end", ok=False, reason="limit" if code == "429" else "error")
    return False


def _raw(step: Step) -> None:
    match step.verb:
        case "line":
            _write(step.rest)
        case "flood":
            _write("x" * int(step.rest))
        case "die":
            os._exit(int(step.rest or 1))


def _kit() -> str:
    return Path(os.environ["SUPERVISOR_MCP_CONFIG"]).read_text(encoding="utf-8")


async def _reaches_team() -> bool:
    """Tell whether the coordinator listens where the kit says; a whole call would prove no more here."""
    config = json.loads(_kit())
    host, _, port = config["mcpServers"]["supervisor"]["url"].split("/")[2].partition(":")
    try:
        async with asyncio.timeout(5):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


if __name__ == "__main__":
    asyncio.run(ScriptedLines().run())
