"""A state machine of calls on a real team, each compared with the plain team."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from supervisor.coordinator import upkeep
from supervisor.transports.mcp.tools.table import TOOLS
from tests.integration.plain_team_mail import PEOPLE, Row
from tests.integration.swift_store import copied
from tests.integration.team_machine_base import differences, start_agents
from tests.integration.team_machine_stories import Stories
from tests.integration.team_machine_work import plainly, workers

PLANS: Final[tuple[Row, ...]] = (
    {
        "kind": "plan",
        "tasks": (
            {"key": "a", "track": "x", "order": 1},
            {"key": "b", "track": "x", "order": 2},
            {"key": "c", "track": "x", "order": 2, "on_lost": "cancel"},
            {"key": "d", "track": "x", "order": 3},
        ),
    },
    {
        "kind": "sprint",
        "wip": 1,
        "tasks": (
            {"key": "a", "wave": 1},
            {"key": "b", "wave": 1, "priority": "critical"},
            {"key": "c", "wave": 2, "depends_on": ["a"], "on": "any"},
            {"key": "d", "wave": 3, "on_lost": "proceed"},
        ),
    },
    {
        "kind": "pipeline",
        "review": True,
        "tasks": ({"key": "a"}, {"key": "b"}, {"key": "c", "review": False}),
    },
    {
        "kind": "loop",
        "max_cycles": 0,
        "min_interval_s": 100.0,
        "tasks": ({"key": "a"}, {"key": "b", "depends_on": ["a"], "on": "ended"}),
    },
    {
        "kind": "loop",
        "max_cycles": 2,
        "tasks": ({"key": "a", "wave": 1}, {"key": "b", "wave": 2, "parent": "a"}),
    },
    {"kind": "mission", "wip": 2, "tasks": ()},
)


def planned(form: Row) -> tuple[Row, ...]:
    """Spell a plan's tasks as the plain team has them; in a pipeline each waits for the one before."""
    rows: list[Row] = []
    for task in form["tasks"]:
        row = plainly({name: value for name, value in task.items() if name != "on"})
        on = task.get("on", "done")
        row |= {"name": task["key"], "review": task.get("review")}
        row["edge_policies"] = {dep: on for dep in row.get("depends_on", ()) if on != "done"}
        if form["kind"] == "pipeline" and rows:
            row["depends_on"] = (rows[-1]["name"],)
        rows.append(row)
    return tuple(rows)


