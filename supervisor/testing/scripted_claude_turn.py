"""One turn of the scripted agent that speaks Claude's stream of JSON, and the conversation it belongs to."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supervisor.testing.plain_mcp import call_tool
from supervisor.testing.script import Step, script_in, steps_of
from supervisor.testing.scripted_request import Tool
from supervisor.testing.scripted_tools import Values, arguments_of

if TYPE_CHECKING:
    from supervisor.testing.scripted_claude import ScriptedClaude

_RETRIES: Final = 10
_NEVER_AGAIN: Final = frozenset({400, 403, 404})
_PRICE: Final = 1e-6


class TurnOver(Exception):
    """The model cannot be reached: `result` says so."""

    def __init__(self, result: dict[str, Any]) -> None:
        """Keep what is said."""
        super().__init__()
        self.result: Final = result


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What outlives the process: its name, and what was used in it in all."""

    id: str
    model: str
    totals: dict[str, int] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)

    @classmethod
    def opened(cls, resume: str, session: str, model: str) -> Conversation | None:
        """Go on with one, or begin; None, and it is said why, if that cannot be."""
        name = resume or session or str(uuid.uuid4())
        file = _kept() / name
        if resume and not file.is_file():
            sys.stderr.write(f"No conversation found with session ID: {resume}\n")
            return None
        if not resume and file.is_file():
            sys.stderr.write(f"Error: Session ID {session} is already in use.\n")
            return None
        totals = json.loads(file.read_text())["totals"] if resume else {}
        return cls(id=name, model=model, totals=totals)

    def keep(self) -> None:
        """Write it down."""
        _kept().mkdir(parents=True, exist_ok=True)
        (_kept() / self.id).write_text(json.dumps(asdict(self)))

    def begin_anew(self) -> None:
        """Forget all, under another name."""
        self.id, self.totals, self.since = str(uuid.uuid4()), {}, {}

    def use(self, given: int, made: int, cached: int) -> None:
        """Count one answer of the model."""
        for name, tokens in (
            ("inputTokens", given),
            ("outputTokens", made),
            ("cacheReadInputTokens", cached),
        ):
            self.totals[name] = self.totals.get(name, 0) + tokens
            self.since[name] = self.since.get(name, 0) + tokens

    def spent(self, *, is_qwen: bool) -> dict[str, Any]:
        """Say what was used, as the program does: in all, and since it last said so."""
        since, self.since = self.since, {}
        if is_qwen:
            used = self.totals.get("inputTokens", 0) + self.totals.get("cacheReadInputTokens", 0)
            return {"usage": {"input_tokens": used, "output_tokens": self.totals.get("outputTokens", 0)}}
        return {
            "total_cost_usd": sum(self.totals.values()) * _PRICE,
            "modelUsage": {self.model: _with_money(self.totals)} if self.totals else {},
            "model_usage_since_last_result": {self.model: _with_money(since)} if since else {},
        }


def _with_money(tokens: dict[str, int]) -> dict[str, Any]:
    money = {"costUSD": sum(tokens.values()) * _PRICE, "costBasis": "list", "contextWindow": 200_000}
    return {**tokens, **money}


def _kept() -> Path:
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home()) / ".scripted-claude"


