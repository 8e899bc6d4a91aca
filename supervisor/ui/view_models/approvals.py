"""Approvals: what needs me: requests, questions, calls for help, what is held and who is down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervisor.model.agent import Agent, AgentState
from supervisor.model.approval import BY_TOOL, HIGHEST_TIER, Approval, ApprovalState
from supervisor.model.health import UNWELL
from supervisor.model.ids import HUMAN
from supervisor.model.message import DeliveryState, Message, MessageKind
from supervisor.model.question import Question
from supervisor.model.rule import act_parts, same_act, why_never_always
from supervisor.model.task import BlockReason, Task, TaskState
from supervisor.ui.safe_text import deceptions, first_line, safe
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.facts import fact, heading, paragraph
from supervisor.ui.view_models.payload import payload_deceptions, payload_lines
from supervisor.ui.view_models.questions import question_lines
from supervisor.ui.view_models.rows import Column, Row
from supervisor.ui.view_models.words import APPROVAL_TONES, TIER_WORDS, ago, count_of, left, when

REASON_MAX: Final = 2000
ANSWERED_SHOWN: Final = 20
_PAST: Final = "past "
"""Before the key of an answered request: the cursor does not follow it there, but goes to the next one."""

COLUMNS: Final = (
    Column(title="what waits", width=12, grow=2, most=20),
    Column(title="from", width=10, grow=1, most=16),
    Column(title="request", width=16, grow=6),
    Column(title="blocks", width=6, right=True, drop=2),
    Column(title="age", width=4, right=True, drop=1),
)

EMPTY: Final = (
    line(say("Nothing waits for you", Tone.TITLE)),
    line(say("When an agent asks for permission or for help, or cannot be", Tone.MUTED)),
    line(say("restarted any more, it appears here and the tab shows a flag.", Tone.MUTED)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One item of the queue as it is shown. An answer carries `approval` and `digest` from here.

    `always` is what would have to be the same for an answer that holds from now on, part by part;
    `never_always` says why there is no such answer.
    """

    key: str
    lines: tuple[Line, ...]
    approval: str | None = None
    digest: str = ""
    tier: int = 0
    title: str = ""
    refusal: str = ""
    can_be_rejected: bool = False
    always: tuple[tuple[str, str], ...] = ()
    never_always: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Return what must not change between paint and key press."""
        return (self.key, self.digest, self.refusal)


def waiting_count(scene: Scene) -> int:
    """Count everything that waits for a person."""
    world = scene.world
    asked = len(world.pending_approvals()) + len(world.open_questions())
    return asked + len(_calls(scene)) + len(_held(scene)) + len(_down(scene))


def _calls(scene: Scene) -> list[Message]:
    """List the help requests and questions to the person that are not read yet."""
    unread = {DeliveryState.QUEUED, DeliveryState.DELIVERED}
    waiting = [
        each.message
        for each in scene.world.deliveries.values()
        if each.recipient == HUMAN and each.state in unread
    ]
    messages = [scene.world.messages[each] for each in waiting if each in scene.world.messages]
    return [each for each in messages if each.kind in {MessageKind.HELP, MessageKind.QUERY}]


def _held(scene: Scene) -> list[Task]:
    return [
        task
        for task in scene.world.run_tasks()
        if task.state is TaskState.BLOCKED and BlockReason.NEEDS_HUMAN in task.blocked_by
    ]


def _down(scene: Scene) -> list[Agent]:
    return [each for each in scene.world.agents.values() if _trouble(each) is not None]


def _trouble(agent: Agent) -> tuple[str, str] | None:
    """Return in a word what is wrong with an agent, and why; None if it gets on."""
    if agent.state in {AgentState.PARKED, AgentState.STUCK}:
        return agent.state.value, agent.reason
    return (agent.liveness.value, agent.liveness_why) if agent.liveness in UNWELL else None


def queue_rows(scene: Scene, wanted: str = "") -> tuple[Row, ...]:
    """List what waits, the riskiest and most blocking first, then what was answered lately."""
    approvals = scene.world.pending_approvals()
    approvals.sort(key=lambda each: (-each.tier, -blocked_behind(scene, each.task), each.created_at))
    waiting = (
        *(_approval_row(scene, each) for each in approvals),
        *(_question_row(scene, each) for each in scene.world.open_questions()),
        *(_call_row(scene, each) for each in _calls(scene)),
        *(_held_row(scene, each) for each in _held(scene)),
        *(_down_row(scene, each) for each in _down(scene)),
    )
    answered = sorted(
        (each for each in scene.world.approvals.values() if each.state is not ApprovalState.PENDING),
        key=lambda each: each.answered_at or each.created_at,
        reverse=True,
    )[:ANSWERED_SHOWN]
    rows = [row for row in waiting if _has(row, wanted)]
    hidden = len(waiting) - len(rows)
    past = [row for row in (_approval_row(scene, each) for each in answered) if _has(row, wanted)]
    if past:
        rows += [Row(key="answered", heading=line(say("answered", Tone.TITLE))), *past]
    if hidden and rows:
        rows.insert(0, Row(key="hidden", heading=_hidden(hidden)))
    return tuple(rows)


def _hidden(number: int) -> Line:
    verb = "waits" if number == 1 else "wait"
    return line(say(f"{number} {verb}, hidden by the filter; esc clears it", Tone.WARN))


def _has(row: Row, wanted: str) -> bool:
    needle = wanted.casefold()
    return not needle or any(needle in span.text.casefold() for cell in row.cells for span in cell)


def blocked_behind(scene: Scene, task_id: str | None) -> int:
    """Count the open tasks that cannot go on before this one has ended, itself included."""
    if task_id is None:
        return 0
    open_tasks = [task for task in scene.world.run_tasks() if not task.is_terminal]
    reached, frontier = {task_id}, [task_id]
    while frontier:
        current = frontier.pop()
        behind = [task.id for task in open_tasks if current in task.depends_on and task.id not in reached]
        reached.update(behind)
        frontier += behind
    return len(reached)


def _approval_row(scene: Scene, each: Approval) -> Row:
    pending = each.state is ApprovalState.PENDING
    blocked = blocked_behind(scene, each.task) if pending else 0
    what = f"{each.id} tier {each.tier}" if pending else f"{each.id} {each.state.value}"
    tone = (Tone.BAD if each.tier >= HIGHEST_TIER else Tone.NOTICE) if pending else APPROVAL_TONES[each.state]
    return Row(
        key=each.id if pending else f"{_PAST}{each.id}",
        cells=(
            line(say(f"{scene.glyphs.approval[each.state]} {what}", tone)),
            line(Span(safe(each.agent), Tone.PLAIN if pending else Tone.MUTED)),
            line(Span(first_line(each.title), Tone.STRONG if pending else Tone.MUTED)),
            line(say(str(blocked) if blocked else "-", Tone.PLAIN if blocked else Tone.FAINT)),
            line(say(ago(each.created_at, scene.now), Tone.MUTED)),
        ),
    )


def _question_row(scene: Scene, question: Question) -> Row:
    return _other_row(
        scene,
        key=question.id,
        what=f"{question.id} question",
        who=question.agent,
        text=question.question,
        at=question.asked_at,
    )


def _call_row(scene: Scene, message: Message) -> Row:
    return _other_row(
        scene,
        key=message.id,
        what=message.kind.value,
        who=message.sender,
        text=message.body,
        at=message.at,
    )


def _held_row(scene: Scene, task: Task) -> Row:
    return _other_row(
        scene,
        key=task.id,
        what="task held",
        who=task.author or task.creator,
        text=task.title,
        at=task.updated_at,
    )


def _down_row(scene: Scene, agent: Agent) -> Row:
    what, text = _trouble(agent) or ("", "")
    return _other_row(
        scene,
        key=agent.name,
        what=what,
        who=agent.name,
        text=text,
        at=agent.since,
    )


def _other_row(scene: Scene, *, key: str, what: str, who: str, text: str, at: float) -> Row:
    return Row(
        key=key,
        cells=(
            line(say(f"{scene.glyphs.open} {what}", Tone.WARN)),
            line(Span(safe(who))),
            line(Span(first_line(text))),
            line(say("-", Tone.FAINT)),
            line(say(ago(at, scene.now), Tone.MUTED)),
        ),
    )


def card_of(scene: Scene, key: str | None) -> Card | None:
    """Lay out the chosen item of the queue; None if there is nothing of that key."""
    world = scene.world
    approval = world.approvals.get((key or "").removeprefix(_PAST))
    if approval is not None:
        return _approval_card(scene, approval)
    if key in world.questions:
        question = world.questions[key]
        return Card(key=question.id, title=question.question, lines=question_lines(scene, question))
    if key in world.messages:
        return _message_card(world.messages[key])
    if key in world.tasks:
        return _task_card(scene, world.tasks[key])
    if key in world.agents:
        return _agent_card(world.agents[key])
    return None


def _approval_card(scene: Scene, each: Approval) -> Card:
    warnings = tuple(dict.fromkeys((*_deceptions_around(each), *payload_deceptions(each.content))))
    return Card(
        key=each.id,
        approval=each.id,
        digest=each.digest,
        tier=each.tier,
        title=each.title,
        refusal=_refusal(scene, each, warnings),
        can_be_rejected=_is_open(scene, each),
        always=tuple(act_parts(same_act(each))),
        never_always=why_never_always(each),
        lines=(
            *_answer(scene, each),
            *_what_stands_above(scene, each, warnings),
            BLANK,
            *payload_lines(each.payload, scene.glyphs.edge),
            *_rewritten(each, scene.glyphs.edge),
            *_own_words(each, scene.glyphs.edge),
        ),
    )


def _refusal(scene: Scene, each: Approval, warnings: tuple[str, ...]) -> str:
    """Say why this cannot be approved from here; empty if it can."""
    if each.state is not ApprovalState.PENDING:
        return f"{each.id} is {each.state.value}"
    if scene.link is not Link.LIVE:
        return "the engine cannot be reached"
    if _has_expired(each, scene.now):
        return f"{each.id} has expired"
    if warnings and each.tier >= 2:
        return f"{each.id} contains {' and '.join(warnings)}; reject it"
    return ""


def _is_open(scene: Scene, each: Approval) -> bool:
    pending = each.state is ApprovalState.PENDING and scene.link is Link.LIVE
    return pending and not _has_expired(each, scene.now)


def _has_expired(each: Approval, now: float) -> bool:
    return bool(each.expires_at) and now >= each.expires_at


def _what_stands_above(scene: Scene, each: Approval, warnings: tuple[str, ...]) -> tuple[Line, ...]:
    tier = TIER_WORDS[each.tier] if 0 <= each.tier < len(TIER_WORDS) else f"tier {each.tier}"
    blocked = blocked_behind(scene, each.task) if each.state is ApprovalState.PENDING else 0
    task = scene.world.tasks.get(each.task) if each.task else None
    pending = each.state is ApprovalState.PENDING
    return (
        *paragraph(each.title, Tone.STRONG),
        *(
            line(say(f"{scene.glyphs.flag} contains {warning}, spelled out below", Tone.BAD))
            for warning in warnings
        ),
        BLANK,
        fact("asks", f"{each.agent}, incarnation {each.incarnation}"),
        fact("to do", each.kind, Tone.STRONG),
        *_origin(each),
        fact("risk", tier, Tone.BAD if each.tier >= HIGHEST_TIER else Tone.PLAIN),
        *((fact("for task", f"{task.id} {task.title}"),) if task else ()),
        *((fact("blocks", count_of(blocked, "task")),) if blocked else ()),
        fact("asked", f"{when(each.created_at, scene.now)}"),
        *(
            (fact("expires", f"in {left(each.expires_at, scene.now)}, then it is denied"),)
            if pending and each.expires_at
            else ()
        ),
        fact("digest", each.digest[:16]),
    )


def _deceptions_around(each: Approval) -> tuple[str, ...]:
    """Say why what stands around the payload may not be what it looks like."""
    offered = (text for option in each.options for text in (option.label, option.scope))
    texts = (each.title, each.kind, each.source, each.tool, each.cwd, *offered)
    return tuple(found for text in texts for found in deceptions(text))


def _origin(each: Approval) -> tuple[Line, ...]:
    """Show which program asked, where it would be done, and what the program itself offers."""
    if each.source == BY_TOOL:
        return ()
    offered = ", ".join(f"{option.label} ({option.scope})" for option in each.options)
    return (
        fact("source", f"{each.source}, {each.tool}" if each.tool else each.source),
        *((fact("in", each.cwd),) if each.cwd else ()),
        *((fact("holds", ", ".join(each.blocks)),) if each.blocks else ()),
        *((fact("offers", f"{offered}; here it is answered once"),) if offered else ()),
        *((fact("change", "supervisor approve --with allows something else"),) if each.rewritable else ()),
    )


def _rewritten(each: Approval, edge: str) -> tuple[Line, ...]:
    if not each.rewritten:
        return ()
    return (BLANK, heading("allowed instead"), *payload_lines(each.rewritten, edge))


def _own_words(each: Approval, edge: str) -> tuple[Line, ...]:
    """Show the agent's reason last and framed, so that it cannot pass for part of the card."""
    if not each.reason.strip():
        return ()
    cut = len(each.reason) - REASON_MAX
    return (
        BLANK,
        line(say(f"in the words of {safe(each.agent)}, not checked", Tone.MUTED)),
        *paragraph(each.reason[:REASON_MAX], Tone.MUTED, lead=f"{edge} "),
        *((line(say(f"{edge} {cut} more characters are not shown", Tone.FAINT)),) if cut > 0 else ()),
    )


