"""B7: swap, reorder, change or expire a request between paint and key, paste, type ahead: no wrong answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.events import Paste

from supervisor.model.approval import ApprovalState
from supervisor.testing.sample_team import an_approval
from supervisor.testing.ui_stage import Stage, stage

Attack = Callable[[Stage], None]


def reorder(played: Stage) -> None:
    """A riskier request comes in on top of the queue."""
    played.engine.put(an_approval(played.clock.now(), "A9", tier=2, title="Delete everything"))


def swap(played: Stage) -> None:
    """The content behind the same id changes."""
    old = played.engine.world.approvals["A7"]
    played.engine.put(replace(old, payload='{"argv":["rm","-rf","/"]}', digest="f" * 64))


def withdraw(played: Stage) -> None:
    """The painted request goes away and another takes its row."""
    old = played.engine.world.approvals["A7"]
    played.engine.put(replace(old, state=ApprovalState.WITHDRAWN), an_approval(played.clock.now(), "A9"))


def answer_elsewhere(played: Stage) -> None:
    """Somebody else answers first."""
    old = played.engine.world.approvals["A7"]
    played.engine.put(replace(old, state=ApprovalState.DENIED, answered_by="human"))


ATTACKS = (reorder, swap, withdraw, answer_elsewhere)


async def looked_at(played: Stage) -> str:
    """Paint one request long enough, and return the digest that was on screen."""
    played.engine.put(an_approval(played.clock.now(), "A7"))
    await played.settle()
    await played.go("6")
    return played.engine.world.approvals["A7"].digest


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("key", ["a", "r"])
async def test_a_change_before_its_paint_is_never_what_gets_answered(attack: Attack, key: str) -> None:
    async with stage(fill=False) as played:
        painted = await looked_at(played)
        attack(played)
        await played.pilot.press(key)
        await played.settle()
        for verb, args in played.engine.calls:
            assert (verb, args["approval_id"], args["digest"]) == ("answer", "A7", painted)


@pytest.mark.parametrize("attack", [swap, withdraw, answer_elsewhere])
async def test_a_change_right_before_the_key_is_answered_by_nothing(attack: Attack) -> None:
    async with stage(fill=False) as played:
        await looked_at(played)
        attack(played)
        await played.settle()
        await played.press("a")
        assert played.answers == []


async def test_a_request_that_comes_in_on_top_does_not_slide_under_the_key() -> None:
    async with stage(fill=False) as played:
        await looked_at(played)
        reorder(played)
        await played.settle()
        await played.press("a")
        assert played.answers == [("A7", "approve")]


@pytest.mark.parametrize("text", ["yyyy", "aaaa", "a\n", "\na\na\n"])
async def test_pasted_text_answers_nothing(text: str) -> None:
    async with stage(fill=False) as played:
        await looked_at(played)
        played.app.post_message(Paste(text))
        await played.settle()
        await played.press("a")
        assert played.answers == []


async def test_a_burst_of_keys_answers_at_most_the_card_that_was_looked_at() -> None:
    async with stage(fill=False) as played:
        await looked_at(played)
        for number in range(10, 14):
            played.engine.put(an_approval(played.clock.now(), f"A{number}"))
        await played.settle()
        await played.press(*"aaaaaaaa")
        assert played.answers == [("A7", "approve")]
