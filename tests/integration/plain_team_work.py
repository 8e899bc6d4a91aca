"""The plain team at work: claims under leases, fencing, failures, reviews, handoffs, deaths and cycles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from tests.integration.plain_team_mail import LEASE_S, OK, WIP, Refused, Row, lineage, role_of
from tests.integration.plain_team_tasks import WAITING, PlainTasks

LOCK_MAX_S: Final = 4 * 3600.0
HOUR_S: Final = 3600.0


@dataclass
class PlainWork(PlainTasks):
    """The rules for whoever holds or judges a task."""

    failed_at: dict[str, list[float]] = field(default_factory=dict)
    boards: dict[str, str] = field(default_factory=dict)
    checkpoints: dict[str, tuple[int, int]] = field(default_factory=dict)
    handoffs: list[tuple[str | None, str, str]] = field(default_factory=list)

    # ---- claims

    def rank(self, task: Row) -> tuple[bool, float, int]:
        return (task["priority"] > 0, task["created_at"] + HOUR_S * task["priority"], task["number"])

    def best(self, state: str, suits: Callable[[Row], bool]) -> str | None:
        found = [
            (self.rank(task), name)
            for name, task in self.tasks.items()
            if task["state"] == state and suits(task)
        ]
        return min(found)[1] if found else None

    def held_by(self, who: str) -> list[str]:
        return [name for name, task in self.tasks.items() if task["holder"] == who]

    def is_full(self, task: Row) -> bool:
        milestone = self.milestones.get(task["milestone"] or "")
        if milestone is None or not milestone["wip"]:
            return False
        busy = [each for each in self.tasks.values() if each["milestone"] == task["milestone"]]
        return bool(sum(each["state"] == "in_progress" for each in busy) >= milestone["wip"])

    def next_for(self, who: str) -> str | None:
        if who in self.quarantined or len(self.held_by(who)) >= WIP[who]:
            return None
        return self.best("pending", lambda task: self.suits(task, who) and not self.is_full(task))

    def claim(self, who: str, number: str | None, lock_s: float | None = None) -> str:
        task = None if number is None else self.tasks[number]
        if task is not None and task["holder"] == who:
            return OK
        if who in self.quarantined:
            raise Refused("forbidden")
        if len(self.held_by(who)) >= WIP[who]:
            raise Refused("too_many")
        if task is None:
            if (number := self.next_for(who)) is None:
                raise Refused("nothing_to_do")
            task = self.tasks[number]
        self._check_claimable(task, who)
        lease = LEASE_S if lock_s is None else lock_s
        task |= {"state": "in_progress", "holder": who, "author": who, "token": task["token"] + 1}
        task |= {"lease_until": self.now + lease, "percent": 0, "reopened_inputs": ()}
        task["lease_ceiling"] = self.now + (LOCK_MAX_S if lock_s is None else lock_s)
        return OK

    def _check_claimable(self, task: Row, who: str) -> None:
        if task["state"] == "in_progress":
            raise Refused("already_claimed")
        if task["state"] != "pending":
            raise Refused("wrong_state")
        if not self.suits(task, who):
            raise Refused("forbidden")
        if self.is_full(task):
            raise Refused("too_many")

    def held(self, who: str, number: str, token: int) -> Row:
        task = self.tasks[number]
        if (task["token"], task["state"], task["holder"]) != (token, "in_progress", who):
            raise Refused("stale_token")
        return task

    def renewed(self, task: Row) -> float:
        until: float = min(max(self.now + LEASE_S, task["lease_until"]), task["lease_ceiling"])
        return until

    def write(self, who: str, number: str, token: int, tool: str, kind: str = "unknown") -> str:
        task = self.held(who, number, token)
        match tool:
            case "task_progress":
                task |= {"lease_until": self.renewed(task), "percent": 5}
            case "task_board":
                self.boards[number] = f"{self.boards[number]}\nx" if number in self.boards else "x"
            case "task_checkpoint":
                self.checkpoints[number] = (token, 7)
            case "task_complete":
                self._hand_in(number, task)
            case "task_fail":
                self.fails(task, kind)
            case "task_release":
                task["releases"] += not self.waits_for_children(number)
                self.give_back(task)
            case _:
                task["assignee"] = who
                self.wait_again(task, "needs_human")
        return OK

    def _hand_in(self, number: str, task: Row, *, review: bool = False) -> None:
        if self.waits_for_children(number):
            raise Refused("wrong_state")
        task |= {"percent": 100, "assignee": None, "approved_by": (), "review": task["review"] or review}
        task |= {"holder": None, "lease_until": None, "lease_ceiling": None, "state": "in_review"}
        if not task["review"]:
            self.end(task, "done")

    def fails(self, task: Row, kind: str, *, crashed: bool = False) -> None:
        self._count_failure(task["holder"])
        task |= {"failures": task["failures"] + 1, "error_class": kind}
        if kind in {"permanent", "policy"} or task["failures"] >= 3:
            self.end(task, "failed")
            return
        times = task["failures"] - crashed
        task["not_before"] = self.now + min(600, 30 * 2 ** (times - 1)) if times else None
        self.wait_again(task, *(("backoff",) if times else ()))

    def _count_failure(self, who: str) -> None:
        recent = [at for at in self.failed_at.get(who, []) if at > self.now - HOUR_S]
        self.failed_at[who] = [*recent, self.now]
        if len(self.failed_at[who]) >= 3:
            self.quarantined.add(who)
            self.settle()

    def set_aside(self, who: str) -> str:
        if who in self.quarantined:
            raise Refused("wrong_state")
        self.quarantined.add(who)
        self.settle()
        return OK

    def bring_back(self, who: str) -> str:
        if who not in self.quarantined:
            raise Refused("wrong_state")
        self.quarantined.discard(who)
        self.failed_at.pop(who, None)
        self.settle()
        return OK

    def give_back(self, task: Row) -> None:
        self.wait_again(task, *(("needs_human",) if task["releases"] >= 3 else ()))

    def hand_off(self, who: str, to: str, number: str | None, token: int) -> str:
        """Hand on to a role or an agent; a task that is held goes along."""
        task = None if number is None else self.tasks[number]
        role = to.removeprefix("role:") if to.startswith("role:") else role_of(to)
        if number is not None and task is not None and task["holder"] == who:
            self.held(who, number, token)
            self._pass_on(number, task, to, role)
        self.handoffs.append((number, who, to))
        with suppress(Refused):  # a role that nobody has yet finds the notes in the record
            self.post(self.meant(to, who), by=who)
        return OK

    def _pass_on(self, number: str, task: Row, to: str, role: str) -> None:
        if role == "judge":
            self._hand_in(number, task, review=True)
            return
        claims = role in {"worker", "solo"}
        task["assignee"] = to if claims and ":" not in to else None
        if claims and ":" in to:
            task["required_role"] = role
        self.wait_again(task, *(() if claims else ("hold",)))

    # ---- reviews

    def why_not(self, task: Row, who: str) -> bool:
        if who in task["approved_by"]:
            return True
        mine = task["author"] is not None and lineage(task["author"])[-1] == lineage(who)[-1]
        return mine and role_of(who) != "solo"

    def judge(self, who: str, number: str | None, how: str, verified: tuple[int, ...] | None = None) -> str:
        free = number or self.best(
            "in_review", lambda task: task["reviewer"] in {None, who} and not self.why_not(task, who)
        )
        if free is None:
            raise Refused("nothing_to_do")
        task = self.tasks[free]
        if task["state"] != "in_review":
            raise Refused("wrong_state")
        if self.why_not(task, who):
            raise Refused("forbidden")
        if task["reviewer"] not in {None, who}:
            raise Refused("already_claimed")
        match how:
            case "review_take":
                task |= {"reviewer": who, "review_until": self.now + LEASE_S}
            case "task_approve":
                self._approve(task, who, verified)
            case _:
                self._reject(task)
        return OK

    def _approve(self, task: Row, who: str, verified: tuple[int, ...] | None) -> None:
        if verified is not None and set(verified) != set(range(1, len(task["criteria"]) + 1)):
            raise Refused("wrong_state")
        if task["gate"] == "human" and who != "human":
            raise Refused("forbidden")
        task |= {"approved_by": (*task["approved_by"], who), "reviewer": None, "review_until": None}
        if who == "human" or len(task["approved_by"]) >= task["approvals_needed"]:
            task["reviewer"] = who
            self.end(task, "done")

    def _reject(self, task: Row) -> None:
        author = task["author"]
        there = author not in self.dead and author not in self.quarantined
        task |= {"reviewer": None, "review_until": None, "approved_by": ()}
        task |= {"assignee": author if there else None, "review_round": task["review_round"] + 1}
        self.wait_again(task, *(("needs_human",) if task["review_round"] > 3 else ()))

    def judge_as_person(self, number: str, *, accept: bool) -> str:
        task = self.tasks[number]
        if task["state"] != "in_review":
            raise Refused("wrong_state")
        if accept:
            self._approve(task, "human", None)
        else:
            self._reject(task)
        return OK

    # ---- time and death

    def keep_leases(self, alive: tuple[str, ...]) -> None:
        for task in self.tasks.values():
            if task["state"] == "in_progress":
                self._keep_lease(task, alive)
        for task in self.tasks.values():
            if task["state"] == "in_review" and task["reviewer"] is not None:
                self._keep_review(task, alive)
        for task in self.tasks.values():
            due = task["not_before"] is not None and task["not_before"] <= self.now
            if task["state"] == "blocked" and due:
                task["not_before"] = None
                task["blocked_by"] = tuple(reason for reason in task["blocked_by"] if reason != "backoff")
        self.settle()

    def _keep_lease(self, task: Row, alive: tuple[str, ...]) -> None:
        left = task["lease_until"] - self.now
        longer = task["lease_ceiling"] > max(task["lease_until"], self.now)
        if left < LEASE_S * 2 / 3 and longer and task["holder"] in alive:
            task["lease_until"] = self.renewed(task)
        elif left <= 0:
            self.give_back(task)

    def _keep_review(self, task: Row, alive: tuple[str, ...]) -> None:
        left = task["review_until"] - self.now
        if left < LEASE_S * 2 / 3 and task["reviewer"] in alive:
            task["review_until"] = self.now + LEASE_S
        elif left <= 0:
            task |= {"reviewer": None, "review_until": None}

    def lose_holder(self, who: str, *, failure: bool) -> None:
        for number in self.held_by(who):
            task = self.tasks[number]
            self.handoffs.append((number, who, who))
            if failure:
                self.fails(task, "transient", crashed=True)
            else:
                self.give_back(task)
        for task in self.tasks.values():
            if task["state"] == "in_review" and task["reviewer"] == who:
                task |= {"reviewer": None, "review_until": None}

    def free_reserved(self, who: str) -> None:
        for task in self.tasks.values():
            if task["state"] in WAITING and task["assignee"] == who:
                task["assignee"] = None
        self.settle()