def _answer(scene: Scene, each: Approval) -> tuple[Line, ...]:
    """Show first how it was answered and why, above anything that an agent wrote."""
    if each.state is ApprovalState.PENDING:
        return ()
    who = f" by {each.answered_by}" if each.answered_by else ""
    at = f", {when(each.answered_at, scene.now)}" if each.answered_at else ""
    return (
        line(
            say(f"{scene.glyphs.approval[each.state]} ", APPROVAL_TONES[each.state]),
            Span(safe(f"{each.state.value}{who}{at}"), APPROVAL_TONES[each.state]),
        ),
        *(paragraph(each.answer, lead=f"{scene.glyphs.edge} ") if each.answer else ()),
        BLANK,
    )


def _message_card(message: Message) -> Card:
    return Card(
        key=message.id,
        title=message.body,
        lines=(
            line(
                Span(safe(message.sender), Tone.STRONG),
                say(f" asks for {'help' if message.kind is MessageKind.HELP else 'an answer'}"),
            ),
            BLANK,
            *paragraph(message.body),
            BLANK,
            line(say("Press m to answer, x to mark it as read.", Tone.MUTED)),
        ),
    )


def _task_card(scene: Scene, task: Task) -> Card:
    return Card(
        key=task.id,
        title=task.title,
        lines=(
            line(say(f"{task.id} ", Tone.LINK), Span(safe(task.title), Tone.STRONG)),
            BLANK,
            line(say("This task is held for a person.", Tone.WARN)),
            *((BLANK, heading("feedback of the review"), *paragraph(task.feedback)) if task.feedback else ()),
            *((fact("blocks", count_of(blocked_behind(scene, task.id), "task")),)),
            BLANK,
            line(say("Press 2 for the board; there U frees it and C cancels it.", Tone.MUTED)),
        ),
    )


def _agent_card(agent: Agent) -> Card:
    what, why = _trouble(agent) or (agent.state.value, agent.reason)
    return Card(
        key=agent.name,
        title=why,
        lines=(
            line(Span(safe(agent.name), Tone.STRONG), say(f" is {what}", Tone.BAD)),
            BLANK,
            *paragraph(why),
            *(
                (fact("last exit", agent.last_exit.detail or agent.last_exit.kind.value),)
                if agent.last_exit
                else ()
            ),
            BLANK,
            line(say("Press 1 for the fleet, X there restarts it; 5 shows its log.", Tone.MUTED)),
        ),
    )
