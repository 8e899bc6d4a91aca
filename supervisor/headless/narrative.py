"""One event as one sentence for people, or nothing if it would only be noise.

What happened is read from the value before and after, not from the verb alone, so the
story stays true when a use case gets a new name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, NamedTuple, TypeVar

from supervisor.model.agent import Agent, AgentState, ExitClass
from supervisor.model.allowance import Allowance, AllowanceState
from supervisor.model.approval import Approval, ApprovalState
from supervisor.model.escape import visible
from supervisor.model.event import Event
from supervisor.model.handoff import Handoff
from supervisor.model.health import UNWELL
from supervisor.model.ids import SUPERVISOR
from supervisor.model.message import Delivery, DeliveryState, Message
from supervisor.model.milestone import Milestone, MilestoneState
from supervisor.model.question import Question, QuestionState
from supervisor.model.scale import Pool
from supervisor.model.task import ENDED, MAX_FAILURES, BlockReason, Priority, Task, TaskState
from supervisor.model.team import Run, RunState
from supervisor.model.turn import Turn, TurnState
from supervisor.model.vote import Ballot, Vote, VoteOutcome, VoteState
from supervisor.model.wire import from_wire
from supervisor.model.world import ENTITIES, World

QUOTE_MAX: Final = 100
WHY_MAX: Final = 300

V = TypeVar("V")


class Change(NamedTuple, Generic[V]):
    """One event with the value before and after it, and the run's tasks before it."""

    event: Event
    before: V | None
    after: V
    tasks: Iterable[Task] = ()


def sentence(event: Event, world: World) -> str | None:
    """Tell what `event` changes in `world`, which must not have taken it in yet."""
    teller = _TELLERS.get(event.noun)
    if teller is None:
        return None if event.noun in ENTITIES else _plain(event)
    before = world.tables[event.noun].get(event.subject)
    tasks = world.tasks.values() if event.noun == "task" else ()
    told = teller(Change(event, before, from_wire(ENTITIES[event.noun], event.after), tasks))
    return None if told is None else visible(told)


def quoted(text: str, limit: int = QUOTE_MAX) -> str:
    """Make foreign text safe and short enough for one line."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _plain(event: Event) -> str:
    verb = event.kind.partition(".")[2].replace("_", " ")
    return quoted(f"{event.noun} {verb}{_because(event.reason)}")


def _because(reason: str) -> str:
    return f": {quoted(reason)}" if reason else ""


def _named(task: Task) -> str:
    return f"{task.id} {quoted(task.title, 60)}"


def _task(change: Change[Task]) -> str | None:
    event, before, after, _ = change
    actor = quoted(event.actor, 64)
    if before is None:
        waits = f" (after {', '.join(after.depends_on)})" if after.depends_on else ""
        return f"{actor} created {_named(after)}{waits}"
    if before.state is after.state:
        return _held(event, before, after)
    told = _task_move(event, before, after)
    return told if told is None else f"{told}{_wave_over(change)}"


def _held(event: Event, before: Task, after: Task) -> str | None:
    """Tell of a hold that was put on a task which waited already, or taken off one that waits on."""
    was, now = BlockReason.HOLD in before.blocked_by, BlockReason.HOLD in after.blocked_by
    if was == now:
        return None
    deed = f"holds {_named(after)}{_because(after.block_note)}" if now else f"let {_named(after)} go"
    return f"{quoted(event.actor, 64)} {deed}"


def _wave_over(change: Change[Task]) -> str:
    """Say so if a task's end was that of its wave."""
    after = change.after
    if not after.wave or after.state not in ENDED:
        return ""
    wave = [each for each in change.tasks if (each.milestone, each.wave) == (after.milestone, after.wave)]
    if any(each.state not in ENDED for each in wave if each.id != after.id):
        return ""
    return f"; wave {after.wave} of {after.milestone} has ended"


