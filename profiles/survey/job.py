"""A claimed task: what it asks for, and the calls that only its holder may make."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from coordinator import Answer, Tools

STATE_LIMIT: Final = 48 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One claim. Each call raises Refused with `stale_token` once somebody else holds the task."""

    tools: Tools
    project: bytes
    settings: dict[str, str]
    me: dict[str, Any]
    task: dict[str, Any]
    token: int
    checkpoint: dict[str, Any] | None
    dependencies: list[dict[str, Any]]

    @property
    def id(self) -> str:
        return str(self.task["id"])

    @property
    def scope(self) -> str:
        return f"task:{self.id}"

    @property
    def label(self) -> str:
        """Return which part of the survey this is: the first tag that is not `survey`."""
        return next((str(tag) for tag in self.task["tags"] if tag != "survey"), "")

    @property
    def round(self) -> int:
        return int(self.task["review_round"])

    def state(self) -> dict[str, Any]:
        """Return what the last checkpoint carries; nothing when there is none or it cannot be read."""
        try:
            state = json.loads((self.checkpoint or {}).get("state") or "{}")
        except ValueError:
            return {}
        return state if isinstance(state, dict) else {}

    async def progress(self, percent: int, action: str) -> None:
        await self._holding("task_progress", percent=percent, action=action[:200])

    async def note(self, body: str) -> None:
        await self._holding("task_note", body=body)

    async def save(self, percent: int, state: dict[str, Any], *, done: str, left: str) -> None:
        """Checkpoint, unless the state is too much for one."""
        text = json.dumps(state, separators=(",", ":"))
        if len(text) <= STATE_LIMIT:
            await self._holding(
                "task_checkpoint", percent=percent, completed=[done], remaining=[left], state=text
            )

    async def complete(self, result: str) -> None:
        await self._holding("task_complete", result=result)

    async def fail(self, error: str) -> None:
        """Give up for good: trying again would not help."""
        await self._holding("task_fail", error=error[:4000], permanent=True)

    async def remember(self, key: str, value: str) -> None:
        """Keep what is too large for the result, under this task."""
        await self.tools.call("memory_set", key=key, value=value, scope=self.scope)

    async def recall(self, key: str, *, scope: str = "team") -> Any:
        """Return a remembered JSON value, or None."""
        return await recall(self.tools, key, scope=scope)

    async def _holding(self, tool: str, **arguments: Any) -> Answer:
        return await self.tools.call(tool, task_id=self.id, token=self.token, **arguments)


async def recall(tools: Tools, key: str, *, scope: str = "team") -> Any:
    """Return a remembered JSON value, or None when there is none or it cannot be read."""
    entry = (await tools.call("memory_get", key=key, scope=scope))["entry"]
    if entry is None:
        return None
    try:
        return json.loads(entry["value"])
    except ValueError:
        return None
