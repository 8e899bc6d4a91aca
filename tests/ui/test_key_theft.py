"""What is typed into one place never acts in another."""

from __future__ import annotations

from textual.widgets import Input, TextArea

from supervisor.testing.sample_team import an_approval
from supervisor.testing.ui_stage import stage


async def test_a_letter_being_written_keeps_every_key_while_requests_come_in() -> None:
    async with stage() as played:
        await played.go("3")
        await played.press("m")
        await played.pilot.press(*"judge", "enter")
        for number, letter in enumerate("arR1234567 make all"):
            played.engine.put(an_approval(played.clock.now(), f"A{20 + number}"))
            played.app.tick()
            await played.pilot.press("space" if letter == " " else letter)
        await played.wait(1)
        assert played.app.screen.query_one(TextArea).text == "arR1234567 make all"
        assert played.app.current_mode == "inbox"
        assert played.answers == []


async def test_the_filter_keeps_every_key() -> None:
    async with stage() as played:
        await played.go("6")
        await played.press("slash")
        await played.wait(1)
        await played.press(*"arRq12")
        assert played.app.screen.query_one("#filter", Input).value == "arRq12"
        assert played.answers == []
        assert played.app.current_mode == "approvals"


async def test_keys_pressed_in_a_dialog_do_not_reach_the_screen_below() -> None:
    async with stage(owns_engine=True) as played:
        await played.go("6")
        await played.press("ctrl+q")
        await played.wait(1)
        await played.press("a", "r", "2")
        assert played.answers == []
        assert played.app.current_mode == "approvals"


async def test_the_key_that_closes_a_dialog_does_not_arm_the_card() -> None:
    async with stage(owns_engine=True) as played:
        await played.go("6")
        await played.press("ctrl+q")
        await played.wait(1)
        await played.press("escape", "a")
        assert played.answers == []
