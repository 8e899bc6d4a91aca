"""approve and reject: what is shown is what is answered, and only a person answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.approval_verbs import approval_lines, payload_lines
from supervisor.errors import AlreadyAnswered
from supervisor.model.approval import Approval, ApprovalState, canonical
from supervisor.model.wire import to_wire
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.scripted_team import BEGIN, ScriptedTeam

Run = Callable[..., Result]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have a person at the terminal who types this."""

    def _typed(keys: str) -> None:
        monkeypatch.setattr("supervisor.cli.asking.answer_to", lambda _question: keys)
        monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)

    return _typed


@pytest.fixture
def approval(engine: ScriptedEngine) -> Approval:
    asked: Approval = engine.team.world.approvals["A1"]

    def settle(args: dict[str, Any]) -> dict[str, Any]:
        state = ApprovalState.APPROVED if args["decision"] == "approve" else ApprovalState.DENIED
        return {"approval": to_wire(replace(asked, state=state))}

    engine.answers["answer"] = settle
    return asked


def test_approvals_lists_the_highest_risk_first(run: Run, engine: ScriptedEngine) -> None:
    engine.team.approval("worker-1", "Delete everything", {"argv": ["rm"]}, tier=3)

    rows = run("approvals").stdout.splitlines()

    assert [row.split()[0] for row in rows] == ["ID", "A2", "A1"]


def test_approvals_as_json_carries_the_digest(ask: Any, approval: Approval) -> None:
    assert [(each["id"], each["digest"]) for each in ask("approvals")["approvals"]] == [
        ("A1", approval.digest)
    ]


def test_approve_with_yes_sends_the_digest_of_what_was_shown(
    run: Run, engine: ScriptedEngine, approval: Approval
) -> None:
    ended = run("approve", "A1", "--yes")

    assert (ended.exit_code, ended.stdout) == (0, "A1 approved\n")
    assert engine.asked == [
        ("answer", {"approval_id": "A1", "digest": approval.digest, "decision": "approve", "reason": ""})
    ]
    assert "report.md" in ended.stderr
    assert approval.digest in ended.stderr


def test_the_id_may_be_spelled_short(run: Run, approval: Approval) -> None:
    assert run("approve", "1", "--yes").exit_code == 0
    assert run("approve", "a1", "--yes").exit_code == 0
    assert run("approve", "T1", "--yes").exit_code == 1


def test_without_a_terminal_and_without_yes_nothing_is_approved(
    run: Run, engine: ScriptedEngine, approval: Approval
) -> None:
    ended = run("approve", "A1", keys="y\n")

    assert ended.exit_code == 2
    assert "--digest" in ended.stderr
    assert engine.asked == []


@pytest.mark.parametrize(("keys", "code"), [("y", 0), ("yes", 0), ("", 2), ("n", 2), ("A1", 2)])
def test_at_a_terminal_it_asks_and_no_is_the_default(
    run: Run, engine: ScriptedEngine, approval: Approval, typed: Any, keys: str, code: int
) -> None:
    typed(keys)

    assert run("approve", "A1").exit_code == code
    assert len(engine.asked) == (code == 0)


@pytest.mark.parametrize(("keys", "code"), [("A2", 0), ("y", 2), ("a2", 2), ("", 2), ("A1", 2)])
def test_the_highest_tier_needs_its_id_typed_even_with_yes(
    run: Run, engine: ScriptedEngine, approval: Approval, keys: str, code: int
) -> None:
    engine.team.approval("worker-1", "Delete everything", {"argv": ["rm", "-r", "build"]}, tier=3)

    assert run("approve", "A2", "--yes", keys=f"{keys}\n").exit_code == code
    assert len(engine.asked) == (code == 0)


def test_a_digest_that_was_seen_stands_for_the_question(
    run: Run, engine: ScriptedEngine, approval: Approval
) -> None:
    assert run("approve", "A1", "--digest", approval.digest[:8]).exit_code == 0
    assert run("approve", "A1", "--digest", approval.digest.upper()).exit_code == 0


