"""One turn of the scripted agent that speaks as Codex' app-server, and the thread it belongs to."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supervisor.testing.plain_mcp import call_tool
from supervisor.testing.script import Step, script_in, steps_of
from supervisor.testing.scripted_claude_turn import write_all
from supervisor.testing.scripted_request import Tool
from supervisor.testing.scripted_tools import Values, arguments_of

if TYPE_CHECKING:
    from supervisor.testing.scripted_codex import ScriptedCodex

_RETRIES: Final = 5
_NEVER_AGAIN: Final = frozenset({400, 403, 404})
_WINDOW: Final = 200_000
_COUNTED: Final = ("inputTokens", "cachedInputTokens", "outputTokens")


class TurnOver(Exception):
    """The turn ends before its script does: `status` and `error` are what is said of it."""

    def __init__(self, status: str, error: dict[str, Any] | None = None) -> None:
        """Keep what is said."""
        super().__init__()
        self.status: Final = status
        self.error: Final = error


@dataclass(slots=True, kw_only=True)
class Thread:
    """What outlives the process: its name, and what was used in it in all."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    totals: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    allowed: list[str] = field(default_factory=list)

    @classmethod
    def kept(cls, name: str) -> Thread | None:
        """Return one that an earlier process kept."""
        file = _kept() / f"{name}.json"
        if not file.is_file():
            return None
        return cls(id=name, totals=json.loads(file.read_text())["totals"])

    def keep(self) -> None:
        """Write it down."""
        _kept().mkdir(parents=True, exist_ok=True)
        (_kept() / f"{self.id}.json").write_text(json.dumps(asdict(self)))

    def use(self, given: int, made: int, cached: int) -> dict[str, Any]:
        """Count one answer of the model; return the totals as the program says them."""
        last = dict(zip(_COUNTED, (given + cached, cached, made), strict=True))
        for name, tokens in last.items():
            self.totals[name] = self.totals.get(name, 0) + tokens
        return self.usage(last)

    def usage(self, last: dict[str, int]) -> dict[str, Any]:
        """Say what was used."""
        return {"total": _whole(self.totals), "last": _whole(last), "modelContextWindow": _WINDOW}


def _whole(tokens: dict[str, int]) -> dict[str, int]:
    counted = {name: tokens.get(name, 0) for name in _COUNTED}
    total = counted["inputTokens"] + counted["outputTokens"]
    return {**counted, "cacheWriteInputTokens": 0, "reasoningOutputTokens": 0, "totalTokens": total}


def _kept() -> Path:
    return Path(os.environ["CODEX_HOME"]) / "sessions"


