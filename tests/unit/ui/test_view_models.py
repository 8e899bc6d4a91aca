"""What the screens say, as plain functions of a scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from supervisor.model.agent import AgentState
from supervisor.model.approval import ApprovalState
from supervisor.model.health import Liveness
from supervisor.model.message import DeliveryState
from supervisor.model.task import BlockReason, Priority, TaskState
from supervisor.model.team import RunState
from supervisor.testing import sample_team
from supervisor.testing.clock import VirtualClock
from supervisor.testing.fake_feed import FakeEngine
from supervisor.testing.sample_team import an_approval
from supervisor.ui.glyphs import ASCII
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import Line, text_of
from supervisor.ui.view_models import (
    approvals,
    board,
    fleet,
    inbox,
    logs,
    rows,
    status,
    task_details,
    votes,
    words,
)
from supervisor.ui.view_models.banner import banner, nothing_known
from supervisor.ui.view_models.payload import payload_lines


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine(VirtualClock())
    sample_team.fill(made)
    return made


def scene_of(engine: FakeEngine, **changes: Any) -> Scene:
    now = engine.clock.now()
    made = Scene(
        world=engine.world,
        engine=engine.engine,
        metrics={each.name: each for each in sample_team.metrics(now)},
        recent=tuple(engine.events),
        link=Link.LIVE,
        now=now,
        heard_at=now,
    )
    return replace(made, **changes)


def texts(lines: tuple[Line, ...]) -> list[str]:
    return [text_of(each) for each in lines]


def row_of(table: tuple[rows.Row, ...], key: str) -> list[str]:
    (found,) = [row for row in table if row.key == key]
    return texts(found.cells)


# Words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (4.9, "now"),
        (5, "5s"),
        (59, "55s"),
        (60, "1m"),
        (3599, "59m"),
        (7200, "2h"),
        (200_000, "2d"),
    ],
)
def test_ages_are_told_in_calm_steps(seconds: float, said: str) -> None:
    assert words.age(seconds) == said


@pytest.mark.parametrize(
    ("amount", "said"), [(0, "0K"), (900_000, "878K"), (41 << 20, "41M"), (1 << 30, "1.0G")]
)
def test_memory_takes_at_most_five_characters(amount: int, said: str) -> None:
    assert words.size(amount) == said
    assert len(said) <= 5


@pytest.mark.parametrize(
    ("passed", "said"), [(0, "just now"), (4.9, "just now"), (5, "5s ago"), (130, "2m ago"), (-3, "just now")]
)
def test_a_moment_is_told_as_people_say_it(passed: float, said: str) -> None:
    assert words.when(1000.0, 1000.0 + passed) == said
    assert words.when(None, 1000.0) == "-"


@pytest.mark.parametrize(("seconds", "said"), [(5, "5s"), (61, "1m 01s"), (3725, "1h 02m")])
def test_durations_are_exact_enough(seconds: float, said: str) -> None:
    assert words.span_of_time(seconds) == said


def test_a_bar_is_full_only_when_all_is_done_and_shows_any_beginning() -> None:
    assert text_of(words.bar(1, 1000, 10, ASCII)).count("=") == 1
    assert text_of(words.bar(999, 1000, 10, ASCII)).count("=") == 9
    assert text_of(words.bar(1000, 1000, 10, ASCII)).count("=") == 10
    assert text_of(words.bar(0, 0, 10, ASCII)).count("=") == 0


def test_every_state_has_a_sign_and_a_word_of_its_own() -> None:
    for glyphs in (ASCII, Scene().glyphs):
        assert len({text_of(words.agent_state(state, glyphs)) for state in AgentState}) == len(AgentState)
        assert len({words.task_state(state, glyphs).text for state in TaskState}) == len(TaskState)


# Columns


def test_columns_share_the_room_and_the_least_needed_go_first() -> None:
    columns = (
        rows.Column(title="a", width=5),
        rows.Column(title="b", width=5, grow=1),
        rows.Column(title="c", width=5, drop=1),
    )
    assert rows.placed(columns, 30) == ((0, 5), (1, 16), (2, 5))
    assert rows.placed(columns, 14) == ((0, 5), (1, 7))
    assert rows.placed(columns, 3) == ((0, 5), (1, 5))


# Fleet


def test_an_agent_shows_state_task_sign_of_life_and_use(engine: FakeEngine) -> None:
    table = fleet.fleet_rows(scene_of(engine))
    assert row_of(table, "worker-1") == [
        "  worker-1",
        "● working",
        "T4 35% Churn and ownership from the history",
        "now",
        "87%",
        "61M",
        "0",
        "L0",
    ]


def test_an_agent_in_backoff_tells_when_it_starts_and_why(engine: FakeEngine) -> None:
    assert row_of(fleet.fleet_rows(scene_of(engine)), "worker-3")[2] == "restarts in 10s exit code 3"


def test_a_parked_agent_tells_why(engine: FakeEngine) -> None:
    details = texts(fleet.agent_details(scene_of(engine), "reviewer-3"))
    assert any("parked" in each and "5 restarts in 120 s" in each for each in details)
    assert "last exit  signal, signal 11, segmentation fault" in details


def test_an_agent_that_does_not_get_on_waits_for_a_person(engine: FakeEngine) -> None:
    before = approvals.waiting_count(scene_of(engine))
    sample_team.find_fault(engine)
    scene = scene_of(engine)
    assert approvals.waiting_count(scene) == before + 2
    assert row_of(approvals.queue_rows(scene), "worker-4")[:3] == [
        "◆ frozen",
        "worker-4",
        "stopped by a signal for 3 s (state T)",
    ]


@pytest.mark.parametrize(
    ("liveness", "word"),
    [
        (Liveness.OK, ""),
        (Liveness.WAITING, ""),
        (Liveness.QUIET, "quiet "),
        (Liveness.LIMITED, "limited "),
        (Liveness.SPINNING, "spinning "),
        (Liveness.OVERDUE, "overdue "),
        (Liveness.FROZEN, "frozen "),
        (Liveness.STALLED, "stalled "),
    ],
)
def test_what_is_thought_of_an_agent_stands_before_what_it_does(
    engine: FakeEngine, liveness: Liveness, word: str
) -> None:
    one, idle = engine.world.agents["worker-1"], engine.world.agents["reviewer-1"]
    engine.put(replace(one, liveness=liveness), replace(idle, liveness=liveness))
    table = fleet.fleet_rows(scene_of(engine))
    assert row_of(table, "worker-1")[2] == f"{word}T4 35% Churn and ownership from the history"
    assert row_of(table, "reviewer-1")[2] == f"{word}waits for a ballot"


def test_the_evidence_is_among_the_details_and_is_made_harmless(engine: FakeEngine) -> None:
    one = engine.world.agents["worker-1"]
    engine.put(replace(one, liveness=Liveness.STALLED, liveness_why="no output for 12 min\x1b[2J"))
    details = texts(fleet.agent_details(scene_of(engine), "worker-1"))
    assert "stalled no output for 12 min\\x1b[2J" in details
    assert "What comes next: supervisor why worker-1" in details
    engine.put(replace(one, liveness=Liveness.QUIET, liveness_why="no output for 2 min"))
    details = texts(fleet.agent_details(scene_of(engine), "worker-1"))
    assert "quiet no output for 2 min" in details
    assert not any("What comes next" in each for each in details)


def test_a_pool_of_one_needs_no_heading(engine: FakeEngine) -> None:
    headings = [row.key for row in fleet.fleet_rows(scene_of(engine)) if row.heading]
    assert headings == ["pool worker", "pool reviewer"]


def test_agents_are_sorted_as_people_count(engine: FakeEngine) -> None:
    one = engine.world.agents["worker-1"]
    engine.put(replace(one, name="worker-10"))
    names = [row.key for row in fleet.fleet_rows(scene_of(engine)) if row.key.startswith("worker")]
    assert names[-1] == "worker-10"


def test_the_fleet_filter_looks_at_name_state_and_task(engine: FakeEngine) -> None:
    scene = scene_of(engine)
    assert [row.key for row in fleet.fleet_rows(scene, "churn") if not row.heading] == ["worker-1"]
    assert [row.key for row in fleet.fleet_rows(scene, "parked") if not row.heading] == ["reviewer-3"]


# Board


def test_tasks_stand_in_their_columns_most_urgent_first(engine: FakeEngine) -> None:
    columns = board.BoardModel().columns(scene_of(engine))
    assert [[card.key for card in column] for column in columns] == [
        ["T10", "T11"],
        ["T6", "T7"],
        ["T9", "T4", "T5"],
        ["T3"],
        ["T8", "T2", "T1"],
    ]


def test_an_unchanged_card_is_the_same_card(engine: FakeEngine) -> None:
    model = board.BoardModel()
    before = model.columns(scene_of(engine))
    engine.put(replace(engine.world.tasks["T4"], percent=36))
    after = model.columns(scene_of(engine))
    assert after[2][1] is not before[2][1]
    assert after[2][0] is before[2][0]


def test_a_blocked_card_names_what_it_waits_for_until_that_has_ended(engine: FakeEngine) -> None:
    model = board.BoardModel()
    assert text_of(model.columns(scene_of(engine))[0][0].lines[2]) == "waits for T4 T5"
    engine.put(replace(engine.world.tasks["T4"], state=TaskState.DONE))
    assert text_of(model.columns(scene_of(engine))[0][0].lines[2]) == "waits for T5"


def test_earlier_runs_are_not_on_the_board(engine: FakeEngine) -> None:
    engine.put(replace(engine.world.tasks["T6"], run=0))
    assert "T6" not in [
        card.key for column in board.BoardModel().columns(scene_of(engine)) for card in column
    ]


def test_task_details_show_dependencies_both_ways_notes_and_checkpoint(engine: FakeEngine) -> None:
    details = texts(task_details.task_details(scene_of(engine), "T5"))
    assert "T1 ✓ done  Read the tree" in details
    assert "T10 ▪ blocked  The three biggest risks" in details
    assert "checkpoint at 60%" in details
    assert any("worker-2" in each for each in details)


def test_the_board_filter_finds_ids_titles_tags_and_people(engine: FakeEngine) -> None:
    tasks = engine.world.run_tasks()
    assert [task.id for task in tasks if board.matches(task, "imports")] == ["T5"]
    assert [task.id for task in tasks if board.matches(task, "worker-4 report")] == ["T9"]


# Inbox


def test_unread_counts_stand_at_each_mailbox(engine: FakeEngine) -> None:
    table = inbox.mailbox_rows(scene_of(engine))
    assert row_of(table, "human") == ["you", "1"]
    assert row_of(table, "worker-1") == ["worker-1", "1"]
    assert row_of(table, "planner") == ["planner", "-"]


def test_a_mailbox_holds_what_came_and_what_was_sent_newest_first(engine: FakeEngine) -> None:
    assert [row.key for row in inbox.message_rows(scene_of(engine), "judge")] == ["M4", "M2", "M1"]
    assert [row.key for row in inbox.message_rows(scene_of(engine), inbox.ALL_MAIL)] == [
        "M4",
        "M3",
        "M2",
        "M1",
    ]


def test_priority_payload_and_dead_letters_are_shown(engine: FakeEngine) -> None:
    assert inbox.DEAD_MAIL not in [row.key for row in inbox.mailbox_rows(scene_of(engine))]
    engine.put(replace(engine.world.messages["M4"], priority=Priority.HIGH, payload='{"a":1}'))
    copy = engine.world.deliveries["M4/worker-2"]
    engine.put(replace(copy, state=DeliveryState.DEAD, attempts=3))
    scene = scene_of(engine)
    assert row_of(inbox.mailbox_rows(scene), inbox.DEAD_MAIL) == ["dead letters", "1"]
    assert [row.key for row in inbox.message_rows(scene, inbox.DEAD_MAIL)] == ["M4"]
    assert row_of(inbox.message_rows(scene, "judge"), "M4")[-1].startswith("high Name the command")
    details = texts(inbox.message_details(scene, "M4"))
    assert "   high" in details[0]
    assert any("dead for" in each and "supervisor dead requeue M4/worker-2" in each for each in details)
    assert any('{"a":1}' in each for each in details)
    assert [tab.badge for tab in status.tabs(scene) if tab.mode == "inbox"] == [f"1 {scene.glyphs.flag}1"]


def test_a_message_tells_who_has_read_it(engine: FakeEngine) -> None:
    details = texts(inbox.message_details(scene_of(engine), "M1"))
    assert any(each.startswith("read by") and "judge" in each for each in details)


# Votes


def test_a_vote_shows_bars_quorum_and_reasons(engine: FakeEngine) -> None:
    details = texts(votes.vote_details(scene_of(engine), "V2"))
    assert "quorum     2 of 3, 1 missing" in details
    assert any(each.startswith("  1 ") and "one owner" in each for each in details)
    assert any("nobody knows" in each for each in details)
    assert "not cast yet: reviewer-2, reviewer-3" in details


def test_open_votes_come_first(engine: FakeEngine) -> None:
    assert [row.key for row in votes.vote_rows(scene_of(engine))] == ["V2", "V1"]


def test_a_closed_vote_tells_winner_and_why_it_closed(engine: FakeEngine) -> None:
    assert "state      decided: yes (all ballots are cast)" in texts(
        votes.vote_details(scene_of(engine), "V1")
    )


# Approvals


def test_the_queue_holds_everything_that_waits_for_a_person(engine: FakeEngine) -> None:
    held = replace(engine.world.tasks["T7"], state=TaskState.BLOCKED, blocked_by=(BlockReason.NEEDS_HUMAN,))
    engine.put(held)
    keys = [row.key for row in approvals.queue_rows(scene_of(engine))]
    assert keys == ["A2", "M3", "T7", "reviewer-3", "answered", "past A1"]
    assert approvals.waiting_count(scene_of(engine)) == 4


def test_the_riskiest_comes_first_even_under_a_flood(engine: FakeEngine) -> None:
    now = engine.clock.now()
    engine.put(*(an_approval(now, f"A{number}", tier=0) for number in range(10, 510)))
    engine.put(an_approval(now, "A600", tier=3))
    assert approvals.queue_rows(scene_of(engine))[0].key == "A600"


def test_among_equals_the_one_that_blocks_more_comes_first(engine: FakeEngine) -> None:
    engine.put(an_approval(engine.clock.now() - 100, "A3", tier=1, task="T6"))
    assert [row.key for row in approvals.queue_rows(scene_of(engine))][:2] == ["A2", "A3"]


def test_a_card_shows_all_that_would_run_quoted_and_the_reason_last(engine: FakeEngine) -> None:
    payload: dict[str, object] = {"argv": ["rm", "-rf", "my dir", ""], "cwd": "/srv", "env": {"A": "b"}}
    engine.put(an_approval(engine.clock.now(), "A7", payload=payload, reason="trust me"))
    card = approvals.card_of(scene_of(engine), "A7")
    assert card is not None
    shown = texts(card.lines)
    assert shown[shown.index("argv") + 1 : shown.index("argv") + 5] == [
        '│ "rm"',
        '│ "-rf"',
        '│ "my dir"',
        '│ ""',
    ]
    assert "cwd  /srv" in shown
    assert shown[-2:] == ["in the words of worker-1, not checked", "│ trust me"]


def test_a_long_payload_is_shown_to_its_last_character() -> None:
    tail = "x" * 20_000 + " --danger"
    shown = texts(payload_lines('{"argv":["' + tail + '"]}', "│"))
    assert shown[-1].endswith('--danger"')


def test_an_answered_request_can_be_neither_approved_nor_rejected(engine: FakeEngine) -> None:
    card = approvals.card_of(scene_of(engine), "past A1")
    assert card is not None
    assert card.refusal == "A1 is approved"
    assert not card.can_be_rejected


def test_an_answered_card_begins_with_the_answer_and_its_reason(engine: FakeEngine) -> None:
    payload: dict[str, object] = {"argv": ["tool", *(f"--option-{number}" for number in range(60))]}
    asked = an_approval(engine.clock.now(), "A30", payload=payload)
    engine.put(
        replace(
            asked,
            state=ApprovalState.DENIED,
            answered_by="human",
            answered_at=engine.clock.now(),
            answer="not into\nthe tree",
        )
    )
    card = approvals.card_of(scene_of(engine), "past A30")
    assert card is not None
    shown = [text_of(each) for each in card.lines]
    assert shown[0].endswith("denied by human, just now")
    assert shown[1:4] == ["│ not into", "│ the tree", ""]
    assert shown[4] == asked.title


@pytest.mark.parametrize("link", [Link.LOST, Link.ENDED, Link.CONNECTING])
def test_no_answer_is_possible_without_the_engine(engine: FakeEngine, link: Link) -> None:
    card = approvals.card_of(scene_of(engine, link=link), "A2")
    assert card is not None
    assert card.refusal
    assert not card.can_be_rejected


def test_a_changed_digest_is_another_card(engine: FakeEngine) -> None:
    before = approvals.card_of(scene_of(engine), "A2")
    engine.put(replace(engine.world.approvals["A2"], digest="0" * 64))
    after = approvals.card_of(scene_of(engine), "A2")
    assert before is not None
    assert after is not None
    assert before.identity != after.identity


def test_time_passing_is_no_other_card(engine: FakeEngine) -> None:
    scene = scene_of(engine)
    before = approvals.card_of(scene, "A2")
    after = approvals.card_of(replace(scene, now=scene.now + 60), "A2")
    assert before is not None
    assert after is not None
    assert before.identity == after.identity


def test_blocked_work_is_counted_through_chains_and_cycles(engine: FakeEngine) -> None:
    t9 = engine.world.tasks["T9"]
    engine.put(replace(t9, depends_on=(engine.world.tasks["T11"].id,)))
    assert approvals.blocked_behind(scene_of(engine), "T9") == 2


# Status


def test_the_status_line_says_team_link_agents_tasks_and_what_waits(engine: FakeEngine) -> None:
    said = text_of(status.status_line(scene_of(engine), 160))
    assert said.startswith("survey   ● live   3 working · 2 idle · 1 needs you")
    assert "3/11 tasks" in said
    assert said.endswith("3 wait for you")


@pytest.mark.parametrize("width", range(10, 200, 7))
def test_the_status_line_never_exceeds_its_room(engine: FakeEngine, width: int) -> None:
    assert len(text_of(status.status_line(scene_of(engine), width))) <= width


def test_a_finished_run_tells_outcome_duration_and_report(engine: FakeEngine) -> None:
    sample_team.finish(engine, outcome="10 done, 1 failed")
    said = text_of(banner(scene_of(engine)))
    assert said == "✗ run finished in 1m 35s   report .supervisor/reports/run-1   10 done, 1 failed"


def test_an_abandoned_run_is_told_apart(engine: FakeEngine) -> None:
    run = engine.world.current_run
    assert run is not None
    engine.put(replace(run, state=RunState.ABANDONED))
    assert "run abandoned" in text_of(status.status_line(scene_of(engine), 120))


def test_a_quiet_engine_is_called_live_but_its_silence_is_told(engine: FakeEngine) -> None:
    scene = scene_of(engine)
    assert "heard 30s ago" in text_of(status.status_line(replace(scene, now=scene.now + 30), 160))


def test_loading_lost_and_ended_are_told_apart(engine: FakeEngine) -> None:
    assert "Connecting" in text_of(nothing_known(Scene(link=Link.CONNECTING))[0])
    assert "No engine" in text_of(nothing_known(Scene(link=Link.LOST))[0])
    assert "cannot be reached" in text_of(banner(scene_of(engine, link=Link.LOST)))
    assert "has stopped: done" in text_of(banner(scene_of(engine, link=Link.ENDED, link_reason="done")))


def test_tabs_carry_what_waits_in_them(engine: FakeEngine) -> None:
    badges = {tab.mode: tab.badge for tab in status.tabs(scene_of(engine))}
    assert badges == {"fleet": "", "board": "", "inbox": "1", "votes": "1", "logs": "", "approvals": "⚑3"}


def test_reading_a_message_takes_it_out_of_the_counts(engine: FakeEngine) -> None:
    engine.put(replace(engine.world.deliveries["M3/human"], state=DeliveryState.ACKED))
    assert inbox.unread_of_human(scene_of(engine)) == 0
    assert approvals.waiting_count(scene_of(engine)) == 2


def test_an_answer_takes_the_request_out_of_the_count(engine: FakeEngine) -> None:
    engine.put(replace(engine.world.approvals["A2"], state=ApprovalState.DENIED))
    assert approvals.waiting_count(scene_of(engine)) == 2


# Logs


def test_sources_are_events_engine_and_each_agent(engine: FakeEngine) -> None:
    keys = [row.key for row in logs.source_rows(scene_of(engine)) if not row.heading]
    assert keys[:2] == [logs.EVENTS, logs.ENGINE]
    assert set(engine.world.agents) <= set(keys)
    assert logs.log_file_of(scene_of(engine), "worker-1") == "/nowhere/logs/worker-1.log"
    assert logs.log_file_of(scene_of(engine), logs.EVENTS) is None
