"""The verbs that change one task or an agent's right to claim, in the engine's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli.task_page import task_page
from supervisor.coordinator.planning import NewTask
from supervisor.coordinator.steering import Assignment, Edit
from supervisor.errors import WrongState
from supervisor.model.task import (
    BlockReason,
    EdgePolicy,
    ErrorClass,
    Gate,
    Note,
    Task,
    TaskState,
)
from supervisor.model.wire import from_wire, to_wire
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.scripted_team import BEGIN

Run = Callable[..., Result]


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have somebody at the terminal, who types what a test gives as keys."""
    monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)


@pytest.fixture
def steered(engine: ScriptedEngine) -> ScriptedEngine:
    """An engine that answers every change of a task with T2."""
    answer = {"task": to_wire(engine.team.world.tasks["T2"])}
    verbs = (
        "update",
        "assign",
        "link",
        "hold",
        "unhold",
        "cancel",
        "skip",
        "reopen",
        "unblock",
        "judge",
        "add",
    )
    engine.answers = {f"task_{verb}": answer for verb in verbs}
    return engine


def asked(engine: ScriptedEngine) -> tuple[str, dict[str, Any]]:
    (only,) = engine.asked
    return only


def test_a_task_can_say_everything_on_one_line(run: Run, steered: ScriptedEngine) -> None:
    words = (
        *("task", "add", "measure it", "-d", "all of it", "--instructions", "twice", "--priority", "high"),
        *("--complexity", "7", "--tag", "a", "--criterion", "c", "--after", "1, t2", "--after", "T2,3"),
        *("--on", "ended", "--on-lost", "proceed", "--parent", "t1", "--join", "any", "--milestone", "P1"),
        *("--track", "main", "--order", "2", "--wave", "3", "--assignee", "worker-1", "--role", "worker"),
        *("--requires", "gpu", "--group", "builders", "--work-role", "tuner", "--human-gate"),
        *("--approvals", "2", "--delay", "5m"),
    )
    ended = run(*words)

    assert ended.exit_code == 0, ended.output
    verb, args = asked(steered)
    assert args.pop("not_before") > BEGIN
    assert (verb, from_wire(NewTask, args)) == (
        "task_add",
        NewTask(
            title="measure it",
            description="all of it",
            instructions="twice",
            priority="high",
            complexity=7,
            tags=("a",),
            criteria=("c",),
            depends_on=("T1", "T2", "T3"),
            on="ended",
            on_lost="proceed",
            parent="T1",
            join="any",
            milestone="P1",
            track="main",
            order=2,
            wave=3,
            assignee="worker-1",
            required_role="worker",
            required_tags=("gpu",),
            required_group="builders",
            work_role="tuner",
            review=True,
            gate="human",
            approvals_needed=2,
        ),
    )


@pytest.mark.parametrize(
    ("words", "review"),
    [((), None), (("--review",), True), (("--no-review",), False), (("--approvals", "2"), True)],
)
def test_review_is_left_to_the_milestone_unless_it_is_said(
    run: Run, steered: ScriptedEngine, words: tuple[str, ...], review: bool | None
) -> None:
    run("task", "add", "x", *words)

    assert asked(steered)[1].get("review") is review


def test_an_edit_sends_only_what_changes(run: Run, steered: ScriptedEngine) -> None:
    ended = run("task", "edit", "2", "--title", "new", "--no-tags", "--criterion", "c", "--no-review")

    assert ended.stdout == "changed T2 longest functions (in_progress)\n"
    verb, args = asked(steered)
    assert (verb, args["task_id"]) == ("task_update", "T2")
    assert from_wire(Edit, args["edit"]) == Edit(title="new", tags=(), criteria=("c",), review=False)


@pytest.mark.parametrize("words", [(), ("--tag", "a", "--no-tags")])
def test_an_edit_that_says_nothing_or_two_things_is_refused(
    run: Run, steered: ScriptedEngine, words: tuple[str, ...]
) -> None:
    assert run("task", "edit", "T2", *words).exit_code == 2
    assert steered.asked == []