def _task_move(event: Event, before: Task, after: Task) -> str | None:
    actor, name = quoted(event.actor, 64), _named(after)
    match after.state:
        case TaskState.IN_PROGRESS:
            return f"{after.holder or actor} claimed {name}"
        case TaskState.IN_REVIEW:
            awaits = "its checks" if after.is_verifying else "review"
            return f"{after.author or actor} finished {name}; it awaits {awaits}"
        case TaskState.DONE if event.kind == "task.verified":
            return f"{name} passed its checks and is done"
        case TaskState.DONE:
            return f"{actor} {'approved' if before.state is TaskState.IN_REVIEW else 'completed'} {name}"
        case TaskState.FAILED:
            return f"{name} failed{_because(event.reason or after.result)}"
        case TaskState.CANCELLED | TaskState.SKIPPED:
            return f"{actor} {after.state.value} {name}{_because(event.reason)}"
        case TaskState.PENDING:
            return _back_to_pending(event, before, after)
        case TaskState.BLOCKED:
            return _blocked(event, before, after)


def _blocked(event: Event, before: Task, after: Task) -> str:
    name = _named(after)
    if after.failures > before.failures:
        return _retried(event, after)
    if BlockReason.HOLD in after.blocked_by:
        return f"{quoted(event.actor, 64)} holds {name}{_because(after.block_note)}"
    why = ", ".join(reason.value.replace("_", " ") for reason in after.blocked_by)
    about = _because(after.block_note) if BlockReason.NEEDS_HUMAN in after.blocked_by else ""
    return f"{name} is blocked: {why or quoted(event.reason) or 'no reason given'}{about}"


def _retried(event: Event, after: Task) -> str:
    wait = f" in {after.not_before - event.at:.0f} s" if after.not_before else ""
    tried = f"failed {after.failures} of {MAX_FAILURES} times, is tried again{wait}"
    return f"{_named(after)} {tried}{_because(after.feedback or event.reason)}"


def _back_to_pending(event: Event, before: Task, after: Task) -> str | None:
    actor, name = quoted(event.actor, 64), _named(after)
    match before.state:
        case TaskState.BLOCKED:
            return None if event.actor == SUPERVISOR else f"{actor} freed {name}"
        case TaskState.IN_PROGRESS if after.failures > before.failures:
            return _retried(event, after)
        case TaskState.IN_REVIEW if after.check_failures > before.check_failures:
            return f"{name} goes back{_because(event.reason)}"
        case TaskState.IN_REVIEW:
            return f"{actor} sent {name} back{_because(after.feedback or event.reason)}"
        case TaskState.IN_PROGRESS:
            return f"{before.holder or actor} gave {name} back{_because(event.reason)}"
        case _:
            return f"{actor} reopened {name}{_because(event.reason)}"


def _agent(change: Change[Agent]) -> str | None:
    before, after = change.before, change.after
    if before is not None and before.quarantined != after.quarantined:
        step = f"let it claim again: supervisor agent release {after.name}"
        told = f"is quarantined{_because(after.quarantined)}; {step}"
        return f"{after.name} {told if after.quarantined else 'may claim again'}"
    if before is not None and before.state is after.state:
        return _liveness(change.event, before, after)
    match after.state:
        case AgentState.STARTING:
            again = f" again (incarnation {after.incarnation})" if after.restarts else ""
            return f"{after.name} started{again}"
        case AgentState.PAUSED | AgentState.DRAINING:
            return f"{after.name} is {after.state.value}"
        case AgentState.BACKOFF:
            return f"{after.name} {ending(after)}; it will be started again"
        case AgentState.EXITED:
            return f"{after.name} {ending(after)}" if before is not None else None
        case AgentState.PARKED:
            return (
                f"{after.name} is parked{_because(after.reason)}; start it: supervisor restart {after.name}"
            )
        case AgentState.STUCK:
            return f"{after.name} is stuck{_because(after.reason)}"
        case _:
            return None


def _liveness(event: Event, before: Agent, after: Agent) -> str | None:
    """Tell what the overseer or a probe found, or was done about it; None if it is nothing to people."""
    if event.kind == "agent.held_back":
        return f"{after.name} gets no new work{_because(after.reason)}"
    if event.kind == "agent.available":
        return f"{after.name} can take work again"
    if event.kind == "agent.urged":
        return f"{after.name}, {after.liveness.value}: {quoted(event.reason)}"
    if event.kind != "agent.judged" or before.liveness is after.liveness:
        return None
    if after.liveness in UNWELL:
        step = f"see: supervisor why {after.name}"
        return f"{after.name} is {after.liveness.value}{_because(after.liveness_why)}; {step}"
    return f"{after.name} is not {before.liveness.value} any more" if before.liveness in UNWELL else None


