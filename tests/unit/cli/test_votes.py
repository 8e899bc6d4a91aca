"""Votes opened, closed and decided from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from supervisor.model.ids import VoteId
from supervisor.model.vote import Vote, VoteOutcome, VoteState
from supervisor.model.wire import to_wire
from supervisor.testing.scripted_engine import ScriptedEngine

Run = Callable[..., Result]


def page(**ending: Any) -> dict[str, Any]:
    vote = Vote(
        id=VoteId("V1"),
        run=1,
        question="?",
        options=("a", "b"),
        electorate=("voter-1", "voter-2"),
        quorum=2,
        opened_by="human",
        opened_at=0.0,
        deadline=1.0,
        state=VoteState.CLOSED,
        **ending,
    )
    return {"vote": to_wire(vote), "tally": {"a": 1, "b": 1, "abstain": 0}, "ballots": []}


def test_a_vote_is_opened_with_its_rules(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    engine.answers["vote_open"] = page(outcome=VoteOutcome.TIE)
    words = ("Ship it?", "--option", "a", "--option", "b", "--to", "voter-1", "--to", "voter-2")
    assert run("vote", "open", *words).stdout == "V1 opened to voter-1, voter-2; quorum 2\n"
    assert engine.asked[-1] == (
        "vote_open",
        {
            "question": "Ship it?",
            "options": ["a", "b"],
            "electorate": ["voter-1", "voter-2"],
            "quorum": "majority",
            "rule": "plurality",
            "tie": "human",
            "deadline_s": 300.0,
            "early": True,
            "tell": [],
        },
    )
    rules = ("--rule", "two_thirds", "--quorum", "all", "--tie", "first", "--to-the-end", "--tell", "judge")
    assert ask("vote", "open", *words, *rules)["vote"]["id"] == "V1"
    sent = engine.asked[-1][1]
    assert (sent["rule"], sent["quorum"], sent["tie"], sent["early"], sent["tell"]) == (
        "two_thirds",
        "all",
        "first",
        False,
        ["judge"],
    )


def test_a_person_cannot_break_a_tie_by_a_ballot(run: Run, engine: ScriptedEngine) -> None:
    assert run("vote", "open", "?", "--tie", "opener").exit_code == 2


@pytest.mark.parametrize(
    ("words", "verb", "sent"),
    [
        (("close", "V1"), "vote_close", {"vote_id": "V1", "reason": ""}),
        (
            ("decide", "V1", "a", "--reason", "cheaper"),
            "vote_decide",
            {"vote_id": "V1", "option": "a", "reason": "cheaper"},
        ),
    ],
)
def test_what_is_done_to_a_vote_shows_how_it_stands_then(
    run: Run, ask: Any, engine: ScriptedEngine, words: tuple[str, ...], verb: str, sent: dict[str, str]
) -> None:
    engine.answers[verb] = page(outcome=VoteOutcome.DECIDED, winner="a", decided_by="human")
    assert run("vote", *words).stdout == "V1 decided by a person: a (a: 1, b: 1, abstain: 0)\n"
    assert engine.asked[-1] == (verb, sent)
    assert ask("vote", *words)["vote"]["winner"] == "a"
    engine.answers[verb] = page(outcome=VoteOutcome.RULE_NOT_MET)
    assert "V1 rule not met (" in run("vote", *words).stdout
