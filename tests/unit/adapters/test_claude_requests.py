"""What Claude Code and Qwen Code ask, and how answers reach them."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor.adapters.claude_dialect import CLAUDE, QWEN, Dialect
from supervisor.adapters.driver import Answer
from supervisor.adapters.events import (
    ActKind,
    Broken,
    Option,
    OptionScope,
    Permission,
    Question,
    RequestGone,
    Unknown,
)
from tests.unit.adapters.claude_partner import Played, ready

RULES = [
    {
        "type": "addRules",
        "rules": [{"toolName": "Bash", "ruleContent": "touch *"}, {"toolName": "Read"}],
        "behavior": "allow",
        "destination": "localSettings",
    },
    {"type": "addDirectories", "directories": ["/project"], "destination": "session"},
    {"type": "setMode", "mode": "acceptEdits", "destination": "session"},
    {"type": "removeRules"},
    {},
]
COLOURS = {
    "question": "Which colour?",
    "options": [{"label": "red"}, {"label": "blue"}],
    "multiSelect": False,
}
SIZES = {"question": "Which size?", "options": []}


def working(dialect: Dialect = CLAUDE, **more: Any) -> Played:
    played = ready(dialect, **more)
    played.begin()
    return played


def the_reply(played: Played) -> dict[str, Any]:
    assert len(played.replies) == 1
    reply = played.replies[0]
    assert reply["subtype"] == "success"
    answer: dict[str, Any] = reply["response"]
    return answer


def test_a_permission_says_all_of_what_would_be_done() -> None:
    played = working()
    played.ask(
        "r1",
        input={"command": "touch a\nrm b", "timeout": 3},
        description="make a",
        tool_use_id="c1",
        permission_suggestions=RULES,
    )
    assert played.told(Permission) == [
        Permission(
            request="r1",
            kind=ActKind.SHELL,
            tool="Bash",
            title="touch a",
            payload={"command": "touch a\nrm b", "timeout": 3},
            cwd="/project",
            reason="make a",
            options=(
                Option(id="once", label="Allow once", scope=OptionScope.ONCE),
                Option(id="rule-0", label="Always allow Bash(touch *), Read", scope=OptionScope.ALWAYS),
                Option(id="rule-1", label="Also work in /project", scope=OptionScope.SESSION),
                Option(id="rule-2", label="Go on in mode acceptEdits", scope=OptionScope.SESSION),
                Option(id="rule-3", label="removeRules", scope=OptionScope.ALWAYS),
                Option(id="rule-4", label="Allow as it suggests", scope=OptionScope.ALWAYS),
                Option(id="deny", label="Deny", scope=OptionScope.DENY),
            ),
            rewritable=True,
            call="c1",
        )
    ]


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (Answer(allow=True), {"behavior": "allow", "updatedInput": {"command": "ls"}}),
        (Answer(allow=True, option="once"), {"behavior": "allow", "updatedInput": {"command": "ls"}}),
        (
            Answer(allow=True, payload={"command": "ls -l"}),
            {"behavior": "allow", "updatedInput": {"command": "ls -l"}},
        ),
        (
            Answer(allow=True, option="rule-2"),
            {"behavior": "allow", "updatedInput": {"command": "ls"}, "updatedPermissions": [RULES[2]]},
        ),
        (Answer(allow=False, words="not today"), {"behavior": "deny", "message": "not today"}),
        (Answer(allow=False, option="deny"), {"behavior": "deny", "message": "This was not allowed."}),
    ],
)
def test_an_answer_reaches_the_agent_once(answer: Answer, reply: dict[str, Any]) -> None:
    played = working()
    played.ask("r1", permission_suggestions=RULES)
    assert played.driver.answer("r1", answer)
    assert the_reply(played) == reply
    assert not played.driver.answer("r1", answer)
    assert len(played.replies) == 1


@pytest.mark.parametrize("option", ["rule-9", "rule-x", "deny", "nonsense"])
def test_an_option_that_was_not_offered_allows_nothing(option: str) -> None:
    played = working()
    played.ask("r1", permission_suggestions=RULES)
    assert not played.driver.answer("r1", Answer(allow=True, option=option))
    assert played.replies == []
    assert played.driver.answer("r1", Answer(allow=False)), "it is still open"


def test_an_answer_that_cannot_be_sent_leaves_the_request_open() -> None:
    played = working()
    played.ask("r1")
    played.is_deaf = True
    assert not played.driver.answer("r1", Answer(allow=True))
    played.is_deaf = False
    assert played.driver.answer("r1", Answer(allow=True))


def test_qwen_would_do_what_it_first_meant_so_nothing_else_can_be_allowed() -> None:
    played = working(QWEN)
    played.ask("r1", "run_shell_command", permission_suggestions=[{"type": "allow", "label": "Allow"}])
    (permission,) = played.told(Permission)
    assert not permission.rewritable
    assert [option.id for option in permission.options] == ["once", "deny"]
    assert not played.driver.answer("r1", Answer(allow=True, payload={"command": "ls -l"}))
    assert played.driver.answer("r1", Answer(allow=True, payload={"command": "ls"}))


def test_the_coordinators_own_tools_are_nobodys_question() -> None:
    played = working()
    played.ask("r1", "mcp__supervisor__task_claim", input={"task_id": "t1"})
    assert the_reply(played) == {"behavior": "allow", "updatedInput": {"task_id": "t1"}}
    assert played.told(Permission) == []


@pytest.mark.parametrize("tool", ["mcp__supervisor", "mcp__supervisor2__x", "mcp__other__supervisor", "x"])
def test_a_tool_that_only_looks_like_the_coordinators_is_asked_about(tool: str) -> None:
    played = working()
    played.ask("r1", tool)
    assert len(played.told(Permission)) == 1
    assert played.replies == []


def test_an_agent_that_may_do_all_is_allowed_at_once_but_still_asks_its_questions() -> None:
    played = working(allows_all=True)
    played.ask("r1")
    assert the_reply(played)["behavior"] == "allow"
    played.ask("r2", "AskUserQuestion", input={"questions": [COLOURS]})
    assert len(played.told(Question)) == 1
    assert played.told(Permission) == []


@pytest.mark.parametrize(
    ("tool", "given", "kind", "title"),
    [
        ("Write", {"file_path": "a.py", "content": "x"}, ActKind.EDIT, "Write a.py"),
        ("write_file", {"file_path": "a.py"}, ActKind.EDIT, "write_file a.py"),
        ("Read", {"file_path": "/etc/passwd"}, ActKind.READ, "Read /etc/passwd"),
        ("WebFetch", {"url": "http://x"}, ActKind.NETWORK, "WebFetch http://x"),
        ("ExitPlanMode", {"plan": "# First\nthen"}, ActKind.PLAN, "# First"),
        ("ExitPlanMode", {}, ActKind.PLAN, "ExitPlanMode"),
        ("mcp__git__push", {"to": "x"}, ActKind.MCP, 'mcp__git__push {"to": "x"}'),
        ("Task", {"prompt": "y"}, ActKind.OTHER, 'Task {"prompt": "y"}'),
        ("Bash", {"command": "x" * 500}, ActKind.SHELL, "x" * 199 + "…"),
        ("", {}, ActKind.OTHER, ""),
    ],
)
def test_what_a_tool_does_is_told_by_its_name_and_input(
    tool: str, given: dict[str, Any], kind: ActKind, title: str
) -> None:
    played = working()
    played.ask("r1", tool, input=given)
    (permission,) = played.told(Permission)
    assert (permission.kind, permission.title, permission.payload) == (kind, title, given)


# ------------------------------------------------------------ questions


@pytest.mark.parametrize(
    ("dialect", "tool", "answers"),
    [(CLAUDE, "AskUserQuestion", {"Which colour?": "red"}), (QWEN, "ask_user_question", {"0": "red"})],
)
@pytest.mark.parametrize("answer", [Answer(allow=True, words="red"), Answer(allow=True, option="red")])
def test_a_question_is_asked_in_words_and_answered_by_words(
    dialect: Dialect, tool: str, answers: dict[str, str], answer: Answer
) -> None:
    played = working(dialect)
    played.ask("r1", tool, input={"questions": [COLOURS]})
    assert played.told(Question) == [Question(request="r1", text="Which colour?", choices=("red", "blue"))]
    assert played.driver.answer("r1", answer)
    assert the_reply(played) == {
        "behavior": "allow",
        "updatedInput": {"questions": [COLOURS], "answers": answers},
    }


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        ("red\nlarge", {"Which colour?": "red", "Which size?": "large"}),
        ("red\n\nlarge\nmore", {"Which colour?": "red", "Which size?": "large"}),
        ("as you like", {"Which colour?": "as you like", "Which size?": "as you like"}),
        ("", {"Which colour?": "", "Which size?": ""}),
    ],
)
def test_several_questions_are_answered_line_by_line(words: str, answers: dict[str, str]) -> None:
    played = working()
    played.ask("r1", "AskUserQuestion", input={"questions": [COLOURS, SIZES]})
    (question,) = played.told(Question)
    assert (question.text, question.choices) == ("1. Which colour? (red, blue)\n2. Which size?", ())
    assert played.driver.answer("r1", Answer(allow=True, words=words))
    assert the_reply(played)["updatedInput"]["answers"] == answers


def test_an_answer_of_several_lines_to_one_question_is_one_answer() -> None:
    played = working()
    played.ask("r1", "AskUserQuestion", input={"questions": [COLOURS]})
    played.driver.answer("r1", Answer(allow=True, words="red\nor rather blue"))
    assert the_reply(played)["updatedInput"]["answers"] == {"Which colour?": "red\nor rather blue"}


def test_a_question_that_nobody_answers_is_denied_in_words() -> None:
    played = working()
    played.ask("r1", "AskUserQuestion", input={"questions": "nonsense"})
    assert played.driver.answer("r1", Answer(allow=False, words="nobody is there"))
    assert the_reply(played) == {"behavior": "deny", "message": "nobody is there"}


@pytest.mark.parametrize(
    ("properties", "answer", "reply"),
    [
        ({"name": {"type": "string"}}, Answer(allow=True, words="Ann"), {"name": "Ann"}),
        ({"n": {"type": "integer"}}, Answer(allow=True, words="7"), {"n": 7}),
        ({"n": {"type": "integer"}}, Answer(allow=True, words="seven"), {"n": "seven"}),
        ({"c": {"enum": ["a", "b"]}}, Answer(allow=True, option="a"), {"c": "a"}),
        ({"a": {}, "b": {}}, Answer(allow=True, words='{"a": 1}'), {"a": 1}),
        ({"a": {}, "b": {}}, Answer(allow=True, payload={"a": 2}), {"a": 2}),
        ({"a": {}, "b": {}}, Answer(allow=True, words="what?"), None),
        ({}, Answer(allow=True), {}),
        ({"name": {"type": "string"}}, Answer(allow=False), None),
    ],
)
def test_a_form_of_a_server_is_a_question(
    properties: dict[str, Any], answer: Answer, reply: dict[str, Any] | None
) -> None:
    played = working()
    asked = {
        "subtype": "elicitation",
        "mcp_server_name": "git",
        "message": "Who?",
        "requested_schema": {"type": "object", "properties": properties},
    }
    played.say("control_request", request_id="r1", request=asked)
    (question,) = played.told(Question)
    assert question.text == "git: Who?"
    assert question.choices == (("a", "b") if "c" in properties else ())
    assert played.driver.answer("r1", answer)
    expected = {"action": "decline"} if reply is None else {"action": "accept", "content": reply}
    assert the_reply(played) == expected


# ------------------------------------------------------------ requests that are gone, and strange ones


def test_a_request_that_the_agent_takes_back_can_be_answered_no_more() -> None:
    played = working()
    played.ask("r1")
    played.say("control_cancel_request", request_id="r1")
    played.say("control_cancel_request", request_id="r1")
    assert played.told(RequestGone) == [RequestGone(request="r1", why="the agent gave it up")]
    assert not played.driver.answer("r1", Answer(allow=True))


def test_requests_of_a_turn_that_has_ended_are_gone() -> None:
    played = working()
    played.ask("r1")
    played.result()
    assert played.told(RequestGone) == [RequestGone(request="r1", why="the turn has ended")]
    assert not played.driver.answer("r1", Answer(allow=True))


def test_a_request_under_a_name_that_is_open_changes_nothing_of_what_was_shown() -> None:
    played = working()
    played.ask("r1", input={"command": "ls"})
    played.ask("r1", input={"command": "rm -rf /"})
    assert len(played.told(Permission)) == len(played.told(Broken)) == 1
    played.driver.answer("r1", Answer(allow=True))
    assert the_reply(played)["updatedInput"] == {"command": "ls"}


def test_an_answer_never_reaches_another_request_of_the_same_name() -> None:
    played = working()
    played.ask("x", input={"command": "ls"})
    played.say("control_cancel_request", request_id="x")
    played.ask("x", input={"command": "rm -rf /"})
    first, second = (permission.request for permission in played.told(Permission))
    assert not played.driver.answer(first, Answer(allow=True))
    assert played.replies == []
    assert played.driver.answer(second, Answer(allow=False))


def test_a_request_without_a_name_is_no_request() -> None:
    played = working()
    played.ask("")
    assert played.told(Permission) == []
    assert len(played.told(Broken)) == 1


def test_a_request_of_an_unknown_kind_is_refused_and_told() -> None:
    played = working()
    played.say("control_request", request_id="r1", request={"subtype": "mcp_message"})
    (reply,) = played.replies
    assert (reply["subtype"], reply["request_id"]) == ("error", "r1")
    assert played.told(Unknown)[0].what == "control_request/mcp_message"


def test_more_requests_than_anybody_can_answer_are_refused() -> None:
    played = working()
    for number in range(1_005):
        played.ask(f"r{number}")
    assert len(played.told(Permission)) == 1_000
    assert len(played.replies) == 5


def test_an_input_as_deep_as_can_be_read_is_no_reason_to_fall() -> None:
    played = working()
    for depth in range(850, 1_000):  # somewhere there it can be read, but not be spelled any more
        deep = b"[" * depth + b"]" * depth
        asked = b'{"subtype":"can_use_tool","tool_name":"x","input":{"a":' + deep + b"}}"
        played.driver.hear(b'{"type":"control_request","request_id":"%d","request":%s}\n' % (depth, asked))
    played.is_deaf = True  # it would read no deeper than we do
    for permission in played.told(Permission):
        assert not played.driver.answer(permission.request, Answer(allow=True))
    played.result()
    assert played.told(Permission)
    assert played.told(Broken)
