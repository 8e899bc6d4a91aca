"""Stories: several calls in a row that bring a team to where single random calls seldom get."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from supervisor.coordinator import ending, steering
from supervisor.model.task import AGING_S
from tests.integration.plain_team_mail import WIP, Row
from tests.integration.team_machine_polls import COUNCIL, PollRules
from tests.integration.team_machine_work import workers

BUILDERS: Final = ("worker-1", "worker-2")
builders = st.sampled_from(BUILDERS)
TRACK: Final[Row] = {
    "kind": "plan",
    "tasks": tuple({"key": key, "track": "x", "order": place} for place, key in enumerate("abc")),
}
LOOP: Final[Row] = {
    "kind": "loop",
    "max_cycles": 0,
    "min_interval_s": 100.0,
    "tasks": ({"key": "a"}, {"key": "b", "depends_on": ["a"], "on": "ended"}),
}


class Stories(PollRules):
    """What it takes several calls to see."""

    def ready(self, *names: str) -> None:
        """See to it that these live and have free hands."""
        for who in names:
            if who in self.plain.dead:
                self.start(who)
            if who in self.plain.quarantined:
                self.released(who)
            for task in self.plain.held_by(who) if who in WIP else ():
                self.steered("planner", task, "cancel")

    def released(self, who: str) -> None:
        self.by_person(lambda: self.plain.bring_back(who), lambda scope: ending.bring_back(scope, who))

    def new(self, **form: Any) -> str:
        """Create a task and name it."""
        self.ready("planner")
        self.make(**form)
        return list(self.plain.tasks)[-1]

    def do(self, who: str, task: str, tool: str = "task_complete", **more: Any) -> None:
        """Let somebody claim a task, if it may be had, and end it."""
        self.ready(who)
        self.take(who, task)
        if self.plain.tasks[task]["holder"] == who:
            self.report(who, task, tool, **more)

    def judged(self, who: str, task: str, how: str, verified: tuple[int, ...] | None = None) -> None:
        more: dict[str, Any] = {"task_id": task} | ({"feedback": "f"} if how == "task_reject" else {})
        more |= {} if verified is None else {"verified": list(verified)}
        self.both(who, lambda: self.plain.judge(who, task, how, verified), how, **more)

    # ---- wearing out

    @rule(who=builders, error=st.sampled_from(("transient", "unknown", "permanent")), waits=st.booleans())
    def fail_again_and_again(self, who: str, error: str, *, waits: bool) -> None:
        """Fail until somebody or something gives up: the task after three times, or the agent."""
        task = self.new(priority="critical")
        for _ in range(3):
            if who in self.plain.dead or who in self.plain.quarantined:
                break
            self.take(who, task)
            if self.plain.tasks[task]["holder"] == who:
                self.report(who, task, "task_fail", error=error)
            if waits:
                self.pass_time(130.0)
        self.take(who, None)

    @rule(who=builders, times=st.integers(1, 3))
    def give_back_again_and_again(self, who: str, times: int) -> None:
        task = self.new(priority="critical")
        for _ in range(times):
            self.do(who, task, "task_release")
        self.take(who, task)
        self.report(who, task, "task_progress", late=1)

    @rule(
        who=builders,
        rounds=st.sampled_from((1, 4)),
        alone=st.booleans(),
        judge=st.sampled_from(("voter-1", "judge", "solo")),
    )
    def judge_again_and_again(self, who: str, rounds: int, judge: str, *, alone: bool) -> None:
        """Send work back, by whoever may judge it; the author tries to judge itself first."""
        self.ready(judge)
        task = self.new(review=True, criteria=["builds", "is tested"])
        for _ in range(rounds):
            self.do(who, task)
            self.judged(judge, task, "task_reject" if alone else "review_take")
            self.judged("voter-2", task, "task_reject")
        self.do(who, task)
        self.judged(judge, task, "task_approve", (1,))
        self.judged(judge, task, "task_approve", (1, 2))

    @rule(
        judge=st.sampled_from(("voter-1", "solo")),
        seconds=st.sampled_from((400.0, 1000.0)),
        silent=st.booleans(),
    )
    def leave_a_review(self, judge: str, seconds: float, *, silent: bool) -> None:
        self.ready(judge, "voter-2")
        task = self.new(review=True)
        self.do("worker-1", task)
        self.judged(judge, task, "review_take")
        self.pass_time(seconds, silent=silent)
        self.judged("voter-2", task, "review_take")

    @rule(first=st.sampled_from(("voter-1", "solo")), second=st.sampled_from(("voter-1", "voter-2", "judge")))
    def judge_by_two(self, first: str, second: str) -> None:
        self.ready(first, second, "solo")
        task = self.new(review=True, approvals_needed=2)
        self.do("solo" if first == "solo" else "worker-1", task)
        for judge in (first, second):
            self.judged(judge, task, "task_approve")

    # ---- waiting for others

    @rule(
        who=builders,
        how=st.sampled_from(("task_complete", "task_fail", "cancel", "skip")),
        on=st.sampled_from(("done", "ended", "any")),
        on_lost=st.sampled_from(("hold", "cancel", "proceed")),
        twice=st.booleans(),
    )
    def chain(self, who: str, how: str, on: str, on_lost: str, *, twice: bool) -> None:
        """End a task for which others wait, some over two ways."""
        first = self.new(priority="high")
        second = self.new(deps=(first,), on=on, on_lost=on_lost)
        self.new(deps=(first, second) if twice else (second,), on=on, on_lost="cancel")
        if how in {"cancel", "skip"}:
            self.steered("planner", first, how)
        else:
            self.do(who, first, how, error="permanent")

    @rule(who=builders, back=st.sampled_from(("task_release", "task_fail", "help")), lost=st.booleans())
    def reopen_under_a_holder(self, who: str, back: str, *, lost: bool) -> None:
        """Take what somebody builds on back while it is being built on."""
        first = self.new(priority="high")
        task = self.new(deps=(first,), on_lost="cancel" if lost else "hold")
        self.do(who, first)
        self.ready(who)
        self.take(who, task)
        self.steered("planner", first, "reopen")
        if lost:
            self.steered("planner", first, "skip")
        if self.plain.tasks[task]["holder"] == who:
            self.report(who, task, back)

    @rule(who=builders, settled=st.booleans())
    def go_round(self, who: str, *, settled: bool) -> None:
        """Link and reopen so that a circle would come about."""
        first = self.new()
        between = self.new(deps=(first,))
        self.do(who, first)
        self.do(who, between)
        last = self.new(deps=(between,))
        self.steered("planner", first, "reopen")
        self.steered("planner", first, "link", last)
        self.steered("planner", between, "reopen")
        self.steered("planner", last, "link", first)
        if settled:
            self.steered("planner", last, "cancel")

    @rule(
        who=builders, how=st.sampled_from(("done", "cancel", "release")), join=st.sampled_from(("all", "any"))
    )
    def raise_children(self, who: str, how: str, join: str) -> None:
        """Break a held task down; end it, or the children, or give it back meanwhile."""
        parent = self.new(join=join)
        self.ready(who, "solo")
        self.take(who, parent)
        for _ in range(2):
            if self.plain.tasks[parent]["holder"] == who:
                self.make(who, parent=parent)
        children = self.plain.children(parent)
        if how == "cancel":
            self.steered("planner", parent, "cancel")
        elif children and self.plain.tasks[parent]["holder"] == who:
            self.report(who, parent, "task_release" if how == "release" else "task_complete")
            self.do("solo", children[0])
            self.take(who, parent)

    @rule(who=builders, held=st.booleans())
    def force_in_a_track(self, who: str, *, held: bool) -> None:
        """Let a person force a task out of the row in which it stands."""
        self.ready("planner", who)
        self.plan(who="planner", form=TRACK)
        first, second = list(self.plain.tasks)[-3:-1]
        self.steered("planner", first, "hold")
        self.forced(first if held else second)
        if not held:
            self.do(who, first)

    def forced(self, task: str) -> None:
        self.by_person(
            lambda: self.plain.unblock(task, force=True),
            lambda scope: steering.unblock(scope, task, actor="human", force=True),
        )

    @rule(who=workers, again=st.booleans(), added=st.booleans())
    def go_in_cycles(self, who: str, *, again: bool, added: bool) -> None:
        """Work a loop off; open something of it again before its next cycle begins."""
        self.ready("planner", who)
        self.plan(who="planner", form=LOOP)
        first, second = list(self.plain.tasks)[-2:]
        inside = [first, second]
        if added:
            inside.append(self.new(milestone=list(self.plain.milestones)[-1]))
        for task in inside:
            self.do(who, task)
        if again:
            self.steered("planner", second, "reopen")
        self.pass_time(130.0)

    # ---- leases, caps and turns

    @rule(who=workers, lock=st.sampled_from((2.0, None)), seconds=st.sampled_from((50.0, 400.0, 7200.0)))
    def hold_long(self, who: str, lock: float | None, seconds: float) -> None:
        """Hold a task, lively, for as long as it goes."""
        task = self.new()
        self.ready(who)
        self.take(who, task, lock)
        for _ in range(3):
            if self.plain.tasks[task]["holder"] == who:
                self.report(who, task, "task_progress")
            self.pass_time(seconds)

    @rule(who=workers, capped=st.booleans())
    def take_all(self, who: str, *, capped: bool) -> None:
        """Take one task after the other until a cap says no."""
        self.ready(who)
        more: dict[str, Any] = {}
        if capped:
            self.plan(who="planner", form={"kind": "mission", "wip": 2, "tasks": ()})
            more = {"milestone": list(self.plain.milestones)[-1]}
        for _ in range(WIP[who] + 1):
            self.take(who, self.new(**more))
        self.take("solo", None)

    def plan(self, who: str, form: Row) -> None:
        """Create a milestone."""
        raise NotImplementedError

    @rule(who=workers, hours=st.sampled_from((2.5, 1.5)))
    def wait_for_ones_turn(self, who: str, hours: float) -> None:
        """Let a task wait until it overtakes a fresh one that is more important."""
        self.new(priority="low")
        self.clock.pass_by(hours * AGING_S)
        self.new(priority="high")
        self.ready(who)
        self.take(who, None)

    @rule(
        who=builders,
        wanted=st.sampled_from(
            ({"required_tags": ["rust"]}, {"assignee": "solo"}, {"required_role": "solo"})
        ),
    )
    def reach_for_what_is_anothers(self, who: str, wanted: dict[str, Any]) -> None:
        task = self.new(**wanted)
        self.ready(who, "solo")
        self.take(who, task)
        self.take("solo", task)
        self.take(who, task)

    @rule(who=builders)
    def be_set_aside(self, who: str) -> None:
        """Quarantine an agent with something reserved for it, and let a person clear what waits."""
        self.ready(who)
        task = self.new(assignee=who)
        self.do(who, task, "help")
        self.by_person(
            lambda: self.plain.set_aside(who), lambda scope: ending.set_aside(scope, who, reason="r")
        )
        self.take(who, None)
        self.by_person(
            lambda: self.plain.unblock(task, force=False),
            lambda scope: steering.unblock(scope, task, actor="human"),
        )

    # ---- mail and votes

    @rule(who=st.sampled_from(("worker-1", "judge")), dies=st.booleans())
    def write_to_oneself(self, who: str, *, dies: bool) -> None:
        self.ready(who)
        more = {"to": "self", "body": "b"}
        self.both(who, lambda: self.plain.send(who, "self"), "message_send", **more)
        self.fetch(who)
        if dies:
            self.die(who, "exited")
            self.start(who)
            self.fetch(who)

    @rule(who=st.sampled_from(("worker-1", "voter-1")), seconds=st.sampled_from((10.0, 290.0, 310.0)))
    def read_twice(self, who: str, seconds: float) -> None:
        self.ready(who, "planner")
        self.both("planner", lambda: self.plain.send("planner", who), "message_send", to=who, body="b")
        self.fetch(who)
        self.clock.pass_by(seconds)
        self.fetch(who)

    @rule(
        choices=st.lists(st.sampled_from(("yes", "yes", "no", "no", "abstain")), min_size=1, max_size=4),
        law=st.sampled_from(("plurality", "majority", "two_thirds", "unanimous")),
        tie=st.sampled_from(("human", "first", "opener", "none")),
        quorum=st.sampled_from(("majority", "all", "any")),
        opener=st.sampled_from(("planner", "worker-1", "solo")),
        early=st.sampled_from((True, True, False)),
        again=st.booleans(),
    )
    def vote(self, choices: list[str], opener: str, *, again: bool, **rules: Any) -> None:
        """Open a vote and cast some ballots, one of them twice."""
        self.ready(*COUNCIL, opener)
        before = len(self.plain.votes)
        law = {"options": ["yes", "no"], "early": rules["early"], "law": rules["law"], "tie": rules["tie"]}
        self.open_vote(
            who=opener, seconds=300.0, electorate=["group:council", "self"], quorum=rules["quorum"], **law
        )
        if len(self.plain.votes) == before:
            return
        for voter, choice in zip((opener, *COUNCIL), choices, strict=False):
            self.vote_once(voter, list(self.plain.votes)[-1], choice)
            if again:
                self.vote_once(voter, list(self.plain.votes)[-1], "no")

    # ---- memory

    @rule(where=st.sampled_from(("team/a", "project/a")), seconds=st.sampled_from((10.0, 40.0)))
    def forget_in_time(self, where: str, seconds: float) -> None:
        """Remember something for half a minute, and look for it before the engine does."""
        self.ready("worker-1", "watcher")
        self.remember("worker-1", where, 30.0, known=None, delete=False)
        self.recall("watcher", where, seconds, exact=True)
