"""The plain team's milestones: made with their tasks, closed, and the cycles of loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tests.integration.plain_team_mail import OK, Refused, Row
from tests.integration.plain_team_tasks import TERMINAL
from tests.integration.plain_team_work import PlainWork

KEPT: Final = (
    *(
        "priority",
        "depends_on",
        "edge_policies",
        "on_lost",
        "join",
        "parent",
        "key",
        "track",
        "order",
        "wave",
    ),
    *("review", "gate", "approvals_needed", "criteria", "required_role", "required_tags", "required_group"),
    "creator",
)
"""What a task of the next cycle has of the one before."""


def in_working_order(tasks: tuple[Row, ...]) -> list[Row]:
    """Order a plan's tasks so that each comes after those of the plan that it names."""
    by_name = {task["name"]: task for task in tasks}
    ordered: dict[str, Row] = {}

    def visit(task: Row) -> None:
        if task["name"] not in ordered:
            for name in (*task.get("depends_on", ()), task.get("parent")):
                if name in by_name:
                    visit(by_name[name])
            ordered[task["name"]] = task

    for task in tasks:
        visit(task)
    return list(ordered.values())


def goes_round(tasks: dict[str, Row]) -> bool:
    """Tell whether these, all open again, would wait for each other, or could not be made in any order."""
    named = {name: {*task["depends_on"], task["parent"]} & tasks.keys() for name, task in tasks.items()}
    waits = {name: set(task["depends_on"]) & tasks.keys() for name, task in tasks.items()}
    for name, task in tasks.items():
        if task["parent"] in tasks:
            waits[task["parent"]].add(name)
    return any(_is_round(graph) for graph in (named, waits))


def _is_round(graph: dict[str, set[str]]) -> bool:
    left = dict(graph)
    while free := [name for name, below in left.items() if not below & left.keys()]:
        for name in free:
            del left[name]
    return bool(left)


@dataclass
class PlainPlans(PlainWork):
    """The rules for milestones."""

    def plan(self, who: str, tasks: tuple[Row, ...], **wanted: Any) -> str:
        """Create a milestone; its tasks name each other by key in `depends_on`."""
        number = f"P{len(self.milestones) + 1}"
        self.milestones[number] = {
            "state": "open",
            "cycle": 1,
            "next_cycle_at": None,
            "began": self.now,
            "review": None,
            **wanted,
        }
        self.fill(number, who, tasks)
        return OK

    def fill(self, number: str, who: str, tasks: tuple[Row, ...]) -> None:
        known: dict[str, str] = {}
        for each in in_working_order(tasks):
            deps = tuple(known.get(name, name) for name in each.get("depends_on", ()))
            policies = {known.get(name, name): on for name, on in each.get("edge_policies", {}).items()}
            parent = known.get(each.get("parent") or "")
            if parent is not None and self.tasks[parent]["state"] in TERMINAL:
                parent = None
            more = {"depends_on": deps, "edge_policies": policies, "parent": parent, "milestone": number}
            wanted = {name: value for name, value in each.items() if name not in {"name", "creator"}}
            self.create("planner", creator=each.get("creator") or who, **{**wanted, **more})
            known[each["name"]] = f"T{len(self.tasks)}"

    def close(self, number: str, *, now: bool) -> str:
        milestone = self.milestones[number]
        if milestone["state"] != "open":
            raise Refused("wrong_state")
        inside = [name for name, task in self.tasks.items() if task["milestone"] == number]
        unfinished = [name for name in inside if self.tasks[name]["state"] not in TERMINAL]
        if now:
            milestone |= {"state": "cancelled", "next_cycle_at": None}
            for name in unfinished:
                if self.tasks[name]["state"] not in TERMINAL:
                    self.drop(name, "cancelled")
        elif milestone["next_cycle_at"] is not None or not unfinished:
            milestone |= {"state": "done", "next_cycle_at": None}
        else:
            milestone["max_cycles"] = milestone["cycle"]
        return OK

    def begin_cycles(self) -> None:
        for number, milestone in self.milestones.items():
            due = milestone["next_cycle_at"]
            if milestone["state"] == "open" and due is not None and due <= self.now:
                self._next_cycle(number, milestone)

    def _next_cycle(self, number: str, milestone: Row) -> None:
        former = {
            name: task
            for name, task in self.tasks.items()
            if task["milestone"] == number and not task["archived"]
        }
        if former and all(task["state"] == "failed" for task in former.values()):
            milestone |= {"state": "done", "next_cycle_at": None}
            return
        if goes_round(former):
            milestone |= {"state": "done", "next_cycle_at": None}
            return
        for task in former.values():
            task["archived"] = True
        milestone |= {"cycle": milestone["cycle"] + 1, "began": self.now, "next_cycle_at": None}
        again = tuple({name: task[name] for name in KEPT} | {"name": old} for old, task in former.items())
        for task in again:
            if not task["key"] or task["key"] in {each["key"] for each in again if each is not task}:
                first = next(each for each in again if each["key"] == task["key"])
                task["key"] = task["key"] if task["key"] and first is task else f"like-{task['name']}"
        self.fill(number, "planner", again)
