"""Approvals by keyboard: only armed keys, only the painted card, only by intent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.app import App
from textual.widgets import Label

from supervisor.errors import AlreadyAnswered
from supervisor.model.approval import Approval, ApprovalState, OfferedAnswer, canonical, digest_for
from supervisor.testing.sample_team import an_approval
from supervisor.testing.ui_stage import Stage, stage
from supervisor.ui.spans import Line
from supervisor.ui.view_models.approvals import card_of


async def with_card(played: Stage, **changes: object) -> None:
    """Put one request in, go to it and look at it for a second."""
    played.engine.put(an_approval(played.clock.now(), "A7", **changes))  # type: ignore[arg-type]
    await played.settle()
    await played.go("6")


async def test_a_approves_once_with_id_and_digest_of_the_painted_card() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("a")
        digest = played.engine.world.approvals["A7"].digest
        assert played.engine.calls == [
            ("answer", {"approval_id": "A7", "digest": digest, "decision": "approve", "reason": ""})
        ]


async def test_r_rejects() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("r")
        assert played.answers == [("A7", "reject")]


async def test_capital_r_rejects_with_a_reason_the_agent_reads() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("R")
        await played.press(*"not now", "enter")
        assert played.engine.calls[0][1]["reason"] == "not now"
        assert played.answers == [("A7", "reject")]


async def test_the_dialog_for_a_reason_opens_at_once_and_takes_what_is_typed() -> None:
    async with stage(fill=False) as played:
        played.engine.put(an_approval(played.clock.now(), "A7"))
        await played.settle()
        await played.press("6", "R", *"path", "enter")
        assert [args["reason"] for _, args in played.engine.calls] == ["path"]
        assert not played.app.is_paused


async def test_the_refusal_of_a_key_that_came_too_soon_says_what_to_do() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("j", "a")
        assert "Not counted: pause for a moment" in played.frame


async def test_a_reason_that_was_not_given_rejects_nothing() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("R")
        await played.press("enter")
        await played.press("escape")
        assert played.answers == []


@pytest.mark.parametrize("key", ["enter", "A", "y", "space", "b", "tab"])
async def test_no_other_key_answers(key: str) -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press(key)
        await played.wait(1)
        await played.press("enter")
        assert played.answers == []


async def test_a_key_before_the_card_was_looked_at_is_not_counted() -> None:
    async with stage(fill=False) as played:
        played.engine.put(an_approval(played.clock.now(), "A7"))
        await played.settle()
        await played.press("6")
        await played.press("a")
        assert played.answers == []
        assert "Not counted" in played.frame


async def test_typing_ahead_into_the_screen_is_not_counted() -> None:
    async with stage(fill=False) as played:
        played.engine.put(an_approval(played.clock.now(), "A7"))
        await played.settle()
        await played.press("6", "a", "a", "a")
        assert played.answers == []


async def test_another_card_under_the_key_disarms_it() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        shown = played.engine.world.approvals["A7"]
        played.engine.put(replace(shown, state=ApprovalState.EXPIRED), an_approval(played.clock.now(), "A8"))
        await played.settle()
        await played.press("a")
        assert played.answers == []
        await played.wait(0.5)
        await played.press("a")
        assert played.answers == [("A8", "approve")]


async def test_changed_content_disarms_the_key() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        played.engine.put(
            replace(played.engine.world.approvals["A7"], payload='{"argv":["rm"]}', digest="0" * 64)
        )
        await played.settle()
        await played.press("a")
        assert played.answers == []


async def test_a_change_not_painted_yet_cannot_be_approved_by_its_new_digest() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        painted = played.engine.world.approvals["A7"].digest
        played.engine.put(replace(played.engine.world.approvals["A7"], payload="{}", digest="0" * 64))
        await played.pilot.press("a")
        await played.settle()
        assert [args["digest"] for _, args in played.engine.calls] == [painted]


async def test_the_terminal_that_just_got_focus_does_not_answer() -> None:
    from textual.events import AppFocus

    async with stage(fill=False) as played:
        await with_card(played)
        played.app.post_message(AppFocus())
        await played.pilot.pause()
        await played.press("a")
        assert played.answers == []


@pytest.mark.parametrize("size", [(38, 9), (38, 24), (80, 9)])
@pytest.mark.parametrize("key", ["a", "r", "R"])
async def test_a_terminal_too_small_for_the_card_answers_nothing(key: str, size: tuple[int, int]) -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.resize(size)
        await played.wait(1)
        assert "Too small" in played.frame
        await played.press(key, "enter")
        assert played.answers == []
        assert len(played.app.screen_stack) == 1


async def test_a_card_that_comes_back_from_a_terminal_too_small_is_armed_anew() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.resize((38, 9))
        await played.wait(1)
        await played.resize((80, 24))
        await played.press("a")
        assert played.answers == []
        await played.wait(0.5)
        await played.press("a")
        assert played.answers == [("A7", "approve")]


async def test_a_card_behind_the_maximised_queue_is_not_answered() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("z")
        await played.wait(1)
        assert "in the words of" not in played.frame
        await played.press("a", "r", "R", "enter")
        assert played.answers == []
        await played.press("z")
        await played.press("a")
        assert played.answers == []
        await played.wait(0.5)
        await played.press("a")
        assert played.answers == [("A7", "approve")]


async def test_a_card_that_came_while_the_queue_was_maximised_is_not_taken_for_read() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("z")
        shown = played.engine.world.approvals["A7"]
        argv = ["tool", *(f"--option-{number}" for number in range(60))]
        played.engine.put(
            replace(shown, state=ApprovalState.EXPIRED),
            an_approval(played.clock.now(), "A8", tier=2, payload={"argv": argv}),
        )
        await played.wait(1)
        await played.press("z")
        await played.wait(1)
        await played.press("a")
        assert "Read the card to its end first" in played.frame
        assert played.answers == []


async def test_a_card_that_was_filtered_away_is_armed_anew_when_it_is_back() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("slash")
        await played.press(*"nothing", "enter")
        await played.wait(1)
        await played.press("a", "r", "R", "enter")
        assert played.answers == []
        await played.press("escape", "a")
        assert played.answers == []
        await played.wait(0.5)
        await played.press("a")
        assert played.answers == [("A7", "approve")]


async def test_a_card_under_a_dialog_is_armed_anew_when_it_is_back() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("question_mark")
        await played.wait(1)
        await played.press("a", "escape", "a")
        assert played.answers == []
        await played.wait(0.5)
        await played.press("a")
        assert played.answers == [("A7", "approve")]


async def test_keys_are_shown_greyed_until_they_count() -> None:
    async with stage(fill=False) as played:
        played.engine.put(an_approval(played.clock.now(), "A7"))
        await played.settle()
        await played.press("6")
        decision = played.app.screen.query_one("#decision")
        greyed = decision.render_line(0)
        await played.wait(1)
        assert decision.render_line(0) != greyed
        assert decision.render_line(0).text == greyed.text


async def test_tier_three_needs_a_typed_confirmation() -> None:
    async with stage(fill=False) as played:
        await with_card(
            played, tier=3, title="Delete the branch", payload={"argv": ["git", "push", "--delete"]}
        )
        await played.press("a")
        assert played.answers == []
        await played.press(*"yes", "enter")
        assert played.answers == []
        for _ in range(3):
            await played.press("backspace")
        await played.press(*"approve A7", "enter")
        assert played.answers == [("A7", "approve")]


async def test_from_tier_two_on_the_end_must_have_been_on_screen() -> None:
    async with stage(fill=False) as played:
        argv = ["tool", *(f"--option-{number}" for number in range(60))]
        await with_card(played, tier=2, payload={"argv": argv})
        await played.press("a")
        assert played.answers == []
        assert "space reads on" in played.frame
        for _ in range(12):
            await played.press("space")
        assert "--option-59" in played.frame
        await played.wait(0.5)
        await played.press("a")
        assert played.answers == [("A7", "approve")]


async def test_what_is_not_what_it_seems_cannot_be_approved_from_tier_two_on() -> None:
    async with stage(fill=False) as played:
        await with_card(played, tier=2, payload={"argv": ["curl", "https://p\u0430ypal.example"]})
        await played.press("a")
        assert played.answers == []
        assert "look-alike" in played.frame
        await played.wait(1)
        await played.press("r")
        assert played.answers == [("A7", "reject")]


async def test_nothing_is_answered_while_the_engine_is_away() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        played.engine.drop()
        await played.wait(1)
        await played.press("a", "r")
        assert played.answers == []
        assert "cannot be reached" in played.frame


async def test_an_expired_request_cannot_be_answered() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.wait(1000)
        await played.press("a")
        assert played.answers == []


async def test_a_refusal_of_the_engine_is_told() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        played.engine.refusal = AlreadyAnswered("A7 was approved by somebody else")
        await played.press("a")
        await played.settle()
        assert "approved by somebody else" in played.frame


async def test_a_request_takes_neither_focus_nor_the_screen() -> None:
    async with stage(fill=False) as played:
        await played.go("2")
        focused, screen = played.app.focused, played.app.screen
        played.engine.put(an_approval(played.clock.now(), "A7", tier=3))
        await played.wait(1)
        assert played.app.focused is focused
        assert played.app.screen is screen
        assert "1 waits for you" in played.frame


async def test_the_first_screen_is_the_queue_when_something_waits() -> None:
    async with stage() as played:
        await played.settle()
        assert played.app.current_mode == "approvals"


async def test_the_first_screen_is_the_fleet_when_nothing_waits() -> None:
    async with stage(fill=False) as played:
        await played.settle()
        assert played.app.current_mode == "fleet"


# The canary: the same app with keys that are always armed is caught by these scenes.


async def _type_while_a_card_appears(played: Stage) -> None:
    """Switch to the queue and go on typing, as a person does who looks elsewhere."""
    played.engine.put(an_approval(played.clock.now(), "A7"))
    await played.settle()
    await played.press("6", *"make all", "r")


async def test_typing_while_a_card_appears_answers_nothing() -> None:
    async with stage(fill=False) as played:
        await _type_while_a_card_appears(played)
        assert played.answers == []


async def test_the_scene_catches_keys_that_are_always_armed() -> None:
    async with stage(fill=False) as played:
        played.app.arming._quiet_s = float("-inf")
        await _type_while_a_card_appears(played)
        assert played.answers != []


async def test_a_key_pressed_right_after_the_terminal_came_back_from_the_shell_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(App, "action_suspend_process", lambda app: None)
    async with stage(fill=False) as played:
        await with_card(played)
        await played.pilot.press("ctrl+z")
        await played.clock.advance(60)
        await played.press("a")
        assert played.answers == []
        await played.wait(0.5)
        await played.press("a")
        assert played.answers == [("A7", "approve")]


async def with_request(played: Stage, **changes: object) -> Approval:
    """Put a request of an agent's program in, and look at it."""
    payload = canonical({"command": "make all"})
    facts = {"kind": "shell", "source": "claude", "tool": "Bash", "cwd": "/project", "workspace": "/project"}
    plain = replace(an_approval(played.clock.now(), "A7", tier=1), payload=payload, blocks=("T1",), **facts)  # type: ignore[arg-type]
    options = (OfferedAnswer(id="1", label="Always allow make", scope="always"),)
    asked = replace(plain, options=options, rewritable=True, **changes)  # type: ignore[arg-type]
    asked = replace(asked, digest=digest_for(asked, asked.content))
    played.engine.put(asked)
    await played.settle()
    await played.go("6")
    return asked


