"""Verbs that start, show and stop a team: up, run, attach, down."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from supervisor.cli.border import Verb
from supervisor.cli.options import json_option, project_option, run_options
from supervisor.cli.output import note, print_json, say
from supervisor.errors import EngineNotRunning, RunConflict, UsageInvalid

if TYPE_CHECKING:
    from supervisor.cli.engine_process import EngineOrder


@click.command(
    cls=Verb,
    examples=(
        "supervisor up survey                   # start the survey team here and show it",
        "supervisor up                          # go on with the unfinished run",
        "supervisor up ./team.toml --detach     # start it without a screen and leave it running",
    ),
)
@click.argument("team", required=False)
@project_option
@run_options
@click.option("--detach", is_flag=True, help="Start the team and return; `supervisor attach` shows it.")
@json_option
@click.pass_context
def up(
    ctx: click.Context,
    *,
    team: str | None,
    project: Path,
    report: Path | None,
    deadline: float | None,
    new_run: bool,
    goal: str,
    detach: bool,
    as_json: bool,
) -> None:
    """Start TEAM and show it.

    TEAM is a profile's name or path; without it the unfinished run goes on. If the same team
    runs already, its screen is shown. Leaving the screen asks whether to stop the team.
    Without a terminal the team runs headless, as with `run`.
    """
    from supervisor.cli.engine_process import EngineOrder

    order = EngineOrder(
        project=project,
        profile=_absolute(team),
        report_dir=_report_place(report),
        deadline_s=deadline,
        new_run=new_run,
        goal=goal,
    )
    if detach:
        _start_detached(order, as_json=as_json)
    elif has_screen() and not as_json:
        ctx.exit(_up_with_screen(order))
    else:
        note("no terminal for the screen here: running headless")
        ctx.exit(_run_headless(order, as_json=as_json))


@click.command(
    cls=Verb,
    examples=(
        "supervisor run survey --report out     # run the survey team, report in out/",
        "supervisor run survey --json | jq .    # one JSON object per line",
        "supervisor run survey --deadline 600   # give it ten minutes",
        "supervisor run coders --goal 'Make the tests pass'",
    ),
)
@click.argument("team", required=False)
@project_option
@run_options
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    *,
    team: str | None,
    project: Path,
    report: Path | None,
    deadline: float | None,
    new_run: bool,
    goal: str,
    as_json: bool,
) -> None:
    """Run TEAM without a screen.

    It ends when the work is done, and leaves a report. Approvals are answered by the profile's
    rules; whatever no rule allows is denied. The exit code tells how it went.
    """
    from supervisor.cli.engine_process import EngineOrder

    order = EngineOrder(
        project=project,
        profile=_absolute(team),
        report_dir=_report_place(report),
        deadline_s=deadline,
        new_run=new_run,
        goal=goal,
    )
    ctx.exit(_run_headless(order, as_json=as_json))


@click.command(
    cls=Verb,
    examples=(
        "supervisor attach",
        "supervisor attach --project ~/src/shop",
    ),
)
@project_option
@click.pass_context
def attach(ctx: click.Context, project: Path) -> None:
    """Show the team that runs here. Leaving the screen leaves it running."""
    from supervisor.cli.engine_door import socket_of
    from supervisor.cli.engine_end import running_pid
    from supervisor.cli.engine_process import EngineOrder

    _require_screen("supervisor status")
    running_pid(project)
    ctx.exit(_show(EngineOrder(project=project), socket_of(project), owns_engine=False))


@click.command(
    cls=Verb,
    examples=(
        "supervisor down                        # let the agents end in good order, then stop",
        "supervisor down --now                  # stop everything at once",
        "supervisor down --force                # end an engine that does not answer, and its agents",
    ),
)
@project_option
@click.option("--now", is_flag=True, help="Do not wait for the agents to end by themselves.")
@click.option("--force", is_flag=True, help="If the engine does not answer, kill it and all it started.")
@json_option
def down(*, project: Path, now: bool, force: bool, as_json: bool) -> None:
    """Stop the team and its engine.

    Returns when all processes are gone. The run can be continued with `supervisor up`.
    """
    from supervisor.cli.engine_end import stop_engine

    ended = stop_engine(project, now=now, force=force)
    if as_json:
        print_json("down", pid=ended.pid, forced=ended.forced)
    elif ended.forced:
        say(f"the engine (pid {ended.pid}) was killed, and all that it had started is gone")
    else:
        say(f"stopped; the engine (pid {ended.pid}) is gone")


def has_screen() -> bool:
    """Tell whether there is a terminal that can show the team."""
    import os

    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") not in {"", "dumb", "unknown"}
    )


def _require_screen(instead: str) -> None:
    if not has_screen():
        raise UsageInvalid(
            f"this needs a terminal (stdin and stdout, TERM set). Without one use `{instead}`."
        )


def _absolute(team: str | None) -> str | None:
    """Spell a profile given by path so that the engine finds it from anywhere; names stay names."""
    if team is not None and ("/" in team or team.endswith(".toml")):
        return str(Path(team).absolute())
    return team


def _report_place(path: Path | None) -> Path | None:
    """Spell the report's directory in full; refuse one that cannot take a report before anything starts."""
    if path is None:
        return None
    from supervisor.headless.whole_file import require_place

    place = path.absolute()
    require_place(place)
    return place


