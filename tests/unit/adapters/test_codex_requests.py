"""What Codex asks of people, and what their answers come to."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.adapters.codex_forms import choices_of, content_of, words_for
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    Permission,
    Question,
    RequestGone,
)
from supervisor.adapters.open_matters import REQUESTS_MAX
from tests.unit.adapters.codex_partner import Played, in_turn

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
