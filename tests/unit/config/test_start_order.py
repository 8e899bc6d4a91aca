"""A profile in which nobody could begin, because each waits for another, is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.config.profile import load_profile
from supervisor.errors import ProfileInvalid


def problems_of(tmp_path: Path, *parts: str) -> list[str]:
    path = tmp_path / "team.toml"
    path.write_text('name = "t"\ndescription = "d"\n' + "\n".join(parts), encoding="utf-8")
    path.chmod(0o600)
    try:
        load_profile(str(path))
    except ProfileInvalid as error:
        return list(error.problems)
    return []


def pool(name: str, *, after: str = "", branch: str = "", more: str = "") -> str:
    lines = ["[[pools]]", f'name = "{name}"', 'role = "worker"', 'command = ["true"]']
    if branch:
        lines.append(f'branch = "{branch}"')
    if more:
        lines.append(more)
    if after:
        lines += ["[[pools.depends_on]]", f'pool = "{after}"']
    return "\n".join(lines)


def branch(name: str, *, under: str = "", strategy: str = "one_for_one") -> str:
    above = f'under = "{under}"' if under else ""
    return f'[[branches]]\nname = "{name}"\nstrategy = "{strategy}"\n{above}'


STRICT = '[supervision]\nstrategy = "rest_for_one"'


def test_one_may_wait_for_one_that_starts_before_it(tmp_path: Path) -> None:
    assert problems_of(tmp_path, STRICT, pool("a"), pool("b", after="a")) == []


def test_in_a_one_for_one_branch_one_may_wait_for_one_that_starts_after_it(tmp_path: Path) -> None:
    assert problems_of(tmp_path, pool("a", after="b"), pool("b")) == []


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_all"])
def test_in_a_strict_branch_it_may_not(tmp_path: Path, strategy: str) -> None:
    top = f'[supervision]\nstrategy = "{strategy}"'
    (problem,) = problems_of(tmp_path, top, pool("a", after="b"), pool("b"))
    assert "start order and `depends_on`, pools wait for each other in a circle: " in problem


def test_what_counts_is_where_the_branches_stand(tmp_path: Path) -> None:
    inner, deep = branch("inner"), branch("deep", under="inner")
    agents = (pool("a", branch="deep"), pool("b", after="c"), pool("c", branch="inner"))
    assert problems_of(tmp_path, STRICT, *agents, inner, deep) == []
    agents = (pool("a", branch="deep", after="b"), pool("b"), pool("c", branch="inner"))
    (problem,) = problems_of(tmp_path, STRICT, *agents, inner, deep)
    assert "in a circle" in problem


def test_a_circle_through_others_is_found(tmp_path: Path) -> None:
    inner = branch("inner", strategy="one_for_all")
    agents = (pool("a", branch="inner", after="x"), pool("x", after="b"), pool("b", branch="inner"))
    (problem,) = problems_of(tmp_path, *agents, inner)
    assert "in a circle" in problem


def test_a_plain_circle_is_told_once(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, STRICT, pool("a", after="b"), pool("b", after="a"))
    assert "pools wait for each other in a circle: " in problem
    assert "start order" not in problem


def test_other_faults_are_told_though_the_tree_is_none(tmp_path: Path) -> None:
    circle = (branch("inner", under="deep"), branch("deep", under="inner"))
    agents = (pool("a", branch="inner"), pool("b", branch="nowhere"), '[[pools]]\nrole = "worker"')
    problems = problems_of(tmp_path, STRICT, *agents, *circle)
    assert any("branches stand under each other in a circle" in problem for problem in problems)
    assert any('no branch is called "nowhere"' in problem for problem in problems)


def test_what_never_completes_may_not_be_waited_for_to_complete(tmp_path: Path) -> None:
    waiting = pool("a", after="b") + '\ncondition = "completed_ok"'
    assert problems_of(tmp_path, waiting, pool("b")) == []
    (problem,) = problems_of(tmp_path, waiting, pool("b", more='restart = "permanent"'))
    assert '"b" never completes: it has `restart = "permanent"`' in problem
