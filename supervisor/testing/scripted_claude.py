"""An agent that speaks Claude's stream of JSON on stdio and does what the script in its prompt says.

`python -m supervisor.testing.scripted_claude` is Claude Code as far as a driver sees it, and Qwen Code if it
is started with that program's `--approval-mode`. It reaches the team by `--mcp-config`, keeps its
conversations in `.scripted-claude/` at home, and needs no model.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supervisor.testing.plain_mcp import HttpDoor, tool_names
from supervisor.testing.scripted_claude_turn import Conversation, Turn, TurnOver, write_all

LINE_MAX: Final = 64 << 20
VERSION: Final = "2.1.328"
_TOOLS: Final = ["AskUserQuestion", "Bash", "ExitPlanMode", "Write"]


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    """Read the options that matter; what else the real programs take is let by."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--mcp-config", "--session-id", "--resume", "--model", "--permission-mode"):
        parser.add_argument(name, default="")
    parser.add_argument("-m", dest="model", default="")
    parser.add_argument("--approval-mode", default="")
    parser.add_argument("--allowedTools", default="")
    return parser.parse_known_args(words)[0]


@dataclass(slots=True)
class _Said:
    """One message of the user that waits for its turn."""

    name: str
    text: str


@dataclass(slots=True)
class ScriptedClaude:
    """The program: what it was started with, whom it waits for, and the turn that runs."""

    options: argparse.Namespace
    conversation: Conversation
    door: HttpDoor | None = None
    link: str = "failed"
    waiting: deque[_Said] = field(default_factory=deque)
    answers: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    turn: asyncio.Task[None] | None = None
    is_ending: bool = False

    @property
    def is_qwen(self) -> bool:
        """Tell whose part is played."""
        return bool(self.options.approval_mode)

    # ------------------------------------------------------------ what it says

    def say(self, message: dict[str, Any]) -> None:
        """Write one line."""
        marked = {**message, "session_id": self.conversation.id, "uuid": str(uuid.uuid4())}
        write_all(json.dumps(marked).encode() + b"\n")

    def say_init(self) -> None:
        """Say who we are, as at the begin of each turn."""
        version = {"qwen_code_version": "0.24.4"} if self.is_qwen else {"claude_code_version": VERSION}
        self.say(
            {
                "type": "system",
                "subtype": "init",
                "cwd": str(Path.cwd()),
                "tools": _TOOLS,
                "mcp_servers": [{"name": "supervisor", "status": self.link}],
                "model": self.conversation.model,
                **version,
            }
        )

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the host and wait as long as it takes; who gives up waiting says so."""
        name = str(uuid.uuid4())
        self.answers[name] = asyncio.get_running_loop().create_future()
        write_all(
            json.dumps({"type": "control_request", "request_id": name, "request": request}).encode() + b"\n"
        )
        try:
            return await self.answers[name]
        except asyncio.CancelledError:
            if not self.is_qwen:
                self.say({"type": "control_cancel_request", "request_id": name})
            raise
        finally:
            del self.answers[name]

    def lifecycle(self, name: str, state: str) -> None:
        """Say what became of a message of the user."""
        if name and not self.is_qwen:
            self.say({"type": "command_lifecycle", "command_uuid": name, "state": state})

    def take_in(self) -> list[str]:
        """Take up what was said during the turn, at a tool's end."""
        if self.is_qwen:
            return []
        taken = list(self.waiting)
        self.waiting.clear()
        for said in taken:
            self.lifecycle(said.name, "started")
        return [said.text for said in taken]

    # ------------------------------------------------------------ what it hears

    async def live(self, reader: asyncio.StreamReader) -> int:
        """Do what is said until stdin ends and all is done."""
        async with asyncio.TaskGroup() as tasks:
            async for line in reader:
                try:
                    message = json.loads(line)
                except ValueError:
                    return 1  # as the real program does
                self._hear(message, tasks)
                await asyncio.sleep(0)  # a turn that is interrupted at once has begun all the same
                if self.is_ending:
                    break
            while self.turn is not None:
                await asyncio.wait([self.turn])
        return 0

    def _hear(self, message: dict[str, Any], tasks: asyncio.TaskGroup) -> None:
        match message.get("type"):
            case "user":
                name = str(message.get("uuid", ""))
                if name and name in self.seen:
                    return
                self.seen.add(name)
                text = "\n".join(block.get("text", "") for block in message["message"]["content"])
                self.waiting.append(_Said(name, text))
                self.lifecycle(name, "queued")
                self._go_on(tasks)
            case "control_request":
                self._control(message["request_id"], message["request"])
            case "control_response":
                response = message["response"]
                answer = self.answers.get(response["request_id"])
                if answer is not None and not answer.done():
                    answer.set_result(response.get("response") or {"behavior": "deny", "message": "refused"})

    def _control(self, name: str, request: dict[str, Any]) -> None:
        subtype = request["subtype"]
        found = self._answer_to(subtype, request)
        response: dict[str, Any] = {
            "subtype": "error",
            "error": f"Unsupported control request subtype: {subtype}",
        }
        if found is not None:
            response = {"subtype": "success", "response": found}
        self.say({"type": "control_response", "response": {**response, "request_id": name}})
        if subtype == "interrupt" and self.turn is not None:
            self.turn.cancel()
        elif subtype == "end_session":
            self.is_ending = True
            self.waiting.clear()
            if self.turn is not None:
                self.turn.cancel()

    def _answer_to(self, subtype: str, request: dict[str, Any]) -> dict[str, Any] | None:
        servers = [{"name": "supervisor", "status": self.link}]
        match subtype:
            case "initialize":
                session, version = {"session_id": self.conversation.id}, {"claude_code_version": VERSION}
                return {**session} if self.is_qwen else {**version}
            case "mcp_status" if not self.is_qwen:
                return {"mcpServers": servers}
            case "get_context_usage":
                return {"totalTokens": 100, "contextWindowSize": 200_000, "maxTokens": 200_000}
            case "interrupt":
                return self._dropped() if request.get("cancel_queued") and not self.is_qwen else {}
            case "end_session":
                return {}
        return None

    def _dropped(self) -> dict[str, Any]:
        dropped = [said.name for said in self.waiting]
        self.waiting.clear()
        for name in dropped:
            self.lifecycle(name, "cancelled")
        return {"still_queued": [], "cancelled": dropped}

    # ------------------------------------------------------------ turns

    def _go_on(self, tasks: asyncio.TaskGroup) -> None:
        if self.turn is None and self.waiting:
            self.turn = tasks.create_task(self._turn(self.waiting.popleft()))
            self.turn.add_done_callback(lambda _task: self._over(tasks))

    def _over(self, tasks: asyncio.TaskGroup) -> None:
        self.turn = None
        self._go_on(tasks)

    async def _turn(self, said: _Said) -> None:
        self.lifecycle(said.name, "started")
        if said.text.startswith("/"):
            self._command(said.text)
            self.lifecycle(said.name, "completed")
            return
        self.say_init()
        self.conversation.keep()
        turn = Turn(self, self.conversation)
        state = "completed"
        try:
            ending = await turn.play(said.text)
        except TurnOver as over:
            ending = over.result
        except asyncio.CancelledError:
            ending, state = turn.interrupted(), "cancelled"
        self.say({"type": "result", **ending, **self.conversation.spent(is_qwen=self.is_qwen)})
        self.conversation.keep()
        self.lifecycle(said.name, state)

    def _command(self, text: str) -> None:
        """Do what needs no model."""
        if text == "/clear":
            self.conversation.begin_anew()
        self.say_init()
        result = {"subtype": "success", "is_error": False, "result": "", "num_turns": 0}
        if self.is_qwen:
            self.say({"type": "assistant", "message": {"content": [{"type": "text", "text": "Done."}]}})
        if text not in {"/clear", "/about"}:
            result = {**result, "subtype": "error_during_execution", "is_error": True}
        self.say({"type": "result", **result, **self.conversation.spent(is_qwen=self.is_qwen)})


