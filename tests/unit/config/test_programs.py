"""Programs and scripts that a team names are missed before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.config.profile import check_programs
from supervisor.errors import ProgramMissing
from supervisor.model.agent import Role
from supervisor.model.team import PoolSpec, TeamSpec


def team_of(directory: Path, *commands: tuple[str, ...], size: int = 1, path: str = "") -> TeamSpec:
    pools = tuple(
        PoolSpec(
            name=f"p{n}", role=Role.WORKER, command=command, size=size, env={"PATH": path} if path else {}
        )
        for n, command in enumerate(commands, start=1)
    )
    return TeamSpec(name="t", description="", pools=pools, source=str(directory / "t.toml"), digest="")


def missing_in(team: TeamSpec, project: Path | None = None) -> list[str]:
    with pytest.raises(ProgramMissing) as caught:
        check_programs(team, project=project)
    assert all(problem in caught.value.message for problem in caught.value.details["problems"])  # type: ignore[attr-defined]
    return caught.value.details["problems"]  # type: ignore[return-value]


def program(path: Path, *, mode: int = 0o755) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_programs_that_are_there_are_silent(tmp_path: Path) -> None:
    program(tmp_path / "tool")
    program(tmp_path / "run.py", mode=0o644)
    script = ("{python}", "{profile_dir}/run.py", "{profile_dir}")

    check_programs(team_of(tmp_path, script, (str(tmp_path / "tool"),), ("{profile_dir}/tool",)))
    check_programs(team_of(tmp_path, ("tool",), path=str(tmp_path)))
    check_programs(team_of(tmp_path, ("{project}/tool",)), project=tmp_path)


def test_what_cannot_be_known_yet_is_left_to_the_start(tmp_path: Path) -> None:
    check_programs(team_of(tmp_path, ("{project}/nothing",), ("{report_dir}/nothing",)))
    check_programs(
        team_of(tmp_path, ("{python}", "{profile_dir}/{report_dir}", "{project}/later.py", "x.py"))
    )


def test_every_missing_program_and_script_is_told_with_its_pool(tmp_path: Path) -> None:
    program(tmp_path / "plain", mode=0o644)
    team = team_of(
        tmp_path,
        ("no-such-program",),
        (str(tmp_path / "gone"),),
        (str(tmp_path / "plain"),),
        (str(tmp_path),),
        ("{python}", "{profile_dir}/gone.py"),
        path="/nowhere:relative::.",
    )

    assert missing_in(team) == [
        "pool p1: the program no-such-program is in no directory of PATH (/nowhere)",
        f"pool p2: the program {tmp_path}/gone does not exist",
        f"pool p3: the program {tmp_path}/plain may not be run; `chmod +x {tmp_path}/plain`",
        f"pool p4: the program {tmp_path} is no file",
        f"pool p5: the script {tmp_path}/gone.py does not exist",
    ]


def test_a_program_under_the_project_is_looked_for_when_the_project_is_known(tmp_path: Path) -> None:
    assert missing_in(team_of(tmp_path, ("{project}/run",)), project=tmp_path) == [
        f"pool p1: the program {tmp_path}/run does not exist"
    ]


def test_a_script_for_each_agent_is_looked_for_by_each_name(tmp_path: Path) -> None:
    program(tmp_path / "p1-1.py")

    assert missing_in(team_of(tmp_path, ("{python}", "{profile_dir}/{agent}.py"), size=2)) == [
        f"pool p1: the script {tmp_path}/p1-2.py does not exist"
    ]


def test_a_path_too_long_for_the_system_is_told(tmp_path: Path) -> None:
    name = "x" * 300

    assert missing_in(team_of(tmp_path, (f"/{name}",), ("{python}", f"{{profile_dir}}/{name}"))) == [
        f"pool p1: the program /{name} cannot be found: File name too long",
        f"pool p2: the script {tmp_path}/{name} cannot be found: File name too long",
    ]


def test_the_working_directory_is_never_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "tool")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")

    assert missing_in(team_of(tmp_path, ("tool",), path=".")) == [
        "pool p1: the program tool is in no directory of PATH (which is empty)"
    ]
    assert missing_in(team_of(tmp_path, ("tool",))) == [
        "pool p1: the program tool is in no directory of PATH (which is empty)"
    ]


def test_a_missing_python_is_told_of_the_placeholder(tmp_path: Path) -> None:
    (problem,) = missing_in(team_of(tmp_path, ("python2",), path="/nowhere"))

    assert problem.endswith("(/nowhere); `{python}` is the one that runs supervisor")
