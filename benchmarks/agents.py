"""What driving agents costs: while they stream, at their start, for each permission, and while idle.

The real programs are those that the tests install (`npm ci --prefix tests/agents/clis`), with the scripted
model.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.table import Table, median, percentile
from benchmarks.team import ROOT, SUPERVISOR, Team, running, until
from supervisor.testing.scripted_model import ScriptedModel, serving_apart

HERE: Final = Path(__file__).parent
PROGRAMS: Final = ROOT / "tests" / "agents" / "clis" / "node_modules" / ".bin"
STREAMING: Final = 20
LINES_A_SECOND: Final = 20
WATCHED_S: Final = 20.0
ASKED: Final = 300
IDLE_AGENTS: Final = 20
FULL: Final = 9

_HEAD: Final = 'name = "bench"\ndescription = "A team to measure with."\n[run]\non_done = "keep"\n'


def tables(rounds: int) -> Iterator[Table]:
    """Measure all; the idle team is watched for ten minutes in a full run, else for half a minute."""
    yield _streaming()
    yield _permissions()
    with _with_programs(), serving_apart() as model:
        yield _starts(model, rounds)
        yield _idle(model, 600.0 if rounds >= FULL else 30.0)


def _json_pool(name: str, size: int, *command: str) -> str:
    argv = json.dumps([sys.executable, *command])
    return (
        f'[[pools]]\nname = "{name}"\nrole = "worker"\nsize = {size}\ncommand = {argv}\noutput = "json"\n'
        f'allowed = "all"\nstart_timeout_s = 600\n'
    )


def _claude_pool(size: int, model: ScriptedModel) -> str:
    return (
        f'[[pools]]\nname = "claude"\nrole = "worker"\nsize = {size}\nagent = "claude"\nmodel = "scripted"\n'
        f'allowed = "all"\nstart_timeout_s = 600\n'
        f'env = {{ ANTHROPIC_BASE_URL = "{model.address}", ANTHROPIC_API_KEY = "scripted" }}\n'
    )


# ---------------------------------------------------------------- while they stream


def _engine_use(team: Team, seconds: float) -> tuple[float, float]:
    """Return percent of a core and MiB of PSS that the engine uses."""
    engine = psutil.Process(team.pid)
    engine.cpu_percent()
    time.sleep(seconds)
    return engine.cpu_percent(), engine.memory_full_info().pss / 2**20


def _streaming() -> Table:
    table = Table("Driving streaming agents", ("agents", "lines/s each", "engine CPU %", "engine PSS MiB"))
    results = []
    for agents in (1, 1 + STREAMING):
        pool = _json_pool("w", agents, str(HERE / "streaming_agent.py"), str(LINES_A_SECOND))
        with running(_HEAD + pool) as team:
            team.kits(agents)
            time.sleep(3)
            results.append(_engine_use(team, WATCHED_S))
            table.add(agents, LINES_A_SECOND, *results[-1])
    (cpu, pss), (more_cpu, more_pss) = results
    table.add("each more", LINES_A_SECOND, (more_cpu - cpu) / STREAMING, (more_pss - pss) / STREAMING)
    return table


# ---------------------------------------------------------------- permissions


def _permissions() -> Table:
    """Time each request from the agent's line to its event in the log, and from there to the agent."""
    table = Table("A permission, ms", ("way", "p50", "p95", "p99"))
    with running(_HEAD + _json_pool("w", 1, str(HERE / "asking_agent.py"), str(ASKED), "times.json")) as team:
        _verb(team, "task", "add", "Ask")
        times = until(lambda: json.loads((team.project / "times.json").read_text()))
        events = _events(team)
    begun = [event["at"] for event in events if event["kind"] == "approval.requested"]
    there = [(at - asked) * 1000 for (asked, _), at in zip(times, begun, strict=True)]
    back = [(answered - at) * 1000 for (_, answered), at in zip(times, begun, strict=True)]
    for way, values in (("agent to queue", there), ("decided by rule, back at the agent", back)):
        table.add(way, *(percentile(values, percent) for percent in (50, 95, 99)))
    return table


def _verb(team: Team, *words: str) -> str:
    done = subprocess.run(
        [*SUPERVISOR, *words, "--project", str(team.project)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return done.stdout


def _events(team: Team) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _verb(team, "events", "--json").splitlines()]


# ---------------------------------------------------------------- starts


@contextmanager
def _with_programs() -> Iterator[None]:
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{PROGRAMS}{os.pathsep}{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _first_call_after(model: ScriptedModel, before: int) -> float:
    """Return when the model is asked for more than so many answers, epoch seconds, to 2 ms."""
    until(lambda: len(model.calls) > before)
    return time.time()


def _bare_start(model: ScriptedModel) -> float:
    """Return how long Claude Code takes by itself, from its start to its first call, in ms."""
    before, began = len(model.calls), time.time()
    child = subprocess.Popen(
        ["claude", "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ANTHROPIC_BASE_URL": model.address, "ANTHROPIC_API_KEY": "scripted"},
    )
    assert child.stdin is not None
    prompt = {
        "type": "user",
        "message": {"role": "user", "content": [{"type": "text", "text": "SCRIPT: say x"}]},
    }
    child.stdin.write(json.dumps(prompt).encode() + b"\n")
    child.stdin.flush()
    first = _first_call_after(model, before)
    child.kill()
    child.wait()
    return (first - began) * 1000


def _as_it_is(_project: Path) -> None:
    """Leave a project as it is."""


def _ours(model: ScriptedModel) -> float:
    """Return the same under an engine, from the agent's start on."""
    before = len(model.calls)
    with running(_HEAD + _claude_pool(1, model), _as_it_is, "--goal", "SCRIPT: say x") as team:
        first = _first_call_after(model, before)
        started = next(event["at"] for event in _events(team) if event["kind"] == "agent.starting")
    return float(first - started) * 1000


def _starts(model: ScriptedModel, rounds: int) -> Table:
    table = Table("Claude Code from its start to its first call, ms", ("how", "p50", "best"))
    bare = [_bare_start(model) for _ in range(rounds)]
    ours = [_ours(model) for _ in range(rounds)]
    table.add("by itself", median(bare), min(bare))
    table.add("in a team, with its task claimed", median(ours), min(ours))
    return table


# ---------------------------------------------------------------- idle


def _idle_ones(team: Team) -> int:
    agents = json.loads(_verb(team, "ps", "--json"))["agents"]
    return sum(agent["state"] == "idle" for agent in agents)


def _idle(model: ScriptedModel, seconds: float) -> Table:
    table = Table(
        "An idle team of Claude Code",
        ("agents", "watched s", "model calls", "a new task is at the model after ms"),
    )
    with running(_HEAD + _claude_pool(IDLE_AGENTS, model)) as team:
        until(lambda: _idle_ones(team) == IDLE_AGENTS)
        before = len(model.calls)
        time.sleep(seconds)
        during = len(model.calls) - before
        _verb(team, "task", "add", "SCRIPT: say x")
        first = _first_call_after(model, before + during)
        created = next(event["at"] for event in _events(team) if event["kind"] == "task.created")
        table.add(IDLE_AGENTS, seconds, during, float(first - created) * 1000)
    return table
