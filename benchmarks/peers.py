"""The peers of the supervision benchmark: supervisord, circus and pm2, each as its documentation has it run.

They are installed from the registries into throw-away environments; BENCH_PEERS names a directory that
is kept and used again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.keeper import Keeper, Order
from benchmarks.nursery import PATIENCE_S

SUPERVISORD: Final = "supervisor==4.3.0"
CIRCUS: Final = "circus==0.19.0"
PM2: Final = "pm2@7.0.4"
END_S: Final = 10.0


@dataclass(slots=True)
class Running:
    """A peer at work: its daemon, and the command that ends all."""

    ordered_at: float
    daemon: int
    stopping: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def pids(self) -> list[int]:
        """Return the daemon."""
        return [self.daemon]

    def stop(self) -> None:
        """Run the documented command and wait until the daemon says it is done, or is gone."""
        subprocess.run(self.stopping, env=self.env, capture_output=True, timeout=PATIENCE_S, check=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisord:
    """supervisord, foreground, signals for the whole group, logs as they come: 50 MB, ten of them."""

    tools: Path
    name: str = "supervisord 4.3.0"
    most: int = 1000
    settle_s: float = 2.0

    @contextmanager
    def keep(self, order: Order) -> Iterator[Running]:
        """Start it."""
        config = order.directory / "supervisord.conf"
        socket = order.directory / "s.sock"
        config.write_text(
            f"[unix_http_server]\nfile={socket}\n"
            f"[supervisord]\nnodaemon=true\nlogfile={order.directory}/d.log\nchildlogdir={order.directory}\n"
            f"pidfile={order.directory}/d.pid\nminfds=8192\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
            f"[supervisorctl]\nserverurl=unix://{socket}\n"
            f"[program:w]\ncommand={' '.join(order.argv)}\nnumprocs={order.copies}\n"
            "process_name=%(process_num)04d\nautorestart=true\nstopasgroup=true\nkillasgroup=true\n"
        )
        words = [str(self.tools / "bin" / "supervisord"), "-c", str(config)]
        ctl = [str(self.tools / "bin" / "supervisorctl"), "-c", str(config), "shutdown"]
        with _foreground(words, order.directory) as (daemon, at):
            yield Running(at, daemon.pid, ctl)
            _wait(daemon)

    begin_again = keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Circus:
    """circusd with one watcher, its children stopped with theirs, output to files."""

    tools: Path
    name: str = "circus 0.19.0"
    most: int = 1000
    settle_s: float = 2.0

    @contextmanager
    def keep(self, order: Order) -> Iterator[Running]:
        """Start it."""
        config = order.directory / "circus.ini"
        end = f"ipc://{order.directory}/c.sock"
        config.write_text(
            f"[circus]\nendpoint={end}\npubsub_endpoint=ipc://{order.directory}/p.sock\n"
            f"[watcher:w]\ncmd={order.argv[0]}\nargs={' '.join(order.argv[1:])}\n"
            f"numprocesses={order.copies}\n"
            "warmup_delay=0\nstop_children=true\n"
            f"stdout_stream.class=FileStream\nstdout_stream.filename={order.directory}/out.log\n"
            "stdout_stream.max_bytes=10485760\nstdout_stream.backup_count=5\n"
        )
        words = [str(self.tools / "bin" / "circusd"), str(config)]
        ctl = [str(self.tools / "bin" / "circusctl"), "--endpoint", end, "quit", "--waiting"]
        with _foreground(words, order.directory) as (daemon, at):
            yield Running(at, daemon.pid, ctl)
            _wait(daemon)

    begin_again = keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Pm2:
    """pm2 in fork mode without an interpreter; its God daemon is up before the order is timed."""

    tools: Path
    name: str = "pm2 7.0.4"
    most: int = 1000
    settle_s: float = 2.0

    @contextmanager
    def keep(self, order: Order) -> Iterator[Running]:
        """Start it."""
        home = order.directory / "pm2"
        env = {**os.environ, "PM2_HOME": str(home), "HOME": str(order.directory)}
        pm2 = str(self.tools / "node_modules" / ".bin" / "pm2")
        app = {
            "name": "w",
            "script": order.argv[0],
            "args": list(order.argv[1:]),
            "instances": order.copies,
            "exec_mode": "fork",
            "interpreter": "none",
        }
        (order.directory / "e.json").write_text(json.dumps({"apps": [app]}))
        _quietly([pm2, "ping"], env)
        pid = int((home / "pm2.pid").read_text())
        at = time.monotonic()
        starting = subprocess.Popen(
            [pm2, "start", str(order.directory / "e.json")],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Running(at, pid, [pm2, "kill"], env)
        finally:
            starting.kill()
            starting.wait()
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(home, ignore_errors=True)

    begin_again = keep


@contextmanager
def _foreground(words: list[str], directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    with (directory / "own.out").open("ab") as out:
        at = time.monotonic()
        daemon = subprocess.Popen(words, stdout=out, stderr=out, cwd=directory)
    try:
        yield daemon, at
    finally:
        daemon.kill()
        daemon.wait()


def _wait(daemon: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        daemon.wait(0.1)


def _quietly(words: list[str], env: dict[str, str] | None = None) -> None:
    subprocess.run(words, env=env, capture_output=True, timeout=600, check=True)


@contextmanager
def installed() -> Iterator[list[Keeper]]:
    """Install the peers, or those there are programs for, and give them."""
    kept = os.environ.get("BENCH_PEERS")
    with tempfile.TemporaryDirectory(prefix="peers-") as thrown_away:
        place = Path(kept or thrown_away)
        found: list[Keeper] = []
        for make in (_supervisord, _circus, _pm2):
            try:
                found.append(make(place))
            except (OSError, subprocess.SubprocessError) as error:
                print(
                    f"left out: {make.__name__.strip('_')}, it cannot be installed: {error}", file=sys.stderr
                )
        yield found


def _supervisord(place: Path) -> Keeper:
    return Supervisord(tools=_python_tools(place / "supervisord", SUPERVISORD, "setuptools<81"))


def _circus(place: Path) -> Keeper:
    return Circus(tools=_python_tools(place / "circus", CIRCUS))


def _pm2(place: Path) -> Keeper:
    tools = place / "pm2"
    if not (tools / "node_modules" / ".bin" / "pm2").exists():
        tools.mkdir(parents=True, exist_ok=True)
        _quietly(["npm", "install", "--prefix", str(tools), "--no-audit", "--no-fund", PM2])
    return Pm2(tools=tools)


def _python_tools(place: Path, *packages: str) -> Path:
    if not (place / "installed").exists():
        venv.create(place, with_pip=True)
        _quietly([str(place / "bin" / "pip"), "install", "--quiet", *packages])
        (place / "installed").touch()
    return place
