"""Rules about tasks: made, claimed, worked on, steered, judged, handed on."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from supervisor.coordinator import ending, reviews, steering
from tests.integration.plain_team_mail import OK, Row
from tests.integration.team_machine_base import MachineBase

WORKERS: Final = ("worker-1", "worker-2", "solo")
JUDGES: Final = ("judge", "voter-1", "voter-2", "solo")
PLANNERS: Final = ("planner", "planner", "chief", "solo")
PRIORITIES: Final = {"critical": 0, "high": 1, "normal": 2, "low": 3}
numbers = st.integers(0, 5)
workers = st.sampled_from(WORKERS)

FORMS: Final[tuple[Row, ...]] = (
    {},
    {"priority": "critical"},
    {"priority": "high"},
    {"priority": "low"},
    {"review": True},
    {"review": True, "approvals_needed": 2},
    {"review": True, "gate": "human"},
    {"review": True, "criteria": ["builds", "is tested"]},
    {"assignee": "worker-1"},
    {"required_role": "solo"},
    {"required_role": "worker"},
    {"required_tags": ["rust"]},
    {"required_tags": ["python"], "required_group": "builders"},
    {"delay_s": 60.0},
)
TOOLS_OF_HOLDERS: Final[dict[str, Row]] = {
    "task_progress": {"percent": 5},
    "task_board": {"text": "x", "append": True},
    "task_checkpoint": {"percent": 7},
    "task_complete": {"result": "r"},
    "task_fail": {"error": "e"},
    "task_release": {"reason": "r"},
    "help": {"body": "b"},
}
ERRORS: Final = ("unknown", "transient", "timeout", "dependency", "permanent", "policy")


def plainly(form: Row) -> Row:
    """Spell what a call says as the plain team has it."""
    said: Row = {name: tuple(value) if isinstance(value, list) else value for name, value in form.items()}
    if "priority" in said:
        said["priority"] = PRIORITIES[said["priority"]]
    if "delay_s" in said:
        said["delay"] = said.pop("delay_s")
    return said


class WorkRules(MachineBase):
    """What is done with tasks."""

    def make(
        self, who: str = "planner", *, deps: tuple[str, ...] = (), on: str = "done", **form: Any
    ) -> None:
        policies = {dep: on for dep in deps if on != "done"}
        expected = self.expect(
            who,
            lambda: self.plain.create(who, depends_on=deps, edge_policies=policies, **plainly(form)),
        )
        self.ends(expected, who, "task_create", title="t", depends_on=list(deps), on=on, **form)

    @rule(
        form=st.sampled_from(FORMS),
        first=st.none() | numbers,
        second=st.none() | numbers,
        on=st.sampled_from(("done", "done", "ended", "any")),
        on_lost=st.sampled_from(("hold", "cancel", "cancel", "proceed")),
        parent=st.sampled_from((None, None, 0, 1)),
        join=st.sampled_from(("all", "any")),
    )
    def create(
        self, form: Row, first: Any, second: Any, on: str, on_lost: str, parent: Any, join: str
    ) -> None:
        named = (None if number is None else self.task(number) for number in (first, second))
        deps = tuple(dict.fromkeys(filter(None, named)))
        above = None if parent is None else self.task(parent)
        self.make(
            deps=deps, on=on, on_lost=on_lost, join=join, **form, **({"parent": above} if above else {})
        )

    @precondition(lambda self: self.plain.tasks)
    @rule(who=workers, mine=st.booleans(), form=st.sampled_from((FORMS[0], FORMS[0], FORMS[2])))
    def create_subtask(self, who: str, *, mine: bool, form: Row) -> None:
        held = self.plain.held_by(who)
        parent = held[0] if mine and held else self.task(0)
        if parent is not None:
            self.make(who, parent=parent, **form)

    @rule(
        who=workers,
        number=st.none() | st.none() | numbers,
        lock=st.sampled_from((None, None, None, 2.0, 600.0)),
    )
    def claim(self, who: str, number: int | None, lock: float | None) -> None:
        self.take(who, None if number is None else self.task(number), lock)

    def take(self, who: str, task: str | None, lock: float | None = None) -> None:
        lock_s = None if lock is None else lock * 60
        more = ({} if task is None else {"task_id": task}) | ({} if lock is None else {"lock_minutes": lock})
        self.both(who, lambda: self.plain.claim(who, task, lock_s), "task_claim", **more)

    @precondition(lambda self: self.plain.tasks)
    @rule(
        who=workers,
        number=numbers,
        late=st.sampled_from((0, 0, 0, 1)),
        tool=st.sampled_from(tuple(TOOLS_OF_HOLDERS)),
        error=st.sampled_from(ERRORS),
        held=st.sampled_from((True, True, False)),
    )
    def write(self, who: str, number: int, late: int, tool: str, error: str, *, held: bool) -> None:
        mine = self.plain.held_by(who)
        if (task := mine[0] if held and mine else self.task(number)) is not None:
            self.report(who, task, tool, late=late, error=error)

    def report(self, who: str, task: str, tool: str, *, late: int = 0, error: str = "unknown") -> None:
        token = max(self.plain.tasks[task]["token"] - late, 0)
        more = TOOLS_OF_HOLDERS[tool] | ({"error_class": error} if tool == "task_fail" else {})
        expected = self.expect(who, lambda: self.plain.write(who, task, token, tool, error))
        if tool == "help" and expected == OK and who not in self.plain.dead:
            self.plain.post(("human",), by=who, urgent=True)
        self.ends(expected, who, tool, task_id=task, token=token, **more)

    @rule(
        who=workers,
        tool=st.sampled_from(("task_complete", "task_complete", "task_fail", "task_release", "help")),
    )
    def work_off(self, who: str, tool: str) -> None:
        """Claim what is best and end it: random calls alone seldom get that far."""
        if who not in self.plain.dead and (task := self.plain.next_for(who)) is not None:
            self.take(who, None)
            self.report(who, task, tool)

    @precondition(lambda self: self.plain.tasks)
    @rule(
        who=st.sampled_from(PLANNERS),
        number=numbers,
        how=st.sampled_from(("cancel", "skip", "hold", "unhold", "reopen", "link")),
        aimed=st.sampled_from((True, True, False)),
        other=numbers,
        on=st.sampled_from(("done", "ended", "any")),
    )
    def steer(self, who: str, number: int, how: str, other: int, on: str, *, aimed: bool) -> None:
        states = {"reopen": ("done", "failed", "cancelled", "skipped"), "link": ("pending", "blocked")}
        fitting = self.in_state(*states.get(how, ("pending", "blocked", "in_progress", "in_review")))
        if how == "unhold":
            fitting = [name for name in fitting if "hold" in self.plain.tasks[name]["blocked_by"]]
        task = fitting[number % len(fitting)] if aimed and fitting else self.task(number)
        on_task = self.task(other)
        if task is not None and on_task is not None:
            self.steered(who, task, how, on_task, on)

    def steered(self, who: str, task: str, how: str, dep: str = "", on: str = "done") -> None:
        plain, reason = self.plain, {"reason": "r"}
        calls: dict[str, tuple[Any, Row]] = {
            "cancel": (lambda: plain.withdraw_task(who, task, "cancelled"), reason),
            "skip": (lambda: plain.withdraw_task(who, task, "skipped"), reason),
            "hold": (lambda: plain.hold(task), reason),
            "unhold": (lambda: plain.unhold(task), {}),
            "reopen": (lambda: plain.reopen(task), reason),
            "link": (lambda: plain.link(task, dep, on), {"depends_on": [dep], "on": on}),
        }
        promised, more = calls[how]
        self.both(who, promised, f"task_{how}", task_id=task, **more)

    @precondition(lambda self: self.plain.tasks)
    @rule(who=workers, number=numbers, how=st.sampled_from(("cancel", "skip")))
    def take_back_subtask(self, who: str, number: int, how: str) -> None:
        mine = [name for name, task in self.plain.tasks.items() if task["parent"] and task["creator"] == who]
        task = mine[-1] if mine else self.task(number)
        if task is not None and who != "solo":
            self.steered(who, task, how)

    @precondition(lambda self: self.plain.tasks)
    @rule(
        number=numbers,
        change=st.sampled_from(
            ({"priority": "critical"}, {"priority": "low"}, {"review": True}, {"review": False})
        ),
    )
    def update(self, number: int, change: Row) -> None:
        if (task := self.task(number)) is not None:
            said = plainly(change)
            self.both("planner", lambda: self.plain.update(task, said), "task_update", task_id=task, **change)

    @precondition(lambda self: self.plain.tasks)
    @rule(
        number=numbers,
        whom=st.sampled_from(
            (
                {"assignee": "worker-1"},
                {"assignee": "solo"},
                {},
                {"required_role": "worker"},
                {"required_tags": ["rust"]},
            )
        ),
        held=st.booleans(),
    )
    def assign(self, number: int, whom: Row, *, held: bool) -> None:
        busy = self.in_state("in_progress")
        task = busy[0] if held and busy else self.task(number)
        if task is not None:
            said = plainly(whom)
            self.both("planner", lambda: self.plain.assign(task, **said), "task_assign", task_id=task, **whom)

    @precondition(lambda self: self.plain.tasks)
    @rule(
        who=workers,
        number=numbers,
        to=st.sampled_from(("role:judge", "role:worker", "role:solo", "role:planner", "worker-2", "solo")),
        held=st.sampled_from((True, True, False)),
    )
    def hand_off(self, who: str, number: int, to: str, *, held: bool) -> None:
        mine = self.plain.held_by(who)
        task = mine[0] if held and mine else self.task(number)
        if task is not None:
            token = self.plain.tasks[task]["token"]
            more = {"task_id": task, "token": token, "notes": "n"}
            self.both(who, lambda: self.plain.hand_off(who, to, task, token), "task_handoff", to=to, **more)

    # ---- reviews

    @precondition(lambda self: self.plain.tasks)
    @rule(
        who=st.sampled_from(JUDGES),
        number=st.none() | numbers,
        how=st.sampled_from(("review_take", "task_approve", "task_approve", "task_reject")),
        verified=st.sampled_from((None, None, (1,), (1, 2))),
    )
    def judge(self, who: str, number: int | None, how: str, verified: tuple[int, ...] | None) -> None:
        handed_in = self.in_state("in_review")
        task = (
            None
            if number is None
            else (handed_in[number % len(handed_in)] if handed_in else self.task(number))
        )
        if task is None and how != "review_take":
            return
        checked = verified if how == "task_approve" and task and self.plain.tasks[task]["criteria"] else None
        more: Row = ({} if task is None else {"task_id": task}) | (
            {"feedback": "f"} if how == "task_reject" else {}
        )
        if checked is not None:
            more["verified"] = list(checked)
        self.both(who, lambda: self.plain.judge(who, task, how, checked), how, **more)

    @precondition(lambda self: self.plain.tasks)
    @rule(number=numbers, accept=st.booleans())
    def judge_as_person(self, number: int, *, accept: bool) -> None:
        handed_in = self.in_state("in_review")
        task = handed_in[number % len(handed_in)] if handed_in else self.task(number)
        if task is None:
            return
        self.by_person(
            lambda: self.plain.judge_as_person(task, accept=accept),
            lambda scope: (
                reviews.approve_task(scope, None, task)
                if accept
                else reviews.reject_task(scope, None, task, "f")
            ),
        )

    @rule(who=st.sampled_from(("worker-1", "worker-2")), form=st.sampled_from(FORMS[4:8]))
    def submit(self, who: str, form: Row) -> None:
        """Hand something in for review."""
        if who in self.plain.dead:
            return
        self.make(**(form | {"priority": "critical"}))
        if (task := self.plain.next_for(who)) is not None:
            self.take(who, task)
            self.report(who, task, "task_complete")

    # ---- people

    @precondition(lambda self: self.plain.tasks)
    @rule(number=numbers, force=st.booleans(), aimed=st.booleans())
    def unblock(self, number: int, *, force: bool, aimed: bool) -> None:
        blocked = self.in_state("blocked")
        if not force:
            blocked = [name for name in blocked if "needs_human" in self.plain.tasks[name]["blocked_by"]]
        task = blocked[number % len(blocked)] if aimed and blocked else self.task(number)
        if task is not None:
            self.by_person(
                lambda: self.plain.unblock(task, force=force),
                lambda scope: steering.unblock(scope, task, actor="human", force=force),
            )

    @rule(who=workers, back=st.booleans())
    def quarantine(self, who: str, *, back: bool) -> None:
        if back or who in self.plain.quarantined:
            self.by_person(lambda: self.plain.bring_back(who), lambda scope: ending.bring_back(scope, who))
        else:
            self.by_person(
                lambda: self.plain.set_aside(who),
                lambda scope: ending.set_aside(scope, who, reason="r", actor="human"),
            )
