"""What an ACP agent asks for, how its turns end, and whatever else may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.adapters.acp_driver import FETCH, WORDS_MAX
from supervisor.adapters.acp_updates import Updates
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    LoginNeeded,
    Option,
    OptionScope,
    Permission,
    RateLimited,
    RequestGone,
    ToolEnd,
    TurnEnd,
    TurnReason,
)
from supervisor.adapters.open_matters import OpenMatters
from supervisor.errors import WrongState
from tests.unit.adapters.acp_stage import AGENT, SHELL, Wire, is_balanced, text_block

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
    wire.ask(toolCallId="run__1", title=command, kind="execute", content=[text_block("(why)")])
    (asked,) = wire.all(Permission)
    assert asked.payload["command"] == command
    assert asked.payload["acp"]["content"] == [text_block("(why)")]
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
    said: dict[str, Any] = {"kind": "execute", "status": "pending", "content": [text_block(content)]}
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
        "content": st.just({"type": "text", "text": "t"}) | st.just([text_block("u")]) | _JSON,
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
