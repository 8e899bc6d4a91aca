"""The engine as a process of its own: start it detached, hear whether it came up, see it gone."""

from __future__ import annotations

import fcntl
import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from supervisor.cli.engine_log import NAME, open_log
from supervisor.errors import EngineStartFailed, SupervisorError

START_TIMEOUT_S: Final = 60.0
STATUS_MAX: Final = 1 << 20
_PROGRAM: Final = Path(__file__).resolve().with_name("engine_program.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOrder:
    """What to start: what `engine_program` is told by its one argument."""

    project: Path
    profile: str | None = None
    report_dir: Path | None = None
    deadline_s: float | None = None
    new_run: bool = False
    goal: str = ""

    def spelled(self) -> str:
        """Spell what was asked for as JSON; paths come out as text."""
        asked = {name: value for name in self.__slots__ if (value := getattr(self, name))}
        return json.dumps(asked, default=str)

    @classmethod
    def read(cls, spelled: str) -> EngineOrder:
        """Read what `spelled` wrote."""
        asked = json.loads(spelled)
        report_dir = asked.get("report_dir")
        return cls(
            project=Path(asked["project"]),
            profile=asked.get("profile"),
            report_dir=None if report_dir is None else Path(report_dir),
            deadline_s=asked.get("deadline_s"),
            new_run=asked.get("new_run", False),
            goal=asked.get("goal", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedEngine:
    """An engine process that this command started."""

    process: subprocess.Popen[bytes]
    status: int
    log: Path

    def ready(self, *, timeout_s: float = START_TIMEOUT_S) -> Path:
        """Wait until its control socket is up and return that; raise what the engine raised."""
        told = _read_status(self.status, timeout_s)
        if "socket" in told:
            return Path(str(told["socket"]))
        raise self._failure(told)

    def _failure(self, told: dict[str, Any]) -> SupervisorError:
        from supervisor.transports.error_wire import error_from_wire

        if "error" in told:
            return error_from_wire(told["error"])
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=2)
        slow = f"(pid {self.process.pid}) did not answer in time; `supervisor down` stops it"
        happened = f"ended with code {code}" if code is not None else slow
        return EngineStartFailed(
            f"the engine was not ready: it {happened}. Read {self.log}", log=str(self.log), code=code
        )


def start_engine(order: EngineOrder) -> StartedEngine:
    """Start the engine in a session of its own, so that no terminal can take it along.

    It runs with `-P`, which keeps it from importing what lies in the working directory.
    A profile with problems is refused before anything is made.
    """
    from supervisor.config.profile import load_profile
    from supervisor.engine.earlier_run import require_earlier_run
    from supervisor.workspace.state_dir import open_state

    if order.profile is None:
        require_earlier_run(order.project)
    else:
        load_profile(order.profile)
    logs = open_state(order.project, create=True).logs
    log = open_log(logs)
    status, status_end = os.pipe2(os.O_CLOEXEC)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM), order.spelled(), str(status_end)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(status_end,),
            cwd="/",
            env=_environment(),
        )
    except BaseException:
        os.close(status)
        raise
    finally:
        os.close(status_end)
        os.close(log)
    return StartedEngine(process=process, status=status, log=logs / NAME)


def _environment() -> dict[str, str]:
    """Have the engine run the very code of this command, also from a checkout that is not installed."""
    root = Path(__file__).resolve().parents[2]
    if {"site-packages", "dist-packages"} & set(root.parts):
        return dict(os.environ)
    given = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(root), *([given] if given else [])])}


def _read_status(descriptor: int, timeout_s: float) -> dict[str, Any]:
    """Read the one line the engine writes; an empty answer means it died or was too slow."""
    end = time.monotonic() + timeout_s
    content = b""
    try:
        while b"\n" not in content and len(content) < STATUS_MAX:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
            part = os.read(descriptor, 65536) if readable else b""
            if not part:
                break
            content += part
    finally:
        os.close(descriptor)
    try:
        told = json.loads(content.partition(b"\n")[0] or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


class StatusPipe:
    """The engine's end of the status pipe: one line, the socket or the error that kept it from coming up."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)  # no agent may hold the pipe open

    def ready(self, socket: Path) -> None:
        """Tell where the engine can be reached."""
        self._write({"socket": str(socket)})

    def failed(self, error: SupervisorError) -> None:
        """Tell why there will be no engine; nothing if it was ready before."""
        from supervisor.transports.error_wire import error_to_wire

        self._write({"error": error_to_wire(error)})

    def _write(self, told: dict[str, Any]) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError), os.fdopen(descriptor, "wb") as stream:
            stream.write(json.dumps(told).encode() + b"\n")
