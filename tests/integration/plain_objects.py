"""A task, a vote and an approval as one thing after the other: what each may answer, and what it is then."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from tests.integration.linearizability import Op
from tests.integration.plain_team_polls import ending, is_certain

NO_WORD: Final = frozenset({"too_many", "nothing_to_do", "unauthenticated"})
"""Refusals that say nothing about the object."""


class PlainTask(NamedTuple):
    """What one task is for its claimers."""

    state: str = "pending"
    holder: str | None = None
    token: int = 0
    assignee: str | None = None
    releases: int = 0
    failures: int = 0
    hold: bool = False
    human: bool = False

    def free(self, **more: Any) -> PlainTask:
        now = self._replace(holder=None, **more)
        return now._replace(state="blocked" if now.hold or now.human or now.failures > 1 else "pending")


def task_step(task: PlainTask, op: Op) -> PlainTask | None:
    """Say what a task is after an operation, or None if it could not have answered so."""
    if op.code in NO_WORD:
        return task
    match op.what:
        case "task_claim":
            return _claimed(task, op)
        case "task_hold" | "task_unhold":
            return _steered(task, op)
        case "crash":
            failed = task.holder == op.who
            return task.free(failures=task.failures + 1) if failed else task
        case "look":
            return task if op.told == (task.state, task.holder, task.token) else None
        case _:
            return _written(task, op)


def _claimed(task: PlainTask, op: Op) -> PlainTask | None:
    mine = task.state == "in_progress" and task.holder == op.who
    if op.is_pending or op.code == "ok":
        if mine:
            return task if op.is_pending or op.told == (task.token,) else None
        given = op.is_pending or op.told == (task.token + 1,)
        if task.state != "pending" or task.assignee not in {None, op.who} or not given:
            return None
        return task._replace(state="in_progress", holder=op.who, token=task.token + 1)
    could = {
        "already_claimed": task.state == "in_progress" and not mine and op.told == (task.holder,),
        "wrong_state": task.state not in {"in_progress", "pending"},
        "forbidden": task.state == "pending" and task.assignee not in {None, op.who},
    }
    return task if could.get(op.code, False) else None


def _written(task: PlainTask, op: Op) -> PlainTask | None:
    holds = (task.state, task.holder, task.token) == ("in_progress", op.who, op.said[0])
    if op.code == "stale_token":
        return None if holds else task
    if not holds or (op.code != "ok" and not op.is_pending):
        return None
    match op.what:
        case "task_complete":
            return task._replace(state="done", holder=None, assignee=None)
        case "task_fail":
            return task._replace(state="failed", holder=None)
        case "task_release":
            return task.free(releases=task.releases + 1, human=task.releases + 1 >= 3)
        case _:
            return task


def _steered(task: PlainTask, op: Op) -> PlainTask | None:
    ended = task.state in {"done", "failed"}
    could = not ended if op.what == "task_hold" else not ended and task.hold
    if op.code == "wrong_state":
        return None if could else task
    if not could or (op.code != "ok" and not op.is_pending):
        return None
    if op.what == "task_unhold":
        return task.free(hold=False)
    return task.free(hold=True, assignee=task.holder or task.assignee)


class PlainVote(NamedTuple):
    """What one vote is: who may vote, who has, and whether it is over."""

    voters: tuple[str, ...]
    ballots: tuple[tuple[str, str], ...] = ()
    closed: bool = False

    def row(self) -> dict[str, Any]:
        return {
            "options": ["yes", "no"],
            "electorate": list(self.voters),
            "quorum": len(self.voters) // 2 + 1,
            "rule": "plurality",
            "tie": "first",
            "by": "planner",
            "ballots": dict(self.ballots),
        }


def vote_step(vote: PlainVote, op: Op) -> PlainVote | None:
    """Say what a vote is after an operation, or None if it could not have answered so."""
    if op.code in NO_WORD:
        return vote
    voted = op.who in dict(vote.ballots)
    state = "closed" if vote.closed else "open"
    winner = ending(vote.row(), dict(vote.ballots))[1] if vote.closed else None
    if op.what == "look":
        return vote if op.told == (state, winner) else None
    could = {
        "vote_closed": vote.closed,
        "forbidden": not vote.closed and op.who not in vote.voters,
        "wrong_state": not vote.closed and voted,
    }
    if op.code != "ok" and not op.is_pending:
        return vote if could.get(op.code, False) else None
    if any(could.values()):
        return None
    after = vote._replace(ballots=tuple(sorted((*vote.ballots, (op.who, op.said[0])))))
    over = len(after.ballots) == len(vote.voters) or is_certain(after.row())
    after = after._replace(closed=over)
    told = ("closed" if over else "open", ending(after.row(), dict(after.ballots))[1] if over else None)
    return after if op.is_pending or op.told == told else None


def approval_step(state: str, op: Op) -> str | None:
    """Say what an approval is after an operation, or None if it could not have answered so."""
    if op.code in NO_WORD:
        return state
    done = op.code == "ok" or op.is_pending
    if op.what == "answer":
        if done:
            return op.said[0] if state == "pending" else None
        return state if op.code == "already_answered" and state != "pending" else None
    if done:
        return "used" if state == "approved" else None
    return state if op.code == "wrong_state" and state != "approved" else None
