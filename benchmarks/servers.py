"""Peers that are servers: PostgreSQL and Redis from the machine's packages, each on a socket of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 60.0
DAEMON_USER: Final = "postgres"
"""Whom PostgreSQL runs as where we are root, which it refuses."""


def postgres_programs() -> Path | None:
    """Return where PostgreSQL's programs are, the newest version's, or None."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def has_redis() -> bool:
    """Tell whether Redis is installed."""
    return shutil.which("redis-server") is not None


@contextmanager
def postgres() -> Iterator[Path]:
    """Run PostgreSQL as it comes, durable, on a fresh cluster; give the directory of its socket."""
    programs = postgres_programs()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as place:
        directory, user = Path(place), tuple[str, ...]()
        if os.geteuid() == 0:
            account = pwd.getpwnam(DAEMON_USER)
            os.chown(directory, account.pw_uid, account.pw_gid)
            user = ("runuser", "-u", DAEMON_USER, "--")
        data = str(directory / "data")
        _run(*user, str(programs / "initdb"), "-A", "trust", "-U", "bench", "-D", data)
        options = f"-c listen_addresses='' -c unix_socket_directories={directory}"
        start = (
            str(programs / "pg_ctl"),
            "-w",
            "-D",
            data,
            "-o",
            options,
            "-l",
            str(directory / "log"),
            "start",
        )
        _run(*user, *start)
        try:
            yield directory
        finally:
            _run(*user, str(programs / "pg_ctl"), "-w", "-m", "fast", "-D", data, "stop")


@contextmanager
def redis() -> Iterator[Path]:
    """Run Redis so that an answer means durable: every write is appended and synced. Give its socket."""
    with tempfile.TemporaryDirectory(prefix="bench-redis-") as place:
        socket = Path(place) / "redis.sock"
        server = subprocess.Popen(
            [
                "redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", place,
                "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _await(socket)
            yield socket
        finally:
            server.terminate()
            server.wait(timeout=PATIENCE_S)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S, cwd="/")


def _await(socket: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not socket.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{socket} did not appear in {PATIENCE_S:.0f} s")
        time.sleep(0.01)
