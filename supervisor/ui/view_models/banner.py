"""What must not be overlooked: how the run ended, that the engine is gone, that the display is held."""

from __future__ import annotations

from supervisor.model.task import TaskState
from supervisor.model.team import Run, RunState
from supervisor.ui.safe_text import first_line, safe
from supervisor.ui.scene import Link, Scene
from supervisor.ui.spans import Line, Span, Tone, line, say
from supervisor.ui.view_models.words import span_of_time, when


def run_is_over(scene: Scene) -> bool:
    """Tell whether the run that is shown has ended."""
    run = scene.world.current_run
    return run is not None and run.state is not RunState.ACTIVE


def run_end(scene: Scene, run: Run) -> Line:
    """Say that the run has ended, and whether well."""
    good = run.state is RunState.FINISHED and not scene.world.task_counts()[TaskState.FAILED]
    sign, tone = (scene.glyphs.tick, Tone.GOOD) if good else (scene.glyphs.cross, Tone.WARN)
    return line(say(f"{sign} run {run.state.value}", tone))


def banner(scene: Scene, *, paused: bool = False) -> Line:
    """Return the most important of these things; empty if there is none."""
    run = scene.world.current_run
    if scene.is_known and run is not None and run_is_over(scene):
        return _how_it_ended(scene, run)
    if scene.is_known and scene.link is Link.LOST:
        return line(
            say(f"{scene.glyphs.cross} The engine cannot be reached. ", Tone.BAD),
            say(f"What you see is from {when(scene.heard_at, scene.now)}; trying again."),
        )
    if scene.is_known and scene.link is Link.ENDED:
        stopped = f"{scene.glyphs.cross} The engine has stopped: "
        return line(say(stopped, Tone.WARN), Span(first_line(scene.link_reason, 120)))
    return line(say("The display is held; the agents go on. p lets it go.", Tone.NOTICE)) if paused else ()


def _how_it_ended(scene: Scene, run: Run) -> Line:
    took = f" in {span_of_time(run.finished_at - run.started_at)}" if run.finished_at else ""
    return line(
        *run_end(scene, run),
        say(took),
        say("   report ", Tone.MUTED) if _report_dir(scene) else say(""),
        Span(safe(_report_dir(scene)), Tone.LINK),
        say("   "),
        Span(first_line(run.outcome), Tone.MUTED),
    )


def _report_dir(scene: Scene) -> str:
    return short_path(scene.engine.report_dir, scene.engine.project) if scene.engine else ""


def short_path(path: str, project: str) -> str:
    """Spell a path from the project on, if it lies in there."""
    return path.removeprefix(project.rstrip("/") + "/") if project else path


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