def test_a_task_is_assigned_to_an_agent_or_by_what_it_takes(run: Run, steered: ScriptedEngine) -> None:
    run("task", "assign", "T2", "worker-1", "--work-role", "tuner", "--instructions", "twice")
    run("task", "assign", "T2", "--role", "worker", "--requires", "gpu", "--group", "builders")
    run("task", "assign", "T2", "--anyone")

    assert [from_wire(Assignment, args["assignment"]) for _, args in steered.asked] == [
        Assignment(assignee="worker-1", work_role="tuner", instructions="twice"),
        Assignment(required_role="worker", required_tags=("gpu",), required_group="builders"),
        Assignment(),
    ]


@pytest.mark.parametrize("words", [(), ("worker-1", "--anyone")])
def test_an_assignment_to_nobody_or_both_is_refused(
    run: Run, steered: ScriptedEngine, words: tuple[str, ...]
) -> None:
    ended = run("task", "assign", "T2", *words)

    assert (ended.exit_code, steered.asked) == (2, [])
    assert "--anyone" in ended.stderr


@pytest.mark.parametrize(
    ("words", "verb", "args", "told"),
    [
        (("link", "T2", "T1", "3,1"), "task_link", {"depends_on": ["T1", "T3"], "on": "done"}, "linked"),
        (("link", "T2", "T1", "--on", "any"), "task_link", {"depends_on": ["T1"], "on": "any"}, "linked"),
        (("hold", "T2", "--reason", "later"), "task_hold", {"reason": "later"}, "held"),
        (("hold", "T2"), "task_hold", {"reason": ""}, "held"),
        (("unhold", "T2"), "task_unhold", {}, "let go"),
        (("skip", "T2", "--reason", "no case"), "task_skip", {"reason": "no case"}, "skipped"),
        (("cancel", "T2", "--reason", "no"), "task_cancel", {"reason": "no"}, "cancelled"),
        (("reopen", "T2", "--reason", "broke"), "task_reopen", {"reason": "broke"}, "reopened"),
        (("retry", "T2"), "task_reopen", {"reason": ""}, "reopened"),
        (("unblock", "T2", "--force", "--yes"), "task_unblock", {"force": True}, "unblocked"),
        (
            ("reject", "T2", "--feedback", "f", "--issue", "a", "--issue", "b"),
            "task_judge",
            {"decision": "reject", "feedback": "f", "issues": ["a", "b"]},
            "sent back",
        ),
    ],
)
def test_a_verb_asks_the_engine_in_its_own_words(
    run: Run, steered: ScriptedEngine, words: tuple[str, ...], verb: str, args: dict[str, Any], told: str
) -> None:
    ended = run("task", *words)

    assert ended.stdout == f"{told} T2 longest functions (in_progress)\n", ended.output
    assert asked(steered) == (verb, {"task_id": "T2", **args})


def test_every_change_is_printed_as_json_too(ask: Callable[..., Any], steered: ScriptedEngine) -> None:
    assert ask("task", "hold", "T2")["task"]["id"] == "T2"


