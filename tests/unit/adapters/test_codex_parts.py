"""The parts of Codex' driver: failures, tokens, items, notices; each with what is odd in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from supervisor.adapters.codex_errors import reason_of, retry_of, status_of, trouble_of
from supervisor.adapters.codex_fields import one_line, raw_of
from supervisor.adapters.codex_items import inner_command, tool_end, tool_start
from supervisor.adapters.codex_usage import TokenMeter
from supervisor.adapters.events import (
    ActKind,
    Compacted,
    CoordinatorLink,
    LoginNeeded,
    Permission,
    Plan,
    RateLimited,
    Retry,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    TurnReason,
    Unknown,
    Usage,
)
from tests.unit.adapters.codex_partner import Played, in_turn, ready

APPROVAL = "item/commandExecution/requestApproval"
ELICITATION = "mcpServer/elicitation/request"


# ---------------------------------------------------------------- failures

NOW = int(datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp())


def failed(info: Any = None, message: str = "it failed") -> dict[str, Any]:
    return {"message": message, "codexErrorInfo": info}


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (failed({"httpConnectionFailed": {"httpStatusCode": 502}}), 502, TurnReason.ERROR),
        (failed("serverOverloaded"), 503, TurnReason.ERROR),
        (failed("internalServerError"), 500, TurnReason.ERROR),
        (failed("unauthorized"), 401, TurnReason.ERROR),
        (failed("usageLimitExceeded"), 429, TurnReason.LIMIT),
        (failed(None, "exceeded retry limit, last status: 429 Too Many"), 429, TurnReason.LIMIT),
        (failed("contextWindowExceeded"), 0, TurnReason.LIMIT),
        (failed("sessionBudgetExceeded"), 0, TurnReason.LIMIT),
        (failed("cyberPolicy"), 0, TurnReason.REFUSED),
        (failed({"x": None, "y": {"httpStatusCode": "429"}}), 0, TurnReason.ERROR),
        ({}, 0, TurnReason.ERROR),
    ],
)
def test_a_failure_has_its_status_and_reason(error: dict[str, Any], status: int, reason: TurnReason) -> None:
    assert (status_of(error), reason_of(error)) == (status, reason)


def until(message: str, *, limits: dict[str, Any] | None = None, now: int | None = NOW) -> float | None:
    trouble = trouble_of(failed("usageLimitExceeded", message), limits=limits or {}, now=now)
    assert isinstance(trouble, RateLimited)
    return trouble.until


def test_the_reset_of_the_limit_that_is_used_up_is_known() -> None:
    limits = {
        "primary": {"usedPercent": 100, "resetsAt": NOW + 60},
        "secondary": {"usedPercent": 40, "resetsAt": NOW + 9_000},
    }
    assert until("limit", limits=limits) == NOW + 60
    assert until("limit", limits={"primary": {"usedPercent": 99, "resetsAt": NOW}}) is None
    assert until("limit", limits={"primary": "x", "secondary": {"usedPercent": 100}}) is None


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 20s.", 20),
        ("try again in 1.5 seconds", 1.5),
        ("Try again in 300 ms", 0.3),
        ("try again in 2 minutes", 120),
        ("try again in 3h", 10_800),
    ],
)
def test_a_span_of_time_in_the_words_is_read(words: str, seconds: float) -> None:
    assert until(words) == pytest.approx(NOW + seconds)
    assert until(words, now=None) is None


def test_a_date_in_the_words_is_read_in_our_time_zone() -> None:
    then = datetime(2033, 5, 18, 15, 33).astimezone()
    assert until("Try again at May 18th, 2033 3:33 PM.") == then.timestamp()
    assert until("Try again at May 18th, 2033 3:33 PM.", now=None) == then.timestamp()


def test_a_time_of_day_is_the_next_one() -> None:
    here = datetime.fromtimestamp(NOW, tz=UTC).astimezone().replace(hour=15, minute=0, second=0)
    now = int(here.timestamp())
    assert until("try again at 4:30 PM.", now=now) == now + 5_400
    assert until("try again at 2:00 PM.", now=now) == now + 23 * 3_600
    assert until("try again at 12:00 AM.", now=now) == now + 9 * 3_600
    assert until("try again at 4:30 PM.", now=None) is None


@pytest.mark.parametrize(
    "words", ["soon", "try again at Feb 31st, 2033 1:00 AM", "try again at 1:77 PM", "", "Foo 1"]
)
def test_no_time_is_made_up(words: str) -> None:
    assert until(words) is None


def test_a_missing_login_is_told_and_other_failures_are_their_own_words() -> None:
    assert isinstance(trouble_of(failed("unauthorized"), limits={}, now=None), LoginNeeded)
    assert trouble_of(failed("badRequest"), limits={}, now=None) is None


def test_a_retry_says_which_and_why() -> None:
    info = {"responseStreamDisconnected": {"httpStatusCode": 529}}
    error = {**failed(info, "Reconnecting... 2/5"), "additionalDetails": "overloaded"}
    assert retry_of(error) == Retry(status=529, attempt=2, after_s=0.0, detail="overloaded")
    assert retry_of({}).attempt == 1


# ---------------------------------------------------------------- tokens


def totals(given: int, cached: int, made: int, **more: Any) -> dict[str, Any]:
    return {"inputTokens": given, "cachedInputTokens": cached, "outputTokens": made, **more}


def test_totals_are_told_as_increments_without_what_came_from_the_cache() -> None:
    meter = TokenMeter()
    first = meter.take(
        "t", {"total": totals(100, 40, 5), "last": {"totalTokens": 105}}, model="m", in_turn=True
    )
    assert first == Usage(
        model="m",
        input_tokens=60,
        output_tokens=5,
        cached_tokens=40,
        cache_write_tokens=0,
        reasoning_tokens=0,
        context_tokens=105,
    )
    second = meter.take("t", {"total": totals(150, 40, 9), "modelContextWindow": 7}, model="m", in_turn=True)
    assert second is not None
    assert (second.input_tokens, second.output_tokens, second.cached_tokens) == (50, 4, 0)
    assert second.context_window == 7
    assert meter.take("t", {"total": totals(150, 40, 9)}, model="m", in_turn=True) is None
    assert meter.take("t", {"total": totals(1, 1, 1)}, model="m", in_turn=True) is None


def test_of_a_resumed_thread_only_what_is_new_counts() -> None:
    meter = TokenMeter()
    meter.resume("t")
    assert (
        meter.take("t", {"total": totals(500, 0, 50), "last": totals(9, 0, 9)}, model="", in_turn=False)
        is None
    )
    new = meter.take("t", {"total": totals(507, 0, 51)}, model="", in_turn=True)
    assert new is not None
    assert (new.input_tokens, new.output_tokens) == (7, 1)


def test_of_a_resumed_thread_that_tells_nothing_before_its_turn_the_last_answer_counts() -> None:
    meter = TokenMeter()
    meter.resume("t")
    new = meter.take("t", {"total": totals(507, 0, 51), "last": totals(7, 0, 1)}, model="", in_turn=True)
    assert new is not None
    assert (new.input_tokens, new.output_tokens) == (7, 1)


def test_threads_of_sub_agents_count_and_are_forgotten_in_time() -> None:
    meter = TokenMeter()
    for number in range(1_500):
        assert meter.take(f"t{number}", {"total": totals(5, 0, 1)}, model="", in_turn=True) is not None
    assert len(meter._totals) == 1_000


# ---------------------------------------------------------------- items


@pytest.mark.parametrize(
    ("command", "inner"),
    [
        ("/bin/bash -lc 'echo hi > x'", "echo hi > x"),
        ("zsh -c ls", "ls"),
        ("python -c 'print()'", "python -c 'print()'"),
        ("bash -lc 'a' b", "bash -lc 'a' b"),
        ("bash -lc 'open", "bash -lc 'open"),
        ("bash -lc " + "x" * 70_000, "bash -lc " + "x" * 70_000),
        ("", ""),
    ],
)
def test_only_a_shell_that_runs_one_text_is_left_out(command: str, inner: str) -> None:
    assert inner_command(command) == inner


@pytest.mark.parametrize(
    ("item", "tool", "kind", "title"),
    [
        (
            {"type": "mcpToolCall", "server": "s", "tool": "t", "arguments": {"a": 1}},
            "s.t",
            "mcp",
            '{"a": 1}',
        ),
        ({"type": "mcpToolCall", "server": "s", "tool": "t", "arguments": {}}, "s.t", "mcp", ""),
        ({"type": "dynamicToolCall", "tool": "t"}, "t", "other", ""),
        ({"type": "functionCallOutput", "name": "f"}, "f", "other", ""),
        ({"type": "functionCallOutput"}, "tool", "other", ""),
        ({"type": "webSearch", "query": "q\nr"}, "web_search", "network", "q r"),
        ({"type": "imageView", "path": "/a.png"}, "view_image", "read", "/a.png"),
        (
            {"type": "collabAgentToolCall", "tool": "spawnAgent", "prompt": "go"},
            "agents",
            "other",
            "spawnAgent go",
        ),
        ({"type": "fileChange", "changes": [{"path": "a"}, {"path": "b"}]}, "apply_patch", "edit", "a, b"),
    ],
)
def test_each_kind_of_tool_has_its_words(item: dict[str, Any], tool: str, kind: str, title: str) -> None:
    assert tool_start({"id": "c", **item}) == ToolStart(call="c", tool=tool, kind=ActKind(kind), title=title)


def test_what_is_no_tool_starts_none() -> None:
    assert tool_start({"type": "userMessage", "id": "c"}) is None
    assert tool_start({"type": "webSearch"}) is None


@pytest.mark.parametrize(
    ("item", "ok", "summary"),
    [
        ({"status": "completed", "exitCode": 0, "aggregatedOutput": "a\nb\n"}, True, "b"),
        ({"status": "completed", "exitCode": 2, "aggregatedOutput": "oh\n"}, False, "exit 2: oh"),
        ({"status": "failed", "exitCode": -1}, False, "exit -1"),
        ({"status": "declined"}, False, "declined"),
        ({"status": "failed", "error": {"message": "no server"}}, False, "no server"),
        ({"status": "completed", "result": {"content": [{"text": "pong"}]}}, True, "pong"),
        ({"status": "completed", "success": False}, False, ""),
        ({}, True, ""),
    ],
)
def test_a_tool_s_end_says_how_it_went(item: dict[str, Any], ok: bool, summary: str) -> None:
    assert tool_end({"id": "c", **item}) == ToolEnd(call="c", ok=ok, summary=summary)


def test_a_line_for_people_is_one_line_and_short() -> None:
    assert one_line("a\r\n\tb") == "a b"
    assert len(one_line("x" * 10_000)) == 200
    assert one_line(" " * 10_000 + "x") == "…"


def test_what_cannot_be_spelled_is_left_out() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert raw_of(deep) == ""


# ---------------------------------------------------------------- notices


def test_what_it_tells_by_itself_becomes_events() -> None:
    played = in_turn()
    played.item("completed", "reasoning", summary=["one", "two"], content=["long"])
    played.item("completed", "reasoning", summary=[], content=["thought"])
    played.item("completed", "reasoning")
    played.item("completed", "plan", text="a plan in words")
    played.item("completed", "contextCompaction")
    played.notify("thread/compacted")
    played.notify(
        "turn/plan/updated", plan=[{"status": "inProgress", "step": "s"}, {"status": "pending", "step": "t"}]
    )
    played.notify("error", error={"message": "Reconnecting... 1/5"}, willRetry=True)
    played.notify("error", error={"message": "the end"}, willRetry=False)
    played.notify("mcpServer/startupStatus/updated", name="supervisor", status="starting")
    played.notify("mcpServer/startupStatus/updated", name="supervisor", status="ready")
    played.notify("mcpServer/startupStatus/updated", name="supervisor", status="cancelled")
    played.notify("mcpServer/startupStatus/updated", name="other", status="failed")
    played.notify("mcpServer/startupStatus/updated", name="supervisor", status="failed", threadId="sub-agent")
    played.notify("model/rerouted", toModel="m-2")
    played.notify("warning", message="careful")
    played.notify("configWarning", summary="careful")
    played.notify("thread/status/changed", status={"type": "idle"})
    played.notify("brand/new", x=1)
    played.notify("thread/tokenUsage/updated", tokenUsage={"total": totals(5, 0, 1)})
    assert [thought.text for thought in played.told(Thinking)] == ["one\ntwo", "thought"]
    assert [text.text for text in played.told(Text)] == ["a plan in words"]
    assert len(played.told(Compacted)) == 1
    assert played.told(Plan) == [Plan(steps=(("in_progress", "s"), ("pending", "t")))]
    assert len(played.told(Retry)) == 1
    assert played.told(CoordinatorLink) == [
        CoordinatorLink(connected=True),
        CoordinatorLink(connected=False, detail="cancelled"),
    ]
    assert [unknown.what for unknown in played.told(Unknown)] == [
        "Codex goes on with the model m-2",
        "Codex warns: careful",
        "brand/new",
    ]
    assert played.told(Usage)[0].model == "m-2"


def test_what_sub_agents_do_is_not_ours_but_what_they_use_and_ask_is() -> None:
    played = in_turn()
    played.item("started", "commandExecution", thread="sub", command="ls")
    played.item("completed", "agentMessage", thread="sub", text="of another")
    played.notify("thread/tokenUsage/updated", threadId="sub", tokenUsage={"total": totals(5, 0, 1)})
    played.ask(9, APPROVAL, threadId="sub", command="ls")
    assert not played.told(ToolStart, Text)
    assert len(played.told(Usage)) == 1
    assert len(played.told(Permission)) == 1


def test_a_tool_that_is_told_only_when_it_ends_has_begun_too() -> None:
    played = in_turn()
    played.item("completed", "webSearch", query="q")
    assert [type(event) for event in played.told(ToolStart, ToolEnd)] == [ToolStart, ToolEnd]
    played.item("started", "webSearch", name="i2", query="q")
    played.item("started", "webSearch", name="i2", query="q")
    assert len(played.told(ToolStart)) == 2


def test_before_there_is_a_thread_nothing_is_ours() -> None:
    played = Played()
    played.driver.open()
    played.item("completed", "agentMessage", text="early")
    played.end()
    assert not played.told(Text)
    assert ready().told(Text) == []
