"""Claude Code as a driver sees it, played by hand: what is sent to it, and what it says."""

from __future__ import annotations

import json
from typing import Any

from supervisor.adapters.claude_dialect import CLAUDE, Dialect
from supervisor.adapters.claude_driver import ClaudeDriver
from supervisor.adapters.claude_wire import Beginning
from supervisor.adapters.events import AgentEvent

OURS = [{"name": "supervisor", "status": "connected"}]


class Played:
    """The other end of a driver's line."""

    def __init__(self, dialect: Dialect = CLAUDE, *, resumed: bool = False, allows_all: bool = False) -> None:
        self.events: list[AgentEvent] = []
        self.sent: list[dict[str, Any]] = []
        self.is_deaf = False
        self.dialect = dialect
        beginning = Beginning(
            seed="one", session="s1", is_resumed=resumed, model="m1", cwd="/project", allows_all=allows_all
        )
        self.driver = ClaudeDriver(self, dialect, beginning)

    def send(self, data: bytes) -> bool:
        if self.is_deaf:
            return False
        self.sent += [json.loads(line) for line in data.splitlines()]
        return True

    def tell(self, event: AgentEvent) -> None:
        self.events.append(event)

    # ------------------------------------------------------------ what it says

    def say(self, kind: str, **more: Any) -> None:
        self.driver.hear(json.dumps({"type": kind, **more}).encode() + b"\n")

    def init(self, session: str = "s1", servers: Any = None) -> None:
        self.say(
            "system",
            subtype="init",
            session_id=session,
            model="m1",
            claude_code_version="2.1.328",
            mcp_servers=OURS if servers is None else servers,
        )

    def block(self, *content: dict[str, Any], parent: str | None = None, **more: Any) -> None:
        message = {"model": "m1", "content": list(content), "usage": more.pop("usage", {})}
        self.say("assistant", message=message, parent_tool_use_id=parent, **more)

    def text(self, text: str) -> None:
        self.block({"type": "text", "text": text})

    def use(self, call: str, tool: str = "Bash", **given: Any) -> None:
        self.block({"type": "tool_use", "id": call, "name": tool, "input": given})

    def used(self, call: str, answer: Any = "fine", **more: Any) -> None:
        content = [{"type": "tool_result", "tool_use_id": call, "content": answer, **more}]
        self.say("user", message={"role": "user", "content": content})

    def ask(self, request: str, tool: str = "Bash", **more: Any) -> None:
        asked = {"subtype": "can_use_tool", "tool_name": tool, "input": {"command": "ls"}, **more}
        self.say("control_request", request_id=request, request=asked)

    def reply(self, subtype: str, answer: dict[str, Any] | None) -> None:
        """Answer the last request of this kind; None refuses it."""
        name = self.requests(subtype)[-1]["request_id"]
        verdict = {"subtype": "error", "error": "no"}
        if answer is not None:
            verdict = {"subtype": "success", "response": answer}  # type: ignore[dict-item]
        self.say("control_response", response={**verdict, "request_id": name})

    def lifecycle(self, state: str, name: str | None = None) -> None:
        self.say("command_lifecycle", state=state, command_uuid=name or self.said()[-1]["uuid"])

    def result(self, text: str = "done", **more: Any) -> None:
        self.say("result", **{"subtype": "success", "is_error": False, "result": text, **more})

    # ------------------------------------------------------------ what was sent to it

    def requests(self, subtype: str) -> list[dict[str, Any]]:
        asked = [message for message in self.sent if message["type"] == "control_request"]
        return [message for message in asked if message["request"]["subtype"] == subtype]

    def said(self) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["type"] == "user"]

    @property
    def words(self) -> list[str]:
        return [message["message"]["content"][0]["text"] for message in self.said()]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [message["response"] for message in self.sent if message["type"] == "control_response"]

    # ------------------------------------------------------------ what it told

    def told(self, *kinds: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    def greet(self) -> None:
        self.driver.open()
        if self.dialect is CLAUDE:
            self.reply("initialize", {"claude_code_version": "2.1.328"})
            self.reply("mcp_status", {"mcpServers": OURS})
        else:
            self.reply("initialize", {"session_id": "s1"})
            self.init()
            self.text("Qwen Code v0.24.4")
            self.result(session_id="s1")

    def begin(self, text: str = "do it", *, fresh: bool = False) -> None:
        """Have a turn begin, as the agent tells it."""
        self.driver.prompt(text, fresh=fresh)
        if self.dialect is CLAUDE:
            self.lifecycle("queued")
            self.lifecycle("started")
        self.init()


def ready(dialect: Dialect = CLAUDE, **more: Any) -> Played:
    """Return one that waits for a prompt."""
    played = Played(dialect, **more)
    played.greet()
    return played
