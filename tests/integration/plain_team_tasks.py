"""The plain team's tasks: what they wait for, judged anew after every move, and how they are steered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from tests.integration.plain_team_mail import OK, PEOPLE, Refused, Row, role_of
from tests.integration.plain_team_polls import PlainPolls

TERMINAL: Final = ("done", "failed", "cancelled", "skipped")
WAITING: Final = ("pending", "blocked")
REASONS: Final = (
    "dependency",
    "dependency_failed",
    "track",
    "wave",
    "backoff",
    "hold",
    "needs_human",
    "quarantine",
)
STATED: Final = ("backoff", "hold", "needs_human")
MEETS: Final = {"done": ("done",), "ended": ("done", "cancelled", "skipped"), "any": TERMINAL}
CLAIMERS: Final = ("worker-1", "worker-2", "solo")
DEALT: Final = "?"
"""Stands where the team's distribution has to say a name."""

BLANK: Final[Row] = {
    "state": "pending",
    "blocked_by": (),
    "priority": 2,
    "depends_on": (),
    "edge_policies": {},
    "on_lost": "hold",
    "join": "all",
    "parent": None,
    "milestone": None,
    "key": "",
    "track": None,
    "order": 0,
    "wave": 0,
    "cycle": 0,
    "review": False,
    "gate": "judge",
    "approvals_needed": 1,
    "criteria": (),
    "assignee": None,
    "required_role": None,
    "required_tags": (),
    "required_group": None,
    "holder": None,
    "author": None,
    "reviewer": None,
    "review_until": None,
    "approved_by": (),
    "token": 0,
    "lease_until": None,
    "lease_ceiling": None,
    "percent": 0,
    "not_before": None,
    "error_class": None,
    "review_round": 0,
    "failures": 0,
    "releases": 0,
    "reopened_inputs": (),
    "archived": False,
}
TOLD: Final = ("created_at", "creator", "number", "blocked_from")
"""What the plain team keeps of a task and does not compare."""