async def test_capital_a_shows_exactly_what_would_pass_and_allows_it_for_this_agent() -> None:
    async with stage(fill=False) as played:
        asked = await with_request(played)
        shown = "\n".join("".join(span.text for span in each) for each in played_card(played))
        for words in ("claude, Bash", "/project", "Always allow make", "make all", "--with"):
            assert words in shown
        await played.press("A")
        dialog = [str(each.content) for each in played.app.screen.query(Label)]
        assert any('{"command": "make all"}' in each for each in dialog)
        assert played.engine.calls == []
        await played.press("t")
        ((verb, args),) = played.engine.calls
        assert (verb, args["approval_id"], args["digest"], args["always"]) == (
            "answer",
            "A7",
            asked.digest,
            "agent",
        )


async def test_no_leaves_the_request_as_it_is() -> None:
    async with stage(fill=False) as played:
        await with_request(played)
        await played.press("A", "n")
        assert played.engine.calls == []


async def test_capital_a_does_nothing_for_what_is_asked_each_time_or_is_too_long_to_show() -> None:
    async with stage(fill=False) as played:
        await with_card(played)
        await played.press("A")
        await with_request(played, payload=canonical({"command": "make " + "x" * 2000}))
        await played.press("A", "t")
        assert played.engine.calls == []


def played_card(played: Stage) -> tuple[Line, ...]:
    card = card_of(played.app.scene(), "A7")
    assert card is not None
    return card.lines
