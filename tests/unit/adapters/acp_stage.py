"""What tests of the ACP adapter share: a driver held at both ends, and the scripted agent as a process."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from supervisor.adapters.acp import AcpAdapter
from supervisor.adapters.acp_driver import AcpDriver
from supervisor.adapters.acp_opening import Terms
from supervisor.adapters.acp_presets import habits_of
from supervisor.adapters.adapter import LaunchContext
from supervisor.adapters.driver import Driver
from supervisor.adapters.events import AgentEvent, ToolEnd, ToolStart, TurnEnd
from supervisor.adapters.kit import add_to_kit, write_kit
from supervisor.model.agent import Role
from supervisor.model.driving import Allowed
from supervisor.model.team import PoolSpec

AGENT = {"protocolVersion": 1, "agentCapabilities": {"loadSession": True, "mcpCapabilities": {"http": True}}}
SCRIPTED = (sys.executable, "-m", "supervisor.testing.scripted_acp")
PATIENCE_S = 30

Event = TypeVar("Event")


class Wire:
    """A driver, what it sends and what it tells; `takes` is whether the agent reads."""

    def __init__(self, *, agent: str = "", **terms: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.told: list[AgentEvent] = []
        self.takes = True
        pool = PoolSpec(name="w", role=Role.WORKER, command=("x",), agent=agent)
        given = {"directory": "/w", "habits": habits_of(pool), "over_http": {"u": 1}, "over_stdio": {"s": 1}}
        self.driver = AcpDriver(Terms(**{**given, **terms}), self, now=lambda: 1_000.0)

    def send(self, data: bytes) -> bool:
        if self.takes:
            self.sent += [json.loads(line) for line in data.splitlines()]
        return self.takes

    def tell(self, event: AgentEvent) -> None:
        self.told.append(event)

    def hear(self, **message: Any) -> None:
        """Let the agent say a message."""
        self.driver.hear(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def reply(self, result: Any = None, *, error: Any = None) -> None:
        """Let the agent answer what it was asked last."""
        asked = [message for message in self.sent if "method" in message and "id" in message][-1]
        self.hear(id=asked["id"], **({"result": result} if error is None else {"error": error}))

    def update(self, kind: str, /, *, session: str = "s1", **fields: Any) -> None:
        """Let the agent report something."""
        update = {"sessionUpdate": kind, **fields}
        self.hear(method="session/update", params={"sessionId": session, "update": update})

    def write(self, text: str, **fields: Any) -> None:
        """Let the agent write a piece of a message."""
        self.update("agent_message_chunk", content={"type": "text", "text": text}, **fields)

    def ask(self, number: Any = 0, /, *, session: str = "s1", options: Any = None, **call: Any) -> None:
        """Let the agent ask to be allowed something."""
        offered = [
            {"optionId": "once", "name": "Allow", "kind": "allow_once"},
            {"optionId": "always", "name": "Always", "kind": "allow_always"},
            {"optionId": "no", "name": "Reject", "kind": "reject_once"},
        ]
        params = {
            "sessionId": session,
            "toolCall": call,
            "options": offered if options is None else options,
        }
        self.hear(id=number, method="session/request_permission", params=params)

    def begin(self, made: dict[str, Any] | None = None) -> Wire:
        """Let the agent open its session."""
        self.driver.open()
        self.reply(AGENT)
        self.reply({"sessionId": "s1"} if made is None else made)
        return self

    def turn(self, text: str = "go") -> Wire:
        """Begin a turn."""
        self.driver.prompt(text)
        return self

    def asked(self) -> tuple[str, dict[str, Any]]:
        """What the agent was told last by name."""
        message = [each for each in self.sent if "method" in each][-1]
        return message["method"], message["params"]

    def all(self, kind: type[Event]) -> list[Event]:
        """List what was told of one kind."""
        return [event for event in self.told if isinstance(event, kind)]


def is_balanced(told: list[AgentEvent], *, prompts: int) -> bool:
    """Tell whether each prompt has one end, and each tool call too."""
    begun = [event.call for event in told if isinstance(event, ToolStart)]
    ended = [event.call for event in told if isinstance(event, ToolEnd)]
    ends = [event for event in told if isinstance(event, TurnEnd)]
    return sorted(begun) == sorted(ended) and len(set(begun)) == len(begun) and len(ends) == prompts


class Live:
    """A conversation with a real process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told: list[AgentEvent] = []
        self.passed: list[AgentEvent] = []
        self.driver: Driver
        self._news = asyncio.Event()

    def send(self, data: bytes) -> bool:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        return True

    def tell(self, event: AgentEvent) -> None:
        self.told.append(event)
        self._news.set()

    async def until(self, kind: type[Event], *, such: Callable[[Event], bool] = lambda _: True) -> Event:
        """Wait for the next event of a kind, and forget all before it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for index, event in enumerate(self.told):
                    if isinstance(event, kind) and such(event):
                        self.passed = self.told[: index + 1]
                        del self.told[: index + 1]
                        return event
                self._news.clear()
                await self._news.wait()

    async def hear_all(self) -> None:
        assert self.process.stdout is not None
        while data := await self.process.stdout.read(65_536):
            self.driver.hear(data)


def context_for(directory: Path, pool: PoolSpec, *, url: str, resume: str = "") -> LaunchContext:
    """Write a kit as the engine would, with what the adapter wants in it."""
    kit_dir, project = directory / "kit", directory / "project"
    kit_dir.mkdir(mode=0o700, exist_ok=True)
    project.mkdir(exist_ok=True)
    kit = write_kit(
        kit_dir, url=url, key="sk-secret", agent="w", incarnation=1, role=Role.WORKER, prompt="Be brief."
    )
    context = LaunchContext(
        agent="w",
        incarnation=1,
        pool=replace(pool, env={"HOME": str(directory), **pool.env}),
        project=project,
        profile_dir=directory,
        report_dir=directory,
        kit=kit,
        session=secrets.token_hex(8),
        resume=resume,
    )
    for file in AcpAdapter().files(context):
        add_to_kit(kit, file.name, file.text)
    return context


@asynccontextmanager
async def live(context: LaunchContext) -> AsyncIterator[Live]:
    """Start what the adapter says and hold a conversation with it, until it has ended."""
    launch = AcpAdapter().launch(context)
    process = await asyncio.create_subprocess_exec(
        *launch.argv, cwd=launch.cwd, env=launch.env, stdin=-1, stdout=-1, stderr=asyncio.subprocess.DEVNULL
    )
    talk = Live(process)
    talk.driver = AcpAdapter().driver(context, talk)
    talk.driver.open()
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(talk.hear_all())
        try:
            yield talk
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await reader
            talk.driver.close()
            await process.wait()


def scripted_pool(
    *options: str, allowed: Allowed = Allowed.READ, env: dict[str, str] | None = None
) -> PoolSpec:
    """Describe a pool of scripted agents."""
    return PoolSpec(
        name="w",
        role=Role.WORKER,
        command=(*SCRIPTED, *options),
        adapter="acp",
        allowed=allowed,
        env=env or {},
    )


SHELL: dict[str, Any] = {
    "toolCallId": "c1",
    "title": "rm x",
    "kind": "execute",
    "rawInput": {"command": "rm x"},
}


def text_block(text: str) -> dict[str, Any]:
    return {"type": "content", "content": {"type": "text", "text": text}}
