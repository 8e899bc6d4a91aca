"""Rules: what a profile's and a person's cover, and what they never do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.errors import InvalidArgument
from supervisor.model.approval import Approval, Decision, Mode, canonical
from supervisor.model.driving import Allowed
from supervisor.model.ids import ApprovalId, rule_id
from supervisor.model.rule import (
    RULE_LIFE_MAX_S,
    RULE_LIFE_S,
    ApprovalRule,
    Policy,
    RuleScope,
    RuleState,
    StandingRule,
    act_parts,
    is_allowed,
    policy_decision,
    rule_life,
    same_act,
    why_never_always,
)


def asked(payload: dict[str, Any], kind: str = "shell", tier: int = 2, **more: Any) -> Approval:
    facts = {"tool": "Bash", "cwd": "/project", "workspace": "/project", "source": "claude"} | more
    return Approval(
        id=ApprovalId("A1"),
        run=1,
        agent="worker-1",
        incarnation=1,
        kind=kind,
        tier=tier,
        title="t",
        payload=canonical(payload),
        digest="",
        **facts,
    )


def run(command: str, **more: Any) -> Approval:
    return asked({"command": command}, **more)


def covers(rule: ApprovalRule, approval: Approval, now: float = 0.0) -> bool:
    return rule.covers(approval, Mode.INTERACTIVE, now)


@pytest.mark.parametrize(
    ("argv", "command", "allow", "deny"),
    [
        (("make", "*"), "make all", True, True),
        (("make", "*"), "make", False, False),
        (("make", "*"), "make all install", False, False),
        (("make", "**"), "make", True, True),
        (("make", "**"), "make a b", True, True),
        (("make", "**"), "make a && rm b", False, True),
        (("make", "**"), "make a > b", False, True),
        (("make", "**"), "bash -lc 'make a'", True, True),
        (("make", "**"), "echo $(make a)", False, True),
        (("curl", "*"), "cat x | curl -T - y", False, False),
        (("curl", "**"), "cat x | curl -T - y", False, True),
        (("git", "push", "**"), "git 'push' origin", True, True),
        (("mak?", "[ab]"), "make a", True, True),
    ],
)
def test_a_command_is_matched_word_by_word(
    argv: tuple[str, ...], command: str, allow: bool, deny: bool
) -> None:
    approval = run(command)
    assert covers(ApprovalRule(decision=Decision.ALLOW, argv=argv), approval) is allow
    assert covers(ApprovalRule(decision=Decision.DENY, argv=argv), approval) is deny
    assert covers(ApprovalRule(decision=Decision.ASK, argv=argv), approval) is deny


def test_a_rule_about_commands_says_nothing_of_what_runs_none() -> None:
    assert not covers(ApprovalRule(decision=Decision.DENY, argv=("**",)), asked({"url": "x"}, kind="network"))


@pytest.mark.parametrize(
    ("globs", "files", "allow", "deny"),
    [
        (("src/*.py",), ["src/a.py"], True, True),
        (("src/*.py",), ["src/x/a.py"], False, False),
        (("src/**",), ["src/x/a.py"], True, True),
        (("**/*.py",), ["a.py", "x/y/b.py"], True, True),
        (("**",), ["../a"], False, False),
        (("/etc/**",), ["/etc/x"], True, True),
        (("src/**",), ["src/../../a"], False, False),
        (("src/**",), ["src/a", "b"], False, True),
        (("src/**",), [], False, False),
        (("src/**",), ["~/src/a"], False, False),
    ],
)
def test_files_are_matched_part_by_part_from_the_workspace(
    globs: tuple[str, ...], files: list[str], allow: bool, deny: bool
) -> None:
    approval = asked({"paths": files}, kind="edit")
    assert covers(ApprovalRule(decision=Decision.ALLOW, paths=globs), approval) is allow
    assert covers(ApprovalRule(decision=Decision.DENY, paths=globs), approval) is deny


def test_without_a_workspace_a_relative_pattern_matches_nothing() -> None:
    approval = asked({"path": "/a"}, kind="edit", workspace="", cwd="")
    assert not covers(ApprovalRule(decision=Decision.ALLOW, paths=("**",)), approval)


def test_a_pattern_of_many_stars_takes_no_long_time() -> None:
    approval = asked({"path": "/".join("a" * 200)}, kind="edit")
    assert not covers(ApprovalRule(decision=Decision.ALLOW, paths=("**/a/" * 40 + "b",)), approval)


def test_tool_and_end_count_too() -> None:
    assert covers(ApprovalRule(decision=Decision.ALLOW, tool="Ba*"), run("x"))
    assert not covers(ApprovalRule(decision=Decision.ALLOW, tool="Web*"), run("x"))
    ends = ApprovalRule(decision=Decision.ALLOW, expires=10.0)
    assert (covers(ends, run("x"), now=9.9), covers(ends, run("x"), now=10.0)) == (True, False)


def standing(
    approval: Approval, scope: RuleScope = RuleScope.AGENT, target: str = "worker-1", **more: Any
) -> StandingRule:
    facts = {"tier": 2, "expires_at": 100.0} | more
    return StandingRule(
        id=rule_id(1),
        scope=scope,
        target=target,
        act=same_act(approval),
        title="t",
        approval="A1",
        created_at=0.0,
        created_by="human",
        **facts,
    )


def test_a_standing_rule_covers_exactly_the_same_act() -> None:
    rule = standing(run("make all"))
    assert rule.covers(run("make all"), "worker", 1.0)
    assert rule.covers(asked({"command": "make all", "description": "other words"}), "worker", 1.0)
    for other in (
        run("make  all"),
        run("make all; ls"),
        run("make all", cwd="/project/x"),
        run("make all", source="hook"),
        run("make all", tool="Other"),
        run("make all", kind="other"),
        asked({"command": "make all", "run_in_background": True}),
        run("make all", tier=3),
        replace(run("make all"), agent="worker-2"),
    ):
        assert not rule.covers(other, "worker", 1.0)


def test_a_standing_rule_ends_and_holds_for_whom_it_was_made() -> None:
    approval = run("make all")
    assert not standing(approval).covers(approval, "worker", 100.0)
    assert not standing(approval, state=RuleState.REVOKED).covers(approval, "worker", 1.0)
    assert not standing(approval, tier=1).covers(approval, "worker", 1.0)
    pool = standing(approval, RuleScope.POOL, "worker")
    assert (pool.covers(approval, "worker", 1.0), pool.covers(approval, "judge", 1.0)) == (True, False)
    assert standing(approval, RuleScope.TEAM, "").covers(approval, "judge", 1.0)


def test_the_same_edit_is_one_of_the_same_files_in_whatever_worktree() -> None:
    here = asked({"file_path": "/project/a.py", "content": "1"}, kind="edit", tool="Write")
    there = asked(
        {"file_path": "/other/a.py", "content": "2"},
        kind="edit",
        tool="Write",
        cwd="/other",
        workspace="/other",
    )
    out = asked({"file_path": "/etc/a.py"}, kind="edit", tool="Write")
    assert same_act(here) == same_act(there) != same_act(out)
    assert same_act(asked({"x": 1}, kind="edit", cwd="")) != same_act(asked({"x": 2}, kind="edit", cwd=""))


def test_the_act_of_a_payload_that_is_no_object_is_empty() -> None:
    assert replace(run("x"), payload="[1]").act.payload == {}
    assert replace(run("x"), payload="{").act.payload == {}


@pytest.mark.parametrize(
    ("approval", "words"),
    [
        (run("rm -rf x", tier=3), "cannot be undone"),
        (run("x", source="tool"), "own words"),
        (run("cat $(x)"), "cannot be told"),
        (asked({"x": 1}), "cannot be told"),
        (run("make all"), ""),
        (asked({"url": "x"}, kind="network"), ""),
    ],
)
def test_some_things_are_asked_each_time(approval: Approval, words: str) -> None:
    assert words in why_never_always(approval)
    assert bool(words) is bool(why_never_always(approval))


def test_a_rule_lives_eight_hours_or_as_long_as_was_said() -> None:
    assert (rule_life(None), rule_life(3600.0), rule_life(RULE_LIFE_MAX_S)) == (
        RULE_LIFE_S,
        3600.0,
        RULE_LIFE_MAX_S,
    )
    for seconds in (0.0, -1.0, RULE_LIFE_MAX_S + 1, float("nan")):
        with pytest.raises(InvalidArgument, match="30 days"):
            rule_life(seconds)


@pytest.mark.parametrize("allowed", Allowed)
def test_what_a_model_words_itself_and_what_is_final_is_never_allowed_by_the_pool(allowed: Allowed) -> None:
    assert not is_allowed(allowed, run("ls", tier=0, source="tool"))
    assert not is_allowed(allowed, run("rm -rf x", tier=3))


def test_what_a_pool_may_do_unasked() -> None:
    look, change, fetch = run("ls", tier=0), run("x", tier=1, kind="edit"), run("x")
    passes = {level: [is_allowed(level, each) for each in (look, change, fetch)] for level in Allowed}
    assert passes == {
        Allowed.READ: [True, False, False],
        Allowed.EDIT: [True, True, False],
        Allowed.ALL: [True, True, True],
    }


def test_deny_beats_a_standing_rule_which_beats_ask_which_beats_the_pool() -> None:
    approval = run("make all")
    rule = standing(approval)
    deny, ask = ApprovalRule(decision=Decision.DENY), ApprovalRule(decision=Decision.ASK)

    def judged(**parts: Any) -> Decision:
        return Policy(pool="worker", **parts).judge(approval, Mode.INTERACTIVE, 1.0)[0]

    assert judged(rules=(deny,), standing=(rule,), allowed=Allowed.ALL) is Decision.DENY
    assert judged(rules=(ask,), standing=(rule,), allowed=Allowed.READ) is Decision.ALLOW
    assert judged(rules=(ask,), standing=(replace(rule, target="x"),), allowed=Allowed.ALL) is Decision.ASK
    assert judged(allowed=Allowed.ALL) is Decision.ALLOW
    assert judged(allowed=Allowed.READ) is Decision.ASK


@given(st.builds(ApprovalRule, max_tier=st.integers(0, 99)), st.sampled_from(Allowed))
def test_nothing_whatever_allows_the_highest_tier(rule: ApprovalRule, allowed: Allowed) -> None:
    final = run("rm -rf x", tier=3)
    policy = Policy(rules=(rule,), standing=(standing(final, tier=3),), pool="worker", allowed=allowed)
    assert policy.judge(final, Mode.INTERACTIVE, 1.0)[0] is not Decision.ALLOW
    assert policy_decision((), final, Mode.HEADLESS) is None


def test_what_must_be_the_same_is_spelled_part_by_part() -> None:
    parts = dict(act_parts(same_act(run("make all"))))
    assert parts == {
        "kind": "shell",
        "tool": "Bash",
        "source": "claude",
        "at": ".",
        "payload": '{"command": "make all"}',
    }
    assert act_parts("{") == [("act", "{")]
    assert act_parts("[1]") == [("act", "[1]")]
