"""The ACP driver, message by message, as no well-behaved agent would let us see it."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.adapters.acp_updates import PIECE_MAX
from supervisor.adapters.events import (
    ActKind,
    Broken,
    LoginNeeded,
    Plan,
    Started,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    TurnEnd,
    TurnReason,
    Unknown,
    Usage,
)
from supervisor.errors import WrongState
from supervisor.model.driving import Allowed
from tests.unit.adapters.acp_stage import AGENT, Wire, text_block

# ---------------------------------------------------------------- opening


def test_it_promises_neither_files_nor_terminals() -> None:
    wire = Wire()
    wire.driver.open()
    method, params = wire.asked()
    assert (method, params["protocolVersion"]) == ("initialize", 1)
    assert params["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }


@pytest.mark.parametrize(("has_http", "server"), [(True, {"u": 1}), (False, {"s": 1})])
def test_the_team_is_named_as_the_agent_can_reach_it(*, has_http: bool, server: dict[str, int]) -> None:
    wire = Wire()
    wire.driver.open()
    wire.reply({"protocolVersion": 1, "agentCapabilities": {"mcpCapabilities": {"http": has_http}}})
    assert wire.asked() == ("session/new", {"cwd": "/w", "mcpServers": [server]})


@pytest.mark.parametrize("answer", [{"protocolVersion": 2}, {}, None, [], "x"])
def test_another_version_of_the_protocol_is_refused_by_name(answer: Any) -> None:
    wire = Wire().turn()
    wire.driver.open()
    wire.reply(answer)
    assert "of the Agent Client Protocol, not 1" in wire.all(Broken)[0].detail
    assert wire.all(TurnEnd)[0].reason is TurnReason.ERROR
    wire.turn()  # it is asked once more: nothing was agreed on
    assert wire.asked()[0] == "initialize"


def test_a_prompt_waits_for_the_session_and_carries_the_role_once() -> None:
    wire = Wire(role="You are w.").turn("one")
    wire.begin()
    assert wire.asked()[1]["prompt"] == [{"type": "text", "text": "You are w.\n\none"}]
    wire.reply({"stopReason": "end_turn"})
    wire.turn("two")
    assert wire.asked()[1]["prompt"][0]["text"] == "two"


def test_a_turn_begins_only_after_the_last_has_ended() -> None:
    wire = Wire().begin().turn()
    with pytest.raises(WrongState):
        wire.turn()


def test_without_a_session_a_prompt_is_an_error_and_the_next_tries_again() -> None:
    wire = Wire().turn()
    wire.driver.open()
    wire.reply(AGENT)
    wire.reply(error={"code": -32603, "message": "Internal error", "data": {"details": "disk full"}})
    assert wire.all(TurnEnd)[0].detail == "it opens no session: Internal error: disk full"
    wire.turn()
    wire.reply({"sessionId": "s1"})
    assert wire.asked()[0] == "session/prompt"


def test_a_session_without_a_name_is_none() -> None:
    wire = Wire().begin({"sessionId": 7})
    assert wire.all(Broken)
    assert not wire.all(Started)


@pytest.mark.parametrize(
    ("allowed", "mode"), [(Allowed.READ, "default"), (Allowed.EDIT, "autoEdit"), (Allowed.ALL, "yolo")]
)
def test_the_mode_is_set_before_the_session_counts_as_open(allowed: Allowed, mode: str) -> None:
    offered = [{"id": each} for each in ("default", "autoEdit", "yolo", "auto")]
    wire = Wire(allowed=allowed).turn()
    wire.begin({"sessionId": "s1", "modes": {"currentModeId": "auto", "availableModes": offered}})
    assert wire.asked() == ("session/set_mode", {"sessionId": "s1", "modeId": mode})
    assert not wire.all(Started)
    wire.reply({})
    assert wire.all(Started)
    assert wire.asked()[0] == "session/prompt"


def test_a_mode_can_be_an_option_as_well() -> None:
    choice = {"id": "m", "category": "mode", "type": "select", "currentValue": "auto"}
    wire = Wire().begin({"sessionId": "s1", "configOptions": [{**choice, "options": [{"value": "ask"}]}]})
    assert wire.asked() == (
        "session/set_config_option",
        {"sessionId": "s1", "configId": "m", "value": "ask"},
    )


def test_a_mode_that_was_not_taken_keeps_the_session_shut() -> None:
    offered = [{"id": "default"}]
    wire = Wire().turn()
    wire.begin({"sessionId": "s1", "modes": {"currentModeId": "auto", "availableModes": offered}})
    wire.reply(error={"code": -32602, "message": "no"})
    assert wire.all(TurnEnd)[0].detail == "it did not take its mode or model: no"
    assert not wire.all(Started)


def test_an_agent_that_can_only_act_unasked_gets_no_work() -> None:
    modes = {"currentModeId": "yolo", "availableModes": [{"id": "yolo"}]}
    assert "asks before it acts" in Wire().begin({"sessionId": "s1", "modes": modes}).all(Broken)[0].detail
    assert Wire(allowed=Allowed.ALL).begin({"sessionId": "s1", "modes": modes}).all(Started)


@pytest.mark.parametrize(
    ("made", "method"),
    [
        ({"models": {"availableModels": [{"modelId": "big"}]}}, "session/set_model"),
        (
            {
                "configOptions": [
                    {"id": "x", "category": "model", "type": "select", "options": [{"value": "big"}]}
                ]
            },
            "session/set_config_option",
        ),
    ],
)
def test_the_model_is_chosen_among_those_offered(made: dict[str, Any], method: str) -> None:
    wire = Wire(model="big").begin({"sessionId": "s1", **made})
    assert wire.asked()[0] == method
    wire.reply({})
    assert wire.all(Started)[0].model == "big"
    other = Wire(model="small").begin({"sessionId": "s1", **made})
    assert other.all(Broken)[0].detail == "it has no model `small`; it offers: big"


def test_a_session_that_cannot_be_loaded_is_replaced_by_a_new_one() -> None:
    wire = Wire(resume="old", role="You are w.").turn("go")
    wire.driver.open()
    wire.reply(AGENT)
    assert wire.asked()[0] == "session/load"
    wire.reply(error={"code": -32603, "message": "No previous sessions found for this project."})
    assert wire.asked()[0] == "session/new"
    wire.reply({"sessionId": "s2"})
    assert wire.all(Started)[0].session_id == "s2"
    assert "You are w." in wire.asked()[1]["prompt"][0]["text"]


def test_what_a_loaded_session_tells_of_its_past_is_no_news_and_costs_nothing() -> None:
    wire = Wire(agent="opencode", resume="old")
    wire.driver.open()
    wire.reply(AGENT)
    wire.update("agent_message_chunk", session="old", content={"type": "text", "text": "long ago"})
    wire.update("usage_update", session="old", used=5, size=10, cost={"amount": 2.0, "currency": "USD"})
    wire.reply(None)
    wire.turn()
    wire.update("usage_update", session="old", used=5, size=10, cost={"amount": 2.5, "currency": "USD"})
    assert [type(event) for event in wire.told] == [Started, Usage]
    assert wire.all(Usage)[0].cost_usd == 0.5


def test_a_fresh_turn_is_not_given_to_a_loaded_session() -> None:
    wire = Wire(resume="old")
    wire.driver.open()
    wire.driver.prompt("go", fresh=True)
    wire.reply(AGENT)
    wire.reply(None)
    assert wire.asked()[0] == "session/new"
    wire.reply({"sessionId": "new"})
    assert [event.session_id for event in wire.all(Started)] == ["new"]
    assert wire.asked()[1]["sessionId"] == "new"


def test_a_login_that_needs_a_person_is_told_with_the_ways_there_are() -> None:
    ways = [{"id": "web", "name": "Log in with a browser"}, {"id": "k", "type": "env_var", "vars": []}]
    wire = Wire()
    wire.driver.open()
    wire.reply({**AGENT, "authMethods": ways})
    wire.reply(error={"code": -32000, "message": "Authentication required"})
    (told,) = wire.all(LoginNeeded)
    assert told.detail.startswith("Authentication required; it offers: Log in with a browser")


def test_it_logs_in_by_variables_that_are_there_and_only_once() -> None:
    method = {"id": "key", "type": "env_var", "vars": [{"name": "A_KEY"}]}
    wire = Wire(variables=frozenset({"A_KEY"}))
    wire.driver.open()
    wire.reply({**AGENT, "authMethods": [method]})
    wire.reply(error={"code": -32000, "message": "locked"})
    assert wire.asked() == ("authenticate", {"methodId": "key"})
    wire.reply({})
    assert wire.asked()[0] == "session/new"
    wire.reply(error={"code": -32000, "message": "still locked"})
    assert wire.all(LoginNeeded)


# ---------------------------------------------------------------- what it reports


def test_pieces_of_a_message_are_told_as_one_and_the_last_message_is_final() -> None:
    wire = Wire().begin().turn()
    wire.write("al")
    wire.write("pha")
    wire.update("agent_thought_chunk", content={"type": "text", "text": "hm"})
    wire.write("be", messageId="m2")
    wire.write("ta", messageId="m2")
    wire.write("gamma", messageId="m3")
    wire.reply({"stopReason": "end_turn"})
    said = [event for event in wire.told if isinstance(event, Text | Thinking)]
    assert said == [Text(text="alpha"), Thinking(text="hm"), Text(text="beta"), Text(text="gamma")]
    assert wire.all(TurnEnd)[0].final_text == "gamma"


def test_a_long_message_is_told_by_whole_lines_while_it_is_written() -> None:
    wire = Wire().begin().turn()
    line = "x" * 100
    for _ in range(PIECE_MAX // 100 + 5):
        wire.write(f"{line}\n")
    assert len(wire.all(Text)) == 1
    assert set(wire.all(Text)[0].text.splitlines()) == {line}
    wire.reply({"stopReason": "end_turn"})
    assert wire.all(TurnEnd)[0].final_text.splitlines() == [line] * (PIECE_MAX // 100 + 5)


def test_a_tool_call_has_the_title_of_its_next_report() -> None:
    wire = Wire().begin().turn()
    wire.update("tool_call", toolCallId="c1", title="bash", kind="execute", status="pending")
    said = {"inputTokens": 5}
    wire.update("agent_message_chunk", content={"type": "text", "text": ""}, _meta={"usage": said})
    assert not wire.all(ToolStart)
    wire.update("tool_call_update", toolCallId="c1", title="ls -l", status="in_progress")
    wire.update("tool_call_update", toolCallId="c1", status="completed", content=[text_block("a\nb")])
    wire.update("tool_call_update", toolCallId="c1", status="completed")
    start = ToolStart(call="c1", tool="bash", kind=ActKind.SHELL, title="ls -l")
    assert wire.told[-2:] == [start, ToolEnd(call="c1", ok=True, summary="a b")]


def test_a_tool_call_is_begun_also_if_only_its_end_is_told() -> None:
    wire = Wire().begin().turn()
    wire.update("tool_call_update", toolCallId="c1", title="ls", kind="execute", status="failed")
    assert wire.told[-2:] == [
        ToolStart(call="c1", tool="ls", kind=ActKind.SHELL),
        ToolEnd(call="c1", ok=False),
    ]


def test_a_call_that_is_held_back_is_told_before_what_comes_next() -> None:
    wire = Wire().begin().turn()
    wire.update("tool_call", toolCallId="c1", title="Read", kind="read", status="pending")
    wire.write("meanwhile")
    wire.reply({"stopReason": "end_turn"})
    kinds = [type(event) for event in wire.told[1:]]
    assert kinds == [ToolStart, Text, ToolEnd, TurnEnd]
    assert wire.all(ToolEnd)[0].summary == "the turn is over"
    wire.update("tool_call_update", toolCallId="c1", status="completed")
    assert wire.told[-1] == wire.all(TurnEnd)[0]


@pytest.mark.parametrize(
    ("call", "tool", "kind"),
    [
        (
            {"_meta": {"toolName": "mcp__x__y", "provenance": "mcp"}, "kind": "read"},
            "mcp__x__y",
            ActKind.MCP,
        ),
        (
            {"toolCallId": "mcp_supervisor_task_next__1", "kind": "other"},
            "mcp_supervisor_task_next",
            ActKind.MCP,
        ),
        ({"title": "supervisor_task_next", "kind": "other"}, "supervisor_task_next", ActKind.MCP),
        ({"title": "mcp_fake", "kind": "execute"}, "mcp_fake", ActKind.SHELL),
        ({"title": "Fetch a page", "kind": "fetch"}, "fetch", ActKind.NETWORK),
        ({"title": "Leave plan mode", "kind": "switch_mode"}, "switch_mode", ActKind.PLAN),
        ({"title": 7, "kind": None}, "tool", ActKind.OTHER),
    ],
)
def test_a_tool_has_the_name_and_kind_that_its_agent_gives(
    call: dict[str, Any], tool: str, kind: ActKind
) -> None:
    wire = Wire().begin().turn()
    wire.update("tool_call", **{"toolCallId": "c1", "status": "in_progress", **call})
    (start,) = wire.all(ToolStart)
    assert (start.tool, start.kind) == (tool, kind)


def test_a_plan_is_told_when_it_changes() -> None:
    wire = Wire().begin().turn()
    entries = [{"content": "look", "status": "completed"}, {"content": "leap", "status": "pending"}, 7]
    wire.update("plan", entries=entries)
    wire.update("plan", entries=entries)
    assert wire.all(Plan) == [Plan(steps=(("completed", "look"), ("pending", "leap")))]


def test_what_no_person_needs_is_silent_and_what_is_unknown_is_told() -> None:
    wire = Wire().begin()
    wire.update("available_commands_update", availableCommands=[])
    wire.update("user_message_chunk", content={"type": "text", "text": "x"})
    assert not wire.all(Unknown)
    wire.update("brand_new")
    wire.update("agent_message_chunk", content={"type": "image"})
    wire.hear(method="vendor/said", params={"a": 1})
    assert [event.what for event in wire.all(Unknown)] == ["update brand_new", "content image", "vendor/said"]


def test_another_session_s_reports_are_not_ours() -> None:
    wire = Wire().begin().turn()
    wire.update("agent_message_chunk", session="s2", content={"type": "text", "text": "psst"})
    wire.reply({"stopReason": "end_turn"})
    assert not wire.all(Text)


# ---------------------------------------------------------------- usage


def test_cost_is_told_as_what_came_on_top() -> None:
    wire = Wire(agent="opencode").begin().turn()
    for amount in (0.5, 0.75, 0.75, 0.1):
        wire.update("usage_update", used=0, size=10, cost={"amount": amount, "currency": "USD"})
    assert [(each.cost_usd, each.cost_is_known) for each in wire.all(Usage)] == [(0.5, True), (0.25, True)]


def test_a_cost_of_nothing_is_not_known() -> None:
    wire = Wire(agent="opencode").begin().turn()
    wire.update("usage_update", used=100, size=200, cost={"amount": 0, "currency": "USD"})
    assert [(each.cost_is_known, each.context_tokens, each.context_window) for each in wire.all(Usage)] == [
        (False, 100, 200)
    ]


@pytest.mark.parametrize("amount", ["1", None, -1, True, 10**20])
def test_an_amount_that_is_none_is_not_counted(amount: Any) -> None:
    wire = Wire(agent="opencode").begin().turn()
    wire.update("usage_update", used=1, size=2, cost={"amount": amount, "currency": "USD"})
    assert [each.cost_usd for each in wire.all(Usage)] == [None]


@pytest.mark.parametrize(
    ("total", "fresh"), [(110, 60), (150, 100), (None, 100)], ids=["inclusive", "exclusive", "unsaid"]
)
def test_input_is_counted_without_what_came_from_the_cache(total: int | None, fresh: int) -> None:
    wire = Wire(agent="qwen").begin().turn()
    said = {"inputTokens": 100, "outputTokens": 10, "cachedReadTokens": 40, "totalTokens": total}
    wire.update("agent_message_chunk", content={"type": "text", "text": ""}, _meta={"usage": said})
    (usage,) = wire.all(Usage)
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (fresh, 10, 40)


@pytest.mark.parametrize(
    ("agent", "with_call", "told"), [("opencode", True, 0), ("opencode", False, 1), ("", True, 1)]
)
def test_a_count_of_the_last_call_alone_is_not_told_as_the_turn_s(
    agent: str, with_call: bool, told: int
) -> None:
    wire = Wire(agent=agent).begin().turn()
    if with_call:
        wire.update("tool_call", toolCallId="c", title="x", status="completed")
    wire.reply({"stopReason": "end_turn", "usage": {"inputTokens": 5, "outputTokens": 1}})
    assert len(wire.all(Usage)) == told


def test_usage_by_model_is_told_model_by_model() -> None:
    wire = Wire(agent="gemini").begin().turn()
    by = [
        {"model": "a", "token_count": {"input_tokens": 3, "output_tokens": 1}},
        {"model": "b", "token_count": {"input_tokens": 5, "output_tokens": 2}},
    ]
    wire.reply({"stopReason": "end_turn", "_meta": {"quota": {"model_usage": by}}})
    assert [(each.model, each.input_tokens) for each in wire.all(Usage)] == [("a", 3), ("b", 5)]
