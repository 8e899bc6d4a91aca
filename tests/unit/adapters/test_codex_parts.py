"""The parts of Codex' driver: requests and answers, failures, tokens, items; each with what is odd in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from supervisor.adapters.codex_errors import reason_of, retry_of, status_of, trouble_of
from supervisor.adapters.codex_fields import one_line, raw_of
from supervisor.adapters.codex_forms import choices_of, content_of, words_for
from supervisor.adapters.codex_items import inner_command, tool_end, tool_start
from supervisor.adapters.codex_usage import TokenMeter
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    Compacted,
    CoordinatorLink,
    LoginNeeded,
    Permission,
    Plan,
    Question,
    RateLimited,
    RequestGone,
    Retry,
    Text,
    Thinking,
    ToolEnd,
    ToolStart,
    TurnReason,
    Unknown,
    Usage,
)
from supervisor.adapters.open_matters import REQUESTS_MAX
from tests.unit.adapters.codex_partner import Played, in_turn, ready

APPROVAL = "item/commandExecution/requestApproval"
ELICITATION = "mcpServer/elicitation/request"


def result_of(played: Played, number: Any) -> Any:
    [answer] = [message for message in played.sent if message.get("id") == number and "result" in message]
    return answer["result"]


# ---------------------------------------------------------------- requests


def asked(played: Played, method: str, **params: Any) -> Any:
    played.ask(7, method, **params)
    return played.told(Permission, Question)[-1]


def test_a_command_is_shown_without_the_shell_around_it_and_with_all_that_goes_with_it() -> None:
    permission = asked(
        in_turn(),
        APPROVAL,
        itemId="i1",
        kind="command",
        command="/bin/bash -lc 'rm -rf x'",
        cwd="/w",
        reason="cleaning",
        additionalPermissions={"network": {"enabled": True}},
        environmentId="local",
        availableDecisions=["accept", "cancel"],
    )
    assert permission.payload == {
        "command": "rm -rf x",
        "spelled": "/bin/bash -lc 'rm -rf x'",
        "additionalPermissions": {"network": {"enabled": True}},
    }
    assert (permission.kind, permission.title) == (ActKind.SHELL, "rm -rf x")
    assert (permission.cwd, permission.reason, permission.call) == ("/w", "cleaning", "i1")
    assert [option.id for option in permission.options] == ["accept", "acceptForSession", "decline", "cancel"]


def test_the_same_command_asked_twice_has_the_same_payload() -> None:
    played = in_turn()
    first = asked(played, APPROVAL, itemId="a", command="ls", startedAtMs=1, approvalId="x")
    second = asked(played, APPROVAL, itemId="b", command="ls", startedAtMs=2, approvalId="y")
    assert first.payload == second.payload == {"command": "ls"}
    assert first.request != second.request


def test_words_for_a_running_program_are_no_new_command() -> None:
    assert asked(in_turn(), APPROVAL, kind="writeStdin", command="y").payload["kind"] == "writeStdin"


def test_a_request_for_the_network_names_the_host() -> None:
    permission = asked(
        in_turn(), APPROVAL, networkApprovalContext={"protocol": "https", "host": "example.org"}
    )
    assert (permission.kind, permission.title) == (ActKind.NETWORK, "https://example.org")


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (Answer(allow=True), "accept"),
        (Answer(allow=True, option="acceptForSession"), "acceptForSession"),
        (Answer(allow=True, option="decline"), "decline"),
        (Answer(allow=False), "decline"),
        (Answer(allow=False, option="cancel"), "cancel"),
        (Answer(allow=False, option="accept"), "decline"),
    ],
)
def test_of_two_things_that_an_answer_says_the_safer_one_holds(answer: Answer, decision: str) -> None:
    played = in_turn()
    permission = asked(played, APPROVAL, command="ls")
    assert played.driver.answer(permission.request, answer)
    assert result_of(played, 7) == {"decision": decision}
    assert not played.driver.answer(permission.request, answer)


def test_an_option_that_was_not_offered_answers_nothing() -> None:
    played = in_turn()
    permission = asked(played, APPROVAL, command="ls")
    assert not played.driver.answer(permission.request, Answer(allow=True, option="always"))
    assert played.driver.answer(permission.request, Answer(allow=True))


def test_an_answer_that_cannot_be_sent_leaves_the_request_open() -> None:
    played = in_turn()
    permission = asked(played, APPROVAL, command="ls")
    played.is_deaf = True
    assert not played.driver.answer(permission.request, Answer(allow=True))
    played.is_deaf = False
    assert played.driver.answer(permission.request, Answer(allow=True))


def test_why_something_is_denied_is_said_before_the_denial() -> None:
    played = in_turn()
    permission = asked(played, APPROVAL, command="ls")
    played.driver.answer(permission.request, Answer(allow=False, words="not here"))
    assert [message.get("method", "answer") for message in played.sent[-2:]] == ["turn/steer", "answer"]


def test_a_request_that_codex_has_resolved_is_gone() -> None:
    played = in_turn()
    permission = asked(played, APPROVAL, command="ls")
    played.notify("serverRequest/resolved", requestId="7")
    played.notify("serverRequest/resolved", requestId=True)
    assert not played.told(RequestGone)
    played.notify("serverRequest/resolved", requestId=7)
    assert [gone.request for gone in played.told(RequestGone)] == [permission.request]
    assert not played.driver.answer(permission.request, Answer(allow=True))


def test_another_request_under_the_same_number_makes_the_first_one_void() -> None:
    played = in_turn()
    harmless = asked(played, APPROVAL, command="ls")
    harmful = asked(played, APPROVAL, command="rm -rf /")
    assert [gone.request for gone in played.told(RequestGone)] == [harmless.request]
    assert not played.driver.answer(harmless.request, Answer(allow=True))
    assert not any("result" in message for message in played.sent)
    assert played.driver.answer(harmful.request, Answer(allow=False))


def test_a_change_of_files_is_shown_with_what_its_item_told() -> None:
    played = in_turn()
    changes = [{"path": "a.py", "kind": {"type": "add"}, "diff": "+x"}, {"path": "b.py", "diff": "-y"}]
    played.item("started", "fileChange", name="i9", changes=changes)
    permission = asked(played, "item/fileChange/requestApproval", itemId="i9", grantRoot=None)
    assert permission.payload == {"changes": changes}
    assert (permission.kind, permission.title) == (ActKind.EDIT, "a.py, b.py")
    bare = asked(played, "item/fileChange/requestApproval", itemId="other", grantRoot="/etc")
    assert bare.payload == {"changes": [], "grantRoot": "/etc"}
    assert bare.title == "write under /etc"


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Answer(allow=True), {"permissions": {"network": {"enabled": True}}, "scope": "turn"}),
        (
            Answer(allow=True, option="acceptForSession"),
            {"permissions": {"network": {"enabled": True}}, "scope": "session"},
        ),
        (Answer(allow=False), {"permissions": {}, "scope": "turn"}),
    ],
)
def test_more_permissions_are_granted_as_asked_for_or_not_at_all(answer: Answer, result: Any) -> None:
    played = in_turn()
    wanted = {"network": {"enabled": True}, "fileSystem": None}
    permission = asked(played, "item/permissions/requestApproval", permissions=wanted)
    assert permission.kind is ActKind.NETWORK
    assert played.driver.answer(permission.request, answer)
    assert result_of(played, 7) == result


TOOL_CALL = {"codex_approval_kind": "mcp_tool_call", "tool_name": "boom", "tool_params": {"x": 1}}


def test_a_tool_of_another_server_is_asked_for_with_its_arguments() -> None:
    played = in_turn()
    meta = {**TOOL_CALL, "persist": ["session", "always"]}
    permission = asked(played, ELICITATION, serverName="s", mode="form", message="Allow?", _meta=meta)
    assert (permission.kind, permission.tool) == (ActKind.MCP, "s.boom")
    assert permission.title == 's.boom {"x": 1}'
    assert permission.payload == {"server": "s", "tool": "boom", "arguments": {"x": 1}}
    played.driver.answer(permission.request, Answer(allow=True, option="acceptForSession"))
    assert result_of(played, 7) == {"action": "accept", "_meta": {"persist": "session"}}


def test_it_is_remembered_only_where_codex_offers_it() -> None:
    played = in_turn()
    permission = asked(played, ELICITATION, serverName="s", _meta=TOOL_CALL)
    assert "acceptForSession" not in [option.id for option in permission.options]
    played.driver.answer(permission.request, Answer(allow=False))
    assert result_of(played, 7) == {"action": "decline"}


def test_a_form_is_a_question_whose_words_fill_it() -> None:
    played = in_turn()
    form = {"properties": {"colour": {"type": "string", "enum": ["red", "blue"]}}}
    question = asked(played, ELICITATION, serverName="s", mode="form", message="Which?", requestedSchema=form)
    assert question == Question(request="r1", text="s: Which?", choices=("red", "blue"))
    played.driver.answer(question.request, Answer(allow=True, words="red"))
    assert result_of(played, 7) == {"action": "accept", "content": {"colour": "red"}}


def test_a_page_to_be_opened_is_a_question_with_its_address() -> None:
    played = in_turn()
    question = asked(
        played, ELICITATION, serverName="s", mode="url", message="Sign in", url="https://x.org/1"
    )
    assert question.text == "s: Sign in\nhttps://x.org/1"
    played.driver.answer(question.request, Answer(allow=False))
    assert result_of(played, 7) == {"action": "decline"}


def test_a_form_of_an_unknown_kind_is_refused() -> None:
    played = in_turn()
    played.ask(7, ELICITATION, serverName="s", mode="openai/userVerification")
    assert played.sent[-1]["error"]["code"] == -32601


def test_several_questions_are_answered_together_when_each_has_its_answer() -> None:
    played = in_turn()
    questions = [
        {"id": "a", "question": "First?", "options": [{"label": "x"}]},
        {"id": "b", "header": "Second", "options": None},
        {"id": "c", "question": "Third?"},
    ]
    played.ask(7, "item/tool/requestUserInput", questions=questions)
    first, second, third = played.told(Question)
    assert (second.text, first.choices) == ("Second", ("x",))
    assert played.driver.answer(third.request, Answer(allow=False))
    assert played.driver.answer(first.request, Answer(allow=True, words="x"))
    assert not any("result" in message for message in played.sent)
    assert played.driver.answer(second.request, Answer(allow=True, words="y"))
    told = {"a": {"answers": ["x"]}, "b": {"answers": ["y"]}, "c": {"answers": []}}
    assert result_of(played, 7) == {"answers": told}


def test_what_is_half_answered_when_the_turn_ends_is_gone_and_refused() -> None:
    played = in_turn()
    questions = [{"id": "a", "question": "First?"}, {"id": "b", "question": "Second?"}]
    played.ask(7, "item/tool/requestUserInput", questions=questions)
    played.driver.answer("r1", Answer(allow=True, words="x"))
    played.end()
    assert [gone.request for gone in played.told(RequestGone)] == ["r2"]
    assert result_of(played, 7) == {"answers": {"a": {"answers": ["x"]}, "b": {"answers": []}}}


def test_who_asks_too_much_is_refused() -> None:
    played = in_turn()
    for number in range(REQUESTS_MAX + 5):
        played.ask(number + 100, APPROVAL, command="ls")
    assert len(played.told(Permission)) == REQUESTS_MAX
    assert result_of(played, REQUESTS_MAX + 104) == {"decision": "decline"}


def test_a_request_that_is_nested_too_deep_is_refused() -> None:
    played = in_turn()
    deep: Any = "x"
    for _ in range(80):
        deep = [deep]
    played.ask(7, APPROVAL, command="ls", additionalPermissions=deep)
    assert not played.told(Permission)
    assert played.sent[-1]["error"]["code"] == -32601


def test_questions_without_a_question_are_refused() -> None:
    played = in_turn()
    played.ask(7, "item/tool/requestUserInput", questions=[])
    assert played.sent[-1]["error"]["code"] == -32601


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("field", "words", "value"),
    [
        ({"type": "string"}, "a b", "a b"),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "no", False),
        ({"type": "integer"}, "7", 7),
        ({"type": "integer"}, "seven", "seven"),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "number"}, "nan", "nan"),
        ({"type": "array"}, "a, b,", ["a", "b"]),
        ({}, "x", "x"),
    ],
)
def test_words_are_read_as_the_only_field_wants_them(field: dict[str, Any], words: str, value: Any) -> None:
    assert content_of({"properties": {"f": field}}, words) == {"f": value}


def test_several_fields_take_a_line_each_or_an_object() -> None:
    form = {"properties": {"a": {"type": "integer", "description": "how many"}, "b": {"type": "string"}}}
    assert content_of(form, "7\n\nwords\nmore") == {"a": 7, "b": "words"}
    assert content_of(form, '{"b": "x"}') == {"b": "x"}
    assert "- a: how many" in words_for("s: ?", form)
    assert choices_of(form) == ()
    assert content_of({}, "x") == {}


@pytest.mark.parametrize(
    ("field", "choices"),
    [
        ({"type": "boolean"}, ("yes", "no")),
        ({"oneOf": [{"const": "a", "title": "A"}]}, ("a",)),
        ({"enum": ["a", 7]}, ("a",)),
        ({"type": "string"}, ()),
    ],
)
def test_what_can_be_chosen_is_offered(field: dict[str, Any], choices: tuple[str, ...]) -> None:
    assert choices_of({"properties": {"f": field}}) == choices


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
