"""plan, sync and wait, asked of a scripted engine over the real socket, and without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from supervisor.cli import wait_verb
from supervisor.cli.plan_push import KEY_MAX, key_of_file
from supervisor.cli.plan_verbs import plan_lines
from supervisor.cli.wait_verb import holds, spelled
from supervisor.coordinator.plans import NewPlan
from supervisor.engine.plan_verbs import HELD_MAX_S
from supervisor.errors import NotFound
from supervisor.model.ids import MilestoneId, TaskId, VoteId
from supervisor.model.milestone import Milestone, MilestoneKind, MilestoneState
from supervisor.model.task import BlockReason, TaskState
from supervisor.model.vote import Vote, VoteState
from supervisor.model.wire import from_wire, to_wire
from supervisor.testing.scripted_engine import ScriptedEngine
from supervisor.testing.scripted_team import BEGIN, ScriptedTeam
from supervisor.transports.control.client import CALL_TIMEOUT_S

Run = Callable[..., Result]
Ask = Callable[..., Any]

PLAN = """\
# Spring
Get it done.

- [x] old {#old}
- first @worker-1 {#first}

## Main
- second after: first, old needs: gpu
  - AC: it works
"""

TASKS = """\
[[tasks]]
id = "design"
description = "Design it"
agent = "worker-1"
status = "pending"

[[tasks]]
id = "build" # second
description = "Build it"
status = "pending"
parent = "design"
"""


def milestone(**more: Any) -> Milestone:
    return replace(Milestone(id=MilestoneId("P1"), run=1, name="Spring", key="plan.md"), **more)


def pushed(**more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"created": {}, "updated": {}, "unchanged": {}, "conflicts": {}, "only_here": []}
    return {"milestone": to_wire(milestone())} | empty | more


@pytest.fixture
def plan(project: Path) -> Path:
    path = project / "plan.md"
    path.write_text(PLAN)
    return path


@pytest.fixture
def tasks(project: Path) -> Path:
    path = project / "tasks.toml"
    path.write_text(TASKS)
    return path


def test_an_import_pushes_the_plan_under_the_files_name(run: Run, engine: ScriptedEngine, plan: Path) -> None:
    engine.answers["plan_push"] = pushed(created={"first": "T4", "second": "T5"})

    ended = run("plan", "import", str(plan))

    assert ended.stdout.splitlines() == ["created T4 first  first", "created T5 second  second"]
    assert "P1 Spring: 2 changed, 0 unchanged, 0 conflicts, 1 finished in the file" in ended.stderr
    ((verb, args),) = engine.asked
    wanted = from_wire(NewPlan, args)
    assert (verb, wanted.key, wanted.name, wanted.goal) == ("plan_push", "plan.md", "Spring", "Get it done.")
    first, second = wanted.tasks
    assert (first.key, first.assignee, first.track) == ("first", "worker-1", None)
    assert (second.depends_on, second.required_tags, second.criteria) == (("first",), ("gpu",), ("it works",))
    assert (second.track, second.order) == ("main", 1)


def test_what_the_file_cannot_say_comes_from_the_line(run: Run, engine: ScriptedEngine, plan: Path) -> None:
    engine.answers["plan_push"] = pushed()
    words = (
        *("--kind", "loop", "--name", "Other", "--branch", "b", "--label", "l", "--review", "--wip", "3"),
        *("--cycles", "0", "--interval", "1h", "--milestone-key", "k"),
    )

    assert run("plan", "import", str(plan), *words).exit_code == 0
    wanted = from_wire(NewPlan, engine.asked[0][1])
    assert (wanted.kind, wanted.name, wanted.branch, wanted.project) == ("loop", "Other", "b", "l")
    assert (wanted.review, wanted.wip, wanted.max_cycles) == (True, 3, 0)
    assert (wanted.min_interval_s, wanted.key) == (3600.0, "k")


@pytest.mark.parametrize("words", [("--cycles", "3"), ("--interval", "1h", "--kind", "sprint")])
def test_cycles_are_for_loops(run: Run, engine: ScriptedEngine, plan: Path, words: tuple[str, ...]) -> None:
    ended = run("plan", "import", str(plan), *words)

    assert (ended.exit_code, engine.asked) == (2, [])
    assert "--kind loop" in ended.stderr


def test_a_rehearsal_tells_what_would_be(run: Run, ask: Ask, engine: ScriptedEngine, plan: Path) -> None:
    told = pushed(
        created={"first": "T4"}, updated={"second": "T2"}, conflicts={"x": "T1 is done"}, only_here=["gone"]
    )
    engine.answers["plan_preview"] = told

    ended = run("plan", "import", str(plan), "--dry-run")

    assert ended.stdout.splitlines() == [
        "would create first  first",
        "would update T2 second  second",
        "conflict x: T1 is done",
        "only in the team, no longer in the file: gone",
    ]
    assert [verb for verb, _ in engine.asked] == ["plan_preview"]
    assert "P1 Spring: 2 to change" in ended.stderr
    assert ask("plan", "import", str(plan), "--dry-run")["dry_run"] is True
    engine.answers["plan_preview"] = pushed(created={"first": "T4"})
    assert "a new milestone Spring: 1 to change" in run("plan", "import", str(plan), "--dry-run").stderr


def test_without_an_engine_a_rehearsal_reads_the_file_alone(run: Run, plan: Path) -> None:
    rehearsed = run("plan", "import", str(plan), "--dry-run")

    assert rehearsed.stdout.splitlines() == ["would create first  first", "would create second  second"]
    assert "this is what the file says" in rehearsed.stderr
    assert run("plan", "import", str(plan)).exit_code == 5


def test_what_was_pushed_before_stays_when_the_file_ticks_it(
    run: Run, engine: ScriptedEngine, plan: Path
) -> None:
    engine.team.record("milestone.created", milestone())
    engine.team.task("old", milestone="P1", key="old", state=TaskState.DONE)
    engine.answers["plan_push"] = pushed()

    run("plan", "import", str(plan))

    wanted = from_wire(NewPlan, engine.asked[0][1])
    assert [task.key for task in wanted.tasks] == ["old", "first", "second"]
    assert wanted.tasks[2].depends_on == ("first", "old")


def test_tasks_for_nobody_are_named_with_their_lines_and_nothing_is_sent(
    run: Run, engine: ScriptedEngine, plan: Path
) -> None:
    plan.write_text("- a @worker-3\n- b @planner\n- c @worker\n")

    ended = run("plan", "import", str(plan))

    assert (ended.exit_code, engine.asked) == (2, [])
    assert "plan.md:1: `worker-3` is nobody in this team; did you mean" in ended.stderr
    assert "plan.md:2: `planner` is nobody in this team" in ended.stderr
    assert "plan.md:3" not in ended.stderr


def test_prose_is_answered_with_what_turns_it_into_a_plan(
    run: Run, plan: Path, engine: ScriptedEngine
) -> None:
    plan.write_text("# A vision\n\nWe want it all.\n")

    ended = run("plan", "import", str(plan))
    prompt = run("plan", "template", "--prompt", str(plan))

    assert (ended.exit_code, engine.asked) == (2, [])
    assert f"supervisor plan template --prompt {plan}" in ended.stderr
    assert "> We want it all." in prompt.stdout


def test_the_template_is_printed_whole(run: Run, ask: Ask) -> None:
    text = run("plan", "template").stdout

    assert text.startswith("# Name of the plan\n")
    assert ask("plan", "template")["text"] == text


def test_a_plan_is_created_from_standard_input_each_time_anew(
    run: Run, ask: Ask, engine: ScriptedEngine
) -> None:
    tasks = [to_wire(engine.team.world.tasks["T3"])]
    engine.answers["plan_create"] = {"milestone": to_wire(milestone()), "tasks": tasks}

    ended = run("plan", "create", "-", "--kind", "sprint", keys="- one\n")

    assert ended.stdout.splitlines() == ["created P1 Spring (plan), 1 tasks", "  T3 write report (blocked)"]
    ((verb, args),) = engine.asked
    assert (verb, args["kind"], "key" in args, args["name"]) == (
        "plan_create",
        "sprint",
        False,
        "standard input",
    )
    assert ended.exit_code == 0


def test_the_created_plan_is_json_too(ask: Ask, engine: ScriptedEngine, plan: Path) -> None:
    engine.answers["plan_create"] = {"milestone": to_wire(milestone()), "tasks": []}

    assert ask("plan", "create", str(plan))["milestone"]["id"] == "P1"


@pytest.fixture
def planned(engine: ScriptedEngine) -> ScriptedEngine:
    team = engine.team
    team.record("milestone.created", milestone(goal="all of it"))
    team.task("one", milestone="P1", track="main", order=1, state=TaskState.DONE, author="worker-1")
    team.task("two", milestone="P1", wave=2, state=TaskState.BLOCKED, blocked_by=(BlockReason.WAVE,))
    return engine


def test_plans_are_listed_and_shown(run: Run, ask: Ask, planned: ScriptedEngine) -> None:
    assert run("plan", "list").stdout.splitlines() == [
        "ID  KIND  STATE  DONE  TASKS  NAME",
        "P1  plan  open   50%   1/2    Spring",
    ]
    assert run("plan", "show", "1").stdout.splitlines() == [
        "P1  Spring",
        "  plan, open, 50%, 1 of 2 ended",
        "  key plan.md",
        "    all of it",
        "",
        "  track main:",
        "    T4 done  one  (worker-1)",
        "",
        "  wave 2:",
        "    T5 blocked: wave  two",
    ]
    assert ask("plan", "list")["milestones"][0]["progress"]["percent"] == 50
    assert [task["id"] for task in ask("plan", "show", "P1")["tasks"]] == ["T4", "T5"]
    assert run("plan", "show", "P9").exit_code == 1


def test_no_plans_say_how_to_make_one(run: Run, engine: ScriptedEngine) -> None:
    assert "supervisor plan import FILE.md" in run("plan", "list").stderr


def test_a_loop_tells_its_cycle() -> None:
    loop = milestone(kind=MilestoneKind.LOOP, cycle=2, max_cycles=5, next_cycle_at=BEGIN + 60, key="")

    assert plan_lines(loop, [], BEGIN)[2] == "  cycle 2 of 5, the next in 1m"
    assert plan_lines(replace(loop, max_cycles=0, next_cycle_at=None), [], BEGIN)[2] == "  cycle 2"


def test_closing_at_once_is_asked_first(
    run: Run, ask: Ask, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers["milestone_close"] = {"milestone": to_wire(milestone(state=MilestoneState.CANCELLED))}

    assert run("plan", "close", "P1", "--now").exit_code == 2
    monkeypatch.setattr("supervisor.cli.asking.somebody_is_here", lambda: True)
    ended = run("plan", "close", "1", "--now", "--reason", "moot", keys="y\n")

    assert ended.stdout == "P1 Spring is cancelled\n"
    assert engine.asked == [("milestone_close", {"milestone_id": "P1", "reason": "moot", "now": True})]
    assert ask("plan", "close", "P1")["milestone"]["state"] == "cancelled"
    engine.answers["milestone_close"] = {"milestone": to_wire(milestone())}
    assert run("plan", "close", "P1").stdout == "P1 Spring ends with its open tasks\n"


def test_the_key_of_a_file_is_its_place_in_the_project(project: Path, tmp_path: Path) -> None:
    assert key_of_file(project / "docs" / "PRD.md", project) == "docs/PRD.md"
    assert key_of_file(tmp_path / "else.md", project) == "else.md"
    deep = key_of_file(project / ("x" * 90) / "y.md", project)
    assert len(deep.encode()) <= KEY_MAX
    assert deep != key_of_file(project / ("x" * 91) / "y.md", project)


# ---- sync


@pytest.fixture
def synced(engine: ScriptedEngine) -> ScriptedEngine:
    team = engine.team
    team.record("milestone.created", milestone(key="tasks.toml"))
    done: dict[str, Any] = {"author": "worker-1", "state": TaskState.DONE}
    team.task("Design it", milestone="P1", key="design", assignee="worker-1", **done)
    blocked: dict[str, Any] = {"state": TaskState.BLOCKED, "blocked_by": (BlockReason.DEPENDENCY,)}
    team.task("Build it", milestone="P1", key="build", depends_on=(TaskId("T4"),), **blocked)
    return engine


def test_push_sends_the_file_with_parents_as_dependencies(
    run: Run, ask: Ask, engine: ScriptedEngine, tasks: Path
) -> None:
    engine.answers["plan_push"] = pushed(created={"design": "T4", "build": "T5"})

    ended = run("sync", "push")

    assert ended.stdout.splitlines() == ["created T4 design  Design it", "created T5 build  Build it"]
    wanted = from_wire(NewPlan, engine.asked[0][1])
    assert (wanted.key, wanted.name) == ("tasks.toml", "tasks.toml")
    assert [(task.key, task.assignee, task.depends_on) for task in wanted.tasks] == [
        ("design", "worker-1", ()),
        ("build", None, ("design",)),
    ]
    assert ask("sync", "push", str(tasks))["created"]["build"] == "T5"


def test_an_agent_that_is_nobody_keeps_everything_back(run: Run, engine: ScriptedEngine, tasks: Path) -> None:
    tasks.write_text(TASKS.replace("worker-1", "worker-9"))

    ended = run("sync", "push")

    assert (ended.exit_code, engine.asked) == (2, [])
    assert "tasks.toml:1: `worker-9` is nobody in this team; did you mean `worker-" in ended.stderr


def test_pull_writes_states_and_nothing_else(run: Run, ask: Ask, synced: ScriptedEngine, tasks: Path) -> None:
    ended = run("sync", "pull")

    assert ended.stdout == "design: pending -> completed\n"
    assert "1 of 2 states written into tasks.toml" in ended.stderr
    assert tasks.read_text() == TASKS.replace('"pending"', '"completed"', 1)
    before = tasks.stat().st_mtime_ns
    assert ask("sync", "pull")["written"] == []
    assert tasks.stat().st_mtime_ns == before


def test_diff_shows_both_directions(run: Run, ask: Ask, synced: ScriptedEngine, tasks: Path) -> None:
    synced.answers["plan_preview"] = pushed(unchanged={"design": "T4"}, updated={"build": "T5"})

    ended = run("sync", "diff")

    assert ended.stdout.splitlines() == [
        "would update T5 build  Build it",
        "would write design: pending -> completed",
    ]
    assert [verb for verb, _ in synced.asked] == ["plan_preview"]
    assert tasks.read_text() == TASKS
    told = ask("sync", "diff")
    assert told["pull"] == [{"id": "design", "task": "T4", "file": "pending", "written": "completed"}]


def test_status_sets_the_file_beside_the_team(
    run: Run, ask: Ask, synced: ScriptedEngine, tasks: Path
) -> None:
    tasks.write_text(TASKS + '[[tasks]]\nid = "new"\ntitle = "New"\nagent = "nobody"\n')

    ended = run("sync", "status")

    assert ended.stdout.splitlines() == [
        "ID      FILE     TASK  STATE                 WHO       TITLE",
        "design  pending  T4    done                  worker-1  Design it",
        "build   pending  T5    blocked (dependency)  -         Build it",
        "new     pending  -     -                     nobody    New",
    ]
    assert "tasks.toml: P1, 50%; 1 of 3 ended, 1 to pull" in ended.stderr
    assert ask("sync", "status")["tasks"][0]["state"] == "done"


def test_status_before_any_push(run: Run, engine: ScriptedEngine, tasks: Path) -> None:
    assert "not pushed in this run; 0 of 2 ended, 0 to pull" in run("sync", "status").stderr


def test_a_missing_file_is_named(run: Run, engine: ScriptedEngine, project: Path) -> None:
    ended = run("sync", "push")

    assert ended.exit_code == 2
    assert f"cannot read {project / 'tasks.toml'}: No such file" in ended.stderr


# ---- wait


def held(**more: Any) -> dict[str, Any]:
    return {"holding": [], "held": False, "ending": False} | more


@pytest.mark.parametrize(
    ("typed", "asked"),
    [("T4", "task:T4"), ("p1", "milestone:P1"), ("V2", "vote:V2"), ("idle", "idle"), ("task:4", "task:4")],
)
def test_a_condition_can_be_an_id(typed: str, asked: str) -> None:
    assert spelled(typed) == asked


def test_what_is_so_ends_with_0(run: Run, ask: Ask, engine: ScriptedEngine) -> None:
    engine.answers["wait"] = held(holding=["task:T1"], held=True)

    ended = run("wait", "T1", "idle", "T1")

    assert (ended.exit_code, ended.stdout) == (0, "task:T1: so it is\n")
    args = {"conditions": ["task:T1", "idle"], "everything": False, "timeout_s": 20.0}
    assert engine.asked == [("wait", args)]
    assert ask("wait", "T1", "--all", "--timeout", "9s")["held"] is True
    assert engine.asked[-1][1]["timeout_s"] <= 9.0


def test_a_call_that_was_held_in_vain_is_made_again(run: Run, engine: ScriptedEngine) -> None:
    answers = [held(), held(holding=["idle"], held=True)]
    engine.answers["wait"] = lambda _args: answers.pop(0)

    assert run("wait", "idle").exit_code == 0
    assert len(engine.asked) == 2


def test_after_the_time_it_ends_with_124_and_says_what_is_missing(run: Run, engine: ScriptedEngine) -> None:
    engine.answers["wait"] = held(holding=["task:T1"])

    ended = run("wait", "T1", "T2", "--all", "--timeout", "0s", "--json")

    assert ended.exit_code == 124
    assert "not yet: task:T2" in ended.stderr
    assert '"held":false' in ended.stdout


def test_an_engine_that_stops_leaves_its_state_to_decide(
    run: Run, engine: ScriptedEngine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers["wait"] = held(ending=True)

    assert run("wait", "T1").exit_code == 0
    ended = run("wait", "T1", "T2", "--all")
    assert ended.exit_code == 5
    assert "this can no longer come true: task:T2" in ended.stderr
    assert run("wait", "T2").exit_code == 5


def test_where_nothing_ever_ran_there_is_nothing_to_wait_for(run: Run) -> None:
    assert run("wait", "T1").exit_code == 5


def test_a_state_at_rest_tells_what_holds() -> None:
    team = ScriptedTeam()
    team.start_run()
    team.task("done", state=TaskState.FAILED)
    team.task("open")
    team.record("milestone.created", milestone())
    closed = Vote(
        id=VoteId("V1"),
        run=1,
        question="?",
        options=("a", "b"),
        electorate=("a",),
        opened_by="human",
        quorum=1,
        opened_at=BEGIN,
        deadline=BEGIN + 60,
        state=VoteState.CLOSED,
    )
    team.record("vote.closed", closed)

    assert [
        holds(team.world, each) for each in ("task:T1", "task:T2", "milestone:P1", "vote:V1", "idle:x")
    ] == [
        True,
        False,
        False,
        True,
        True,
    ]
    for unknown in ("task:T9", "mail:x", "x"):
        with pytest.raises(NotFound):
            holds(team.world, unknown)


def test_one_call_is_held_shorter_than_a_client_waits() -> None:
    assert wait_verb.HELD_S < HELD_MAX_S < CALL_TIMEOUT_S
