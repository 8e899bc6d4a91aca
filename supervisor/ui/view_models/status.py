"""The status line and the tabs: the team in one line, wherever you are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from supervisor.model.agent import AgentState
from supervisor.model.task import TERMINAL, TaskState
from supervisor.model.team import Run, RunState
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import Line, Span, Tone, line, say, width_of
from supervisor.ui.view_models.approvals import waiting_count
from supervisor.ui.view_models.inbox import unread_of_human
from supervisor.ui.view_models.words import (
    AGENT_TONES,
    AGENT_WORDS,
    ago,
    bar,
    count_of,
    span_of_time,
)

SCREENS: Final = ("fleet", "board", "inbox", "votes", "logs", "approvals")

_ORDER: Final = (
    AgentState.WORKING,
    AgentState.IDLE,
    AgentState.WAITING_HUMAN,
    AgentState.STARTING,
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
    waiting, unread = waiting_count(scene), unread_of_human(scene)
    open_votes = sum(vote.state.value == "open" for vote in scene.world.votes.values())
    badges = {
        "inbox": str(unread) if unread else "",
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
    if run is not None and run.state is not RunState.ACTIVE:
        return [
            *parts[:2],
            (2, (_run_end(scene, run), _run_end(scene, run, brief=True))),
            parts[2],
            (5, (_report(scene),)),
            progress,
        ]
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
                say(f" heard {ago(scene.heard_at, scene.now)} ago", Tone.MUTED),
            )
        return line(say(f"{glyphs.unread} live", Tone.GOOD))
    word = {Link.ENDED: "engine stopped", Link.LOST: "disconnected", Link.CONNECTING: "connecting"}[
        scene.link
    ]
    return line(
        say(f"{glyphs.cross} {word}", Tone.BAD), say(f" {ago(scene.heard_at, scene.now)} ago", Tone.MUTED)
    )


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


def _run_end(scene: Scene, run: Run, *, brief: bool = False) -> Line:
    good = run.state is RunState.FINISHED and not scene.world.task_counts()[TaskState.FAILED]
    glyph, tone = (scene.glyphs.tick, Tone.GOOD) if good else (scene.glyphs.cross, Tone.WARN)
    took = f" in {span_of_time(run.finished_at - run.started_at)}" if run.finished_at else ""
    outcome = f": {first_line(run.outcome, 80)}" if run.outcome and not brief else ""
    return line(
        say(f"{glyph} run {run.state.value}", tone),
        Span(safe(outcome)),
        say("" if brief else took, Tone.MUTED),
    )


def _report(scene: Scene) -> Line:
    if scene.engine is None or not scene.engine.report_dir:
        return ()
    return line(
        say("report ", Tone.MUTED),
        Span(safe(short_path(scene.engine.report_dir, scene.engine.project)), Tone.LINK),
    )


def short_path(path: str, project: str) -> str:
    """Spell a path from the project on, if it lies in there."""
    return path.removeprefix(project.rstrip("/") + "/") if project else path


def _never_connected(scene: Scene) -> Line:
    if scene.link is Link.CONNECTING:
        return line(say("connecting to the engine", Tone.MUTED), say(scene.glyphs.ellipsis, Tone.MUTED))
    return line(
        say(f"{scene.glyphs.cross} no engine", Tone.BAD),
        say("  "),
        Span(first_line(scene.link_reason), Tone.MUTED),
    )


def banner(scene: Scene, *, paused: bool = False) -> Line:
    """Say what must not be overlooked: the run has ended, the engine is gone, the display is held."""
    glyphs, run = scene.glyphs, scene.world.current_run
    if scene.is_known and run is not None and run.state is not RunState.ACTIVE:
        return line(
            *_run_end(scene, run),
            say("   "),
            *_report(scene),
            say("   ctrl+q leaves", Tone.MUTED),
        )
    if scene.is_known and scene.link is Link.LOST:
        return line(
            say(f"{glyphs.cross} The engine cannot be reached. ", Tone.BAD),
            say(f"What you see is {ago(scene.heard_at, scene.now)} old; trying again.", Tone.PLAIN),
        )
    if scene.is_known and scene.link is Link.ENDED:
        return line(
            say(f"{glyphs.cross} The engine has stopped: ", Tone.WARN),
            Span(first_line(scene.link_reason, 120)),
        )
    return line(say("The display is held; the agents go on. p lets it go.", Tone.NOTICE)) if paused else ()


def nothing_known(scene: Scene) -> tuple[Line, ...]:
    """Say why there is nothing to show: not yet, or no engine."""
    if scene.link is Link.CONNECTING:
        return (
            line(say("Connecting to the engine", Tone.TITLE)),
            line(say("The team appears here in a moment.", Tone.MUTED)),
        )
    return (
        line(say("No engine to show", Tone.TITLE)),
        line(Span(first_line(scene.link_reason), Tone.BAD)),
        (),
        line(say("Trying again; the team appears here as soon as the engine answers.", Tone.MUTED)),
        line(say("ctrl+q leaves.", Tone.MUTED)),
    )