_ENDINGS: Final = {
    ExitClass.OK: "finished",
    ExitClass.FAIL: "crashed with exit code {code}",
    ExitClass.SIGNAL: "was killed by signal {signal}",
    ExitClass.OOM: "ran out of memory",
    ExitClass.STOP_REQUESTED: "was stopped",
    ExitClass.SIBLING: "was stopped with its branch",
    ExitClass.START_TIMEOUT: "did not become ready in time",
    ExitClass.RUNTIME_CAP: "ran longer than allowed",
    ExitClass.ENGINE_LOST: "died with an earlier engine",
    ExitClass.RATE_LIMITED: "was told to wait by its service",
    ExitClass.AUTH: "could not log in",
    ExitClass.WATCHDOG: "missed its watchdog",
    ExitClass.STALLED: "stalled",
}
"""How an incarnation ended, in words; of other ends their detail is told."""


def ending(agent: Agent) -> str:
    """Say how the last incarnation of an agent ended: `crashed with exit code 1`."""
    end = agent.last_exit
    if end is None:
        return "ended"
    if end.kind is ExitClass.SPAWN_ERROR:
        return f"could not be started{_because(end.detail)}"
    if end.kind not in _ENDINGS:
        return f"was ended{_because(end.detail)}"
    return _ENDINGS[end.kind].format(code=end.code, signal=end.signal)


def _milestone(change: Change[Milestone]) -> str | None:
    event, before, after = change.event, change.before, change.after
    name = f"{after.id} {quoted(after.name, 60)}"
    if before is None:
        return f"{quoted(event.actor, 64)} created the {after.kind.value} {name}"
    if before.state is not after.state:
        because = "" if event.actor == SUPERVISOR else _because(event.reason)
        return (
            f"{name} is {'open again' if after.state is MilestoneState.OPEN else after.state.value}{because}"
        )
    if after.cycle != before.cycle:
        return f"{name} begins cycle {after.cycle}"
    if before.next_cycle_at is None and after.next_cycle_at is not None:
        return f"{name} has ended cycle {after.cycle}"
    return None


def _message(change: Change[Message]) -> str | None:
    _, before, after, _ = change
    if before is not None:
        return None
    marks = ["urgent"] if after.urgent else []
    marks += [after.priority.name.lower()] if after.priority < Priority.NORMAL else []
    mark = f" ({', '.join(marks)})" if marks else ""
    return f"{quoted(after.sender, 64)} to {quoted(after.to, 64)}{mark}: {quoted(after.body)}"


def _delivery(change: Change[Delivery]) -> str | None:
    event, before, after, _ = change
    actor, copy = quoted(event.actor, 64), quoted(after.key, 80)
    if after.state is DeliveryState.DEAD:
        return f"{copy} is a dead letter{_because(event.reason)}; see: supervisor dead list"
    if before is None or before.state is not DeliveryState.DEAD:
        return None
    if after.state is DeliveryState.QUEUED:
        return f"{actor} put {copy} back into the mailbox{_because(event.reason)}"
    return f"{actor} took the dead letter {copy} as dealt with{_because(event.reason)}"


def _vote(change: Change[Vote]) -> str | None:
    _, before, after, _ = change
    if before is None:
        options = ", ".join(quoted(option, 40) for option in after.options)
        return f"{quoted(after.opened_by, 64)} opened {after.id}: {quoted(after.question)} [{options}]"
    if after.decided_by is not None:
        return f"{quoted(after.decided_by, 64)} settled {after.id}: {quoted(after.winner or '')}"
    if before.state is after.state or after.state is VoteState.OPEN:
        return None
    match after.outcome:
        case VoteOutcome.DECIDED:
            return f"{after.id} decided: {quoted(after.winner or '')}"
        case VoteOutcome.TIE:
            return f"{after.id} closed with a tie"
        case VoteOutcome.RULE_NOT_MET:
            return f"{after.id} closed; its rule ({after.rule.value.replace('_', ' ')}) was not met"
        case VoteOutcome.NO_QUORUM | None:
            return f"{after.id} closed without a quorum"