@dataclass
class PlainTasks(PlainPolls):
    """Tasks and milestones as rows, and what moves when one of them moves."""

    dealing: str = "pull"
    tasks: dict[str, Row] = field(default_factory=dict)
    milestones: dict[str, Row] = field(default_factory=dict)
    ended_in: set[str] = field(default_factory=set)
    turns: Counter[str] = field(default_factory=Counter)

    # ---- making

    def create(self, who: str, *, creator: str = "", delay: float | None = None, **wanted: Any) -> str:
        parent = None if wanted.get("parent") is None else self.tasks[wanted["parent"]]
        milestone = None if wanted.get("milestone") is None else self.milestones[wanted["milestone"]]
        if role_of(who) == "worker" and (parent is None or parent["holder"] != who):
            raise Refused("forbidden")
        if role_of(who) == "worker" and wanted.get("priority", 2) != 2:
            raise Refused("forbidden")
        if parent is not None and parent["state"] in TERMINAL:
            raise Refused("wrong_state")
        if milestone is not None and milestone["state"] == "cancelled":
            raise Refused("wrong_state")
        if any(self.leads(dep, wanted.get("parent")) for dep in wanted.get("depends_on", ())):
            raise Refused("dependency_cycle")
        number = f"T{len(self.tasks) + 1}"
        task = {**BLANK, **wanted, "number": len(self.tasks) + 1, "created_at": self.now}
        task |= {"creator": creator or who, "state": "blocked"}
        if milestone is not None:
            task["cycle"] = milestone["cycle"]
            task["review"] = bool(milestone["review"] if wanted.get("review") is None else wanted["review"])
        if delay:
            task |= {"not_before": self.now + delay, "blocked_by": ("backoff",)}
        self.tasks[number] = task
        self.is_open_again(task)
        self.settle()
        return OK

    def leads(self, start: str, goal: str | None) -> bool:
        """Tell whether waiting for `start` means waiting for `goal`."""
        seen, waiting = {start}, [start]
        while waiting:
            each = waiting.pop()
            if each == goal:
                return True
            below = {*self.tasks[each]["depends_on"], *self.children(each)}
            fresh = {
                name for name in below - seen if name == goal or self.tasks[name]["state"] not in TERMINAL
            }
            seen |= fresh
            waiting += fresh
        return False

    def children(self, number: str) -> list[str]:
        return [name for name, task in self.tasks.items() if task["parent"] == number]

    # ---- what follows

    def settle(self) -> None:
        """Bring every task that nobody holds in line with what it waits for, until nothing moves."""
        moved = True
        while moved:
            moved = False
            for number, task in self.tasks.items():
                if task["state"] in WAITING:
                    moved = self._settle_one(number, task) or moved
        for milestone in self.ended_in:
            self._maybe_all_ended(milestone)
        self.ended_in.clear()

    def _settle_one(self, number: str, task: Row) -> bool:
        reasons = self._waits_for(number, task)
        if "dependency_failed" in reasons and task["on_lost"] == "cancel":
            self.put_end(task, "cancelled")
            return True
        task["blocked_by"] = tuple(reason for reason in REASONS if reason in reasons)
        was, task["state"] = task["state"], "blocked" if reasons else "pending"
        if was == "blocked" and not reasons:
            self.deal(task)
        return False

    def _waits_for(self, number: str, task: Row) -> set[str]:
        found = {reason for reason in task["blocked_by"] if reason in STATED}
        for dep in task["depends_on"]:
            state = self.tasks[dep]["state"]
            if state not in TERMINAL:
                found.add("dependency")
            elif state not in MEETS[task["edge_policies"].get(dep, "done")]:
                found.add("dependency_failed")
        if self.waits_for_children(number):
            found.add("dependency")
        if task["track"] is not None:
            track = [each for each in self._beside(task) if each["track"] == task["track"]]
            found |= self._ahead("track", [each for each in track if each["order"] < task["order"]])
        if task["wave"]:
            found |= self._ahead(
                "wave", [each for each in self._beside(task) if 0 < each["wave"] < task["wave"]]
            )
        if task["on_lost"] == "proceed":
            found.discard("dependency_failed")
        if task["assignee"] in self.quarantined:
            found.add("quarantine")
        return found

    def _beside(self, task: Row) -> list[Row]:
        same = (each for each in self.tasks.values() if each["milestone"] == task["milestone"])
        return [each for each in same if not each["archived"]]

    @staticmethod
    def _ahead(reason: str, others: list[Row]) -> set[str]:
        states = {each["state"] for each in others}
        if states - set(TERMINAL):
            return {reason}
        return {"dependency_failed"} if "failed" in states else set()

    def waits_for_children(self, number: str) -> bool:
        states = [self.tasks[child]["state"] for child in self.children(number)]
        if self.tasks[number]["join"] == "any" and "done" in states:
            return False
        return any(state not in TERMINAL for state in states)

    def put_end(self, task: Row, state: str) -> None:
        task |= {"state": state, "blocked_by": (), "holder": None, "lease_until": None, "lease_ceiling": None}
        if state in {"cancelled", "skipped"}:
            task |= {"reviewer": None, "review_until": None, "not_before": None}
        if task["milestone"] is not None:
            self.ended_in.add(task["milestone"])

    def end(self, task: Row, state: str) -> None:
        self.put_end(task, state)
        self.settle()

    def _maybe_all_ended(self, number: str) -> None:
        milestone = self.milestones[number]
        tasks = [each for each in self.tasks.values() if each["milestone"] == number]
        if milestone["state"] != "open" or milestone["next_cycle_at"] is not None:
            return
        if any(task["state"] not in TERMINAL for task in tasks):
            return
        if milestone["kind"] == "loop" and (
            milestone["max_cycles"] == 0 or milestone["cycle"] < milestone["max_cycles"]
        ):
            milestone["next_cycle_at"] = max(self.now, milestone["began"] + milestone["interval"])
        else:
            milestone["state"] = "done"

    def is_open_again(self, task: Row) -> None:
        if task["milestone"] is not None:
            milestone = self.milestones[task["milestone"]]
            if milestone["state"] == "done":
                milestone["state"] = "open"
            milestone["next_cycle_at"] = None

    # ---- who may have it

    def suits(self, task: Row, who: str) -> bool:
        role, groups, tags = PEOPLE[who]
        return (
            task["assignee"] in {None, DEALT, who}
            and (task["required_role"] in {None, role} or role == "solo")
            and (task["required_group"] is None or task["required_group"] in groups)
            and set(task["required_tags"]) <= set(tags)
        )

    def candidates(self, task: Row) -> list[str]:
        able = [who for who in CLAIMERS if self.dead.get(who) != "parked" and who not in self.quarantined]
        return [who for who in able if self.suits(task, who)]

    def deal(self, task: Row) -> None:
        if self.dealing != "pull" and task["assignee"] is None and self.candidates(task):
            task["assignee"] = DEALT

    def share(self, who: str) -> int:
        """Say how much an agent got already, as the team's distribution counts it."""
        if self.dealing == "round_robin":
            return self.turns[who]
        mine = [task for task in self.tasks.values() if who in {task["holder"], task["assignee"]}]
        return sum(task["state"] in {"in_progress", *WAITING} for task in mine)

    # ---- steering

    def link(self, number: str, dep: str, policy: str) -> str:
        task = self.tasks[number]
        if task["state"] not in WAITING:
            raise Refused("wrong_state")
        if dep in task["depends_on"]:
            return OK
        if self.leads(dep, number):
            raise Refused("dependency_cycle")
        task["depends_on"] = (*task["depends_on"], dep)
        if policy != "done":
            task["edge_policies"] = {**task["edge_policies"], dep: policy}
        self.settle()
        return OK

    def withdraw_task(self, who: str, number: str, state: str) -> str:
        task = self.tasks[number]
        if role_of(who) == "worker":
            parent = self.tasks.get(task["parent"] or "")
            mine = parent is not None and parent["holder"] == who and task["creator"] == who
            if not mine or task["state"] not in WAITING:
                raise Refused("forbidden")
        self._check_open(task)
        self.drop(number, state)
        return OK

    def drop(self, number: str, state: str) -> None:
        self.end(self.tasks[number], state)
        for child in self.children(number):
            if self.tasks[child]["state"] not in TERMINAL:
                self.drop(child, state)

    @staticmethod
    def _check_open(task: Row) -> None:
        if task["state"] in TERMINAL:
            raise Refused("wrong_state")

    def hold(self, number: str) -> str:
        task = self.tasks[number]
        self._check_open(task)
        if task["state"] == "in_review":
            raise Refused("wrong_state")
        if task["state"] == "in_progress":
            task["assignee"] = task["holder"]
        self.wait_again(task, "hold", *task["blocked_by"])
        return OK

    def wait_again(self, task: Row, *reasons: str) -> None:
        """Take a task from its holder; it waits for what is said and for what stands in its way."""
        task |= {"state": "blocked", "blocked_by": reasons, "holder": None}
        task |= {"lease_until": None, "lease_ceiling": None}
        self.settle()

    def unhold(self, number: str) -> str:
        task = self.tasks[number]
        if "hold" not in task["blocked_by"]:
            raise Refused("wrong_state")
        task["blocked_by"] = tuple(reason for reason in task["blocked_by"] if reason != "hold")
        self.settle()
        return OK

    def update(self, number: str, changes: Row) -> str:
        self._check_open(self.tasks[number])
        self.tasks[number] |= changes
        return OK

    def assign(self, number: str, **whom: Any) -> str:
        task = self.tasks[number]
        self._check_open(task)
        task |= {"assignee": None, "required_role": None, "required_tags": (), "required_group": None} | whom
        if task["state"] == "in_progress" and task["holder"] != task["assignee"]:
            self.wait_again(task)
        self.settle()
        return OK

    def reopen(self, number: str) -> str:
        task = self.tasks[number]
        milestone = self.milestones.get(task["milestone"] or "")
        if task["state"] not in TERMINAL or task["archived"]:
            raise Refused("wrong_state")
        if milestone is not None and milestone["state"] == "cancelled":
            raise Refused("wrong_state")
        below = [*task["depends_on"], *self.children(number)]
        if any(self.leads(each, number) for each in below if self.tasks[each]["state"] not in TERMINAL):
            raise Refused("dependency_cycle")
        same = ("reviewer", "review_until", "assignee", "percent", "approved_by", "error_class")
        task |= {name: BLANK[name] for name in (*same, "review_round", "failures", "releases")}
        for each in self.tasks.values():
            told = number in each["reopened_inputs"] or number not in each["depends_on"]
            if not told and each["state"] not in WAITING:
                each["reopened_inputs"] = (*each["reopened_inputs"], number)
        task["state"] = "blocked"
        self.is_open_again(task)
        self.settle()
        return OK

    def unblock(self, number: str, *, force: bool) -> str:
        task = self.tasks[number]
        if task["state"] != "blocked" or not (force or "needs_human" in task["blocked_by"]):
            raise Refused("wrong_state")
        if force and self.waits_for_children(number):
            raise Refused("wrong_state")
        task |= {"releases": 0, "review_round": 0, "assignee": None, "failures": 0}
        cleared = STATED if force else ("needs_human",)
        task["blocked_by"] = tuple(reason for reason in task["blocked_by"] if reason not in cleared)
        if force:
            self._cut_loose(task)
        self.settle()
        return OK

    def _cut_loose(self, task: Row) -> None:
        policies = task["edge_policies"]
        met = [
            dep for dep in task["depends_on"] if self.tasks[dep]["state"] in MEETS[policies.get(dep, "done")]
        ]
        task |= {"depends_on": tuple(met), "track": None, "order": 0, "wave": 0, "not_before": None}
        task["edge_policies"] = {dep: policy for dep, policy in policies.items() if dep in met}
