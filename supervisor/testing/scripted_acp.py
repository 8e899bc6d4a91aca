"""An agent that speaks ACP on stdio and does what the script in its prompt says: `python -m` this module.

It is built on the agent side of the protocol's own package, which judges what our client says. Options:

    --no-http     it cannot reach MCP servers by HTTP: it wants one to start
    --no-load     its sessions do not outlive it
    --locked      it opens no session before `authenticate`, for which SCRIPTED_ACP_KEY must be set
    --no-login    it opens no session whatever one does
    --deaf        it never answers a thing
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import acp
from acp import schema

from supervisor.adapters.kit import SERVER_NAME
from supervisor.testing.plain_mcp import BridgeDoor, HttpDoor, TeamDoor, call_tool, tool_names
from supervisor.testing.script import Step, script_in
from supervisor.testing.scripted_request import Tool
from supervisor.testing.scripted_tools import Values, arguments_of

LINE_MAX: Final = 64 << 20
_TRIES: Final = 3
_MODES: Final = {"default": "asks", "autoEdit": "edits", "yolo": "asks nobody", "auto": "as it likes"}
_OPTIONS: Final = [
    schema.PermissionOption(option_id="once", name="Allow", kind="allow_once"),
    schema.PermissionOption(option_id="session", name="Allow for this session", kind="allow_always"),
    schema.PermissionOption(option_id="always", name="Always allow", kind="allow_always"),
    schema.PermissionOption(option_id="no", name="Reject", kind="reject_once"),
]


@dataclass(slots=True, kw_only=True)
class _Session:
    """One session: what it was told, where it reaches the team, and what its tools have answered."""

    id: str
    directory: str
    door: TeamDoor | None
    mode: str = "auto"
    answers: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)
    turn: asyncio.Task[schema.PromptResponse] | None = None
    used: int = 0


class ScriptedAgent:
    """Plays scripts; one turn at a time in each session, a prompt during a turn is heard in it."""

    def __init__(self, options: frozenset[str]) -> None:
        """Begin with no session."""
        self._options: Final = options
        self._sessions: Final[dict[str, _Session]] = {}
        self._kept: Final = Path.home() / ".scripted-acp"
        self._is_in = not options & {"--locked", "--no-login"}
        self._calls = 0
        self._client: acp.Client

    def on_connect(self, conn: acp.Client) -> None:
        """Remember whom to tell."""
        self._client = conn

    async def initialize(self, protocol_version: int, *_: Any, **__: Any) -> schema.InitializeResponse:
        """Say what we can."""
        if "--deaf" in self._options:
            await asyncio.Event().wait()
        key = schema.EnvVarAuthMethod(
            type="env_var", id="key", name="API key", vars=[schema.AuthEnvVar(name="SCRIPTED_ACP_KEY")]
        )
        return schema.InitializeResponse(
            protocol_version=min(protocol_version, acp.PROTOCOL_VERSION),
            agent_capabilities=schema.AgentCapabilities(
                load_session="--no-load" not in self._options,
                mcp_capabilities=schema.McpCapabilities(http="--no-http" not in self._options),
            ),
            auth_methods=[key],
            agent_info=schema.Implementation(name="scripted-acp", version="1.2.3"),
        )

    async def authenticate(self, method_id: str, **_: Any) -> None:
        """Let in who has the key."""
        if method_id != "key" or "SCRIPTED_ACP_KEY" not in os.environ or "--no-login" in self._options:
            raise acp.RequestError.auth_required()
        self._is_in = True

    async def new_session(
        self, cwd: str, additional_directories: Any = None, mcp_servers: Any = None, **_: Any
    ) -> schema.NewSessionResponse:
        """Open a session; like real agents we look at once what the team offers."""
        if not self._is_in:
            raise acp.RequestError.auth_required()
        session = _Session(id=f"session-{os.getpid()}-{len(self._sessions)}", directory=cwd, door=None)
        await self._begin(session, mcp_servers)
        return schema.NewSessionResponse(session_id=session.id, modes=_modes(session))

    async def load_session(
        self, cwd: str, session_id: str, mcp_servers: Any = None, *_: Any, **__: Any
    ) -> schema.LoadSessionResponse:
        """Go on with a session, after telling its past as the protocol has it."""
        file = self._kept / session_id
        if not file.is_file():
            raise acp.RequestError.resource_not_found(session_id)
        session = _Session(id=session_id, directory=cwd, door=None)
        await self._begin(session, mcp_servers)
        for line in file.read_text().splitlines():
            await self._tell(session, acp.update_user_message_text(line))
            await self._tell(session, acp.update_agent_message_text("long ago"))
        return schema.LoadSessionResponse(modes=_modes(session))

    async def set_session_mode(
        self, session_id: str, mode_id: str, **_: Any
    ) -> schema.SetSessionModeResponse:
        """Ask less, or more."""
        self._sessions[session_id].mode = mode_id
        return schema.SetSessionModeResponse()

    async def cancel(self, session_id: str, **_: Any) -> None:
        """End the turn."""
        turn = self._sessions[session_id].turn
        if turn is not None:
            turn.cancel()

    async def prompt(self, session_id: str, prompt: Any, **_: Any) -> schema.PromptResponse:
        """Play the script of a prompt, or hear it in the turn that runs."""
        session = self._sessions[session_id]
        text = "\n".join(block.text for block in prompt)
        if session.turn is not None:
            session.heard.append(text)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([session.turn])
            return schema.PromptResponse(stop_reason="end_turn")
        with (self._kept / session_id).open("a") as file:
            file.write(" ".join(text.split()) + "\n")
        session.turn = asyncio.create_task(self._play(session, text))
        try:
            return await session.turn
        except asyncio.CancelledError:
            return schema.PromptResponse(stop_reason="cancelled")
        finally:
            session.turn = None

    # ------------------------------------------------------------ sessions

    async def _begin(self, session: _Session, servers: Any) -> None:
        self._kept.mkdir(exist_ok=True)
        (self._kept / session.id).touch()
        self._sessions[session.id] = session
        for server in servers or ():
            if isinstance(server, schema.HttpMcpServer):
                headers = {header.name: header.value for header in server.headers}
                session.door = HttpDoor(url=server.url, headers=headers)
            elif isinstance(server, schema.McpServerStdio):
                env = {each.name: each.value for each in server.env}
                session.door = BridgeDoor([server.command, *server.args], env)
            if session.door is not None:
                with contextlib.suppress(OSError, RuntimeError):  # as real agents: it goes on without
                    await asyncio.to_thread(tool_names, session.door)

    async def _tell(self, session: _Session, update: Any) -> None:
        await self._client.session_update(session_id=session.id, update=update)

    # ------------------------------------------------------------ scripts

    async def _play(self, session: _Session, text: str) -> schema.PromptResponse:
        for step in script_in(text) or (Step("say", f"nothing to play in: {text[:200]}"),):
            while session.heard:
                await self._tell(session, acp.update_agent_message_text(f"heard: {session.heard.pop(0)}\n"))
            if step.verb == "say":
                await self._say(session, step.rest)
                break
            await self._step(session, step)
        else:
            await self._say(session, "done")
        session.used += 110
        cost = schema.Cost(amount=session.used / 1e6, currency="USD")
        await self._tell(
            session,
            schema.UsageUpdate(session_update="usage_update", used=session.used, size=200_000, cost=cost),
        )
        usage = schema.Usage(total_tokens=110, input_tokens=60, output_tokens=10, cached_read_tokens=40)
        return schema.PromptResponse(stop_reason="end_turn", usage=usage)

    async def _say(self, session: _Session, text: str) -> None:
        half = len(text) // 2
        for piece in (text[:half], text[half:]):
            await self._tell(session, acp.update_agent_message_text(piece))

    async def _step(self, session: _Session, step: Step) -> None:
        match step.verb:
            case "sh" | "write" | "mcp" | "tool" | "par":
                await asyncio.gather(*(self._call(session, call) for call in step.calls))
            case "note" | "drip":
                await self._drip(session, step)
            case "think":
                await self._tell(session, acp.update_agent_thought_text(step.rest))
            case "sleep":
                await asyncio.sleep(float(step.rest))
            case "hang":
                await asyncio.Event().wait()
            case "http":
                _be_refused(step)
            case _:
                _misbehave(step)

    async def _drip(self, session: _Session, step: Step) -> None:
        if step.verb == "note":
            await self._say(session, step.rest)
            return
        times, gap, text = step.rest.split(" ", 2)
        for _ in range(int(times)):
            await self._tell(session, acp.update_agent_message_text(text))
            await asyncio.sleep(float(gap))

    async def _call(self, session: _Session, step: Step) -> None:
        """Call a tool: announced, allowed if it must be, done, and told."""
        self._calls += 1
        call = f"call-{os.getpid()}-{self._calls}"
        title, kind, given = _described(session, step)
        name = f"{SERVER_NAME}_{title}" if step.verb == "mcp" else step.verb
        await self._tell(
            session, acp.start_tool_call(call, name, kind=kind, status="pending", raw_input=given)
        )
        if step.verb != "mcp" and not await self._may(session, call, title, kind, given):
            await self._tell(session, acp.update_tool_call(call, status="failed"))
            return
        await self._tell(session, acp.update_tool_call(call, title=title, status="in_progress"))
        is_good, answer = await self._do(session, step, given)
        session.answers.append(answer)
        await self._tell(
            session,
            acp.update_tool_call(
                call,
                status="completed" if is_good else "failed",
                content=[acp.tool_content(acp.text_block(answer))],
            ),
        )

    async def _may(self, session: _Session, call: str, title: str, kind: Any, given: dict[str, Any]) -> bool:
        asks = {"default": ("execute", "edit", "other"), "autoEdit": ("execute", "other"), "yolo": ()}
        if kind not in asks.get(session.mode, ()) or title in session.allowed:
            return True
        asked = acp.update_tool_call(call, title=title, kind=kind, status="pending", raw_input=given)
        answered = await self._client.request_permission(
            session_id=session.id, tool_call=asked, options=_OPTIONS
        )
        option = getattr(answered.outcome, "option_id", "no")
        if option in ("session", "always"):
            session.allowed.add(title)
        return option != "no"

    async def _do(self, session: _Session, step: Step, given: dict[str, Any]) -> tuple[bool, str]:
        if step.verb == "mcp":
            name = step.rest.partition(" ")[0]
            if session.door is None:
                return False, "there is no team"
            try:
                return await asyncio.to_thread(call_tool, session.door, name, given)
            except (OSError, RuntimeError) as problem:
                return False, str(problem)
        if step.verb == "write":
            (Path(session.directory) / given["path"]).write_text(given["content"])
            return True, "written"
        if step.verb == "tool":
            return False, "there is no such tool"
        return await _shell(given["command"], session.directory)


def _described(session: _Session, step: Step) -> tuple[str, Any, dict[str, Any]]:
    """Say what a call is: title, kind, input."""
    if step.verb == "sh":
        return step.rest, "execute", {"command": step.rest, "cwd": session.directory}
    if step.verb == "write":
        path, _, text = step.rest.partition(" ")
        return f"Write {path}", "edit", {"path": path, "content": text}
    name = step.rest.partition(" ")[0]
    values = Values(session.answers, {})
    return name, "other", arguments_of(step, Tool(name=name), values)


async def _shell(command: str, directory: str) -> tuple[bool, str]:
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return process.returncode == 0, said.decode("utf-8", "replace")


def _modes(session: _Session) -> schema.SessionModeState:
    modes = [schema.SessionMode(id=each, name=name) for each, name in _MODES.items()]
    return schema.SessionModeState(current_mode_id=session.mode, available_modes=modes)


def _be_refused(step: Step) -> None:
    """Try again, as agents do, where it helps within some tries; else the prompt is refused."""
    said = step.rest.split()
    code, times, wait_s = (*said, *("1", "")[len(said) - 1 :])
    when = f", retry after {wait_s} s" if wait_s else ""
    if int(code) in (401, 403, 429) or int(times) > _TRIES:
        raise acp.RequestError(-32603, "Internal error", {"details": f"{code} refused{when}"})


def _misbehave(step: Step) -> None:
    """Do what no agent should."""
    sys.stdout.flush()
    match step.verb:
        case "die":
            os._exit(int(step.rest or 1))
        case "line":
            _write_all(step.rest.encode() + b"\n")
        case "flood":
            _write_all(b"x" * int(step.rest) + b"\n")
        case _:
            raise acp.RequestError(-32603, "Internal error", {"details": f"it cannot play `{step.verb}`"})


def _write_all(data: bytes) -> None:
    """Write past whatever the package holds back; the pipe may be full and set not to wait."""
    os.set_blocking(1, True)
    while data:
        data = data[os.write(1, data) :]


def main() -> None:
    """Play until stdin ends."""
    agent: Any = ScriptedAgent(frozenset(sys.argv[1:]))  # of the methods, those that it has
    asyncio.run(acp.run_agent(agent, stdio_buffer_limit_bytes=LINE_MAX))


if __name__ == "__main__":
    main()
