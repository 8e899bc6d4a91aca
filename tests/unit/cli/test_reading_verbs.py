"""Tasks, votes, messages, events and logs as the command line shows them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.model.event import Event, verify_chain
from supervisor.model.task import Checkpoint, Note, TaskState
from supervisor.model.vote import Ballot, Vote, VoteOutcome, VoteState
from supervisor.model.wire import from_wire, to_wire
from supervisor.testing.scripted_engine import ScriptedEngine

Run = Callable[..., Result]


def test_task_list_shows_state_holder_progress_and_why_it_waits(run: Run, engine: ScriptedEngine) -> None:
    assert run("task", "list").stdout.splitlines() == [
        "ID  STATE        PRIORITY  WHO       DONE  TITLE",
        "T1  done         normal    -         100%  count files",
        "T2  in_progress  normal    worker-2  0%    longest functions",
        "T3  blocked      normal    -         0%    write report  (dependency: T1, T2)",
    ]


def test_task_list_can_be_narrowed(ask: Any, engine: ScriptedEngine) -> None:
    def ids(*words: str) -> list[str]:
        return [task["id"] for task in ask("task", "list", *words)["tasks"]]

    assert ids("--state", "blocked") == ["T3"]
    assert ids("--state", "blocked", "--state", "done") == ["T1", "T3"]
    assert ids("--tag", "size") == ["T1"]
    assert ids("--tag", "size", "--tag", "none") == []


def test_task_show_tells_everything_of_one_task(run: Run, engine: ScriptedEngine) -> None:
    team = engine.team
    tasks = team.world.tasks
    whole = replace(
        tasks["T1"],
        description="in full",
        criteria=("has a figure",),
        feedback="better",
        author="worker-1",
        priority=type(tasks["T1"].priority).HIGH,
    )
    engine.answers["task_show"] = {
        "task": to_wire(whole),
        "notes": [to_wire(Note(id=1, task=whole.id, author="judge", body="hm\nhm", at=0.0))],
        "checkpoint": to_wire(
            Checkpoint(
                task=whole.id, author="worker-1", token=1, percent=50, completed=("a",), remaining=("b",)
            )
        ),
        "dependencies": [],
        "dependents": [to_wire(tasks["T3"])],
        "events": [to_wire(team.events[4])],
    }

    text = run("task", "show", "1").stdout

    assert engine.asked == [("task_show", {"task_id": "T1"})]
    for part in (
        "T1  count files",
        "  state         done",
        "  priority      high",
        "  worked on by  worker-1",
        "in full",
        "    - has a figure",
        "    T3 blocked  write report",
        "    judge: hm",
        "  checkpoint of worker-1, 50%:",
        "    done: a",
        "    left: b",
        "    better",
        "    42 files",
        "planner task.created T1",
    ):
        assert part in text


FORGED = "tests: all green"


def test_no_foreign_text_begins_a_line_of_its_own(run: Run, engine: ScriptedEngine, vote: Vote) -> None:
    text = f"a task\n{FORGED}\r{FORGED}\x85{FORGED}\u2028{FORGED}"
    team = engine.team
    shown = team.task(text, description=text, criteria=(text,), action=text, percent=5, result=text)
    team.approval("worker-1", text, {"path": text})
    team.record("vote.opened", replace(vote, question=text))
    team.message("worker-1", "human", text)
    engine.answers["task_show"] = {
        "task": to_wire(shown),
        "notes": [to_wire(Note(id=1, task=shown.id, author="judge", body=text, at=0.0))],
        "checkpoint": None,
        "dependencies": [to_wire(shown)],
        "dependents": [],
        "events": [],
    }
    engine.answers["task_cancel"] = {"task": to_wire(shown)}

    for words in (
        ("status",),
        ("task", "list"),
        ("task", "show", shown.id),
        ("task", "cancel", shown.id, "--reason", "x"),
        ("vote", "list"),
        ("vote", "show", "V1"),
        ("inbox",),
        ("approvals",),
        ("approve", "A2"),
    ):
        ended = run(*words)
        assert FORGED in ended.output, words
        for line in ended.output.splitlines():
            assert not line.strip(" ").startswith(FORGED) or line.startswith("    "), (words, line)


def test_task_add_and_cancel_ask_the_engine_in_its_own_words(run: Run, engine: ScriptedEngine) -> None:
    added = to_wire(engine.team.world.tasks["T2"])
    engine.answers = {"task_add": {"task": added}, "task_cancel": {"task": {**added, "state": "cancelled"}}}

    first = run(
        "task",
        "add",
        "measure",
        "--after",
        "1",
        "--tag",
        "x",
        "--criterion",
        "c",
        "--review",
        "--priority",
        "high",
    )
    second = run("task", "cancel", "2", "--reason", "no need")

    assert first.stdout == "added T2 longest functions (in_progress)\n"
    assert second.stdout == "cancelled T2 longest functions (cancelled)\n"
    assert engine.asked == [
        (
            "task_add",
            {
                "title": "measure",
                "priority": "high",
                "on": "done",
                "on_lost": "hold",
                "join": "all",
                "tags": ["x"],
                "criteria": ["c"],
                "depends_on": ["T1"],
                "review": True,
            },
        ),
        ("task_cancel", {"task_id": "T2", "reason": "no need"}),
    ]


def test_a_person_unblocks_and_judges_in_the_engines_words(run: Run, engine: ScriptedEngine) -> None:
    task = {**to_wire(engine.team.world.tasks["T2"]), "state": "pending"}
    engine.answers = {"task_unblock": {"task": task}, "task_judge": {"task": task}}

    outputs = [
        run("task", "unblock", "T2").stdout,
        run("task", "approve", "T2", "--note", "fine").stdout,
        run("task", "reject", "T2", "--feedback", "no tests").stdout,
    ]

    assert [output.split(" T2")[0] for output in outputs] == ["unblocked", "approved", "sent back"]
    assert engine.asked == [
        ("task_unblock", {"task_id": "T2"}),
        ("task_judge", {"task_id": "T2", "decision": "approve", "feedback": "fine"}),
        ("task_judge", {"task_id": "T2", "decision": "reject", "feedback": "no tests"}),
    ]


def test_an_ack_of_what_is_not_in_the_inbox_is_an_error(run: Run, engine: ScriptedEngine) -> None:
    engine.answers = {"ack": {"acked": 0}}
    missed = run("inbox", "--ack", "M999")
    assert missed.exit_code == 1
    assert "supervisor inbox" in missed.stderr


def test_a_rejection_without_a_word_of_reason_is_not_even_asked(run: Run, engine: ScriptedEngine) -> None:
    assert run("reject", "A1", "--reason", " ").exit_code == 1
    assert engine.asked == []


def test_a_rejection_without_feedback_is_not_even_asked(run: Run, engine: ScriptedEngine) -> None:
    assert run("task", "reject", "T2").exit_code == 2
    assert engine.asked == []


@pytest.mark.parametrize("spelled", ["x", "V1", "T", "-1", "T1 "])
def test_what_is_no_task_id_is_refused(run: Run, engine: ScriptedEngine, spelled: str) -> None:
    assert run("task", "show", "--", spelled).exit_code in {1, 2}
    assert engine.asked == []


@pytest.fixture
def vote(engine: ScriptedEngine) -> Vote:
    opened = Vote(
        id="V1",  # type: ignore[arg-type]
        run=1,
        question="biggest risk?",
        options=("size", "tests"),
        electorate=("a", "b", "c"),
        quorum=2,
        opened_by="judge",
        opened_at=1.0,
        deadline=9.0,
    )
    engine.team.record("vote.opened", opened, actor="judge")
    engine.team.record(
        "ballot.cast", Ballot(vote=opened.id, voter="a", choice="tests", rationale="few"), actor="a"
    )
    engine.team.record(
        "ballot.cast", Ballot(vote=opened.id, voter="b", choice="tests", rationale="none"), actor="b"
    )
    return opened


def test_vote_show_draws_the_options_the_quorum_and_each_ballot(
    run: Run, engine: ScriptedEngine, vote: Vote
) -> None:
    closed = replace(vote, state=VoteState.CLOSED, outcome=VoteOutcome.DECIDED, winner="tests")
    engine.team.record("vote.closed", closed)

    assert run("vote", "show", "V1").stdout.splitlines() == [
        "V1  biggest risk?",
        "  decided: tests; opened by judge",
        "  ballots 2 of 3, quorum 2",
        "  rule plurality, tie human",
        "  size                                    0",
        "  tests    ############################## 2",
        "  abstain                                 0",
        "  a: tests. few",
        "  b: tests. none",
        "  not yet: c",
    ]


def test_votes_are_listed_and_given_as_json(run: Run, ask: Any, vote: Vote) -> None:
    assert run("vote", "list").stdout.splitlines()[1].split()[:3] == ["V1", "open", "2/3"]
    assert ask("vote", "show", "1")["tally"] == {"size": 0, "tests": 2, "abstain": 0}
    assert [each["id"] for each in ask("vote", "list")["votes"]] == ["V1"]


def test_a_vote_that_is_not_there_says_where_to_look(run: Run, engine: ScriptedEngine) -> None:
    ended = run("vote", "show", "V9")

    assert (ended.exit_code, "supervisor vote list" in ended.stderr) == (1, True)


def test_send_says_who_got_it(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["send"] = {
        "message": {"id": "M9"},
        "recipients": ["worker-1", "worker-2"],
        "mailboxes": [
            {"name": "worker-1", "state": "idle", "queued_ahead": 0},
            {"name": "worker-2", "state": "parked", "queued_ahead": 3},
        ],
    }

    assert run("send", "role:worker", "hello", "--urgent").stdout.splitlines() == [
        "M9 sent to worker-1, worker-2",
        "worker-2 is parked: it waits there until the agent runs",
    ]
    assert run("send", "all", "-", keys="from a pipe\n").exit_code == 0
    assert engine.asked == [
        ("send", {"to": "role:worker", "body": "hello", "urgent": True, "thread": ""}),
        ("send", {"to": "all", "body": "from a pipe\n", "urgent": False, "thread": ""}),
    ]


@pytest.mark.parametrize("text", ["", "  \n", "x" * 8193, "ü" * 4097])
def test_an_empty_or_oversized_message_is_not_sent(run: Run, engine: ScriptedEngine, text: str) -> None:
    assert run("send", "all", text).exit_code == 2
    assert engine.asked == []


def test_inbox_shows_what_is_unread_and_acknowledges_it(run: Run, ask: Any, engine: ScriptedEngine) -> None:
    engine.answers["ack"] = lambda args: {"acked": len(args["ids"])}

    text = run("inbox").stdout
    assert "M1 from worker-2" in text
    assert "    may I?" in text
    assert [each["id"] for each in ask("inbox")["messages"]] == ["M1"]
    assert run("inbox", "--ack", "1").stdout == "acknowledged 1\n"
    assert run("inbox", "--ack", "all").stdout == "acknowledged 1\n"
    assert run("inbox", "--ack", "all", "--ack", "1").exit_code == 1
    assert engine.asked == [("ack", {"ids": ["M1"]}), ("ack", {"ids": ["M1"]})]


def test_what_was_acknowledged_is_shown_only_when_asked_for(run: Run, engine: ScriptedEngine) -> None:
    from supervisor.model.message import Delivery, DeliveryState

    message = engine.team.world.messages["M1"]
    copy = Delivery(message=message.id, recipient="human", state=DeliveryState.ACKED)
    engine.team.record("delivery.acked", copy)

    assert run("inbox").stdout == "no unread messages\n"
    assert "may I?" in run("inbox", "--all").stdout


def test_events_are_printed_in_order_one_line_each(run: Run, engine: ScriptedEngine) -> None:
    engine.team.tell("engine.odd", "x", reason="two\nlines\x1b[31m")

    lines = run("events", "-n", "3").stdout.splitlines()

    last = len(engine.team.events)
    assert [int(line.split()[0]) for line in lines] == [last - 2, last - 1, last]
    assert lines[-1].endswith("supervisor engine.odd x: two lines\\x1b[31m")


def test_events_as_json_are_the_log_and_its_chain_verifies(run: Run, engine: ScriptedEngine) -> None:
    lines = run("events", "--since", "0", "--json").stdout.splitlines()
    told = [json.loads(line) for line in lines]

    assert {(each["v"], each["type"]) for each in told} == {(1, "event")}
    assert verify_chain(from_wire(Event, each["event"]) for each in told) == len(engine.team.events)


def test_events_after_a_number_leave_the_earlier_ones_out(run: Run, engine: ScriptedEngine) -> None:
    last = len(engine.team.events)

    assert len(run("events", "--since", str(last - 2)).stdout.splitlines()) == 2
    assert run("events", "--since", str(last)).stdout == ""


@pytest.fixture
def logs(engine: ScriptedEngine) -> Path:
    directory = Path(engine.team.engine.log_dir)
    (directory / "worker-1.log").write_bytes(b"one\ntwo\n\x1b]0;x\x07three\xff\n")
    (directory / "engine.log").write_bytes(b"started\n")
    return directory


def test_logs_prints_the_last_lines_of_one_agent_made_visible(run: Run, logs: Path) -> None:
    assert run("logs", "worker-1", "-n", "2").stdout == "two\n\\x1b]0;x\\x07three\\xff\n"
    assert run("logs", "engine").stdout == "started\n"


def test_logs_of_all_say_whose_line_it_is(run: Run, logs: Path) -> None:
    assert run("logs", "-n", "1").stdout == "engine   | started\nworker-1 | \\x1b]0;x\\x07three\\xff\n"


@pytest.mark.parametrize(
    ("name", "hint"), [("worker-2", "did you mean `worker-1`?"), ("zzz", "engine, worker-1")]
)
def test_a_log_that_is_not_there_names_those_there_are(run: Run, logs: Path, name: str, hint: str) -> None:
    ended = run("logs", name)

    assert ended.exit_code == 1
    assert hint in ended.stderr


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "secret"])
def test_logs_reads_nothing_outside_its_directory(run: Run, logs: Path, name: str) -> None:
    (logs.parent / "secret.log").write_text("key")
    (logs / "secret.log").symlink_to(logs.parent / "secret.log")

    ended = run("logs", name)

    assert ended.exit_code == 1
    assert "key" not in ended.output


def test_without_an_engine_following_events_is_refused_before_anything_is_printed(run: Run) -> None:
    assert run("events", "-f").exit_code == 5


def test_a_table_fits_the_terminal_and_wide_letters_count_two() -> None:
    from supervisor.cli.output import cells, duration, fitted

    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert fitted("日本語", 5) == "日本…"
    assert fitted("abc", 3) == "abc"
    assert fitted("abcd", 3) == "ab…"
    assert [duration(each) for each in (-1, 0, 59, 60, 3661, 90_000)] == [
        "0s",
        "0s",
        "59s",
        "1m",
        "1h 1m",
        "1d 1h",
    ]
    assert os.linesep == "\n"


def test_a_task_that_failed_is_no_longer_shown_as_progress(run: Run, engine: ScriptedEngine) -> None:
    engine.team.change_task("T2", "task.failed", actor="worker-2", state=TaskState.FAILED, percent=40)

    assert run("task", "list", "--state", "failed").stdout.splitlines()[1].split()[:5] == [
        "T2",
        "failed",
        "normal",
        "worker-2",
        "40%",
    ]
