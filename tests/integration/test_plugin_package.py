"""The worked example of a plug-in is built, installed, passes its own tests, and starts in a team."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "docs" / "examples" / "adapter_package"


class Home:
    """A place where the package is installed, and nowhere else."""

    def __init__(self, directory: Path, sockets: Path) -> None:
        self.directory = directory
        self.project = directory / "project"
        self.project.mkdir()
        self.env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(directory / "site"), str(ROOT))),
            "XDG_RUNTIME_DIR": str(sockets),
        }

    def run(self, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (sys.executable, "-m", *argv),
            cwd=cwd or self.directory,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def supervisor(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("supervisor", *words, "--project", str(self.project))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    directory = tmp_path_factory.mktemp("plugin")
    sockets = Path(tempfile.mkdtemp(prefix="sup-"))
    source = directory / "source"
    shutil.copytree(PACKAGE, source)
    made = Home(directory, sockets)
    command = ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    built = made.run(
        *command, "--disable-pip-version-check", "--target", str(directory / "site"), str(source)
    )
    assert built.returncode == 0, built.stderr
    yield made
    shutil.rmtree(sockets)


def test_its_own_tests_pass_where_it_is_installed(home: Home) -> None:
    done = home.run("pytest", "-q", "-p", "no:cacheprovider", cwd=home.directory / "source" / "tests")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_team_starts_with_it_and_its_conversation_is_in_the_log(home: Home) -> None:
    profile = home.directory / "source" / "team.toml"
    checked = home.supervisor("profile", "check", str(profile))
    assert checked.returncode == 0, checked.stderr
    up = home.supervisor("up", str(profile), "--detach")
    assert up.returncode == 0, up.stderr
    try:
        until = time.monotonic() + 20
        while "conversation" not in (log := home.supervisor("logs", "polly").stdout):
            assert time.monotonic() < until, log
    finally:
        assert home.supervisor("down", "--now").returncode == 0


def test_without_it_the_profile_is_refused_and_says_what_there_is() -> None:
    done = subprocess.run(
        (sys.executable, "-m", "supervisor", "profile", "check", str(PACKAGE / "team.toml")),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "parrot" in done.stderr
    assert "command" in done.stderr
