"""The status line and the tabs: the team in one line, wherever you are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from supervisor.model.agent import AgentState
from supervisor.model.task import TERMINAL, TaskState
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import Line, Span, Tone, line, say, width_of
from supervisor.ui.view_models.approvals import waiting_count
from supervisor.ui.view_models.banner import run_end, run_is_over
from supervisor.ui.view_models.inbox import dead_count, unread_of_human
from supervisor.ui.view_models.words import (
    AGENT_TONES,
    AGENT_WORDS,
    bar,
    count_of,
    when,
)

SCREENS: Final = ("fleet", "board", "inbox", "votes", "logs", "approvals")

_ORDER: Final = (
    AgentState.WORKING,
    AgentState.IDLE,
    AgentState.WAITING_HUMAN,
    AgentState.STARTING,
    AgentState.PAUSED,
    AgentState.DRAINING,
    AgentState.BACKOFF,
    AgentState.STUCK,
    AgentState.PARKED,
    AgentState.STOPPING,
    AgentState.EXITED,
)
_TROUBLED: Final = frozenset({AgentState.BACKOFF, AgentState.STUCK, AgentState.PARKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One screen in the strip of tabs, with how many things wait there."""

    mode: str
    digit: str
    title: str
    badge: str = ""
    urgent: bool = False


def tabs(scene: Scene) -> tuple[Tab, ...]:
    """List the six screens with their badges."""
    waiting, unread, dead = waiting_count(scene), unread_of_human(scene), dead_count(scene)
    open_votes = sum(vote.state.value == "open" for vote in scene.world.votes.values())
    badges = {
        "inbox": f"{unread or ''}{f' {scene.glyphs.flag}{dead}' if dead else ''}".strip(),
        "votes": str(open_votes) if open_votes else "",
        "approvals": f"{scene.glyphs.flag}{waiting}" if waiting else "",
    }
    return tuple(
        Tab(
            mode=mode,
            digit=str(number),
            title=mode.capitalize(),
            badge=badges.get(mode, ""),
            urgent=mode == "approvals" and waiting > 0,
        )
        for number, mode in enumerate(SCREENS, start=1)
    )


def status_line(scene: Scene, width: int) -> Line:
    """Say the team's state in one line of at most `width` cells, the most needed parts first."""
    if scene.engine is None:
        return _never_connected(scene)
    gap = say("   ")
    shown: list[tuple[int, Line]] = []
    room = width - 2
    for place, choices in _parts(scene):
        part = next((each for each in choices if each and width_of(each) + len(gap.text) <= room), ())
        if part:
            shown.append((place, part))
            room -= width_of(part) + len(gap.text)
    spans: list[Span] = []
    for _, part in sorted(shown, key=lambda each: each[0]):
        spans += [*([gap] if spans else []), *part]
    return tuple(spans)


def _parts(scene: Scene) -> list[tuple[int, tuple[Line, ...]]]:
    """List (place from the left, wordings from long to short), the most important part first."""
    run = scene.world.current_run
    parts = [(0, (_team(scene),)), (1, (_link(scene),)), (4, (_waiting(scene),))]
    progress = (3, (_progress(scene),))
    if run is not None and run_is_over(scene):
        return [*parts[:2], (2, (run_end(scene, run),)), progress, parts[2]]
    return [*parts, progress, (2, (_agents(scene), _agents(scene, brief=True)))]


def _team(scene: Scene) -> Line:
    return line(Span(safe(scene.engine.team), Tone.STRONG)) if scene.engine else ()


def _link(scene: Scene) -> Line:
    glyphs = scene.glyphs
    if scene.link is Link.LIVE:
        quiet = scene.now - scene.heard_at
        if quiet >= 15:
            return line(
                say(f"{glyphs.unread} live", Tone.WARN),
                say(f" heard {when(scene.heard_at, scene.now)}", Tone.MUTED),
            )
        return line(say(f"{glyphs.unread} live", Tone.GOOD))
    word = {Link.ENDED: "engine stopped", Link.LOST: "disconnected", Link.CONNECTING: "connecting"}[
        scene.link
    ]
    finished = run_is_over(scene) and scene.link is Link.ENDED
    sign, tone = (glyphs.agent[AgentState.EXITED], Tone.MUTED) if finished else (glyphs.cross, Tone.BAD)
    return line(say(f"{sign} {word}", tone), say(f" {when(scene.heard_at, scene.now)}", Tone.MUTED))


def _agents(scene: Scene, *, brief: bool = False) -> Line:
    counts = Counter(agent.state for agent in scene.world.agents.values())
    spans: list[Span] = [say(count_of(counts.total(), "agent"), Tone.MUTED)] if brief else []
    for state in _ORDER:
        if counts[state] and (state in _TROUBLED or not brief):
            spans += [say(f" {scene.glyphs.dot} ", Tone.FAINT)] if spans else []
            spans += [say(f"{counts[state]} {AGENT_WORDS[state]}", AGENT_TONES[state])]
    return tuple(spans)


def _progress(scene: Scene) -> Line:
    counts = scene.world.task_counts()
    total = sum(counts.values())
    if not total:
        return line(say("no tasks yet", Tone.MUTED))
    ended = sum(counts[state] for state in TERMINAL)
    failed = counts[TaskState.FAILED]
    spans = [*bar(ended, total, 10, scene.glyphs, Tone.GOOD), say(f" {ended}/{total} tasks")]
    if failed:
        spans.append(say(f" {scene.glyphs.cross} {failed} failed", Tone.BAD))
    return tuple(spans)


def _waiting(scene: Scene) -> Line:
    waiting = waiting_count(scene)
    if not waiting:
        return ()
    verb = "waits" if waiting == 1 else "wait"
    return line(say(f"{scene.glyphs.flag} {waiting} {verb} for you", Tone.NOTICE))


def _never_connected(scene: Scene) -> Line:
    if scene.link is Link.CONNECTING:
        return line(say("connecting to the engine", Tone.MUTED), say(scene.glyphs.ellipsis, Tone.MUTED))
    return line(
        say(f"{scene.glyphs.cross} no engine", Tone.BAD),
        say("  "),
        Span(first_line(scene.link_reason), Tone.MUTED),
    )