def _connect(agent: ScriptedClaude) -> None:
    """Reach the team as the configuration says; without it we go on, as the real programs do."""
    if not agent.options.mcp_config:
        return
    with contextlib.suppress(OSError, RuntimeError, KeyError, ValueError):
        configured = json.loads(Path(agent.options.mcp_config).read_text())["mcpServers"]["supervisor"]
        url = configured.get("url") or configured["httpUrl"]
        agent.door = HttpDoor(url=url, headers=configured["headers"])
        tool_names(agent.door)
        agent.link = "connected"


def _no_conversation(session: str) -> bytes:
    errors = [f"No conversation found with session ID: {session}"]
    result = {"type": "result", "subtype": "error_during_execution", "is_error": True, "errors": errors}
    return json.dumps(result).encode() + b"\n"


async def _run(words: Sequence[str]) -> int:
    options = _arguments(words)
    conversation = Conversation.opened(options.resume, options.session_id, options.model or "scripted")
    if conversation is None:
        if options.resume and not options.approval_mode:
            write_all(_no_conversation(options.resume))
        return 1
    agent = ScriptedClaude(options, conversation)
    await asyncio.to_thread(_connect, agent)
    reader = asyncio.StreamReader(limit=LINE_MAX)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return await agent.live(reader)


def main() -> None:
    """Play until stdin ends."""
    os._exit(asyncio.run(_run(sys.argv[1:])))


if __name__ == "__main__":
    main()
