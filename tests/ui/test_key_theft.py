"""What is typed into one place never acts in another."""

from __future__ import annotations

import pytest
from textual import events
from textual.app import App
from textual.widgets import Input, TextArea

from supervisor.testing.sample_team import an_approval
from supervisor.testing.ui_stage import Stage, stage


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


@pytest.mark.parametrize(
    ("digit", "opens", "letter"),
    [("1", "X", "y"), ("1", "X", "n"), ("2", "C", "y"), ("2", "C", "n"), ("2", "V", "g"), ("2", "V", "c")],
)
async def test_the_letter_that_answers_a_dialog_does_nothing_below(
    digit: str, opens: str, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as played:
        await played.go(digit)
        await played.press(*("l", "l", "l" if opens == "V" else "k", "j"))
        await played.press(opens)
        assert len(played.app.screen_stack) == 2
        acted: list[str] = []
        run_action = type(played.app).run_action

        async def seen(app: App[str], action: str, *rest: object) -> bool:
            acted.append(action)
            return await run_action(app, action, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(type(played.app), "run_action", seen)
        await played.press(letter)
        assert len(played.app.screen_stack) == 1
        assert acted == []
        assert played.app.clipboard == ""


@pytest.mark.parametrize("opens", ["question_mark", "m", "X", "colon"])
async def test_no_key_gets_through_a_dialog(opens: str) -> None:
    async with stage() as played:
        await played.go("1")
        await played.press("j", opens)
        await played.until("▔" if opens == "colon" else "╭")
        for key in ("p", "1", "2", "6", "S", "o", "r", "a", "z", "slash", "question_mark", "colon"):
            await played.press(key)
        assert len(played.app.screen_stack) == 2
        assert played.app.current_mode == "fleet"
        assert not played.app.is_paused
        assert played.engine.calls == []


async def at_once(played: Stage, *keys: str) -> None:
    """Type keys in one go, as they come out of a paste or over a slow line, and settle."""
    for key in keys:
        name = {"/": "slash", ":": "colon", " ": "space", "?": "question_mark"}.get(key, key)
        played.app.post_message(events.Key(name, key if len(key) == 1 else None))
    await played.pilot.pause()
    await played.settle()


@pytest.mark.parametrize("digit", ["1", "2", "3", "4", "5", "6"])
async def test_keys_typed_in_one_go_with_the_slash_all_go_into_the_filter(digit: str) -> None:
    async with stage() as played:
        await played.go(digit)
        shown = played.app.current_mode
        await at_once(played, *"/import: 6 arRXm?")
        await played.until("import: 6 arRXm?")
        assert played.app.screen.query_one("#filter", Input).value == "import: 6 arRXm?"
        assert not played.app.is_paused
        assert played.app.current_mode == shown
        assert len(played.app.screen_stack) == 1
        assert played.engine.calls == []


async def test_a_filter_typed_in_one_go_with_its_enter_leaves_the_keys_after_it_to_the_list() -> None:
    async with stage() as played:
        await played.go("1")
        await at_once(played, *"/worker", "enter", "j", "j")
        assert played.app.screen.query_one("#filter", Input).value == "worker"
        await played.press("y")
        assert played.app.clipboard == "worker-3"


async def test_a_screen_and_its_filter_can_be_typed_in_one_go() -> None:
    async with stage() as played:
        await played.go("6")
        await at_once(played, *"2/parser")
        await played.until("parser")
        assert played.app.current_mode == "board"
        assert played.app.screen.query_one("#filter", Input).value == "parser"


async def test_a_message_typed_in_one_go_with_its_key_is_all_text() -> None:
    async with stage() as played:
        await played.go("1")
        await played.press("j")
        await at_once(played, *"mpause 1 arX", "f2")
        await played.wait(1)
        assert played.engine.calls == [
            ("send", {"to": "worker-1", "body": "pause 1 arX", "urgent": False, "thread": ""})
        ]
        assert not played.app.is_paused


async def test_a_task_typed_in_one_go_with_its_key_is_all_title() -> None:
    async with stage() as played:
        await played.go("2")
        await at_once(played, *"Aport 1 parser", "enter")
        await played.wait(1)
        assert played.engine.calls == [("task_add", {"title": "port 1 parser"})]
        assert played.app.current_mode == "board"


async def test_a_reason_typed_in_one_go_with_its_key_is_all_reason() -> None:
    async with stage(fill=False) as played:
        played.engine.put(an_approval(played.clock.now(), "A7"))
        await played.settle()
        await played.go("6")
        await at_once(played, *"Rpath is wrong, ask again", "enter")
        await played.wait(1)
        assert [args["reason"] for _, args in played.engine.calls] == ["path is wrong, ask again"]
        assert not played.app.is_paused


async def test_words_typed_in_one_go_with_the_colon_go_into_the_palette() -> None:
    async with stage() as played:
        await played.go("1")
        await at_once(played, *":pause 12")
        await played.until("pause 12")
        assert not played.app.is_paused
        assert played.app.current_mode == "fleet"


async def test_enter_typed_in_one_go_with_a_question_gives_the_harmless_answer() -> None:
    async with stage() as played:
        await played.go("1")
        await played.press("j")
        await at_once(played, "X", "enter")
        await played.wait(1)
        assert played.engine.calls == []
        assert len(played.app.screen_stack) == 1


async def test_text_pasted_behind_the_slash_goes_into_the_filter() -> None:
    async with stage() as played:
        await played.go("1")
        played.app.post_message(events.Key("slash", "/"))
        played.app.post_message(events.Paste("import"))
        await played.settle()
        assert played.app.screen.query_one("#filter", Input).value == "import"


async def test_keys_are_not_held_back_for_ever_by_one_that_is_never_done_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage() as played:
        await played.go("1")
        monkeypatch.setattr(played.app._keys, "returned", lambda follower: None)
        await at_once(played, "j", "2")
        await played.until("in progress")


@pytest.mark.parametrize("digit", ["1", "2", "3", "4", "5", "6"])
async def test_a_terminal_that_was_too_small_gives_the_focus_back_to_where_it_was(digit: str) -> None:
    async with stage() as played:
        await played.go(digit)
        await played.press("l" if digit == "2" else "tab")
        focused = played.app.focused
        assert focused is not None
        await played.resize((38, 9))
        await played.wait(1)
        await played.press("j")
        await played.resize((80, 24))
        await played.wait(1)
        assert played.app.focused is focused


async def test_after_a_terminal_too_small_the_list_has_its_mark_and_moves() -> None:
    async with stage() as played:
        await played.go("1")
        await played.press("j")
        before = played.frame
        await played.resize((38, 9))
        await played.wait(1)
        await played.resize((80, 24))
        await played.settle()
        marked = [line for line in played.frame.splitlines() if "▌" in line or "❯" in line]
        assert marked == [line for line in before.splitlines() if "▌" in line or "❯" in line]
        assert marked
        await played.press("j", "y")
        assert played.app.clipboard == "worker-2"
