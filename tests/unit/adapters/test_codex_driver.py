"""The conversation with Codex' app-server: threads, turns, and that each prompt has one end."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    Broken,
    CoordinatorLink,
    LoginNeeded,
    Permission,
    RateLimited,
    RequestGone,
    Started,
    ToolEnd,
    ToolStart,
    TurnEnd,
    TurnReason,
    Unknown,
)
from supervisor.errors import WrongState
from tests.unit.adapters.codex_partner import Played, in_turn, ready


def reason(played: Played) -> list[str]:
    return [end.reason.value for end in played.told(TurnEnd)]


def test_it_greets_then_opens_a_thread_with_the_settings_and_says_its_name() -> None:
    played = ready()
    assert [message["method"] for message in played.sent] == [
        "initialize",
        "initialized",
        "account/read",
        "thread/start",
    ]
    assert all("jsonrpc" not in message for message in played.sent)
    assert played.calls("thread/start")[0]["params"]["approvalPolicy"] == "untrusted"
    assert played.events == [Started(session_id="t1", model="m-1", version="0.169.0")]


def test_a_turn_ends_with_the_agent_s_last_message() -> None:
    played = in_turn()
    assert played.calls("turn/start")[0]["params"]["input"] == [{"type": "text", "text": "do it"}]
    played.item("completed", "agentMessage", text="first")
    played.item("completed", "agentMessage", text="last")
    played.end()
    assert played.told(TurnEnd) == [TurnEnd(ok=True, reason=TurnReason.DONE, final_text="last")]


def test_a_prompt_before_the_thread_is_open_is_sent_when_it_is() -> None:
    played = Played()
    played.driver.prompt("early")
    assert played.sent == []
    played.greet()
    assert played.calls("turn/start")[0]["params"]["input"][0]["text"] == "early"


def test_a_second_prompt_in_a_turn_is_refused() -> None:
    played = in_turn()
    with pytest.raises(WrongState):
        played.driver.prompt("more")


def test_a_conversation_is_resumed_by_its_name() -> None:
    played = Played(resume="t0")
    played.driver.open()
    played.result("initialize", {})
    assert played.calls("thread/resume")[0]["params"]["threadId"] == "t0"
    played.open_thread("t0", method="thread/resume")
    assert played.told(Started)[0].session_id == "t0"
    assert not played.calls("thread/start")


def test_one_that_cannot_be_resumed_begins_anew_and_says_so() -> None:
    played = Played(resume="t0")
    played.driver.open()
    played.result("initialize", {})
    played.refuse("thread/resume", "no rollout found")
    played.open_thread("t1")
    assert played.told(Unknown)[0].what == "conversation t0 cannot be resumed"
    assert played.told(Started)[0].session_id == "t1"


def test_a_fresh_prompt_begins_another_thread_and_lets_go_of_the_old_one() -> None:
    played = in_turn()
    played.end()
    played.driver.prompt("next", fresh=True)
    assert played.calls("thread/unsubscribe")[0]["params"] == {"threadId": "t1"}
    played.open_thread("t2")
    assert played.calls("turn/start")[-1]["params"]["threadId"] == "t2"
    played.notify("turn/started", threadId="t2", turn={"id": "u2"})
    played.item("completed", "agentMessage", text="of the old thread")
    played.end(thread="t2", turn="u2")
    assert played.told(TurnEnd)[-1] == TurnEnd(ok=True, reason=TurnReason.DONE)


def test_a_thread_that_was_not_used_is_fresh_enough() -> None:
    played = ready()
    played.driver.prompt("first", fresh=True)
    assert len(played.calls("thread/start")) == 1
    assert played.calls("turn/start")


def test_a_resumed_thread_is_left_by_a_fresh_prompt() -> None:
    played = Played(resume="t0")
    played.driver.prompt("fresh", fresh=True)
    played.driver.open()
    played.result("initialize", {})
    played.open_thread("t0", method="thread/resume")
    assert not played.calls("turn/start")
    played.open_thread("t1")
    assert played.calls("turn/start")[0]["params"]["threadId"] == "t1"


def test_words_in_a_turn_are_steered_into_it() -> None:
    played = in_turn()
    assert played.driver.inject("mind the gap")
    assert played.calls("turn/steer")[0]["params"] == {
        "threadId": "t1",
        "expectedTurnId": "u1",
        "input": [{"type": "text", "text": "mind the gap"}],
    }


def test_words_wait_until_codex_says_that_the_turn_runs() -> None:
    played = ready()
    played.driver.prompt("go")
    assert played.driver.inject("early")
    played.result("turn/start", {"turn": {"id": "u1"}})
    assert not played.calls("turn/steer")  # it would be refused: `no active turn to steer`
    played.notify("turn/started", turn={"id": "u1"})
    assert played.calls("turn/steer")[0]["params"]["input"][0]["text"] == "early"


def test_words_that_codex_refuses_stand_before_the_next_prompt() -> None:
    played = in_turn()
    played.driver.inject("too late")
    played.end()
    played.refuse("turn/steer")
    played.driver.prompt("next")
    said = [part["text"] for part in played.calls("turn/start")[-1]["params"]["input"]]
    assert said == ["too late", "next"]


def test_without_a_turn_there_is_nobody_to_say_something_to() -> None:
    played = ready()
    assert not played.driver.inject("hello")
    assert not played.driver.interrupt()


def test_an_interrupt_ends_the_turn_and_what_it_left_running() -> None:
    played = in_turn()
    assert played.driver.interrupt()
    assert not played.driver.inject("after that")
    assert played.calls("turn/interrupt")[0]["params"] == {"threadId": "t1", "turnId": "u1"}
    played.end("interrupted")
    assert reason(played) == ["interrupted"]
    assert played.calls("thread/backgroundTerminals/clean")


def test_an_interrupt_waits_until_codex_says_that_the_turn_runs() -> None:
    played = ready()
    played.driver.prompt("go")
    assert played.driver.interrupt()
    played.result("turn/start", {"turn": {"id": "u1"}})
    assert not played.calls("turn/interrupt")  # it would be refused: `no active turn to interrupt`
    played.notify("turn/started", turn={"id": "u1"})
    assert played.calls("turn/interrupt")


def test_a_prompt_that_was_not_sent_is_interrupted_at_once() -> None:
    played = Played()
    played.driver.prompt("early")
    assert played.driver.interrupt()
    assert reason(played) == ["interrupted"]
    played.greet()
    assert not played.calls("turn/start")


def test_a_turn_that_codex_does_not_begin_ends_with_its_reason() -> None:
    played = ready()
    played.driver.prompt("go")
    played.refuse("turn/start", "no such model")
    assert played.told(TurnEnd) == [
        TurnEnd(ok=False, reason=TurnReason.ERROR, detail="Codex begins no turn: no such model")
    ]


def test_a_thread_that_codex_does_not_open_ends_the_turn_and_is_tried_again_with_the_next() -> None:
    played = Played()
    played.driver.prompt("go")
    played.driver.open()
    played.result("initialize", {})
    played.refuse("thread/start", "bad settings")
    assert played.told(TurnEnd)[0].detail == "Codex opens no conversation: bad settings"
    played.driver.prompt("again")
    played.open_thread("t1")
    assert played.calls("turn/start")


def test_a_thread_that_is_not_opened_without_a_prompt_is_told() -> None:
    played = Played()
    played.driver.open()
    played.result("initialize", {})
    played.result("thread/start", {"thread": {}})
    assert played.told(Broken) == [Broken(detail="Codex opens no conversation: it does not say which")]


def test_a_coordinator_that_cannot_be_reached_is_told_and_the_conversation_is_kept() -> None:
    played = Played(resume="t0")
    played.driver.open()
    played.result("initialize", {})
    played.refuse("thread/resume", "required MCP servers failed to initialize: supervisor: refused")
    assert [link.connected for link in played.told(CoordinatorLink)] == [False]
    played.driver.prompt("again")
    assert played.calls("thread/resume")[-1]["params"]["threadId"] == "t0"


def test_a_refused_greeting_ends_every_prompt_with_its_reason() -> None:
    played = Played()
    played.driver.open()
    played.refuse("initialize", "too old")
    played.driver.prompt("go")
    assert played.told(TurnEnd)[0].detail == "Codex does not take our greeting: too old"
    assert len(played.told(Broken)) == 1


def test_a_missing_login_is_told_before_the_first_prompt() -> None:
    played = ready()
    played.result("account/read", {"account": None, "requiresOpenaiAuth": True})
    assert played.told(LoginNeeded)


@pytest.mark.parametrize(
    "account", [{"account": {"type": "apiKey"}, "requiresOpenaiAuth": True}, {}, [], None]
)
def test_a_login_that_is_there_or_not_needed_is_no_matter(account: Any) -> None:
    played = ready()
    played.result("account/read", account)
    assert not played.told(LoginNeeded)


def test_a_limit_is_told_before_the_turn_ends() -> None:
    played = in_turn()
    played.end("failed", error={"message": "You've hit it.", "codexErrorInfo": "usageLimitExceeded"})
    assert [type(event) for event in played.events[-2:]] == [RateLimited, TurnEnd]
    assert reason(played) == ["limit"]


def test_a_turn_s_end_that_says_nothing_is_an_error() -> None:
    played = in_turn()
    played.end("sideways")
    assert reason(played) == ["error"]


def test_an_end_that_is_none_of_ours_ends_nothing() -> None:
    played = in_turn()
    played.end(turn="u0")
    played.end(thread="t9")
    assert not played.told(TurnEnd)
    played.end()
    played.end()
    assert len(played.told(TurnEnd)) == 1
    assert len(played.told(Unknown)) == 2


def test_the_end_may_come_before_the_answer_to_the_prompt() -> None:
    played = ready()
    played.driver.prompt("quick")
    played.notify("turn/started", turn={"id": "u1"})
    played.end()
    played.result("turn/start", {"turn": {"id": "u1"}})
    assert reason(played) == ["done"]
    played.begin("next", turn="u2")
    played.end(turn="u2")
    assert reason(played) == ["done", "done"]


def test_what_is_open_ends_with_the_turn() -> None:
    played = in_turn()
    played.item("started", "commandExecution", command="sleep 9")
    played.ask(0, "item/commandExecution/requestApproval", itemId="i1", command="sleep 9")
    played.end("interrupted")
    kinds = [type(event) for event in played.events[-5:]]
    assert kinds == [ToolStart, Permission, RequestGone, ToolEnd, TurnEnd]
    declined = [message for message in played.sent if message.get("id") == 0 and "result" in message]
    assert declined == [{"id": 0, "result": {"decision": "decline"}}]
    played.item("completed", "commandExecution", status="failed", exitCode=-1)
    assert len(played.told(ToolEnd)) == 1


@pytest.mark.parametrize("heard", range(8))
def test_whenever_the_process_dies_each_prompt_has_one_end(heard: int) -> None:
    played = Played()
    steps: list[Callable[[], object]] = [
        played.driver.open,
        lambda: played.driver.prompt("go"),
        lambda: played.result("initialize", {}),
        lambda: played.open_thread("t1"),
        lambda: played.result("turn/start", {"turn": {"id": "u1"}}),
        lambda: played.notify("turn/started", turn={"id": "u1"}),
        lambda: played.item("started", "commandExecution", command="sleep 9"),
        lambda: played.ask(0, "item/commandExecution/requestApproval", itemId="i1", command="sleep 9"),
    ]
    for step in steps[: heard + 1]:
        step()
    played.driver.close()
    assert reason(played) == (["lost"] if heard else [])
    assert len(played.told(ToolStart)) == len(played.told(ToolEnd))
    assert len(played.told(Permission)) == len(played.told(RequestGone))
    assert not played.told(Broken)


def test_a_line_that_takes_nothing_any_more_loses_the_turn() -> None:
    played = ready()
    played.is_deaf = True
    played.driver.prompt("go")
    assert reason(played) == ["lost"]


def test_unknown_requests_are_refused() -> None:
    played = ready()
    played.ask(5, "item/tool/call", tool="x")
    assert played.sent[-1]["error"]["code"] == -32601


def junk(rng: random.Random) -> Any:
    return rng.choice([None, True, -1, 1e99, "", "x" * 300, "\ud800", [], [None], {}, {"a": []}, [{"id": 1}]])


MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("turn/started", {"turn": {"id": "u1"}}),
    ("turn/completed", {"turn": {"id": "u1", "status": "failed", "error": {"message": "x"}}}),
    ("item/started", {"item": {"type": "fileChange", "id": "i1", "changes": [{"path": "a"}]}}),
    ("item/started", {"item": {"type": "mcpToolCall", "id": "i1", "server": "s", "tool": "t"}}),
    ("item/completed", {"item": {"type": "commandExecution", "id": "i1", "exitCode": 0, "command": "ls"}}),
    ("item/completed", {"item": {"type": "mcpToolCall", "id": "i1", "result": {"content": [{"text": "x"}]}}}),
    ("item/completed", {"item": {"type": "reasoning", "id": "i2", "summary": ["x"]}}),
    (
        "error",
        {"error": {"message": "1/2", "codexErrorInfo": {"x": {"httpStatusCode": 5}}}, "willRetry": True},
    ),
    ("account/rateLimits/updated", {"rateLimits": {"primary": {"usedPercent": 100, "resetsAt": 5}}}),
    ("thread/tokenUsage/updated", {"tokenUsage": {"total": {"inputTokens": 5}, "last": {"inputTokens": 5}}}),
    ("turn/plan/updated", {"plan": [{"status": "pending", "step": "x"}]}),
    ("mcpServer/startupStatus/updated", {"name": "supervisor", "status": "failed", "error": "x"}),
    ("serverRequest/resolved", {"requestId": 1}),
    ("warning", {"message": "x"}),
    (
        "item/commandExecution/requestApproval",
        {"itemId": "i1", "command": "ls", "networkApprovalContext": {}},
    ),
    ("item/fileChange/requestApproval", {"itemId": "i1", "grantRoot": "/"}),
    ("item/permissions/requestApproval", {"permissions": {"network": {"enabled": True}}}),
    (
        "item/tool/requestUserInput",
        {"questions": [{"id": "q", "question": "?", "options": [{"label": "a"}]}]},
    ),
    (
        "mcpServer/elicitation/request",
        {"mode": "form", "requestedSchema": {"properties": {"a": {"type": "x"}}}},
    ),
    (
        "mcpServer/elicitation/request",
        {"_meta": {"codex_approval_kind": "mcp_tool_call", "persist": ["session"]}},
    ),
]


def spoiled(value: Any, rng: random.Random) -> Any:
    if rng.random() < 0.15:
        return junk(rng)
    if isinstance(value, dict):
        return {name: spoiled(one, rng) for name, one in value.items() if rng.random() > 0.05}
    if isinstance(value, list):
        return [spoiled(one, rng) for one in value]
    return value


def spoil(played: Played, seed: int) -> None:
    """Hold a conversation in which messages are spoiled, and see whether each promise was kept."""
    rng = random.Random(seed)
    played.greet()
    prompts = 0
    for number in range(120):
        if not played.driver._matters.in_turn:
            played.driver.prompt(f"p{number}", fresh=rng.random() < 0.3)
            prompts += 1
        method, params = rng.choice(MESSAGES)
        message = spoiled({"method": method, "params": {"threadId": "t1", **params}}, rng)
        if not isinstance(message, dict):
            continue
        if "request" in method.lower() and method != "serverRequest/resolved":
            message["id"] = rng.choice([number, str(number), junk(rng)])
        elif rng.random() < 0.2:
            message = {"id": rng.randrange(12), rng.choice(["result", "error"]): spoiled({"turn": {}}, rng)}
        played.driver.hear(json.dumps(message).encode() + b"\n")
        for asked in played.told(Permission)[-2:]:
            played.driver.answer(asked.request, Answer(allow=rng.random() < 0.5, words="w"))
    played.driver.close()
    assert len(played.told(TurnEnd)) == prompts
    starts, ends = played.told(ToolStart), played.told(ToolEnd)
    assert sorted(start.call for start in starts) == sorted(end.call for end in ends)
    assert len({gone.request for gone in played.told(RequestGone)}) == len(played.told(RequestGone))


@pytest.mark.parametrize("seed", range(40))
def test_spoiled_messages_break_no_promise(seed: int) -> None:
    spoil(Played(), seed)


class Trusting(Played):
    """A driver that forgets which tool calls are open when a turn ends."""

    def __init__(self) -> None:
        super().__init__()
        self.driver._matters.end_turn = self._forget  # type: ignore[method-assign]

    def _forget(self, end: TurnEnd) -> None:
        self.driver._matters._calls.clear()
        self.driver._matters._in_turn = False
        self.tell(end)


def test_canary_a_forgotten_tool_call_is_found() -> None:
    def spoil_all() -> None:
        for seed in range(40):
            spoil(Trusting(), seed)

    with pytest.raises(AssertionError):
        spoil_all()
