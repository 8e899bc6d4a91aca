"""An installed supervisor carries everything that it needs beside its code."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    ended = subprocess.run(
        words,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", place, ROOT, cwd=place)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """Unpack the wheel as an installer would; a path given to Python goes before the checkout's."""
    place = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def test_the_built_in_team_is_found_and_sound_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    words = (sys.executable, "-m", "supervisor", "profile")

    listed = run(*words, "list", "--json", cwd=tmp_path, PYTHONPATH=str(installed))
    checked = run(*words, "check", "survey", cwd=tmp_path, PYTHONPATH=str(installed))

    assert str(installed / "supervisor" / "_profiles" / "survey.toml") in listed
    assert checked.startswith("survey: ok")


def test_the_wheel_carries_every_file_of_the_product_and_no_test(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())

    kept = {
        str(path.relative_to(ROOT)).replace("profiles/", "supervisor/_profiles/", 1)
        for tree in ("supervisor", "profiles")
        for path in (ROOT / tree).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }

    assert kept - carried == set()
    assert {name for name in carried - kept if ".dist-info/" not in name} == set()