class TeamMachine(Stories):
    """All rules: those of plans, time and death stand here."""

    @initialize(dealing=st.sampled_from(("pull", "pull", "pull", "round_robin", "least_loaded")))
    def deal(self, dealing: str) -> None:
        if dealing != self.plain.dealing:
            self.plain.dealing = dealing
            self.reopen()

    # ---- plans

    @rule(who=st.sampled_from(("planner", "chief", "solo")), form=st.sampled_from(PLANS))
    def plan(self, who: str, form: Row) -> None:
        expected = self.expect(
            who,
            lambda: self.plain.plan(
                who,
                planned(form),
                kind=form["kind"],
                wip=form.get("wip", 0),
                max_cycles=form.get("max_cycles", 1),
                interval=form.get("min_interval_s", 0.0),
                review=form.get("review"),
            ),
        )
        tasks = [{"title": "t", **task} for task in form["tasks"]]
        more = {name: value for name, value in form.items() if name != "tasks"}
        self.ends(expected, who, "plan_create", name="n", tasks=tasks, **more)

    @precondition(lambda self: self.plain.milestones)
    @rule(
        number=st.integers(0, 1),
        place=st.sampled_from(
            (
                {},
                {},
                {"key": "a"},
                {"track": "x", "order": 1},
                {"track": "x", "order": 5},
                {"wave": 1},
                {"wave": 4},
            )
        ),
    )
    def add_to_plan(self, number: int, place: Row) -> None:
        milestone = list(self.plain.milestones)[-1 - number % len(self.plain.milestones)]
        form: Row = {**place} if number else {**place, "review": False}
        self.make(milestone=milestone, **form)

    @precondition(lambda self: self.plain.milestones)
    @rule(number=st.integers(0, 1), now=st.booleans())
    def close_plan(self, number: int, *, now: bool) -> None:
        milestone = list(self.plain.milestones)[-1 - number % len(self.plain.milestones)]
        more = {"milestone_id": milestone, "reason": "r", "now": now}
        self.both("planner", lambda: self.plain.close(milestone, now=now), "milestone_close", **more)

    @precondition(lambda self: self.plain.milestones)
    @rule(
        who=workers,
        number=st.integers(0, 1),
        tool=st.sampled_from(("task_complete", "task_complete", "task_fail")),
    )
    def work_off_plan(self, who: str, number: int, tool: str) -> None:
        """Do what a plan lets be done: random calls alone seldom get that far."""
        milestone = list(self.plain.milestones)[-1 - number % len(self.plain.milestones)]
        for _ in range(4):
            inside = [
                name for name in self.in_state("pending") if self.plain.tasks[name]["milestone"] == milestone
            ]
            if not inside or who in self.plain.dead:
                return
            self.take(who, inside[0])
            if self.plain.tasks[inside[0]]["holder"] != who:
                return
            self.report(who, inside[0], tool, error="permanent")

    # ---- time and death

    @rule(
        seconds=st.sampled_from((1.0, 31.0, 130.0, 400.0, 1000.0, 90_000.0)),
        silent=st.booleans(),
        pending=st.sampled_from((True, False, False)),
    )
    def tick(self, seconds: float, *, silent: bool, pending: bool) -> None:
        if pending:
            self.somebody_holds()
            self.asked()
        self.pass_time(seconds, silent=silent)

    def pass_time(self, seconds: float, *, silent: bool = False) -> None:
        self.clock.pass_by(seconds)
        self.plain.now = now = self.clock.now()
        alive = () if silent else tuple(name for name in PEOPLE if name not in self.plain.dead)
        self.plain.tick(alive)
        self.run(self.team.do(lambda scope: upkeep.tick(scope, dict.fromkeys(alive, now))))
        self.take_over_what_was_dealt()

    def somebody_holds(self) -> str | None:
        """See to it that somebody holds a task, and say who."""
        if not self.in_state("in_progress"):
            self.make(priority="critical")
            for who in ("worker-1", "solo"):
                if who not in self.plain.dead and self.plain.next_for(who) is not None:
                    self.take(who, None)
                    break
        return next((self.plain.tasks[name]["holder"] for name in self.in_state("in_progress")), None)

    @rule(
        who=st.sampled_from(("worker-1", "worker-2", "solo", "judge", "voter-1")),
        holder=st.booleans(),
        how=st.sampled_from(("backoff", "backoff", "exited", "ended", "parked")),
    )
    def die_or_start(self, who: str, how: str, *, holder: bool) -> None:
        who = (self.somebody_holds() or who) if holder else who
        to = "backoff" if self.plain.dealing != "pull" else how
        if who in self.plain.dead:
            self.start(who)
        else:
            self.die(who, to)

    @precondition(lambda self: self.ghosts)
    @rule(
        number=st.integers(0, 3), tool=st.sampled_from(("task_claim", "message_send", "memory_set", "inbox"))
    )
    def ghost(self, number: int, tool: str) -> None:
        """Let an incarnation that has ended call: nothing may come of it."""
        more: dict[str, Row] = {
            "message_send": {"to": "planner", "body": "b"},
            "memory_set": {"key": "a", "value": "v"},
        }
        actor = self.ghosts[-1 - number % len(self.ghosts)]
        if not TOOLS[tool].visible_to(actor.role):
            tool = "inbox"
        before = self.store.last_seq
        code, _ = self.run(self._call(actor, tool, more.get(tool, {})))
        assert code == "unauthenticated", f"a dead incarnation of {actor.name} did {tool}: {code}"
        assert self.store.last_seq == before

    @precondition(lambda self: self.calls > self.crashed_at + 25)
    @rule()
    def crash_and_reopen(self) -> None:
        """Go on with a copy of the files as a killed process leaves them."""
        self.crashed_at = self.calls
        told = self.seen
        self.reopen()
        for noun in told:
            assert self.seen[noun] == told[noun], differences(noun, self.seen[noun], told[noun])
        self.run(self.team.do(upkeep.engine_was_lost))
        self.plain.now = self.clock.now()
        self.plain.lose_engine()
        self.run(start_agents(self.team, *PEOPLE))

    def reopen(self) -> None:
        self.openings += 1
        self.ghosts += self.team.actors.values() if self.calls else ()
        actors, path = dict(self.team.actors), self.root / f"{self.openings}.db"
        copied(self.path, path)
        self.run(self.store.__aexit__(None, None, None))
        self.path = path
        self.open()
        self.team.actors |= actors
