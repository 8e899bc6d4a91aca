"""The command `supervisor`, short form `sup`: the tree of verbs."""

from __future__ import annotations

import click

from supervisor import __version__
from supervisor.cli.agent_verbs import agent
from supervisor.cli.approval_verbs import approvals, approve, reject
from supervisor.cli.backup_verbs import backup, restore
from supervisor.cli.border import Border
from supervisor.cli.care_verbs import doctor, fsck
from supervisor.cli.dead_verbs import dead
from supervisor.cli.event_verbs import archive, events, replay
from supervisor.cli.group_verbs import group
from supervisor.cli.join_verb import join, mcp
from supervisor.cli.key_verbs import key
from supervisor.cli.log_verbs import logs
from supervisor.cli.memory_verbs import memory
from supervisor.cli.message_verbs import inbox, send
from supervisor.cli.notify_verbs import notify
from supervisor.cli.plan_verbs import plan
from supervisor.cli.process_verbs import drain, kill, pause, restart, resume, stop
from supervisor.cli.profile_verbs import profile
from supervisor.cli.question_verbs import question
from supervisor.cli.reload_verb import reload
from supervisor.cli.rules_verbs import rules
from supervisor.cli.run_verbs import attach, down, run, up
from supervisor.cli.scale_verb import scale
from supervisor.cli.sync_verbs import sync
from supervisor.cli.task_verbs import task
from supervisor.cli.team_verbs import ps, status
from supervisor.cli.terminal_verb import terminal
from supervisor.cli.usage_verb import budget, usage
from supervisor.cli.vote_verbs import vote
from supervisor.cli.wait_verb import wait
from supervisor.cli.why_verb import why
from supervisor.cli.worktrees_verb import worktrees


@click.group(
    cls=Border,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: supervisor up survey",
)
@click.version_option(__version__, prog_name="supervisor", message="%(prog)s %(version)s")
def supervisor() -> None:
    """Run a team of agents on a project: alive, coordinated, visible, safe."""


for verb in (
    up,
    run,
    attach,
    down,
    reload,
    status,
    ps,
    why,
    logs,
    terminal,
    events,
    send,
    inbox,
    dead,
    group,
    approvals,
    approve,
    reject,
    rules,
    question,
    task,
    plan,
    sync,
    wait,
    agent,
    vote,
    usage,
    budget,
    memory,
    notify,
    key,
    join,
    mcp,
    restart,
    pause,
    resume,
    drain,
    stop,
    kill,
    scale,
    worktrees,
    profile,
    doctor,
    fsck,
    backup,
    restore,
    replay,
    archive,
):
    supervisor.add_command(verb)


def main() -> None:
    """Run the command line of this process."""
    supervisor(prog_name="supervisor")
