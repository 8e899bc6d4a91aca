"""What Claude's stream says, told in the words of no vendor; whatever is not known is told as such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from supervisor.adapters.claude_reading import (
    count_in,
    kind_of,
    number_in,
    one_line,
    plan_in,
    raw_of,
    table_in,
    tables_in,
    text_in,
    text_of_result,
    title_of,
)
from supervisor.adapters.claude_usage import UsageMeter
from supervisor.adapters.events import (
    AgentEvent,
    Compacted,
    RateLimited,
    Retry,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    Unknown,
)

_TOOLS_MAX: Final = 10_000

_QUIET: Final = frozenset(
    [
        "stream_event",
        "tool_progress",
        "tool_use_summary",
        "conversation_reset",
        "keep_alive",
        "auth_status",
        "prompt_suggestion",
        "streamlined_text",
        "transcript_mirror",
    ]
)
"""What no person needs to see: progress of what is told at its end, and housekeeping."""

_QUIET_SYSTEM: Final = frozenset(
    "status thinking_tokens task_started task_progress task_updated task_notification "  # noqa: SIM905
    "background_tasks_changed hook_started hook_progress hook_response session_state_changed".split()
)


class Teller:
    """Tells what messages mean, and keeps what has begun and not yet ended."""

    def __init__(self, tell: Callable[[AgentEvent], None], *, counts_totals: bool, is_resumed: bool) -> None:
        """Begin with nothing told; `is_silent` while a command of ours is carried out."""
        self._tell: Final = tell
        self._tools: Final[dict[str, None]] = {}
        self.meter: Final = UsageMeter(counts_totals=counts_totals, is_resumed=is_resumed)
        self.is_silent = False
        self.last_text = ""
        self.limited_until: float | None = None

    def begin_anew(self) -> None:
        """Take note of a new conversation."""
        self.meter.begin_anew()
        self.last_text = ""

    def assistant(self, message: dict[str, Any]) -> None:
        """Tell what the model said; of what a helper of the agent says, only what it does."""
        said = table_in(message, "message")
        is_own = not text_in(message, "parent_tool_use_id")
        failed = message.get("is_api_error_message") is True or bool(text_in(message, "error"))
        for block in tables_in(said, "content"):
            self._block(block, is_own=is_own and not failed)
        usage = self.meter.of_message(said, is_own=is_own)
        if usage is not None:
            self._tell(usage)

    def user(self, message: dict[str, Any]) -> None:
        """Tell which tool calls ended; what was said to the agent is ours, and not told again."""
        for block in tables_in(table_in(message, "message"), "content"):
            call = text_in(block, "tool_use_id")
            if text_in(block, "type") == "tool_result" and call in self._tools:
                del self._tools[call]
                is_ok = block.get("is_error") is not True
                self._tell(ToolEnd(call=call, ok=is_ok, summary=text_of_result(block)))

    def result(self, message: dict[str, Any]) -> None:
        """Tell what was used."""
        for usage in self.meter.of_result(message):
            self._tell(usage)

    def on_system(self, message: dict[str, Any]) -> None:
        """Tell what happens around the model."""
        match text_in(message, "subtype"):
            case "api_retry":
                self._tell(
                    Retry(
                        status=count_in(message, "error_status") or 0,
                        attempt=count_in(message, "attempt") or 0,
                        after_s=(number_in(message, "retry_delay_ms") or 0) / 1000,
                        detail=one_line(text_in(message, "error")),
                    )
                )
            case "compact_boundary":
                about = table_in(message, "compact_metadata")
                before = count_in(about, "pre_tokens")
                detail = text_in(about, "trigger") + (f" at {before} tokens" if before is not None else "")
                self._tell(Compacted(detail=detail.strip()))
            case subtype if subtype not in _QUIET_SYSTEM:
                self._tell(Unknown(what=one_line(f"system/{subtype}"), raw=raw_of(message)))

    def other(self, kind: str, message: dict[str, Any]) -> None:
        """Tell of a message of any other kind."""
        if kind == "user":
            self.user(message)
        elif kind == "rate_limit_event":
            self._limit(table_in(message, "rate_limit_info"))
        elif kind not in _QUIET:
            self._tell(Unknown(what=one_line(kind) or "a message without a type", raw=raw_of(message)))

    def end_tools(self, why: str) -> None:
        """End every tool call that has not ended."""
        for call in tuple(self._tools):
            del self._tools[call]
            self._tell(ToolEnd(call=call, ok=False, summary=why))

    def _block(self, block: dict[str, Any], *, is_own: bool) -> None:
        match text_in(block, "type"):
            case "text" if is_own and not self.is_silent and text_in(block, "text"):
                self.last_text = text_in(block, "text")
                self._tell(Text(text=self.last_text))
            case "thinking" if is_own and text_in(block, "thinking"):
                self._tell(Thinking(text=text_in(block, "thinking")))
            case "tool_use":
                self._tool(text_in(block, "id"), text_in(block, "name"), table_in(block, "input"))

    def _tool(self, call: str, tool: str, given: dict[str, Any]) -> None:
        if not call or call in self._tools or len(self._tools) >= _TOOLS_MAX:
            return
        self._tools[call] = None
        self._tell(ToolStart(call=call, tool=tool, kind=kind_of(tool), title=title_of(tool, given)))
        plan = plan_in(tool, given)
        if plan is not None:
            self._tell(plan)

    def _limit(self, info: dict[str, Any]) -> None:
        if text_in(info, "status") == "rejected":
            self.limited_until = number_in(info, "resetsAt")
            self._tell(RateLimited(until=self.limited_until, detail=text_in(info, "rateLimitType")))