def _run_headless(order: EngineOrder, *, as_json: bool) -> int:
    from supervisor.cli.headless_run import run_headless
    from supervisor.engine.main import EngineOptions
    from supervisor.model.approval import Mode

    options = EngineOptions(
        project=order.project,
        profile=order.profile,
        mode=Mode.HEADLESS,
        report_dir=order.report_dir,
        new_run=order.new_run,
        deadline_s=order.deadline_s,
        goal=order.goal,
        on_ready=None,
    )
    return run_headless(options, as_json=as_json)


def _start_detached(order: EngineOrder, *, as_json: bool) -> None:
    from supervisor.cli.engine_process import start_engine

    started = start_engine(order)
    socket = started.ready()
    if as_json:
        print_json("up", pid=started.process.pid, socket=str(socket))
    else:
        say(f"the team runs (engine pid {started.process.pid})")
        note("show it: supervisor attach; stop it: supervisor down")


def _up_with_screen(order: EngineOrder) -> int:
    """Attach if the same team runs already, else start it and own it."""
    from supervisor.cli.engine_door import socket_of
    from supervisor.cli.engine_process import start_engine

    if _runs_already(order):
        note("this team runs already; showing it")
        return _show(order, socket_of(order.project), owns_engine=False)
    started = start_engine(order)
    import supervisor.ui.app  # noqa: F401 - 200 ms of import while the engine boots

    return _show(order, started.ready(), owns_engine=True)


def _runs_already(order: EngineOrder) -> bool:
    """Tell whether the project's engine runs the wanted team; raise RunConflict if it runs another."""
    from supervisor.cli.engine_end import running_pid
    from supervisor.config.profile import load_profile
    from supervisor.workspace.engine_lock import read_engine_file
    from supervisor.workspace.state_dir import open_state

    try:
        pid = running_pid(order.project)
    except EngineNotRunning:
        return False
    record = read_engine_file(open_state(order.project, create=False))
    runs = record.team if record is not None else "another team"
    if order.goal:
        raise RunConflict(
            f"the engine (pid {pid}) runs here already. Give its team another goal with "
            "`supervisor task add` or `supervisor send`",
            pid=pid,
        )
    if order.new_run or (order.profile is not None and load_profile(order.profile).name != runs):
        raise RunConflict(
            f"the engine (pid {pid}) runs team `{runs}` here. Stop it with `supervisor down` first", pid=pid
        )
    return True


def _show(order: EngineOrder, socket: Path, *, owns_engine: bool) -> int:
    """Show the screen until it is left, then do with the engine what was chosen; return the exit code."""
    from supervisor.cli.engine_end import stop_engine
    from supervisor.ui.app import SupervisorApp
    from supervisor.ui.departure import Departure

    departure = Departure()
    with departure.on_signals():
        choice = SupervisorApp(socket, owns_engine=owns_engine, departure=departure).run()
    if departure.number is not None:
        _note_if_heard("the team runs on; show it: supervisor attach; stop it: supervisor down")
        return 128 + departure.number
    match choice:
        case "stop":
            note("stopping the team; Ctrl-C stops it at once")
            with suppress(EngineNotRunning):  # it may have ended by itself meanwhile
                stop_engine(order.project, now=False)
            code = _report_if_over(order)
            if code is None:
                note("the team is stopped; go on with: supervisor up")
            return code or 0
        case "lost":
            return _explain_loss(order)
        case _:
            note("the team runs on; show it: supervisor attach; stop it: supervisor down")
    return 0


def _note_if_heard(text: str) -> None:
    """Print a line of narration, unless the terminal has gone."""
    with suppress(OSError):
        note(text)


def _explain_loss(order: EngineOrder) -> int:
    """Tell whether the engine ended because the run did, or was lost."""
    code = _report_if_over(order)
    if code is None:
        raise EngineNotRunning(
            "the engine went away while the run was active; nothing is lost. "
            "Read `supervisor logs engine`, go on with `supervisor up`"
        )
    return code


def _report_if_over(order: EngineOrder) -> int | None:
    """Write the report of a run that is over, say where, and return its exit code; None if it goes on."""
    from supervisor.cli.event_loop import run_async
    from supervisor.cli.headless_run import write_run_report
    from supervisor.engine.offline import read_offline
    from supervisor.model.team import RunState
    from supervisor.model.world import World

    last = World.of(run_async(read_offline(order.project))).current_run
    if last is None or last.state is RunState.ACTIVE:
        return None
    summary = run_async(write_run_report(order.project, 0, engine=None, directory=order.report_dir))
    note(f"run {last.id} {last.state.value}: {summary['outcome']}; report: {summary['report']}")
    return int(summary["exit_code"])
