from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.approval import (
    HIGHEST_TIER,
    Approval,
    Decision,
    Mode,
    canonical,
    digest_of,
)
from supervisor.model.ids import ApprovalId
from supervisor.model.rule import ApprovalRule, Policy, policy_decision

BOUND: dict[str, Any] = {
    "agent": "worker-1",
    "incarnation": 1,
    "kind": "file.write",
    "tier": 1,
    "title": "write report.md",
    "payload": "{}",
}


def request(**changes: Any) -> Approval:
    bound = BOUND | changes
    return Approval(id=ApprovalId("A1"), run=1, digest=digest_of(**bound), **bound)


ALLOW = ApprovalRule(decision=Decision.ALLOW)
DENY = ApprovalRule(decision=Decision.DENY)
ASK = ApprovalRule(decision=Decision.ASK)


@pytest.mark.parametrize("mode", Mode)
def test_without_a_rule_a_person_is_asked(mode: Mode) -> None:
    assert policy_decision((), request(), mode) is None
    assert Policy().judge(request(), mode, now=0.0) == (Decision.ASK, "")


@pytest.mark.parametrize("rules", [(ALLOW, DENY), (DENY, ALLOW), (ASK, DENY)])
def test_deny_beats_everything_in_any_order(rules: tuple[ApprovalRule, ...]) -> None:
    assert policy_decision(rules, request(), Mode.HEADLESS) is Decision.DENY


def test_the_first_covering_rule_decides_between_allow_and_ask() -> None:
    assert policy_decision((ASK, ALLOW), request(), Mode.HEADLESS) is Decision.ASK
    assert policy_decision((ALLOW, ASK), request(), Mode.HEADLESS) is Decision.ALLOW


def test_a_rule_for_headless_is_silent_when_a_person_is_there() -> None:
    rules = (ApprovalRule(decision=Decision.ALLOW, mode=Mode.HEADLESS),)

    assert policy_decision(rules, request(), Mode.HEADLESS) is Decision.ALLOW
    assert policy_decision(rules, request(), Mode.INTERACTIVE) is None


@pytest.mark.parametrize(
    ("patterns", "covered"),
    [
        ({"agents": "worker-*"}, True),
        ({"agents": "judge"}, False),
        ({"agents": "worker"}, False),
        ({"kinds": "file.*"}, True),
        ({"kinds": "shell.*"}, False),
        ({"kinds": "FILE.*"}, False),
        ({"agents": "worker-*", "kinds": "shell.*"}, False),
    ],
)
def test_patterns_match_whole_values(patterns: dict[str, str], covered: bool) -> None:
    rule = ApprovalRule(decision=Decision.ALLOW, **patterns)  # type: ignore[arg-type]  # only strings are given

    assert rule.covers(request(), Mode.HEADLESS) is covered


def test_a_rule_allows_up_to_its_tier_and_denies_all_tiers() -> None:
    allow = ApprovalRule(decision=Decision.ALLOW, max_tier=1)

    assert allow.covers(request(tier=1), Mode.HEADLESS)
    assert not allow.covers(request(tier=2), Mode.HEADLESS)
    assert DENY.covers(request(tier=HIGHEST_TIER), Mode.HEADLESS)


@given(
    rules=st.lists(st.builds(ApprovalRule, max_tier=st.integers(0, 99)), max_size=6),
    mode=st.sampled_from(Mode),
)
def test_no_rules_whatever_allow_the_highest_tier(rules: list[ApprovalRule], mode: Mode) -> None:
    assert policy_decision(tuple(rules), request(tier=HIGHEST_TIER), mode) is not Decision.ALLOW


@pytest.mark.parametrize("field", BOUND)
def test_the_digest_binds_every_part_of_what_is_allowed(field: str) -> None:
    changed = BOUND[field] + 1 if isinstance(BOUND[field], int) else BOUND[field] + " "

    assert digest_of(**BOUND | {field: changed}) != digest_of(**BOUND)


@given(title=st.text(max_size=9), payload=st.text(max_size=9), moved=st.text(min_size=1, max_size=4))
def test_text_cannot_move_between_fields_unnoticed(title: str, payload: str, moved: str) -> None:
    one = digest_of(**BOUND | {"title": title + moved, "payload": payload})
    other = digest_of(**BOUND | {"title": title, "payload": moved + payload})

    assert one != other


@given(payload=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_equal_payloads_have_equal_text(payload: dict[str, object]) -> None:
    assert canonical(payload) == canonical(dict(reversed(payload.items())))
