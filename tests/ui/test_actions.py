"""What a person can have done, and what is asked before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.errors import Forbidden
from supervisor.model.approval import ApprovalState
from supervisor.model.ids import TaskId
from supervisor.model.task import BlockReason
from supervisor.testing.sample_team import an_approval
from supervisor.testing.ui_stage import Stage, stage
from supervisor.ui.screens.board import BoardScreen


async def on_worker_1(played: Stage) -> None:
    await played.go("1")
    await played.press("j")


@pytest.mark.parametrize(("key", "verb"), [("X", "restart"), ("S", "stop_agent"), ("K", "kill")])
async def test_restart_stop_and_kill_ask_first_and_the_default_is_no(key: str, verb: str) -> None:
    async with stage() as played:
        await on_worker_1(played)
        await played.press(key)
        await played.press("enter")
        assert played.engine.calls == []
        await played.press(key)
        await played.press("y")
        assert played.engine.calls == [(verb, {"agent": "worker-1"})]


async def test_an_agent_is_paused_and_drained_without_a_question() -> None:
    async with stage() as played:
        await on_worker_1(played)
        await played.press("P", "D")
        assert played.engine.calls == [("pause", {"agent": "worker-1"}), ("drain", {"agent": "worker-1"})]


async def test_a_task_is_cancelled_only_after_a_yes() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("l", "l", "C")
        assert "Cancel T9?" in played.frame
        await played.press("n")
        assert played.engine.calls == []
        await played.press("C", "y")
        assert played.engine.calls == [("task_cancel", {"task_id": "T9", "reason": "cancelled in the UI"})]


async def test_an_ended_task_cannot_be_cancelled_and_the_reason_is_told() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("l", "l", "l", "l", "C")
        assert "T8 has ended already" in played.frame
        assert played.engine.calls == []


async def test_a_task_is_added_by_its_title() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("A")
        await played.press(*"look", "enter")
        assert played.engine.calls == [("task_add", {"title": "look"})]


async def test_a_message_goes_to_the_chosen_agent() -> None:
    async with stage() as played:
        await on_worker_1(played)
        await played.press("m")
        await played.press(*"hello", "f2")
        assert played.engine.calls == [
            ("send", {"to": "worker-1", "body": "hello", "urgent": False, "thread": ""})
        ]


async def test_a_reply_goes_to_the_sender_in_its_thread() -> None:
    async with stage() as played:
        await played.go("3")
        await played.press("r")
        await played.press(*"go", "f2")
        assert played.engine.calls == [
            ("send", {"to": "worker-3", "body": "go", "urgent": False, "thread": "M3"})
        ]


async def test_an_unknown_address_is_not_sent_to() -> None:
    async with stage() as played:
        await played.go("3")
        await played.press("m")
        await played.press(*"nobody", "enter", *"hello", "f2")
        assert played.engine.calls == []
        assert "no address of that name" in played.frame


async def test_a_message_to_you_is_marked_as_read() -> None:
    async with stage() as played:
        await played.go("3")
        await played.press("x")
        assert played.engine.calls == [("ack", {"ids": ["M3"]})]


async def test_a_refusal_is_told_in_its_words_without_reading_markup() -> None:
    async with stage() as played:
        played.engine.refusal = Forbidden("[bold]no[/bold] \x1b[2J")
        await on_worker_1(played)
        await played.press("X", "y")
        await played.settle()
        assert "[bold]no[/bold] \\x1b[2J" in played.frame


@pytest.mark.parametrize(("letter", "outcome"), [("s", "stop"), ("l", "leave")])
async def test_leaving_asks_what_becomes_of_the_team(letter: str, outcome: str) -> None:
    async with stage(owns_engine=True) as played:
        await played.press("ctrl+q")
        await played.pilot.press(letter)
        await played.pilot.pause()
        assert played.app.return_value == outcome


async def test_leaving_can_be_thought_better_of() -> None:
    async with stage(owns_engine=True) as played:
        await played.press("ctrl+q")
        await played.press("enter")
        assert played.app.return_value is None
        assert played.app.is_running


async def test_an_attached_ui_leaves_without_asking() -> None:
    async with stage() as played:
        await played.pilot.press("ctrl+q")
        await played.pilot.pause()
        assert played.app.return_value == "leave"


async def test_without_an_engine_leaving_says_lost() -> None:
    async with stage(owns_engine=True) as played:
        played.engine.drop()
        await played.settle()
        await played.pilot.press("ctrl+q")
        await played.pilot.pause()
        assert played.app.return_value == "lost"


async def test_a_filter_leaves_only_what_has_its_words_and_escape_clears_it() -> None:
    async with stage() as played:
        await played.go("1")
        await played.press("slash", *"review", "enter")
        assert "reviewer-1" in played.frame
        assert "worker-1" not in played.frame
        await played.press("escape")
        assert "worker-1" in played.frame


@pytest.mark.parametrize("digit", ["1", "2", "3", "4", "6"])
async def test_a_filter_that_hides_everything_does_not_say_that_there_is_nothing(digit: str) -> None:
    async with stage() as played:
        await played.go(digit)
        await played.press("slash", *"nowhere", "enter")
        assert "Nothing matches the filter" in played.frame
        assert "esc clears it" in played.frame
        await played.press("escape")
        assert "Nothing matches" not in played.frame


async def test_a_filter_that_hides_only_what_waits_says_so_above_the_rest() -> None:
    async with stage(fill=False) as played:
        now = played.clock.now()
        done = replace(an_approval(now, "A6", title="Old"), state=ApprovalState.DENIED, answered_at=now)
        played.engine.put(an_approval(now, "A7", title="New"), done)
        await played.go("6")
        await played.press("slash", *"old", "enter")
        assert "1 waits, hidden by the filter" in played.frame


async def test_details_take_the_place_of_the_list_on_a_small_terminal() -> None:
    async with stage(size=(60, 18)) as played:
        await played.go("4")
        await played.press("enter")
        assert "If that person leaves" in played.frame
        await played.press("escape")
        assert "If that person leaves" not in played.frame


async def test_the_palette_runs_an_action_of_the_screen() -> None:
    async with stage() as played:
        await on_worker_1(played)
        await played.press("colon")
        await played.until("Fleet: Message")
        await played.pilot.press(*"Fleet: Restart")
        await played.until("Stop this agent and start it anew")
        await played.pilot.press("enter")
        await played.until("Restart worker-1?")


async def test_the_display_can_be_held_still() -> None:
    async with stage() as played:
        await played.go("1")
        await played.press("p")
        held = played.frame
        await played.wait(120)
        assert played.frame == held
        await played.press("p")
        assert played.frame != held


async def test_the_mouse_switches_screens_and_chooses_rows() -> None:
    async with stage() as played:
        await played.go("1")
        await played.pilot.click(offset=(14, 1))
        await played.settle()
        assert played.app.current_mode == "board"


async def test_copying_takes_the_chosen_key() -> None:
    async with stage() as played:
        await on_worker_1(played)
        await played.press("y")
        assert played.app.clipboard == "worker-1"


async def test_a_task_under_review_is_judged_in_place_of_a_judge() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("l", "l", "l", "V")
        assert "Is T3 done well?" in played.frame
        await played.press("g")
        await played.press("V", "b")
        await played.press(*"thin", "enter")
        assert [args["decision"] + args["feedback"] for _, args in played.engine.calls] == [
            "approve",
            "rejectthin",
        ]


async def test_a_task_that_waits_for_a_person_is_freed_at_once() -> None:
    async with stage() as played:
        await played.go("2")
        task = played.engine.world.tasks["T10"]
        played.engine.put(replace(task, blocked_by=(BlockReason.NEEDS_HUMAN,)))
        await played.press("U")
        assert played.engine.calls == [("task_unblock", {"task_id": "T10"})]


async def test_a_task_that_waits_for_others_is_freed_by_force_only_after_a_yes() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("U")
        assert "Free T10 by force?" in played.frame
        assert "waits for T4 T5" in played.frame
        await played.press("enter")
        assert played.engine.calls == []
        await played.press("U", "y")
        assert played.engine.calls == [("task_unblock", {"task_id": "T10", "force": True})]


async def test_why_shows_the_engines_reasons_and_what_would_help() -> None:
    async with stage() as played:
        reasons = [
            {"reason": "dependency", "detail": "waits until T4 is \x1b[2Jdone", "by": ["T4"], "help": ""},
            {"reason": "hold", "detail": "held: later", "by": [], "help": "`supervisor task unhold`"},
        ]
        played.engine.answers["task_why"] = {"reasons": reasons}
        await played.go("2")
        await played.press("w")
        assert played.engine.calls == [("task_why", {"task_id": "T10"})]
        for words in (
            "Why T10 stands",
            "waits until T4 is \\x1b[2Jdone",
            "held: later",
            "supervisor task unhold",
        ):
            assert words in played.frame
        await played.press("escape")
        assert "held: later" not in played.frame


async def test_why_of_what_nothing_holds_up_says_so() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("w")
        assert "Nothing stands in its way." in played.frame


async def test_why_refused_is_told_and_shows_nothing() -> None:
    async with stage() as played:
        played.engine.refusal = Forbidden("not today")
        await played.go("2")
        await played.press("w")
        assert "not today" in played.frame
        assert "Why T10" not in played.frame


async def test_a_late_answer_does_not_cover_what_the_person_looks_at_now() -> None:
    async with stage() as played:
        await played.go("2")
        board = played.app.pane
        assert isinstance(board, BoardScreen)
        await played.press("6")
        board._show_why("T10", {"reasons": []})
        await played.settle()
        assert "Why T10" not in played.frame


async def test_a_task_is_held_with_a_reason_and_let_go() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("H")
        await played.press(*"later", "enter")
        task = played.engine.world.tasks["T10"]
        played.engine.put(replace(task, blocked_by=(BlockReason.DEPENDENCY, BlockReason.HOLD)))
        await played.press("H")
        assert played.engine.calls == [
            ("task_hold", {"task_id": "T10", "reason": "later"}),
            ("task_unhold", {"task_id": "T10"}),
        ]


async def test_holding_a_task_at_work_warns_that_its_holder_loses_it() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("l", "l", "H")
        assert "worker-4 works on it and loses it" in played.frame
        await played.press("escape")
        assert played.engine.calls == []


async def test_only_an_ended_task_is_reopened_after_a_yes() -> None:
    async with stage() as played:
        await played.go("2")
        await played.press("R")
        assert "T10 has not ended" in played.frame
        await played.press("l", "l", "l", "l", "R", "y")
        assert played.engine.calls == [("task_reopen", {"task_id": "T8", "reason": "reopened in the UI"})]


async def test_a_task_is_skipped_with_its_open_parts_after_a_yes() -> None:
    async with stage() as played:
        task = played.engine.world.tasks["T11"]
        played.engine.put(replace(task, parent=TaskId("T10")))
        await played.go("2")
        await played.press("K")
        assert "Its parts that are open end with it: T11" in played.frame
        await played.press("y")
        assert played.engine.calls == [("task_skip", {"task_id": "T10", "reason": "skipped in the UI"})]


async def test_a_task_is_assigned_and_keeps_what_it_asks_for() -> None:
    async with stage() as played:
        task = played.engine.world.tasks["T10"]
        played.engine.put(replace(task, required_tags=("python",)))
        await played.go("2")
        await played.press("at")
        await played.press(*"worker", "minus", "2", "enter")
        ((verb, args),) = played.engine.calls
        assert (verb, args["task_id"], args["assignment"]["assignee"]) == ("task_assign", "T10", "worker-2")
        assert args["assignment"]["required_tags"] == ["python"]


async def test_the_urgent_box_shows_by_its_sign_whether_it_is_ticked() -> None:
    async with stage() as played:
        await on_worker_1(played)
        await played.press("m")
        assert "[ ] urgent" in played.frame
        await played.press(*"hello", "tab", "space")
        assert "[x] urgent" in played.frame
        await played.press("f2")
        assert [args["urgent"] for _, args in played.engine.calls] == [True]


async def test_the_palette_finds_an_action_of_another_screen_and_only_goes_there() -> None:
    async with stage() as played:
        await on_worker_1(played)
        await played.press("2", "colon")
        await played.until("Board: ")
        await played.pilot.press(*"Fleet: Restart")
        await played.until("On the Fleet screen")
        await played.pilot.press("enter")
        await played.wait(1)
        assert played.app.current_mode == "fleet"
        assert len(played.app.screen_stack) == 1
        assert played.engine.calls == []
