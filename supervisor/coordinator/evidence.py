"""Evidence of work: which hand-ins wait for their checks, and what follows from what a check said."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from supervisor.coordinator import flow
from supervisor.coordinator.scope import Scope, sized
from supervisor.errors import InvalidArgument, TooLarge
from supervisor.model.agent import ALIVE
from supervisor.model.evidence import (
    ARGV_BYTES_MAX,
    ARGV_MAX,
    CHECK_FAILURES_MAX,
    CHECK_TIMEOUT_MAX_S,
    CHECKS_MAX,
    TAIL_MAX,
    Check,
    Evidence,
)
from supervisor.model.ids import SUPERVISOR, checked_name
from supervisor.model.task import NOTE_MAX, BlockReason, Task, TaskState
from supervisor.model.transitions import checked_move
from supervisor.store.transaction import Transaction

_FEEDBACK_MAX: Final = NOTE_MAX - 512
"""How many bytes of a failed check's output its author gets as feedback; the rest is the words before it."""


def checked_checks(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return well-formed checks with different names; raise InvalidArgument else."""
    if len(checks) > CHECKS_MAX:
        raise InvalidArgument(f"a task can have at most {CHECKS_MAX} checks, not {len(checks)}")
    names = [checked_name(check.name, "check") for check in checks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidArgument(f"two checks have the name `{twice}`")
    return tuple(_checked_check(check) for check in checks)


def _checked_check(check: Check) -> Check:
    what = f"check `{check.name}`"
    if not check.argv or not check.argv[0].strip():
        raise InvalidArgument(f"{what} needs a command: the program and its arguments, each by itself")
    if len(check.argv) > ARGV_MAX:
        raise InvalidArgument(f"the command of {what} has over {ARGV_MAX} parts")
    if any("\0" in part for part in check.argv):
        raise InvalidArgument(f"the command of {what} contains a NUL")
    sized("".join(check.argv), ARGV_BYTES_MAX, f"the command of {what}")
    if not 0 < check.timeout_s <= CHECK_TIMEOUT_MAX_S:
        raise InvalidArgument(
            f"timeout_s {check.timeout_s} of {what} is not between 0 and {CHECK_TIMEOUT_MAX_S:.0f}"
        )
    return check


def awaited(scope: Scope) -> tuple[Task, ...]:
    """List the tasks of this run whose checks have to run, oldest first."""
    return scope.tx.values(Task, "task.verifying", run=scope.run)


def is_awaited(scope: Scope) -> bool:
    """Tell whether checks have to run."""
    return scope.tx.one("task.verifying", run=scope.run) is not None


def of_newest(scope: Scope, task: Task) -> tuple[Evidence, ...]:
    """Return what the checks said of the newest hand-in that was checked."""
    token = scope.tx.scalar("evidence.newest_token", task=task.id)
    return scope.tx.values(Evidence, "evidence.of_token", task=task.id, token=token)


def take(scope: Scope, evidence: Evidence) -> Task | None:
    """Keep what a check said, and let the task go on when it was the last one, or did not pass.

    None if the task no longer waits for it: it was cancelled, sent back or reopened meanwhile.
    """
    task = scope.task(evidence.task)
    if not task.is_verifying or task.token != evidence.token:
        return None
    if evidence.check not in {check.name for check in task.checks}:
        raise InvalidArgument(f"task {task.id} has no check `{evidence.check[:70]}`")
    if len(evidence.tail.encode()) > TAIL_MAX:
        raise TooLarge(f"the tail of a check has at most {TAIL_MAX} bytes")
    scope.tx.record("evidence.recorded", evidence, actor=SUPERVISOR, reason=evidence.outcome[:200])
    if not evidence.passed:
        return _sent_back(scope, task, evidence)
    known = scope.tx.values(Evidence, "evidence.of_token", task=task.id, token=task.token)
    passed = {each.check for each in known if each.passed}
    return _verified(scope, task) if all(check.name in passed for check in task.checks) else task


def _verified(scope: Scope, task: Task) -> Task:
    """Let judges look at what passed, or end it if nobody has to."""
    verified = replace(task, verified=task.token, check_failures=0, updated_at=scope.now)
    words = f"all its checks passed: {', '.join(check.name for check in task.checks)}"[:200]
    if task.review:
        return scope.save_task("task.verified", verified, actor=SUPERVISOR, reason=words)
    checked_move(verified, TaskState.DONE)
    done = replace(verified, state=TaskState.DONE, finished_at=scope.now)
    return flow.record(scope, "task.verified", task, done, actor=SUPERVISOR, reason=words)


def _sent_back(scope: Scope, task: Task, evidence: Evidence) -> Task:
    """Give the work back to its author with the output; no review round is counted."""
    failures = task.check_failures + 1
    stuck = failures >= CHECK_FAILURES_MAX
    words = f"check `{evidence.check}` {evidence.outcome}"
    note = f"its checks failed {failures} times; a person has to decide" if stuck else ""
    back = replace(
        task,
        blocked_by=(BlockReason.NEEDS_HUMAN,) if stuck else (),
        block_note=note,
        approved_by=(),
        assignee=author_if_there(scope, task),
        feedback=_feedback(words, evidence.tail),
        issues=(),
        check_failures=failures,
        updated_at=scope.now,
    )
    back = flow.settled(scope, back, flow.counters_of(scope, task))
    checked_move(task, back.state)
    scope.save_task("task.checks_failed", back, actor=SUPERVISOR, reason=words[:200])
    return flow.unless_lost(scope, back)


def _feedback(words: str, tail: str) -> str:
    kept = tail.encode()[-_FEEDBACK_MAX:].decode("utf-8", "ignore").strip()
    return f"{words[:400]}\n\n{kept}" if kept else words[:400]


def newest_of_run(tx: Transaction, run: int, limit: int) -> tuple[Evidence, ...]:
    """Return the newest evidence of a run, oldest first."""
    return tuple(reversed(tx.values(Evidence, "evidence.of_run", run=run, limit=limit)))


def author_if_there(scope: Scope, task: Task) -> str | None:
    """Return the author if it is there to mend the work; one that is set aside is not."""
    if task.author is None:
        return None
    author = scope.agent(task.author)
    return author.name if author.state in ALIVE and not author.quarantined else None
