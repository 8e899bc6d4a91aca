"""The ACP driver, message by message, as no well-behaved agent would let us see it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.adapters.acp_driver import FETCH, WORDS_MAX
from supervisor.adapters.acp_updates import PIECE_MAX, Updates
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    Broken,
    LoginNeeded,
    Option,
    OptionScope,
    Permission,
    Plan,
    RateLimited,
    RequestGone,
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
from supervisor.adapters.open_matters import OpenMatters
from supervisor.errors import WrongState
from supervisor.model.driving import Allowed
from tests.unit.adapters.acp_stage import AGENT, Wire, is_balanced

SHELL: dict[str, Any] = {
    "toolCallId": "c1",
    "title": "rm x",
    "kind": "execute",
    "rawInput": {"command": "rm x"},
}


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
    wire.update("tool_call_update", toolCallId="c1", status="completed", content=[_text("a\nb")])
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


def _text(text: str) -> dict[str, Any]:
    return {"type": "content", "content": {"type": "text", "text": text}}


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


# ---------------------------------------------------------------- permissions


def test_a_request_is_told_whole_and_answered_once_by_the_option_named() -> None:
    wire = Wire().begin().turn()
    wire.ask(9, **SHELL)
    (asked,) = wire.all(Permission)
    assert (asked.kind, asked.title, asked.call, asked.cwd) == (ActKind.SHELL, "rm x", "c1", "/w")
    assert asked.payload == {"command": "rm x", "acp": {"title": "rm x", "kind": "execute"}}
    assert wire.driver.answer(asked.request, Answer(allow=True, option="always"))
    assert wire.sent[-1]["id"] == 9
    assert wire.sent[-1]["result"] == {"outcome": {"outcome": "selected", "optionId": "always"}}
    assert not wire.driver.answer(asked.request, Answer(allow=True))
    assert not wire.driver.answer("permission-99", Answer(allow=True))


@pytest.mark.parametrize(
    ("answer", "option"),
    [
        (Answer(allow=True), "once"),
        (Answer(allow=False), "no"),
        (Answer(allow=True, option="no"), "once"),
        (Answer(allow=False, option="always"), "no"),
        (Answer(allow=True, option="invented"), "once"),
    ],
)
def test_an_option_never_means_the_opposite_of_the_answer(answer: Answer, option: str) -> None:
    wire = Wire().begin().turn()
    wire.ask(**SHELL)
    wire.driver.answer("permission-1", answer)
    assert wire.sent[-1]["result"]["outcome"]["optionId"] == option


def test_what_reaches_further_than_once_is_never_chosen_unasked() -> None:
    wire = Wire().begin().turn()
    wire.ask(options=[{"optionId": "a", "name": "Always", "kind": "allow_always"}], **SHELL)
    wire.driver.answer("permission-1", Answer(allow=True))
    assert wire.sent[-1]["result"] == {"outcome": {"outcome": "cancelled"}}
    assert wire.all(ToolEnd)[0].summary == "denied"


def test_options_are_read_with_care() -> None:
    wire = Wire().begin().turn()
    rows = [
        {"optionId": "s", "name": "Allow for this session", "kind": "allow_always"},
        {"optionId": "n", "name": "Never", "kind": "reject_always"},
        {"optionId": "?", "name": "Who knows", "kind": "allow_mostly"},
        {"optionId": 7, "name": "x", "kind": "allow_once"},
        "x",
    ]
    wire.ask(options=rows, **SHELL)
    assert wire.all(Permission)[0].options == (
        Option(id="s", label="Allow for this session", scope=OptionScope.SESSION),
        Option(id="n", label="Never", scope=OptionScope.DENY),
    )


def test_a_command_that_stands_only_in_the_title_is_the_payload_s() -> None:
    wire = Wire(agent="gemini").begin().turn()
    command = "echo " + "x" * 3_000 + "; rm -rf /"
    wire.ask(toolCallId="run__1", title=command, kind="execute", content=[_text("(why)")])
    (asked,) = wire.all(Permission)
    assert asked.payload["command"] == command
    assert asked.payload["acp"]["content"] == [_text("(why)")]
    assert len(asked.title) <= 500


def test_a_title_is_a_command_only_where_the_program_means_it_so() -> None:
    wire = Wire().begin().turn()
    wire.ask(toolCallId="c1", title="ls", kind="execute")
    assert wire.all(Permission)[0].payload == {"acp": {"title": "ls", "kind": "execute"}}


def test_an_input_that_was_announced_is_not_repeated_in_the_request() -> None:
    wire = Wire().begin().turn()
    given = {"command": "rm x"}
    wire.update("tool_call", toolCallId="c1", title="Bash", kind="execute", status="pending", rawInput=given)
    wire.ask(toolCallId="c1", title="Bash", kind=None)
    (asked,) = wire.all(Permission)
    assert (asked.kind, asked.payload) == (ActKind.SHELL, {**given, "acp": {"title": "Bash"}})
    assert asked.title == "rm x"


@pytest.mark.parametrize(
    ("agent", "content", "payload"),
    [
        ("kimi", '{"command": "rm x"}', {"command": "rm x"}),
        ("kimi", '{"command": "rm', {}),
        ("kimi", '["rm"]', {}),
        ("", '{"command": "ls"}', {}),
    ],
    ids=["said", "said in part", "no table", "a program whose content is what a tool has written"],
)
def test_an_input_that_was_announced_as_content_counts_where_the_program_means_it_so(
    agent: str, content: str, payload: dict[str, Any]
) -> None:
    wire = Wire(agent=agent).begin().turn()
    said: dict[str, Any] = {"kind": "execute", "status": "pending", "content": [_text(content)]}
    wire.update("tool_call", toolCallId="c1", title="Bash", **said)
    wire.ask(toolCallId="c1", title="Bash")
    assert wire.all(Permission)[0].payload == {**payload, "acp": {"title": "Bash"}}


def test_an_input_that_is_no_table_or_has_our_word_is_kept_whole() -> None:
    wire = Wire().begin().turn()
    wire.ask(toolCallId="a", rawInput=["x"])
    wire.ask(toolCallId="b", rawInput={"acp": 1})
    assert [each.payload for each in wire.all(Permission)] == [{"input": ["x"]}, {"input": {"acp": 1}}]


def test_an_interrupt_cancels_the_turn_and_what_it_waits_for() -> None:
    wire = Wire().begin().turn()
    wire.ask(4, **SHELL)
    assert wire.driver.interrupt()
    cancel, refusal = wire.sent[-2:]
    assert (cancel["method"], cancel["params"]) == ("session/cancel", {"sessionId": "s1"})
    assert (refusal["id"], refusal["result"]["outcome"]["outcome"]) == (4, "cancelled")
    assert wire.all(RequestGone)[0].request == "permission-1"
    wire.ask(5, **{**SHELL, "toolCallId": "c2"})
    assert wire.sent[-1]["result"]["outcome"]["outcome"] == "cancelled"
    assert len(wire.all(Permission)) == 1
    _answer_prompt(wire, {"stopReason": "end_turn"})
    assert wire.all(TurnEnd)[0].reason is TurnReason.INTERRUPTED
    assert not wire.driver.interrupt()


def test_a_turn_whose_prompt_was_not_sent_is_interrupted_at_once() -> None:
    wire = Wire().turn()
    wire.driver.open()
    assert wire.driver.interrupt()
    assert wire.all(TurnEnd)[0].reason is TurnReason.INTERRUPTED
    wire.reply(AGENT)
    wire.reply({"sessionId": "s1"})
    assert wire.asked()[0] == "session/new"


def test_a_request_of_another_session_or_unknown_is_refused() -> None:
    wire = Wire().begin().turn()
    wire.ask(1, session="s2", **SHELL)
    assert wire.sent[-1]["result"]["outcome"]["outcome"] == "cancelled"
    wire.hear(id=2, method="fs/write_text_file", params={"path": "/etc/passwd", "content": ""})
    assert wire.sent[-1]["error"]["code"] == -32601
    wire.hear(id=3, method=FETCH, params={})
    assert wire.sent[-1]["error"]["code"] == -32601
    assert not wire.all(Permission)


def test_a_request_that_outlives_its_turn_is_let_go() -> None:
    wire = Wire().begin().turn()
    wire.ask(8, **SHELL)
    _answer_prompt(wire, {"stopReason": "end_turn"})
    assert wire.all(RequestGone)
    assert wire.sent[-1]["result"]["outcome"]["outcome"] == "cancelled"


def test_too_many_requests_are_refused_unseen() -> None:
    wire = Wire().begin().turn()
    for number in range(150):
        wire.ask(number, toolCallId=f"c{number}", title="x", kind="execute")
    assert len(wire.all(Permission)) == 100
    assert wire.sent[-1]["id"] == 149
    assert wire.sent[-1]["result"]["outcome"]["outcome"] == "cancelled"


def _answer_prompt(wire: Wire, result: dict[str, Any]) -> None:
    asked = next(each for each in wire.sent if each.get("method") == "session/prompt")
    wire.hear(id=asked["id"], result=result)


# ---------------------------------------------------------------- ends and words


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", TurnReason.DONE),
        ("max_tokens", TurnReason.LIMIT),
        ("max_turn_requests", TurnReason.LIMIT),
        ("refusal", TurnReason.REFUSED),
        ("cancelled", TurnReason.INTERRUPTED),
        ("bored", TurnReason.ERROR),
        (None, TurnReason.ERROR),
    ],
)
def test_a_turn_ends_for_the_agent_s_reason(stop: Any, reason: TurnReason) -> None:
    wire = Wire().begin().turn()
    wire.reply({"stopReason": stop})
    (end,) = wire.all(TurnEnd)
    assert (end.reason, end.ok) == (reason, stop == "end_turn")


@pytest.mark.parametrize(
    ("error", "event"),
    [
        ({"code": 429, "message": "slow down"}, RateLimited),
        (
            {"code": -32603, "message": "x", "data": {"details": "You exceeded your current quota"}},
            RateLimited,
        ),
        ({"code": 401, "message": "{}"}, LoginNeeded),
        ({"code": -32603, "message": "Internal error: status 401"}, LoginNeeded),
        ({"code": -32603, "message": "API key not valid"}, LoginNeeded),
        ({"code": -32603, "message": "disk 4290 full"}, None),
        ("what", None),
        ({"code": "x", "message": 7, "data": ["y"]}, None),
    ],
)
def test_a_refused_prompt_ends_its_turn_and_has_a_name_if_we_know_it(error: Any, event: type | None) -> None:
    wire = Wire().begin().turn()
    wire.reply(error=error)
    assert [type(each) for each in wire.told[1:-1]] == ([] if event is None else [event])
    assert wire.all(TurnEnd)[0].reason is (TurnReason.LIMIT if event is RateLimited else TurnReason.ERROR)


@pytest.mark.parametrize(
    ("words", "until"),
    [
        ("429: Suggested retry after 3600s.", 4_600.0),
        ("rate limit; try again in 1.5 minutes", 1_090.0),
        ("quota resets in 2h", 8_200.0),
        ("429, retry in 500ms", 1_000.5),
        ("429 too many", None),
        ("429 retry after 99999999999 s", None),
    ],
)
def test_a_limit_lasts_as_long_as_the_agent_says(words: str, until: float | None) -> None:
    wire = Wire().begin().turn()
    wire.reply(error={"code": -32603, "message": words})
    assert [limit.until for limit in wire.all(RateLimited)] == [until]


def test_words_go_into_the_turn_by_a_second_prompt_where_that_is_heard() -> None:
    wire = Wire(agent="opencode").begin()
    assert not wire.driver.inject("too early")
    wire.turn()
    assert wire.driver.inject("and this")
    assert wire.asked()[1]["prompt"][0]["text"] == "and this"
    _answer_prompt(wire, {"stopReason": "end_turn"})
    assert not wire.all(TurnEnd)
    wire.reply({"stopReason": "end_turn"})
    assert len(wire.all(TurnEnd)) == 1


def test_words_are_fetched_between_tool_calls_where_the_agent_asks_for_them() -> None:
    wire = Wire(agent="qwen").begin().turn()
    assert wire.driver.inject("one")
    wire.hear(id=5, method=FETCH, params={"sessionId": "s1"})
    assert wire.sent[-1]["result"] == {"messages": ["one"], "hasQueuedPrompt": False}
    wire.hear(id=6, method=FETCH, params={"sessionId": "s1"})
    assert wire.sent[-1]["result"]["messages"] == []


def test_words_that_nobody_came_for_go_on_with_the_turn() -> None:
    wire = Wire(agent="qwen").begin().turn()
    wire.driver.inject("late")
    wire.reply({"stopReason": "end_turn"})
    assert wire.asked()[1]["prompt"][0]["text"] == "late"
    assert not wire.all(TurnEnd)
    wire.reply({"stopReason": "end_turn"})
    assert len(wire.all(TurnEnd)) == 1


def test_words_that_an_interrupted_turn_did_not_hear_come_with_the_next() -> None:
    wire = Wire(agent="qwen").begin().turn()
    wire.driver.inject("late")
    wire.driver.interrupt()
    assert not wire.driver.inject("later")
    _answer_prompt(wire, {"stopReason": "cancelled"})
    wire.turn("next")
    assert wire.asked()[1]["prompt"][0]["text"] == "late\n\nnext"


def test_words_are_not_taken_without_end_or_where_they_would_end_the_turn() -> None:
    wire = Wire(agent="qwen").begin().turn()
    assert [wire.driver.inject("x") for _ in range(WORDS_MAX + 1)] == [True] * WORDS_MAX + [False]
    assert not Wire(agent="gemini").begin().turn().driver.inject("x")


@pytest.mark.parametrize("state", range(6))
def test_an_agent_that_ends_in_any_state_leaves_nothing_open(state: int) -> None:
    wire = Wire(agent="opencode").turn()
    offered = {"currentModeId": "auto", "availableModes": [{"id": "default"}]}
    steps = (
        wire.driver.open,
        lambda: wire.reply(AGENT),
        lambda: wire.reply({"sessionId": "s1", "modes": offered}),
        lambda: wire.ask(1, **SHELL),
        lambda: wire.driver.inject("x"),
    )
    for step in steps[:state]:
        step()
    wire.driver.close()
    assert is_balanced(wire.told, prompts=1)
    assert wire.all(TurnEnd)[0].reason is TurnReason.LOST
    assert len(wire.all(RequestGone)) == len(wire.all(Permission))
    sent = len(wire.sent)
    assert not wire.driver.interrupt()
    assert not wire.driver.inject("x")
    assert not wire.driver.answer("permission-1", Answer(allow=True))
    wire.turn()
    assert wire.all(TurnEnd)[-1].reason is TurnReason.LOST
    assert len(wire.sent) == sent


def test_what_a_child_of_the_dead_agent_writes_is_not_heard() -> None:
    wire = Wire().begin().turn()
    wire.driver.close()
    told = len(wire.told)
    wire.reply({"stopReason": "end_turn"})
    wire.write("ghost")
    wire.ask(1, **SHELL)
    wire.driver.hear(b"noise\n")
    assert len(wire.told) == told


def test_a_last_answer_without_its_newline_still_counts() -> None:
    wire = Wire().begin().turn()
    wire.write("done it")
    asked = wire.sent[-1]["id"]
    wire.driver.hear(json.dumps({"id": asked, "result": {"stopReason": "end_turn"}}).encode())
    wire.driver.close()
    assert [(end.ok, end.final_text) for end in wire.all(TurnEnd)] == [(True, "done it")]


def test_an_agent_that_reads_no_more_loses_its_turn() -> None:
    wire = Wire().begin()
    wire.takes = False
    wire.turn()
    assert wire.all(TurnEnd)[0].reason is TurnReason.LOST


def test_an_answer_that_does_not_get_through_is_not_given() -> None:
    wire = Wire().begin().turn()
    wire.ask(1, **SHELL)
    wire.takes = False
    assert not wire.driver.answer("permission-1", Answer(allow=True))
    wire.driver.close()
    assert wire.all(RequestGone)


def test_text_that_no_file_could_hold_is_made_to_fit() -> None:
    wire = Wire().begin().turn()
    wire.driver.hear(
        b'{"method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":'
        b'"agent_message_chunk","content":{"type":"text","text":"a\\ud800b"}}}}\n'
    )
    wire.reply({"stopReason": "end_turn"})
    assert wire.all(TurnEnd)[0].final_text == "a\N{REPLACEMENT CHARACTER}b"


# ---------------------------------------------------------------- whatever comes

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KINDS = (
    *("agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan", "usage_update"),
    "session_info_update",
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "toolCallId": st.sampled_from(["a", "b", "c__d"]) | _JSON,
        "status": st.sampled_from(["pending", "in_progress", "completed", "failed"]) | _JSON,
        "kind": st.sampled_from(["execute", "other"]) | _JSON,
        "content": st.just({"type": "text", "text": "t"}) | st.just([_text("u")]) | _JSON,
        "cost": st.just({"amount": 1, "currency": "USD"}) | _JSON,
        "entries": _JSON,
        "title": _JSON,
        "_meta": st.just({"usage": {"inputTokens": 1}}) | _JSON,
    },
)
_MOVES = st.lists(
    st.tuples(st.just("update"), st.sampled_from(_KINDS), _FIELDS)
    | st.tuples(st.just("ask"), st.integers(0, 3), _FIELDS)
    | st.tuples(st.just("reply"), _JSON, st.booleans())
    | st.tuples(st.sampled_from(["prompt", "fresh", "inject", "interrupt", "allow", "deny"]))
    | st.tuples(st.just("noise"), st.binary(max_size=20)),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(moves=_MOVES, agent=st.sampled_from(["", "opencode", "qwen", "gemini"]))
def test_whatever_an_agent_does_begins_and_ends_match(moves: list[Any], agent: str) -> None:
    wire = Wire(agent=agent).begin()
    prompts = 0
    for move in moves:
        prompts += _play(wire, move)
    wire.driver.close()
    assert is_balanced(wire.told, prompts=prompts)
    asked = [event.request for event in wire.all(Permission)]
    over = [event.request for event in wire.all(RequestGone)]
    assert len(asked) == len(set(asked))
    assert len(over) == len(set(over))
    assert set(over) <= set(asked)


def test_a_driver_that_forgets_what_is_open_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenMatters, "close", lambda _matters, _why: None)
    lost_call, twice = Wire().begin().turn(), Wire().begin().turn()
    lost_call.update("tool_call", toolCallId="a", title="x", status="in_progress")
    lost_call.reply({"stopReason": "end_turn"})
    lost_call.update("tool_call", toolCallId="b", title="x", status="in_progress")
    lost_call.driver.close()
    assert not is_balanced(lost_call.told, prompts=1)
    monkeypatch.setattr(Updates, "_forget", lambda updates, call: updates._begun.discard(call))
    for _ in range(2):
        twice.update("tool_call", toolCallId="a", title="x", status="completed")
    twice.reply({"stopReason": "end_turn"})
    assert not is_balanced(twice.told, prompts=1)


def _play(wire: Wire, move: Any) -> int:
    match move:
        case ("update", kind, fields):
            wire.update(kind, **fields)
        case ("ask", number, fields):
            wire.ask(number, **fields)
        case ("reply", result, fails):
            wire.reply(*([] if fails else [result]), error={"code": 1, "message": "x"} if fails else None)
        case ("noise", data):
            wire.driver.hear(data + b"\n")
        case ("prompt" | "fresh",):
            try:
                wire.driver.prompt("go", fresh=move[0] == "fresh")
            except WrongState:
                return 0
            return 1
        case ("inject",):
            wire.driver.inject("x")
        case ("interrupt",):
            wire.driver.interrupt()
        case ("allow" | "deny",):
            wire.driver.answer("permission-1", Answer(allow=move[0] == "allow"))
    return 0
