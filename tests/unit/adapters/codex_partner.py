"""Codex as a driver sees it, played by hand: what is sent to it, and what it says."""

from __future__ import annotations

import json
from typing import Any

from supervisor.adapters.codex_driver import CodexDriver
from supervisor.adapters.events import AgentEvent

SETTINGS = {"cwd": "/project", "approvalPolicy": "untrusted", "sandbox": "read-only"}


class Played:
    """The other end of a driver's line."""

    def __init__(self, *, resume: str = "") -> None:
        self.events: list[AgentEvent] = []
        self.sent: list[dict[str, Any]] = []
        self.is_deaf = False
        self.driver = CodexDriver(self, version="1", settings=dict(SETTINGS), resume=resume)

    def send(self, data: bytes) -> bool:
        if self.is_deaf:
            return False
        self.sent += [json.loads(line) for line in data.splitlines()]
        return True

    def tell(self, event: AgentEvent) -> None:
        self.events.append(event)

    def say(self, **message: Any) -> None:
        self.driver.hear(json.dumps(message).encode() + b"\n")

    def notify(self, method: str, **params: Any) -> None:
        self.say(method=method, params={"threadId": "t1", **params})

    def ask(self, number: Any, method: str, **params: Any) -> None:
        self.say(id=number, method=method, params={"threadId": "t1", "turnId": "u1", **params})

    def calls(self, method: str) -> list[dict[str, Any]]:
        return [message for message in self.sent if message.get("method") == method]

    def result(self, method: str, result: Any) -> None:
        """Answer the last call of a method."""
        self.say(id=self.calls(method)[-1]["id"], result=result)

    def refuse(self, method: str, message: str = "no") -> None:
        self.say(id=self.calls(method)[-1]["id"], error={"code": -32600, "message": message})

    def greet(self, thread: str = "t1") -> None:
        self.driver.open()
        self.result("initialize", {"userAgent": "codex"})
        self.open_thread(thread)

    def open_thread(self, thread: str = "t1", *, method: str = "thread/start") -> None:
        self.result(method, {"model": "m-1", "thread": {"id": thread, "cliVersion": "0.169.0"}})

    def begin(
        self, text: str = "do it", *, turn: str = "u1", thread: str = "t1", fresh: bool = False
    ) -> None:
        self.driver.prompt(text, fresh=fresh)
        self.result("turn/start", {"turn": {"id": turn}})
        self.notify("turn/started", threadId=thread, turn={"id": turn})

    def end(self, status: str = "completed", *, turn: str = "u1", thread: str = "t1", **more: Any) -> None:
        self.notify("turn/completed", threadId=thread, turn={"id": turn, "status": status, **more})

    def item(self, stage: str, of_type: str, name: str = "i1", *, thread: str = "t1", **more: Any) -> None:
        self.notify(f"item/{stage}", threadId=thread, turnId="u1", item={"type": of_type, "id": name, **more})

    def told(self, *kinds: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


def ready(**settings: Any) -> Played:
    """Return one whose thread is open."""
    played = Played(**settings)
    played.greet()
    return played


def in_turn() -> Played:
    """Return one whose turn runs."""
    played = ready()
    played.begin()
    return played
