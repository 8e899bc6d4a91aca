"""approve and reject: what is shown is what is answered, and only a person answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.approval_verbs import approval_lines, payload_lines
from supervisor.errors import AlreadyAnswered
from supervisor.model.approval import Approval, ApprovalState, OfferedAnswer, canonical, digest_for
from supervisor.model.ids import rule_id
from supervisor.model.rule import RuleScope, RuleState, StandingRule, same_act
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


# ---------------------------------------------------------------- more than a plain yes


@pytest.fixture
def asked(engine: ScriptedEngine, approval: Approval) -> Approval:
    """Have the agent's program ask for a command that it would let be changed."""
    payload = canonical({"command": "make all", "description": "\x1b[2J Build"})
    request = replace(
        approval,
        kind="shell",
        tier=2,
        payload=payload,
        source="claude",
        tool="Bash",
        cwd="/project",
        workspace="/project",
        rewritable=True,
        blocks=("T1",),
        options=(OfferedAnswer(id="always", label="Always \x1b[31m", scope="always"),),
    )
    request = replace(request, digest=digest_for(request, payload))
    engine.team.record("approval.requested", request)
    return request


def test_the_card_says_which_program_asked_and_what_it_would_do(run: Run, asked: Approval) -> None:
    shown = run("approve", "A1", "--yes").stderr

    for words in ("claude, Bash", "/project", "blocks    T1", "make all", "--with", "Always "):
        assert words in shown
    assert "\x1b" not in shown


def test_always_shows_exactly_what_will_pass_and_sends_for_whom_and_how_long(
    run: Run, engine: ScriptedEngine, asked: Approval
) -> None:
    ended = run("approve", "A1", "--yes", "--always", "--for", "2h", "--scope", "pool")

    assert ended.exit_code == 0, ended.stderr
    assert "every agent of the pool of worker-2 may do exactly this" in ended.stderr
    assert '{"command": "make all"}' in ended.stderr
    sent = engine.asked[-1][1]
    assert (sent["always"], sent["for_s"], sent["digest"]) == ("pool", 7200.0, asked.digest)


def test_always_is_for_this_agent_and_eight_hours_unless_said(
    run: Run, engine: ScriptedEngine, asked: Approval
) -> None:
    ended = run("approve", "A1", "--yes", "--always")

    assert "for 8h worker-2 may do exactly this" in ended.stderr
    assert engine.asked[-1][1]["always"] == "agent"
    assert "for_s" not in engine.asked[-1][1]


@pytest.mark.parametrize("flags", [("--for", "2h"), ("--scope", "team"), ("--always", "--with", "{}")])
def test_what_cannot_be_meant_together_is_refused(
    run: Run, engine: ScriptedEngine, asked: Approval, flags: tuple[str, ...]
) -> None:
    ended = run("approve", "A1", "--yes", *flags)

    assert (ended.exit_code, "nothing was sent" in ended.stderr, engine.asked) == (2, True, [])


def test_what_a_model_words_itself_is_never_allowed_always(
    run: Run, engine: ScriptedEngine, approval: Approval
) -> None:
    ended = run("approve", "A1", "--yes", "--always")

    assert (ended.exit_code, engine.asked) == (2, [])
    assert "in its own words is asked each time" in ended.stderr


def test_other_content_is_shown_and_sent_from_the_argument_or_a_file(
    run: Run, engine: ScriptedEngine, asked: Approval, tmp_path: Path
) -> None:
    file = tmp_path / "instead.json"
    file.write_text('{"command": "make test"}')
    for given in ('{"command": "make test"}', str(file)):
        ended = run("approve", "A1", "--yes", "--with", given)

        assert ended.exit_code == 0, ended.stderr
        assert "INSTEAD" in ended.stderr
        assert engine.asked[-1][1]["payload"] == {"command": "make test"}


def test_other_content_that_is_no_object_is_refused(
    run: Run, engine: ScriptedEngine, asked: Approval, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text("[1]")
    (tmp_path / "bytes").write_bytes(b"\xff")
    for given in ("{", str(tmp_path / "list"), str(tmp_path / "bytes"), str(tmp_path / "none")):
        assert run("approve", "A1", "--yes", "--with", given).exit_code == 1
    assert engine.asked == []


def test_an_agent_that_takes_no_other_content_is_not_sent_any(
    run: Run, engine: ScriptedEngine, approval: Approval
) -> None:
    ended = run("approve", "A1", "--yes", "--with", "{}")

    assert (ended.exit_code, engine.asked) == (2, [])
    assert "takes a yes or a no" in ended.stderr


# ---------------------------------------------------------------- rules


@pytest.fixture
def rule(engine: ScriptedEngine, asked: Approval) -> StandingRule:
    made = StandingRule(
        id=rule_id(1),
        scope=RuleScope.AGENT,
        target="worker-1",
        act=same_act(asked),
        title="make \x1b[2J all",
        tier=2,
        approval="A1",
        created_at=BEGIN,
        expires_at=BEGIN + 1e9,
        created_by="human",
    )
    team = replace(made, id=rule_id(2), scope=RuleScope.TEAM, target="", expires_at=BEGIN)
    for each in (made, team):
        engine.team.record("rule.added", each)
    engine.answers["rule_revoke"] = lambda _args: {"rule": to_wire(replace(made, state=RuleState.REVOKED))}
    return made


def test_rules_list_shows_exactly_what_passes_for_whom_and_how_long(run: Run, rule: StandingRule) -> None:
    held, everything = run("rules", "list").stdout, run("rules", "list", "--all").stdout

    assert "R1  agent worker-1, for another" in held
    assert '{"command": "make all"}' in held
    assert "\x1b" not in everything
    assert ("R2" in held, "R2  the whole team" in everything) == (False, True)


def test_rules_list_says_so_if_there_are_none_and_prints_json(
    run: Run, ask: Any, engine: ScriptedEngine
) -> None:
    assert run("rules", "list").stdout == "no rules that hold\n"
    assert run("rules", "list", "--all").stdout == "no rules\n"
    assert ask("rules", "list")["rules"] == []


def test_rules_revoke_ends_one(run: Run, ask: Any, engine: ScriptedEngine, rule: StandingRule) -> None:
    assert run("rules", "revoke", "R1").stdout == "R1 revoked\n"
    assert engine.asked[-1] == ("rule_revoke", {"rule_id": "R1"})
    assert ask("rules", "revoke", "R1")["rule"]["state"] == "revoked"