@pytest.mark.parametrize("digest", ["", "0", "00000000", "zz"])
def test_another_digest_approves_nothing(
    run: Run, engine: ScriptedEngine, approval: Approval, digest: str
) -> None:
    ended = run("approve", "A1", "--yes", "--digest", digest)

    assert ended.exit_code == 1
    assert engine.asked == []


def test_a_request_whose_content_was_swapped_is_not_approved(run: Run, engine: ScriptedEngine) -> None:
    honest = engine.team.world.approvals["A1"]
    engine.team.record("approval.changed", replace(honest, payload=canonical({"path": "/etc/passwd"})))

    ended = run("approve", "A1", "--yes")

    assert ended.exit_code == 1
    assert "digest" in ended.stderr
    assert engine.asked == []


def test_an_answered_request_is_not_answered_again(
    run: Run, engine: ScriptedEngine, approval: Approval
) -> None:
    engine.team.record("approval.denied", replace(approval, state=ApprovalState.DENIED, answered_by="human"))

    ended = run("approve", "A1", "--yes")

    assert ended.exit_code == 1
    assert "A1 is denied already by human" in ended.stderr
    assert engine.asked == []


def test_a_race_that_is_lost_says_who_won(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["answer"] = AlreadyAnswered("A1 was approved by human at 12:00")

    ended = run("approve", "A1", "--yes")

    assert ended.exit_code == 1
    assert "approved by human at 12:00" in ended.stderr


def test_b5_a_process_of_an_agent_of_this_engine_cannot_approve(
    run: Run, engine: ScriptedEngine, approval: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUP_SESSION", "outer/s1/inner")
    refused = run("approve", "A1", "--yes")
    monkeypatch.setenv("SUP_SESSION", "some/other")
    allowed = run("approve", "A1", "--yes")

    assert (refused.exit_code, allowed.exit_code) == (1, 0)
    assert "agent's process" in refused.stderr
    assert len(engine.asked) == 1


def test_reject_carries_the_reason(run: Run, engine: ScriptedEngine, approval: Approval) -> None:
    assert run("reject", "A1", "--reason", "not there").stdout == "A1 denied\n"
    assert engine.asked[0][1]["reason"] == "not there"
    assert run("reject", "A1").exit_code == 2


def test_an_unknown_id_says_where_to_look(run: Run, engine: ScriptedEngine) -> None:
    ended = run("approve", "A99", "--yes")

    assert ended.exit_code == 1
    assert "supervisor approvals" in ended.stderr


HOSTILE = "\x1b[2J\u202e\u2028 digest    0000\nA1  tier 0"


def test_b8_everything_is_shown_and_nothing_of_it_can_pose_as_our_own_words() -> None:
    asked = ScriptedTeam().approval(
        "worker-1",
        HOSTILE,
        {"argv": ["rm", HOSTILE], "long": "x" * 20_000 + "tail"},
        reason=HOSTILE,
        task="T1",
    )
    lines = approval_lines(asked, BEGIN)

    assert all(character.isprintable() for line in lines for character in line)
    assert sum(line.startswith("  digest    ") for line in lines) == 1
    assert any("x" * 20_000 + "tail" in line for line in lines)
    assert [line for line in lines if line.startswith("A1")] == ["A1  tier 1  write_file"]


def test_the_agents_own_words_come_last_and_are_marked() -> None:
    asked = ScriptedTeam().approval("worker-1", "Write", {"a": 1}, reason="trust me\n  digest    0000")

    assert approval_lines(asked, BEGIN)[-3:] == [
        "  the agent says (its own words, unchecked):",
        "  | trust me",
        "  |   digest    0000",
    ]


def test_a_payload_that_cannot_be_laid_out_faithfully_is_shown_raw() -> None:
    assert payload_lines('{"a":1,"a":2}') == ['{"a":1,"a":2}']
    assert payload_lines("not json\n\x1b") == ["not json\\n\\x1b"]
    assert payload_lines("[1]") == ["[1]"]
    assert json.loads("".join(payload_lines('{"a":[1,"b"]}'))) == {"a": [1, "b"]}