@dataclass(slots=True)
class Turn:
    """Plays one script; what it does is told as the real program tells it."""

    agent: ScriptedCodex
    thread: Thread
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    spent: tuple[int, int, int] = (100, 20, 30)
    results: list[str] = field(default_factory=list)
    steered: list[str] = field(default_factory=list)

    async def play(self, text: str) -> None:
        """Do all steps; TurnOver says how it ends otherwise."""
        for step in script_in(text) or (Step("say", f"nothing to play in: {text[:200]}"),):
            await self._hear_the_steered()
            if step.verb == "say":
                self._answered()
                self._item("agentMessage", text=step.rest)
                return
            await self._step(step)
        self._item("agentMessage", text="done")

    async def _hear_the_steered(self) -> None:
        if self.results and self.steered:
            heard, self.steered = self.steered, []
            for words in heard:
                self._item("agentMessage", text=f"heard: {words}")

    # ------------------------------------------------------------ what it says

    def tell(self, method: str, **params: Any) -> None:
        """Say something about this turn."""
        self.agent.notify(method, threadId=self.thread.id, turnId=self.id, **params)

    def _item(self, of_type: str, **more: Any) -> None:
        item = {"type": of_type, "id": f"item_{uuid.uuid4().hex}", **more}
        self.tell("item/started", item=item)
        self.tell("item/completed", item=item)

    def _answered(self) -> None:
        """Say what the model's answer has cost."""
        self.tell("thread/tokenUsage/updated", tokenUsage=self.thread.use(*self.spent))

    # ------------------------------------------------------------ steps

    async def _step(self, step: Step) -> None:
        match step.verb:
            case "sh" | "write" | "mcp" | "tool":
                self._answered()
                await self._call(step)
            case "par":
                self._answered()
                for part in step.rest.split("&&"):
                    for inner in steps_of(part):
                        await self._call(inner)
            case "note" | "think" | "drip":
                await self._speak(step)
            case "sleep":
                await asyncio.sleep(float(step.rest))
            case "usage":
                given, made, *cached = (int(word) for word in step.rest.split())
                self.spent = (given, made, cached[0] if cached else 0)
            case "http":
                self._refused(step)
            case "hang":
                await asyncio.Event().wait()
            case _:
                _misbehave(step)

    async def _speak(self, step: Step) -> None:
        if step.verb == "think":
            self._item("reasoning", summary=[step.rest], content=[])
            return
        times, gap, text = step.rest.split(" ", 2) if step.verb == "drip" else ("1", "0", step.rest)
        for _ in range(int(times)):
            self._item("agentMessage", text=text)
            await asyncio.sleep(float(gap))

    def _refused(self, step: Step) -> None:
        """Try again as often as the real program, and give up as it does."""
        code, times, retry_after = (*step.rest.split(), "1", "0")[:3]
        status = int(code)
        most = 0 if status in _NEVER_AGAIN else _RETRIES
        for attempt in range(min(int(times), most)):
            disconnected = {"responseStreamDisconnected": {"httpStatusCode": status}}
            self.tell(
                "error",
                error={"message": f"Reconnecting... {attempt + 1}/{most}", "codexErrorInfo": disconnected},
                willRetry=True,
            )
        if int(times) <= most:
            return
        if status == 429 and float(retry_after):
            window = {"usedPercent": 100, "resetsAt": int(time.time() + float(retry_after))}
            self.tell("account/rateLimits/updated", rateLimits={"primary": window})
        known = {429: "usageLimitExceeded", 401: "unauthorized"}.get(status)
        failed = {"httpConnectionFailed": {"httpStatusCode": status}}
        error = {"message": f"unexpected status {status}: scripted", "codexErrorInfo": known or failed}
        self.tell("error", error=error, willRetry=False)
        raise TurnOver("failed", error)

    # ------------------------------------------------------------ tools

    async def _call(self, step: Step) -> None:
        """Call a tool: announced, allowed if it must be, done, and told."""
        call = f"call_{uuid.uuid4().hex}"
        match step.verb:
            case "sh":
                await self._shell(call, step.rest)
            case "write":
                await self._write(call, *step.rest.split(" ", 1))
            case "mcp":
                await self._mcp(call, step)
            case _:
                await self._tool(call, step)

    async def _shell(self, call: str, command: str) -> None:
        spelled = shlex.join(["/bin/bash", "-lc", command])
        item = {"type": "commandExecution", "id": call, "command": spelled, "cwd": str(Path.cwd())}
        self.tell("item/started", item={**item, "status": "inProgress"})
        if self.thread.settings.get("approvalPolicy") == "untrusted" and command not in self.thread.allowed:
            decision = await self._asked(
                "item/commandExecution/requestApproval", itemId=call, command=spelled, cwd=str(Path.cwd())
            )
            if decision == "acceptForSession":
                self.thread.allowed.append(command)
            if decision not in {"accept", "acceptForSession"}:
                self._declined(item, decision)
                return
        code, said = await self.agent.run(call, command)
        self.results.append(said)
        status = "failed" if code else "completed"
        self.tell(
            "item/completed", item={**item, "status": status, "exitCode": code, "aggregatedOutput": said}
        )

    async def _write(self, call: str, path: str, text: str) -> None:
        change = {"path": path, "kind": {"type": "add"}, "diff": text}
        item = {"type": "fileChange", "id": call, "changes": [change]}
        self.tell("item/started", item={**item, "status": "inProgress"})
        if self.thread.settings.get("approvalPolicy") == "untrusted":
            decision = await self._asked("item/fileChange/requestApproval", itemId=call)
            if decision not in {"accept", "acceptForSession"}:
                self._declined(item, decision)
                return
        await asyncio.to_thread(Path(path).write_text, f"{text}\n")
        self.results.append("written")
        self.tell("item/completed", item={**item, "status": "completed"})

    async def _asked(self, method: str, **params: Any) -> str:
        answer = await self.agent.ask(
            method, threadId=self.thread.id, turnId=self.id, startedAtMs=0, **params
        )
        return str(answer.get("decision"))

    def _declined(self, item: dict[str, Any], decision: str) -> None:
        self.results.append("declined")
        self.tell("item/completed", item={**item, "status": "declined"})
        if decision != "decline":
            raise TurnOver("interrupted")

    async def _mcp(self, call: str, step: Step) -> None:
        name = step.rest.partition(" ")[0]
        given = arguments_of(step, Tool(name=name), Values(self.results, {}))
        item = {"type": "mcpToolCall", "id": call, "server": "supervisor", "tool": name, "arguments": given}
        self.tell("item/started", item={**item, "status": "inProgress"})
        is_good, text = await self._call_team(name, given)
        self.results.append(text)
        if is_good:
            result = {"content": [{"type": "text", "text": text}]}
            self.tell("item/completed", item={**item, "status": "completed", "result": result})
        else:
            self.tell("item/completed", item={**item, "status": "failed", "error": {"message": text}})

    async def _call_team(self, name: str, given: dict[str, Any]) -> tuple[bool, str]:
        if self.agent.must_ask_for_tools:
            meta = {"codex_approval_kind": "mcp_tool_call", "tool_name": name, "tool_params": given}
            answer = await self.agent.ask(
                "mcpServer/elicitation/request",
                threadId=self.thread.id,
                turnId=self.id,
                serverName="supervisor",
                mode="form",
                message=f'Allow the supervisor MCP server to run tool "{name}"?',
                requestedSchema={"type": "object", "properties": {}},
                _meta={**meta, "persist": ["session", "always"]},
            )
            if answer.get("action") != "accept":
                return False, "user rejected MCP tool call"
        if self.agent.door is None:
            return False, "there is no team"
        try:
            return await asyncio.to_thread(call_tool, self.agent.door, name, given)
        except (OSError, RuntimeError) as problem:
            return False, str(problem)

    async def _tool(self, call: str, step: Step) -> None:
        name = step.rest.partition(" ")[0]
        given = arguments_of(step, Tool(name=name), Values(self.results, {}))
        if name == "update_plan":
            self.tell("turn/plan/updated", plan=given["plan"])
            self.results.append("Plan updated")
        elif name == "request_user_input":
            answer = await self.agent.ask(
                "item/tool/requestUserInput",
                threadId=self.thread.id,
                turnId=self.id,
                itemId=call,
                isBlocking=True,
                **given,
            )
            self.results.append(json.dumps(answer))
        elif name == "compact":
            self._item("contextCompaction")
        else:
            self._item("dynamicToolCall", tool=name, arguments=given, status="completed", success=False)


def _misbehave(step: Step) -> None:
    """Do what no agent should."""
    match step.verb:
        case "die":
            os._exit(int(step.rest or 1))
        case "line":
            write_all(step.rest.encode() + b"\n")
        case "flood":
            write_all(b"x" * int(step.rest) + b"\n")