def test_a_task_that_waits_says_for_what_after_the_change(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["task_hold"] = {"task": to_wire(engine.team.world.tasks["T3"])}

    assert run("task", "hold", "T3").stdout == "held T3 write report (blocked: dependency)\n"


@pytest.fixture
def family(steered: ScriptedEngine) -> ScriptedEngine:
    team = steered.team
    team.task("a part", parent="T2")
    team.task("a grain", parent="T4")
    team.task("done already", parent="T2", state=TaskState.DONE)
    return steered


@pytest.mark.parametrize("verb", ["cancel", "skip"])
def test_what_ends_open_children_too_is_asked_first(
    run: Run, family: ScriptedEngine, person: None, verb: str
) -> None:
    refused = run("task", verb, "T2", "--reason", "x", keys="n\n")
    assert "T2 with 2 open below it (T4, T5)? [y/N]" in refused.stderr
    assert (refused.exit_code, family.asked) == (2, [])

    assert run("task", verb, "T2", "--reason", "x", keys="y\n").exit_code == 0
    assert asked(family)[0] == f"task_{verb}"


def test_where_nobody_can_be_asked_it_takes_yes(run: Run, family: ScriptedEngine) -> None:
    refused = run("task", "cancel", "T2", "--reason", "x")
    assert (refused.exit_code, family.asked) == (2, [])
    assert "--yes" in refused.stderr

    assert run("task", "cancel", "T2", "--reason", "x", "--yes").exit_code == 0


def test_a_crowd_of_children_is_named_in_part(run: Run, family: ScriptedEngine, person: None) -> None:
    for _ in range(12):
        family.team.task("one more", parent="T2")

    assert (
        "(T4, T5, T7, T8, T9, T10, T11, T12, T13, T14, …)"
        in run("task", "cancel", "T2", "--reason", "x", keys="n\n").stderr
    )


def test_force_is_asked_first(run: Run, steered: ScriptedEngine, person: None) -> None:
    assert run("task", "unblock", "T2", "--force", keys="\n").exit_code == 2
    assert steered.asked == []
    assert run("task", "unblock", "T2", "--force", keys="yes\n").exit_code == 0


def test_a_note_is_added(run: Run, ask: Callable[..., Any], engine: ScriptedEngine) -> None:
    note = Note(id=1, task=engine.team.world.tasks["T2"].id, author="human", body="hi", at=BEGIN)
    engine.answers["task_note"] = {"note": to_wire(note)}

    assert run("task", "note", "2", "hi").stdout == "noted on T2\n"
    assert engine.asked == [("task_note", {"task_id": "T2", "body": "hi"})]
    assert ask("task", "note", "T2", "hi")["note"]["body"] == "hi"


def test_why_tells_each_cause_and_what_would_help(
    run: Run, ask: Callable[..., Any], engine: ScriptedEngine
) -> None:
    engine.answers["task_why"] = {
        "reasons": [
            {
                "reason": "dependency_failed",
                "detail": "T1 ended\nas failed",
                "by": ["T1"],
                "help": "reopen it",
            },
            {"reason": "hold", "detail": "held", "by": [], "help": ""},
        ]
    }

    assert run("task", "why", "3").stdout.splitlines() == [
        "dependency failed: T1 ended\\nas failed",
        "    reopen it",
        "hold: held",
    ]
    assert ask("task", "why", "T3")["reasons"][0]["by"] == ["T1"]
    engine.answers["task_why"] = {"reasons": []}
    assert "nothing stands in the way of T3" in run("task", "why", "3").stderr


def test_the_list_is_narrowed_by_sums_milestone_parent_and_agent(
    ask: Callable[..., Any], engine: ScriptedEngine
) -> None:
    team = engine.team
    team.task("a part", parent="T2", milestone="P1")
    team.task("mine", assignee="worker-2")
    team.task("mine once", assignee="worker-2", state=TaskState.SKIPPED)
    team.task("handed in", author="worker-2", state=TaskState.IN_REVIEW)
    team.task("judged", reviewer="worker-2", state=TaskState.IN_REVIEW)

    def ids(*words: str) -> list[str]:
        return [task["id"] for task in ask("task", "list", *words)["tasks"]]

    assert ids("--state", "open") == ["T2", "T3", "T4", "T5", "T7", "T8"]
    assert ids("--state", "ended") == ["T1", "T6"]
    assert ids("--state", "ended", "--state", "blocked") == ["T1", "T3", "T6"]
    assert len(ids("--state", "all")) == 8
    assert ids("--milestone", "1") == ["T4"]
    assert ids("--parent", "2") == ["T4"]
    assert ids("--mine-for", "worker-2") == ["T2", "T5", "T7", "T8"]


@pytest.fixture
def whole(engine: ScriptedEngine) -> Task:
    """A task that says all that a task can say."""
    tasks = engine.team.world.tasks
    whole: Task = replace(
        tasks["T3"],
        blocked_by=(BlockReason.TRACK, BlockReason.BACKOFF),
        block_note="it broke",
        complexity=6,
        required_role="worker",
        required_group="builders",
        required_tags=("gpu",),
        work_role="tuner",
        review=True,
        gate=Gate.HUMAN,
        eta=9e9,
        not_before=9e9,
        started_at=1.0,
        finished_at=62.0,
        error_class=ErrorClass.TIMEOUT,
        milestone="P1",  # type: ignore[arg-type]
        cycle=2,
        track="main",
        order=3,
        wave=4,
        key="report",
        parent="T2",  # type: ignore[arg-type]
        reopened_inputs=("T1",),  # type: ignore[arg-type]
        edge_policies={"T1": EdgePolicy.ENDED},
        instructions="twice",
        issues=("no tests",),
    )
    return whole


def test_a_page_tells_where_a_task_stands_in_its_plan(engine: ScriptedEngine, whole: Task) -> None:
    tasks = engine.team.world.tasks
    facts = {
        "task": to_wire(whole),
        "notes": [],
        "board": {"task": "T3", "text": "half\nway", "author": "worker-1", "at": 1.0},
        "checkpoint": None,
        "dependencies": [to_wire(tasks["T1"])],
        "children": [to_wire(tasks["T2"])],
        "dependents": [],
        "events": [],
    }
    page = "\n".join(task_page(facts))

    for part in (
        "because       it broke",
        "complexity    6 of 10",
        "for           role worker; group builders; tags gpu; as tuner",
        "review        a person approves it",
        "ready in",
        "not before",
        "took          1m 1s",
        "failed with   timeout",
        "milestone     P1",
        "cycle         2",
        "track         main, order 3",
        "wave          4",
        "key           report",
        "part of       T2",
        "begun before  T1 was reopened",
        "T1 done  count files  (must be: ended)",
        "  children:\n    T2 in_progress  longest functions",
        "  board of worker-1:\n    half\n    way",
        "  instructions:\n    twice",
        "    - no tests",
    ):
        assert part in page
    voted = replace(whole, approvals_needed=3, approved_by=("a",))
    assert "review        1 of 3 approve" in "\n".join(task_page(facts | {"task": to_wire(voted)}))


def test_an_agent_is_set_aside_and_brought_back(
    run: Run, ask: Callable[..., Any], engine: ScriptedEngine
) -> None:
    engine.answers = {verb: {"agent": {"name": "worker-1"}} for verb in ("quarantine", "release")}

    aside = run("agent", "quarantine", "worker-1", "--reason", "breaks the build")
    back = run("agent", "release", "worker-1")

    assert aside.stdout == "worker-1 is quarantined; let it claim again: supervisor agent release worker-1\n"
    assert back.stdout == "worker-1 may claim again\n"
    assert engine.asked == [
        ("quarantine", {"agent": "worker-1", "reason": "breaks the build"}),
        ("release", {"agent": "worker-1"}),
    ]
    assert ask("agent", "release", "worker-1")["agent"]["name"] == "worker-1"


def test_a_refusal_is_told_with_the_exit_code_of_its_class(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["release"] = WrongState("worker-1 is not quarantined")

    ended = run("agent", "release", "worker-1")

    assert ended.exit_code == 1
    assert "worker-1 is not quarantined" in ended.stderr


def test_status_and_ps_tell_of_quarantine_and_milestones(
    run: Run, ask: Callable[..., Any], engine: ScriptedEngine
) -> None:
    from supervisor.model.ids import MilestoneId
    from supervisor.model.milestone import Milestone

    team = engine.team
    team.agent("worker-1", quarantined="3 failures within an hour", reason="sulks")
    team.record("milestone.created", Milestone(id=MilestoneId("P1"), run=1, name="Spring"))
    team.task("one", milestone="P1", state=TaskState.DONE)
    team.task("two", milestone="P1")

    told = ask("status")
    lines = run("status").stdout

    assert told["quarantined"] == ["worker-1"]
    assert told["milestones"][0]["progress"] == {
        "counts": {"pending": 1, "done": 1},
        "total": 2,
        "ended": 1,
        "percent": 50,
    }
    assert "P1 Spring: 50%, 1 of 2 ended" in lines
    assert "worker-1 is quarantined: 3 failures within an hour: supervisor agent release worker-1" in lines
    assert "quarantined: 3 failures within an hour; sulks" in run("ps").stdout
