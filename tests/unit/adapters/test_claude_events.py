"""What Claude Code and Qwen Code do and use, told in the words of no vendor."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.adapters.claude_dialect import CLAUDE, QWEN
from supervisor.adapters.events import (
    ActKind,
    Compacted,
    Plan,
    Retry,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    Unknown,
    Usage,
)
from tests.unit.adapters.claude_partner import Played, ready


def working(**more: Any) -> Played:
    played = ready(**more)
    played.begin()
    return played


def figures(tokens: int, cost: float, basis: str | None = "list") -> dict[str, Any]:
    return {
        "inputTokens": tokens,
        "outputTokens": 1,
        "cacheReadInputTokens": 2,
        "cacheCreationInputTokens": 3,
        "thinkingTokens": 4,
        "costUSD": cost,
        "contextWindow": 200_000,
        **({} if basis is None else {"costBasis": basis}),
    }


def test_what_the_model_says_and_does_is_told_in_order() -> None:
    played = working()
    played.block({"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "I will"})
    played.use("c1", command="ls -l\nrm x")
    played.used("c1", [{"type": "text", "text": "\n\n a.py \nb.py"}, {"type": "image"}])
    assert played.told(Thinking, Text, ToolStart, ToolEnd) == [
        Thinking(text="hm"),
        Text(text="I will"),
        ToolStart(call="c1", tool="Bash", kind=ActKind.SHELL, title="ls -l"),
        ToolEnd(call="c1", ok=True, summary="a.py"),
    ]


def test_a_call_that_failed_says_so() -> None:
    played = working()
    played.use("c1")
    played.used("c1", "no such file", is_error=True)
    assert played.told(ToolEnd) == [ToolEnd(call="c1", ok=False, summary="no such file")]


def test_a_call_that_never_ends_ends_with_its_turn() -> None:
    played = working()
    played.use("c1")
    played.result()
    played.used("c1")
    assert [(end.call, end.ok) for end in played.told(ToolEnd)] == [("c1", False)]


def test_an_end_of_nothing_and_a_second_begin_are_let_by() -> None:
    played = working()
    played.used("c9")
    played.use("c1")
    played.use("c1")
    played.use("")
    played.used("c1")
    played.used("c1")
    assert len(played.told(ToolStart)) == len(played.told(ToolEnd)) == 1


def test_of_a_helper_only_what_it_does_is_told() -> None:
    played = working()
    played.block(
        {"type": "text", "text": "secretly"},
        {"type": "thinking", "thinking": "hm"},
        {"type": "tool_use", "id": "c1", "name": "Read", "input": {}},
        parent="c0",
    )
    played.result("")
    assert played.told(Text, Thinking) == []
    assert [start.tool for start in played.told(ToolStart)] == ["Read"]


def test_a_complaint_about_the_model_is_nothing_that_the_agent_says() -> None:
    played = working()
    played.block({"type": "text", "text": "API Error: 400"}, is_api_error_message=True, error="unknown")
    assert played.told(Text) == []


def test_the_agents_own_list_of_steps_is_a_plan() -> None:
    played = working()
    todos = [{"content": "one", "status": "completed"}, {"content": "two"}, 7]
    played.use("c1", "TodoWrite", todos=todos)
    assert played.told(Plan) == [Plan(steps=(("completed", "one"), ("pending", "two")))]


def test_more_calls_than_can_be_kept_are_not_begun() -> None:
    played = working()
    blocks = [{"type": "tool_use", "id": f"c{number}", "name": "x", "input": {}} for number in range(10_002)]
    played.block(*blocks)
    played.result()
    assert len(played.told(ToolStart)) == len(played.told(ToolEnd)) == 10_000


def test_what_happens_around_the_model_is_told() -> None:
    played = working()
    played.say(
        "system", subtype="api_retry", attempt=2, retry_delay_ms=1218, error_status=529, error="overloaded"
    )
    played.say("system", subtype="api_retry", error_status=None)
    played.say(
        "system", subtype="compact_boundary", compact_metadata={"trigger": "auto", "pre_tokens": 155_000}
    )
    played.say("system", subtype="compact_boundary")
    assert played.told(Retry, Compacted) == [
        Retry(status=529, attempt=2, after_s=1.218, detail="overloaded"),
        Retry(status=0, attempt=0, after_s=0),
        Compacted(detail="auto at 155000 tokens"),
        Compacted(detail=""),
    ]


@pytest.mark.parametrize("kind", ["stream_event", "tool_progress", "conversation_reset", "keep_alive"])
def test_progress_and_housekeeping_are_not_told(kind: str) -> None:
    played = working()
    before = len(played.events)
    played.say(kind)
    played.say("system", subtype="status", status="compacting")
    assert len(played.events) == before


def test_what_nobody_knows_is_told_as_such_and_cut() -> None:
    played = working()
    played.say("brand_new", much="x" * 9_000)
    played.say("system", subtype="even_newer")
    played.driver.hear(b"{}\n")
    played.driver.hear(b'{"type": ["system"]}\n')
    unknown = played.told(Unknown)
    assert [event.what for event in unknown] == [
        "brand_new",
        "system/even_newer",
        *["a message without a type"] * 2,
    ]
    assert max(len(event.raw) for event in unknown) == 2_000


# ------------------------------------------------------------ usage


def test_claude_says_itself_what_was_used_since_the_last_result() -> None:
    played = working()
    played.block(usage={"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 90})
    played.result(
        modelUsage={"m1": figures(500, 5.0), "m2": figures(40, 1.0, "unknown")},
        model_usage_since_last_result={"m1": figures(100, 0.5), "m2": figures(40, 1.0, "unknown")},
    )
    main = Usage(
        model="m1",
        input_tokens=100,
        output_tokens=1,
        cached_tokens=2,
        cache_write_tokens=3,
        reasoning_tokens=4,
        cost_usd=0.5,
        cost_is_known=True,
        context_tokens=101,
        context_window=200_000,
    )
    helper, *more = [event for event in played.told(Usage) if event.model == "m2"]
    assert played.told(Usage)[0] == main
    assert (helper.cost_usd, helper.cost_is_known, helper.context_tokens, more) == (1.0, False, None, [])


def test_totals_of_older_versions_become_increments() -> None:
    played = working()
    for tokens, cost in ((100, 0.5), (250, 0.75), (250, 0.75)):
        played.result(modelUsage={"m1": {**figures(tokens, cost, None), "outputTokens": tokens // 10}})
        played.begin()
    used = [(event.input_tokens, event.output_tokens, event.cost_usd) for event in played.told(Usage)]
    assert used == [(100, 10, 0.5), (150, 15, 0.25)]
    assert not any(event.cost_is_known for event in played.told(Usage)), "no basis, no belief"


def test_what_was_used_before_a_resume_is_not_counted_again() -> None:
    played = working(resumed=True)
    played.block(usage={"input_tokens": 7})
    turn = {"input_tokens": 7, "output_tokens": 2, "cache_read_input_tokens": 1}
    played.result(modelUsage={"m1": figures(9_000, 90.0)}, usage=turn)
    played.begin()
    played.result(modelUsage={"m1": figures(9_100, 91.0)}, usage=turn)
    used = [(event.input_tokens, event.cost_usd) for event in played.told(Usage)]
    assert used == [(7, None), (100, 1.0)]


def test_a_new_conversation_counts_from_zero() -> None:
    played = working()
    played.result(modelUsage={"m1": figures(500, 5.0)})
    played.driver.prompt("more", fresh=True)
    played.result("", session_id="s2", modelUsage={})
    played.result(modelUsage={"m1": figures(30, 0.1)})
    assert [event.input_tokens for event in played.told(Usage)] == [500, 30]


def test_a_new_conversation_that_goes_on_counting_is_counted_on() -> None:
    played = working()
    played.result(modelUsage={"m1": figures(500, 5.0)})
    played.driver.prompt("more", fresh=True)
    played.result("", session_id="s2")
    played.result(modelUsage={"m1": figures(530, 5.5)})
    assert [(event.input_tokens, event.cost_usd) for event in played.told(Usage)] == [(500, 5.0), (30, 0.5)]


def test_qwen_counts_by_message_and_its_totals_are_let_by() -> None:
    played = ready(QWEN)
    played.begin()
    for _ in range(2):
        usage = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 30}
        played.block({"type": "text", "text": "x"}, usage=usage)
        played.block({"type": "text", "text": "y"}, usage={"input_tokens": 0, "output_tokens": 0})
    played.block(usage={"input_tokens": 5, "output_tokens": 1}, parent="c0")
    played.result(usage={"input_tokens": 90_000, "output_tokens": 1_000})
    used = [(event.input_tokens, event.output_tokens, event.cached_tokens) for event in played.told(Usage)]
    assert used == [(70, 20, 30), (70, 20, 30), (5, 1, 0)]
    assert [event.context_tokens for event in played.told(Usage)] == [120, 120, None]
    assert [event.cost_usd for event in played.told(Usage)] == [None] * 3


def test_qwen_is_asked_once_how_much_its_context_holds() -> None:
    played = ready(QWEN)
    played.begin()
    played.result()
    played.reply("get_context_usage", {"contextWindowSize": 200_000})
    played.begin()
    played.block(usage={"input_tokens": 100, "output_tokens": 20})
    played.result()
    assert len(played.requests("get_context_usage")) == 1
    assert played.told(Usage)[-1].context_window == 200_000


def test_qwen_that_does_not_say_it_is_asked_again() -> None:
    played = ready(QWEN)
    for _ in range(2):
        played.begin()
        played.result()
        played.reply("get_context_usage", None)
    assert len(played.requests("get_context_usage")) == 2


@pytest.mark.parametrize(
    "strange",
    [
        {"modelUsage": 7},
        {"modelUsage": {"m1": 7}},
        {"modelUsage": {"m1": {"inputTokens": -5, "costUSD": "much"}}},
        {"model_usage_since_last_result": {"m1": {"inputTokens": True, "costUSD": float("inf")}}},
        {"model_usage_since_last_result": {"m1": None}},
        {"usage": {"input_tokens": 10**30}},
    ],
)
def test_figures_that_are_none_are_not_counted(strange: dict[str, Any]) -> None:
    played = ready(CLAUDE)
    played.begin()
    played.result(**strange)
    assert played.told(Usage) == []