@dataclass(slots=True)
class Turn:
    """Plays one script; what it does is told as the real program tells it."""

    agent: ScriptedClaude
    conversation: Conversation
    spent: tuple[int, int, int] = (100, 20, 30)
    results: list[str] = field(default_factory=list)
    open_calls: set[str] = field(default_factory=set)
    last_text: str = ""

    async def play(self, text: str) -> dict[str, Any]:
        """Do all steps; return the result."""
        for step in script_in(text) or (Step("say", f"nothing to play in: {text[:200]}"),):
            for heard in self.agent.take_in() if self.results else ():
                self._say([{"type": "text", "text": f"heard: {heard}"}])
            if step.verb == "say":
                return self._done(step.rest)
            await self._step(step)
        return self._done("done")

    def interrupted(self) -> dict[str, Any]:
        """End where we are."""
        for call in tuple(self.open_calls):
            self._end_call(call, "interrupted", is_error=True)
        said = {"subtype": "error_during_execution", "is_error": True}
        if self.agent.is_qwen:
            return {**said, "error": {"message": "Operation cancelled."}}
        return {**said, "terminal_reason": "aborted_streaming", "errors": ["interrupted"]}

    def _done(self, text: str) -> dict[str, Any]:
        self._say([{"type": "text", "text": text}], counts=True)
        return {"subtype": "success", "is_error": False, "result": text, "stop_reason": "end_turn"}

    def _say(self, content: list[dict[str, Any]], *, counts: bool = False) -> None:
        given, made, cached = self.spent
        usage: dict[str, int] = {"input_tokens": given, "output_tokens": made}
        if counts:
            self.conversation.use(given, made, cached)
            usage = {**usage, "cache_read_input_tokens": cached}
            if self.agent.is_qwen:  # counts the cached ones with the others
                usage["input_tokens"] += cached
        elif self.agent.is_qwen:
            usage = {"input_tokens": 0, "output_tokens": 0}
        message = {"role": "assistant", "model": self.conversation.model, "content": content, "usage": usage}
        self.agent.say({"type": "assistant", "parent_tool_use_id": None, "message": message})

    # ------------------------------------------------------------ steps

    async def _step(self, step: Step) -> None:
        match step.verb:
            case "sh" | "write" | "mcp" | "tool":
                await self._call(step)
            case "par":
                calls = [inner for part in step.rest.split("&&") for inner in steps_of(part)]
                await asyncio.gather(*(self._call(inner) for inner in calls))
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
            self._say([{"type": "thinking", "thinking": step.rest, "signature": ""}])
            return
        times, gap, text = step.rest.split(" ", 2) if step.verb == "drip" else ("1", "0", step.rest)
        for _ in range(int(times)):
            self._say([{"type": "text", "text": text}])
            await asyncio.sleep(float(gap))

    def _refused(self, step: Step) -> None:
        """Try again as often as the real program, and give up as it does."""
        code, times, retry_after = (*step.rest.split(), "1", "0")[:3]
        status = int(code)
        gives_up = status in _NEVER_AGAIN or (status == 401 and self.agent.is_qwen)
        most = 0 if gives_up else int(os.environ.get("CLAUDE_CODE_MAX_RETRIES", _RETRIES))
        if not self.agent.is_qwen:
            for attempt in range(min(int(times), most)):
                self.agent.say(
                    {
                        "type": "system",
                        "subtype": "api_retry",
                        "attempt": attempt + 1,
                        "max_retries": most,
                        "retry_delay_ms": 500,
                        "error_status": status,
                        "error": {429: "rate_limit", 401: "authentication_failed"}.get(status, "overloaded"),
                    }
                )
        if int(times) <= most:
            return
        if self.agent.is_qwen:
            words = f"[API Error: {status} scripted]"
            raise TurnOver(
                {"subtype": "error_during_execution", "is_error": True, "error": {"message": words}}
            )
        if status == 429 and float(retry_after):
            resets = int(time.time() + float(retry_after))
            info = {"status": "rejected", "resetsAt": resets, "rateLimitType": "five_hour"}
            self.agent.say({"type": "rate_limit_event", "rate_limit_info": info})
        raise TurnOver(
            {
                "subtype": "success",
                "is_error": True,
                "terminal_reason": "api_error",
                "api_error_status": status,
                "result": f"API Error: {status} scripted",
            }
        )

    # ------------------------------------------------------------ tools

    async def _call(self, step: Step) -> None:
        """Call a tool: announced, allowed if it must be, done, and told."""
        tool, given = self._described(step)
        call = f"toolu_{uuid.uuid4().hex}"
        self.open_calls.add(call)
        self._say([{"type": "tool_use", "id": call, "name": tool, "input": given}], counts=True)
        if self._asks(step.verb, tool):
            answer = await self.agent.ask(
                {
                    "subtype": "can_use_tool",
                    "tool_name": tool,
                    "input": given,
                    "tool_use_id": call,
                    "permission_suggestions": self._suggestions(tool, given),
                }
            )
            if answer.get("behavior") != "allow":
                self._end_call(call, str(answer.get("message", "")), is_error=True)
                return
            if not self.agent.is_qwen or step.verb == "tool":
                given = answer.get("updatedInput", given)
            self._remember(answer.get("updatedPermissions") or [])
        is_good, text = await self._do(step, tool, given)
        self._end_call(call, text, is_error=not is_good)

    def _end_call(self, call: str, text: str, *, is_error: bool) -> None:
        self.results.append(text)
        self.open_calls.discard(call)
        block = {"type": "tool_result", "tool_use_id": call, "content": text, "is_error": is_error}
        self.agent.say({"type": "user", "message": {"role": "user", "content": [block]}})

    def _described(self, step: Step) -> tuple[str, dict[str, Any]]:
        is_qwen = self.agent.is_qwen
        if step.verb == "sh":
            return "run_shell_command" if is_qwen else "Bash", {"command": step.rest}
        if step.verb == "write":
            path, _, text = step.rest.partition(" ")
            return "write_file" if is_qwen else "Write", {"file_path": path, "content": text}
        name = step.rest.partition(" ")[0]
        given = arguments_of(step, Tool(name=name), Values(self.results, {}))
        return f"mcp__supervisor__{name}" if step.verb == "mcp" else name, given

    def _asks(self, verb: str, tool: str) -> bool:
        options: Any = self.agent.options
        allowed, mode = str(options.allowedTools), str(options.approval_mode or options.permission_mode)
        if verb == "mcp":
            return not self.agent.is_qwen and allowed not in {tool, "mcp__supervisor"}
        if verb == "write":
            return mode not in {"auto-edit", "acceptEdits"}
        return verb == "sh" or tool in {"AskUserQuestion", "ask_user_question", "ExitPlanMode"}

    def _suggestions(self, tool: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        if self.agent.is_qwen:
            return [{"type": "allow", "label": "Allow", "description": ""}, {"type": "deny", "label": "Deny"}]
        rule = {"toolName": tool, "ruleContent": str(given.get("command", ""))}
        return [
            {"type": "addRules", "rules": [rule], "behavior": "allow", "destination": "localSettings"},
            {"type": "setMode", "mode": "acceptEdits", "destination": "session"},
        ]

    def _remember(self, rules: list[dict[str, Any]]) -> None:
        for rule in rules:
            if rule.get("type") == "setMode":
                self.agent.options.permission_mode = rule["mode"]

    async def _do(self, step: Step, tool: str, given: dict[str, Any]) -> tuple[bool, str]:
        match step.verb:
            case "sh":
                return await _shell(given["command"])
            case "write":
                await asyncio.to_thread(Path(given["file_path"]).write_text, given["content"])
                return True, "written"
            case "mcp":
                if self.agent.door is None:
                    return False, "there is no team"
                name = tool.removeprefix("mcp__supervisor__")
                try:
                    return await asyncio.to_thread(call_tool, self.agent.door, name, given)
                except (OSError, RuntimeError) as problem:
                    return False, str(problem)
        if tool in {"AskUserQuestion", "ask_user_question"}:
            return True, json.dumps(given.get("answers"))
        return tool in {"ExitPlanMode", "TodoWrite"}, f"{tool} was called"


async def _shell(command: str) -> tuple[bool, str]:
    process = await asyncio.create_subprocess_shell(
        command, stdin=asyncio.subprocess.DEVNULL, stdout=-1, stderr=asyncio.subprocess.STDOUT
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return process.returncode == 0, said.decode("utf-8", "replace")


def _misbehave(step: Step) -> None:
    """Do what no agent should."""
    match step.verb:
        case "die":
            os._exit(int(step.rest or 1))
        case "line":
            write_all(step.rest.encode() + b"\n")
        case "flood":
            write_all(b"x" * int(step.rest) + b"\n")


def write_all(data: bytes) -> None:
    """Write all of it, however long the host takes to read."""
    os.set_blocking(1, True)
    while data:
        data = data[os.write(1, data) :]