def _ballot(change: Change[Ballot]) -> str | None:
    ballot = change.after
    return f"{quoted(ballot.voter, 64)} voted {quoted(ballot.choice, 40)} in {ballot.vote}"


def _approval(change: Change[Approval]) -> str | None:
    event, before, after, _ = change
    asked = f"{after.agent} asks {after.id} (tier {after.tier}): {quoted(after.title)}"
    if after.state is ApprovalState.PENDING:
        return asked if before is None else None
    if before is not None and before.state is after.state:
        return None
    by = quoted(after.answered_by or event.actor, 64)
    match after.state:
        case ApprovalState.APPROVED | ApprovalState.DENIED:
            told = f"{by} {after.state.value} {after.id}{_because(after.answer)}"
            return f"{asked}; {told}" if before is None else told
        case ApprovalState.EXPIRED | ApprovalState.WITHDRAWN:
            return f"{after.id} {after.state.value}: {quoted(after.title)}"
        case ApprovalState.USED:
            return None


def _question(change: Change[Question]) -> str | None:
    event, before, after, _ = change
    if before is None:
        options = f" [{', '.join(quoted(option, 40) for option in after.options)}]" if after.options else ""
        return f"{after.agent} asks you {after.id}: {quoted(after.question)}{options}"
    if after.state is QuestionState.ANSWERED:
        told = ": ".join(part for part in (after.choice, after.answer) if part)
        return f"{quoted(event.actor, 64)} answered {after.id}: {quoted(told)}"
    return f"{after.id} {after.state.value}{_because(after.answer)}"


def _handoff(change: Change[Handoff]) -> str | None:
    handoff = change.after
    about = f" {handoff.task}" if handoff.task else ""
    return f"{handoff.sender} hands{about} off to {handoff.to}: {quoted(handoff.notes)}"


def _pool(change: Change[Pool]) -> str | None:
    event, before, after, _ = change
    if before is None:
        return None
    name, why = quoted(after.name, 64), quoted(event.reason, WHY_MAX)
    if after.manual != before.manual:
        set_to = "follows its work again" if after.manual is None else f"is set to {after.manual}"
        return f"{quoted(event.actor, 64)}: pool {name} {set_to}"
    if after.wanted == before.wanted:
        return f"pool {name} stays at {after.wanted}: {why}"
    return f"pool {name}: {before.wanted} → {after.wanted}: {why}"


def _run(change: Change[Run]) -> str | None:
    _, before, after, _ = change
    if after.state is RunState.ACTIVE:
        return f"run {after.id} of {quoted(after.team, 64)} started" if before is None else None
    return f"run {after.id} {after.state.value}{_because(after.outcome)}"


def _turn(change: Change[Turn]) -> str | None:
    """Tell of turns that went wrong; that they begin and end is only noise."""
    turn = change.after
    if turn.state is TurnState.RUNNING or turn.ok:
        return None
    about = f" about {turn.task}" if turn.task else ""
    return f"a turn of {turn.agent}{about} was cut short: {quoted(turn.detail or turn.reason, WHY_MAX)}"


def _budget(change: Change[Allowance]) -> str | None:
    """Tell how far a budget is spent, and who gave more."""
    if change.after.state is AllowanceState.OPEN:
        return f"{quoted(change.event.actor, 64)} raised {quoted(change.after.words, WHY_MAX)}"
    hint = f"see: supervisor usage; raise it: supervisor budget raise {quoted(change.after.id)}"
    return f"{change.after.state.value}: {quoted(change.after.words, WHY_MAX)}; {hint}"


_TELLERS: Final[dict[str, Callable[[Change[Any]], str | None]]] = {
    "task": _task,
    "milestone": _milestone,
    "agent": _agent,
    "message": _message,
    "delivery": _delivery,
    "vote": _vote,
    "ballot": _ballot,
    "approval": _approval,
    "question": _question,
    "handoff": _handoff,
    "pool": _pool,
    "turn": _turn,
    "budget": _budget,
    "run": _run,
}
