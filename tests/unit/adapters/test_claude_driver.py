"""The conversation with Claude Code and Qwen Code, message by message."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.adapters.claude_dialect import CLAUDE, QWEN, Dialect
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    Broken,
    CoordinatorLink,
    LoginNeeded,
    Permission,
    RateLimited,
    RequestGone,
    Started,
    Text,
    ToolEnd,
    TurnEnd,
    TurnReason,
    Unknown,
)
from supervisor.errors import WrongState
from tests.unit.adapters.claude_partner import Played, ready

BOTH = pytest.mark.parametrize("dialect", [CLAUDE, QWEN], ids=lambda dialect: dialect.name)


def the_end(played: Played) -> TurnEnd:
    ends = played.told(TurnEnd)
    assert len(ends) == 1
    end = ends[0]
    assert isinstance(end, TurnEnd)
    return end


# ------------------------------------------------------------ beginning


def test_claude_says_that_it_is_there_and_whom_it_reached_before_any_prompt() -> None:
    played = ready()
    assert played.events == [
        Started(session_id="s1", model="m1", version="2.1.328"),
        CoordinatorLink(connected=True),
    ]
    assert played.said() == []


def test_qwen_is_asked_who_it_is_by_a_command_that_needs_no_model_and_of_that_nothing_is_told() -> None:
    played = ready(QWEN)
    assert played.words == ["/about"]
    assert played.events == [
        Started(session_id="s1", model="m1", version="2.1.328"),
        CoordinatorLink(connected=True),
    ]


@pytest.mark.parametrize(
    ("servers", "detail"),
    [
        ([], "the agent knows of no server `supervisor`"),
        ([{"name": "supervisor", "status": "failed", "error": "refused"}], "failed: refused"),
        ([{"name": "supervisor", "status": "pending"}], "pending"),
        ([{"name": "other", "status": "connected"}], "the agent knows of no server `supervisor`"),
        ([{"name": "supervisor"}, 7], "unknown"),
    ],
)
def test_a_coordinator_that_was_not_reached_is_told_with_the_reason(servers: Any, detail: str) -> None:
    played = Played()
    played.driver.open()
    played.reply("initialize", {})
    played.reply("mcp_status", {"mcpServers": servers})
    assert played.told(CoordinatorLink) == [CoordinatorLink(connected=False, detail=detail)]


def test_a_link_is_told_again_only_when_it_has_changed() -> None:
    played = ready()
    played.begin()
    assert len(played.told(CoordinatorLink)) == 1
    played.init(servers=[{"name": "supervisor", "status": "failed"}])
    assert played.told(CoordinatorLink)[1:] == [CoordinatorLink(connected=False, detail="failed")]


def test_one_that_refuses_the_greeting_is_spoken_with_all_the_same() -> None:
    played = Played()
    played.driver.open()
    played.reply("initialize", None)
    played.reply("mcp_status", None)
    played.begin()
    assert played.told(Broken, Started)
    assert played.words == ["do it"]
    assert played.told(CoordinatorLink) == [CoordinatorLink(connected=True)]


@BOTH
def test_a_prompt_before_the_greeting_waits_for_it(dialect: Dialect) -> None:
    played = Played(dialect)
    played.driver.open()
    played.driver.prompt("early")
    assert played.said() == []
    played.greet()
    assert played.words[-1] == "early"


def test_why_it_cannot_begin_is_told_and_is_the_reason_of_the_lost_turn() -> None:
    played = Played(resumed=True)
    played.driver.open()
    played.driver.prompt("go on")
    played.say("result", subtype="error_during_execution", is_error=True, errors=["No conversation found"])
    played.driver.close()
    assert played.told(Unknown) == [Unknown(what="No conversation found")]
    assert (the_end(played).reason, the_end(played).detail) == (TurnReason.LOST, "No conversation found")


def test_a_login_that_is_missing_at_the_start_is_told_without_a_prompt() -> None:
    played = Played(QWEN)
    played.driver.open()
    played.say(
        "result", subtype="error_during_execution", is_error=True, error={"message": "API Error: 401 x"}
    )
    assert played.told(LoginNeeded) == [LoginNeeded(detail="API Error: 401 x")]


# ------------------------------------------------------------ turns


@BOTH
def test_a_turn_is_told_and_ends_once(dialect: Dialect) -> None:
    played = ready(dialect)
    played.begin()
    played.text("hello")
    played.result("hello")
    played.result("late")
    assert the_end(played) == TurnEnd(ok=True, reason=TurnReason.DONE, final_text="hello")
    assert [event.text for event in played.told(Text)] == ["hello"]


def test_a_second_prompt_during_a_turn_is_refused() -> None:
    played = ready()
    played.driver.prompt("one")
    with pytest.raises(WrongState):
        played.driver.prompt("two")


def test_every_message_has_a_name_that_was_never_used() -> None:
    played = ready()
    for _ in range(3):
        played.begin()
        played.driver.inject("and this")
        played.lifecycle("started")
        played.result()
    names = [message["uuid"] for message in played.said()]
    assert len(set(names)) == 6


@pytest.mark.parametrize("sign", ["/clear", "  /clear", "\n!rm -rf x", "#remember", "?"])
def test_words_that_look_like_a_command_of_the_program_are_only_words(sign: str) -> None:
    played = ready()
    played.begin(sign)
    played.driver.inject(sign)
    assert played.words == [f"Message:\n{sign}"] * 2


def test_a_new_conversation_is_begun_before_the_prompt_and_told() -> None:
    played = ready()
    played.begin("one", fresh=True)
    played.result()
    assert played.words == ["one"], "the first is new as it is"
    played.driver.prompt("two", fresh=True)
    assert played.words == ["one", "/clear"]
    played.init("s2")
    played.text("cleared")
    played.result("", session_id="s2", num_turns=0)
    assert played.words == ["one", "/clear", "two"]
    assert [event.session_id for event in played.told(Started)] == ["s1", "s2"]
    assert played.told(Text) == []


def test_a_resumed_conversation_is_left_for_a_new_one_when_asked_to() -> None:
    played = ready(resumed=True)
    played.driver.prompt("one", fresh=True)
    assert played.words == ["/clear"]


@pytest.mark.parametrize(
    "answer",
    [
        {"is_error": True, "subtype": "error_during_execution"},
        {"session_id": "s1"},  # as 2.0.60 answers, which then remembers all
        {},
    ],
)
def test_a_prompt_for_a_new_conversation_never_goes_to_the_old_one(answer: dict[str, Any]) -> None:
    played = ready(resumed=True)
    played.driver.prompt("one", fresh=True)
    played.result("", **answer)
    assert played.words == ["/clear"]
    assert the_end(played).reason is TurnReason.ERROR
    played.begin("two")
    assert played.words == ["/clear", "two"]


@BOTH
def test_an_agent_that_takes_no_input_has_lost_its_turn(dialect: Dialect) -> None:
    played = ready(dialect)
    played.is_deaf = True
    played.driver.prompt("one")
    assert the_end(played).reason is TurnReason.LOST
    assert not played.driver.interrupt()


def test_an_agent_that_takes_no_clearing_has_lost_its_turn() -> None:
    played = ready(resumed=True)
    played.is_deaf = True
    played.driver.prompt("one", fresh=True)
    assert the_end(played).reason is TurnReason.LOST
    played.is_deaf = False
    played.begin("two")
    assert played.words == ["two"]


def test_a_result_that_nobody_asked_for_ends_no_turn() -> None:
    played = ready()
    played.result("by myself")
    assert played.told(TurnEnd) == []


# ------------------------------------------------------------ words during a turn


def test_words_that_are_folded_in_belong_to_the_turn() -> None:
    played = ready()
    played.begin()
    assert played.driver.inject("also this")
    played.lifecycle("queued")
    played.lifecycle("started")
    played.result("both")
    assert the_end(played).final_text == "both"


def test_words_that_came_too_late_become_a_turn_of_which_the_first_waits() -> None:
    played = ready()
    played.begin()
    played.driver.inject("also this")
    played.lifecycle("queued")
    played.result("first")
    assert played.told(TurnEnd) == []
    played.lifecycle("started")
    played.init()
    played.result("second")
    assert the_end(played).final_text == "second"


@pytest.mark.parametrize("state", ["cancelled", "discarded", "completed"])
def test_words_that_are_dropped_after_the_result_let_the_turn_end(state: str) -> None:
    played = ready()
    played.begin()
    played.driver.inject("also this")
    played.result("first")
    played.lifecycle(state)
    assert the_end(played).final_text == "first"


def test_a_version_that_does_not_say_what_is_queued_is_told_nothing_in_between() -> None:
    played = ready()
    played.driver.prompt("one")
    assert not played.driver.inject("also this")
    assert played.words == ["one"]


def test_qwen_makes_a_turn_of_words_and_only_the_last_ends_it() -> None:
    played = ready(QWEN)
    played.begin()
    played.driver.inject("two")
    played.driver.inject("three")
    for text in ("one", "two"):
        played.result(text)
        assert played.told(TurnEnd) == []
        played.init()
    played.result("three")
    assert the_end(played).final_text == "three"


def test_nothing_is_said_where_no_turn_runs_or_it_is_to_end() -> None:
    played = Played()
    assert not played.driver.inject("x")
    played.greet()
    assert not played.driver.inject("x")
    played.begin()
    assert played.driver.interrupt()
    assert not played.driver.inject("x")
    played.is_deaf = True
    assert played.words == ["do it"]


def test_words_that_cannot_be_sent_are_not_waited_for() -> None:
    played = ready()
    played.begin()
    played.is_deaf = True
    assert not played.driver.inject("x")
    played.is_deaf = False
    played.result()
    assert the_end(played).ok


# ------------------------------------------------------------ interrupting


def test_an_interrupted_turn_drops_what_is_queued_and_says_so() -> None:
    played = ready()
    played.begin()
    played.driver.inject("later")
    assert played.driver.interrupt()
    assert played.requests("interrupt")[0]["request"]["cancel_queued"] is True
    played.lifecycle("cancelled")
    played.reply("interrupt", {"still_queued": []})
    played.result("", subtype="error_during_execution", is_error=True, terminal_reason="aborted_streaming")
    assert the_end(played) == TurnEnd(ok=False, reason=TurnReason.INTERRUPTED)


@pytest.mark.parametrize("is_interrupted", [True, False])
def test_a_prompt_that_is_dropped_before_it_was_taken_up_has_no_result(is_interrupted: bool) -> None:
    played = ready()
    played.driver.prompt("one")
    played.lifecycle("queued")
    if is_interrupted:
        played.driver.interrupt()
    played.lifecycle("cancelled")
    expected = TurnReason.INTERRUPTED if is_interrupted else TurnReason.ERROR
    assert the_end(played).reason is expected
    played.begin("two")
    played.lifecycle("cancelled")
    assert len(played.told(TurnEnd)) == 1, "a turn that has begun ends with its result"


def test_qwen_is_interrupted_again_in_the_turn_that_was_queued() -> None:
    played = ready(QWEN)
    played.begin()
    played.driver.inject("later")
    played.driver.interrupt()
    cancelled = {"subtype": "error_during_execution", "is_error": True, "error": {"message": "cancelled"}}
    played.result("", **cancelled)
    assert played.told(TurnEnd) == []
    played.init()
    assert len(played.requests("interrupt")) == 2
    played.result("", **cancelled)
    assert the_end(played).reason is TurnReason.INTERRUPTED


@pytest.mark.parametrize("is_greeted", [False, True])
def test_a_turn_that_has_not_begun_is_interrupted_at_once(is_greeted: bool) -> None:
    played = ready(resumed=True) if is_greeted else Played()
    played.driver.prompt("one", fresh=True)
    assert played.driver.interrupt()
    assert the_end(played).reason is TurnReason.INTERRUPTED
    if is_greeted:
        played.result("", num_turns=0, session_id="s2")
        assert played.words == ["/clear"]
    else:
        played.greet()
        assert played.words == []
    played.driver.prompt("two")
    assert played.words[-1] == "two"


def test_nothing_is_interrupted_where_nothing_runs() -> None:
    played = ready()
    assert not played.driver.interrupt()
    played.begin()
    played.is_deaf = True
    assert not played.driver.interrupt()
    played.is_deaf = False
    played.driver.close()
    assert not played.driver.interrupt()


# ------------------------------------------------------------ endings


@pytest.mark.parametrize(
    ("result", "reason", "detail"),
    [
        ({"stop_reason": "refusal"}, TurnReason.REFUSED, ""),
        (
            {"subtype": "error_max_turns", "is_error": True, "errors": ["Reached maximum"]},
            TurnReason.LIMIT,
            "Reached maximum",
        ),
        (
            {"subtype": "error_max_budget_usd", "is_error": True, "result": None},
            TurnReason.LIMIT,
            "error_max_budget_usd",
        ),
        (
            {"is_error": True, "api_error_status": 529, "result": "API Error: 529 overloaded"},
            TurnReason.ERROR,
            "API Error: 529 overloaded",
        ),
        ({"subtype": "error_during_execution", "result": "x"}, TurnReason.ERROR, "x"),
        (
            {"subtype": "error_during_execution", "error": {"message": "Operation cancelled."}},
            TurnReason.INTERRUPTED,
            "",
        ),
    ],
)
def test_how_a_turn_ended_is_told(result: dict[str, Any], reason: TurnReason, detail: str) -> None:
    played = ready()
    played.begin()
    played.result(**result)
    assert (the_end(played).ok, the_end(played).reason, the_end(played).detail) == (False, reason, detail)
    assert played.told(Unknown) == []


@pytest.mark.parametrize(
    ("more", "until"),
    [
        ({"api_error_status": 429, "result": "API Error: Request rejected (429)"}, None),
        ({"result": "API Error: Request rejected (429) · later"}, None),
        ({"result": "Claude AI usage limit reached|1795190000"}, 1795190000.0),
        ({"result": "You've hit your session limit · resets 3pm"}, None),
        ({"error": {"message": "[API Error: 429 slow down]"}}, None),
    ],
)
def test_a_limit_is_told_with_its_end_if_it_has_one(more: dict[str, Any], until: float | None) -> None:
    played = ready()
    played.begin()
    played.result(**{"is_error": True, **more})
    limited = played.told(RateLimited)
    assert [event.until for event in limited] == [until]
    assert the_end(played).reason is TurnReason.LIMIT


def test_the_end_of_a_limit_is_known_from_what_was_told_before() -> None:
    played = ready()
    played.begin()
    played.say("rate_limit_event", rate_limit_info={"status": "allowed_warning", "resetsAt": 1})
    assert played.told(RateLimited) == []
    info = {"status": "rejected", "resetsAt": 1795190000, "rateLimitType": "five_hour"}
    played.say("rate_limit_event", rate_limit_info=info)
    played.result(is_error=True, api_error_status=429, result="no")
    assert [event.until for event in played.told(RateLimited)] == [1795190000, 1795190000]


@pytest.mark.parametrize(
    "more",
    [
        {"result": "Not logged in · Please run /login"},
        {"api_error_status": 401, "result": "Failed to authenticate."},
        {"api_error_status": 403, "result": "x"},
        {"result": "Invalid API key · Fix external API key"},
        {"result": "Credit balance is too low"},
        {"subtype": "error_during_execution", "error": {"message": "[API Error: 401 who]"}},
        {"subtype": "error_during_execution", "error": {"message": "No auth type is selected."}},
    ],
)
def test_a_missing_login_is_told(more: dict[str, Any]) -> None:
    played = ready()
    played.begin()
    played.result(**{"is_error": True, **more})
    assert len(played.told(LoginNeeded)) == 1
    assert the_end(played).reason is TurnReason.ERROR


def test_work_that_speaks_of_logins_and_limits_needs_neither() -> None:
    played = ready()
    played.begin()
    played.result("Mended /login, and the rate limit (429) of the API. Invalid API key is now told.")
    assert played.told(LoginNeeded, RateLimited) == []
    assert the_end(played).ok


def test_a_complaint_that_was_said_aloud_is_no_final_text() -> None:
    played = ready(QWEN)
    played.begin()
    played.text("[API Error: 400 x]")
    played.result(subtype="error_during_execution", is_error=True, error={"message": "[API Error: 400 x]"})
    assert the_end(played).final_text == ""


# ------------------------------------------------------------ the end of the process


@BOTH
@pytest.mark.parametrize("state", ["new", "greeted", "waiting", "clearing", "turn", "asking", "held"])
def test_an_agent_that_dies_leaves_nothing_open_in_whatever_state(dialect: Dialect, state: str) -> None:
    played = Played(dialect, resumed=state == "clearing")
    played.driver.open()
    if state == "waiting":
        played.driver.prompt("one")
    elif state != "new":
        played.greet()
    if state == "clearing":
        played.driver.prompt("one", fresh=True)
    elif state in {"turn", "asking", "held"}:
        played.begin()
        played.use("c1")
        played.ask("r1")
    if state == "held":
        played.driver.inject("later")
        played.result("first")
    played.driver.close()
    played.driver.close()
    has_turn = state not in {"new", "greeted"}
    assert [end.reason for end in played.told(TurnEnd)] == [TurnReason.LOST] * has_turn
    assert len(played.told(RequestGone)) == len(played.told(Permission))
    assert len(played.told(ToolEnd)) == (state in {"turn", "asking", "held"})
    assert not played.driver.answer("r1", Answer(allow=True))
    before = len(played.sent)
    played.driver.prompt("two")
    assert played.told(TurnEnd)[-1].reason is TurnReason.LOST
    assert not played.driver.inject("x")
    played.result("a voice from the grave")
    played.ask("r2")
    assert len(played.sent) == before


def test_the_last_line_counts_though_nothing_ended_it() -> None:
    played = ready()
    played.begin()
    played.driver.hear(b'{"type":"result","subtype":"success","result":"just in time"}')
    played.driver.close()
    assert the_end(played).final_text == "just in time"


# ------------------------------------------------------------ answers to nothing


def test_an_answer_to_nothing_is_told_and_ends_nothing() -> None:
    played = ready()
    played.begin()
    played.say("control_response", response={"subtype": "success", "request_id": "never"})
    played.say("control_response", response=7)
    assert len(played.told(Broken)) == 2
    played.result()
    assert the_end(played).ok


def test_the_answer_to_our_wish_that_it_end_is_expected() -> None:
    played = ready()
    for name in ("end-turn", "end"):
        played.say("control_response", response={"subtype": "success", "request_id": name})
    assert played.told(Broken) == []
