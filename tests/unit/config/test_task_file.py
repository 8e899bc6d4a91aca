"""A tasks.toml is read as its tutorial writes it, and gets states without losing a character of the rest."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config.planned import FILE_MAX, write_text
from supervisor.config.task_file import MET, STATUS_WORDS, WRITTEN, read_tasks, with_states
from supervisor.errors import PlanInvalid
from supervisor.model.task import TaskState

SEED: Final = """\
[meta]
description = "Auth API Pipeline"
[[tasks]]
id = "design"
description = "Design a REST API for user authentication with JWT tokens"
agent = "architect"
status = "pending"
[[tasks]]
id = "implement"
description = "Implement the auth API from the architect's design"
agent = "developer"
status = "pending"
parent = "design"
[[tasks]]
id = "test"
description = "Write comprehensive tests for the auth API"
agent = "tester"
status = "pending"
parent = "implement"
"""

COMMENTED: Final = """\
# the plan of the spring
[meta] # about it
name = "Spring"

[[tasks]]   # first
  id = 'a'
  "status"='pending'   # set by pull
  title = "status = \\"done\\""
  description = \"\"\"
status = "pending"
[[tasks]]
\"\"\"

[[tasks]]
id = "b"
description = "no status here"

[[ tasks ]]
depends_on = ["a", "b"]
status = "in-progress"
id = "c"
title = "c"
tags = ["x", "x"]
priority = "urgent"
wave = 2
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PlanInvalid) as refused:
        read_tasks(text, "tasks.toml")
    return refused.value.problems


def test_the_tutorials_file_is_read_unchanged() -> None:
    file = read_tasks(SEED, "tasks.toml")

    assert (file.planned.name, file.planned.goal) == ("Auth API Pipeline", "Auth API Pipeline")
    assert [(task.key, task.whom, task.depends_on) for task in file.planned.tasks] == [
        ("design", "architect", ()),
        ("implement", "developer", ("design",)),
        ("test", "tester", ("implement",)),
    ]
    assert file.planned.tasks[0].title == "Design a REST API for user authentication with JWT tokens"
    assert file.statuses == {"design": "pending", "implement": "pending", "test": "pending"}


def test_what_else_a_task_can_say() -> None:
    first, second, third = read_tasks(COMMENTED, "tasks.toml").planned.tasks

    assert (first.title, first.description) == ('status = "done"', 'status = "pending"\n[[tasks]]\n')
    assert second.title == "no status here"
    assert (third.depends_on, third.tags, third.priority, third.wave) == (("a", "b"), ("x",), "urgent", 2)


def test_a_track_is_ordered_as_the_file_is() -> None:
    text = "".join(
        f'[[tasks]]\nid = "{key}"\ntitle = "t"\ntrack = "{track}"\n' for key, track in ("ax", "by", "cx")
    )

    assert [(task.track, task.order) for task in read_tasks(text, "f").planned.tasks] == [
        ("x", 1),
        ("y", 1),
        ("x", 2),
    ]


def test_a_default_agent_does_what_names_nobody() -> None:
    text = '[meta]\ndefault_agent = "dev"\n[[tasks]]\nid = "a"\ntitle = "a"\n'
    text += '[[tasks]]\nid = "b"\ntitle = "b"\nagent = "qa"\n'

    assert [task.whom for task in read_tasks(text, "f").planned.tasks] == ["dev", "qa"]


def test_a_long_description_is_cut_for_the_title_at_a_whole_character() -> None:
    (task,) = read_tasks(f'[[tasks]]\nid = "a"\ndescription = "{"é" * 150}"\n', "f").planned.tasks

    assert task.title == "é" * 98 + "…"
    assert len(task.title.encode()) <= 200


@pytest.mark.parametrize("word", STATUS_WORDS)
def test_every_word_for_a_status_is_understood(word: str) -> None:
    file = read_tasks(f'[[tasks]]\nid = "a"\ntitle = "a"\nstatus = "{word}"\n', "f")

    assert file.planned.tasks[0].is_met == bool(STATUS_WORDS[word] & MET)
    assert file.differing({"a": next(iter(STATUS_WORDS[word]))}) == {}


@pytest.mark.parametrize("state", TaskState)
def test_every_state_is_written_as_a_word_that_means_it(state: TaskState) -> None:
    text = with_states(read_tasks(SEED, "f"), {"implement": state})
    again = read_tasks(text, "f")

    assert state in STATUS_WORDS[again.statuses["implement"]]
    assert again.statuses["implement"] == WRITTEN[state]
    assert again.differing({"implement": state}) == {}


def test_only_the_words_of_the_statuses_change() -> None:
    text = with_states(
        read_tasks(COMMENTED, "f"), {"a": TaskState.DONE, "b": TaskState.FAILED, "c": TaskState.SKIPPED}
    )

    assert text == COMMENTED.replace("\"status\"='pending'  ", '"status"="completed"  ').replace(
        '"in-progress"', '"skipped"'
    ).replace('[[tasks]]\nid = "b"', '[[tasks]]\nstatus = "failed"\nid = "b"')


def test_windows_lines_stay_windows_lines() -> None:
    text = with_states(read_tasks('[[tasks]]\r\nid = "a"\r\ntitle = "t"\r\n', "f"), {"a": TaskState.DONE})

    assert text == '[[tasks]]\r\nstatus = "completed"\r\nid = "a"\r\ntitle = "t"\r\n'


def test_states_of_tasks_that_the_file_has_not_are_left_out() -> None:
    file = read_tasks(SEED, "f")

    assert with_states(file, {"other": TaskState.DONE}) == SEED
    assert file.differing({"other": TaskState.DONE, "test": TaskState.BLOCKED}) == {}


@pytest.mark.parametrize(
    "text",
    [
        'tasks = [{id = "a", title = "t", status = "pending"}]\n',
        'tasks = [{id = "a", title = "t"}]\n',
        '[[tasks]]\nid = "a"\ntitle = "t"\nstatus = """pending"""\n',
    ],
)
def test_a_status_that_stands_on_no_line_of_its_own_is_not_written(text: str) -> None:
    with pytest.raises(PlanInvalid):
        with_states(read_tasks(text, "f"), {"a": TaskState.DONE})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "tasks.toml: this is no TOML"),
        ("a = " + "[" * 40, "tasks.toml:1: this is nested too deep"),
        ("a = [" + "1," * 20_000 + "]", "tasks.toml:1: this has too many entries"),
        ("task = 1", "tasks.toml:1: there is no key `task` here; did you mean `tasks`?"),
        ("meta = 1", "tasks.toml:1: `meta` is a table, not the number 1"),
        (
            "[meta]\ndescripton = 'x'",
            "tasks.toml:2: there is no key `descripton` here; did you mean `description`?",
        ),
        ("[meta]\nname = 3", "tasks.toml:2: `name` is a text, not the number 3"),
        ("tasks = 1", "tasks.toml:1: tasks are written as [[tasks]] tables"),
        ("[[tasks]]\ntitle = 'x'", "tasks.toml:1: the task has no `id`"),
        ("[[tasks]]\nid = 'x y'\ntitle = 'x'", "tasks.toml:2: the id `x y`: write letters"),
        ("[[tasks]]\nid = 'x'", "tasks.toml:1: the task says nothing"),
        (
            "[[tasks]]\nid = 'x'\ntitle = 'x'\n[[tasks]]\nid = 'x'\ntitle = 'x'",
            "tasks.toml:5: the id `x` is that of",
        ),
        (
            "[[tasks]]\nid='x'\ntitle='x'\nparent='y'",
            "tasks.toml:4: `parent` names `y`, which is no task here",
        ),
        (
            "[[tasks]]\nid='x'\ntitle='x'\ndepends_on='y'",
            "tasks.toml:4: `depends_on` is a list of ids, not the text",
        ),
        (
            "[[tasks]]\nid='x'\ntitle='x'\nstatus='dnoe'",
            "tasks.toml:4: `status` is `dnoe`; did you mean `done`?",
        ),
        ("[[tasks]]\nid='x'\ntitle='x'\npriority=1", "tasks.toml:4: `priority` is the number 1"),
        ("[[tasks]]\nid='x'\ntitle='x'\nwave=-1", "tasks.toml:4: `wave` is a number from 0 to 10000"),
        (
            "[[tasks]]\nid='x'\ntitle='x'\nwave=true",
            "tasks.toml:4: `wave` is a number from 0 to 10000, not true",
        ),
        ("[[tasks]]\nid='x'\ntitle='x'\ntags='a'", "tasks.toml:4: `tags` is a list of at most 50 names"),
        ("[[tasks]]\nid='x'\ntitle='x'\ntags=['A', 1]", "tasks.toml:4: `A` is no name"),
        ("[[tasks]]\nid='x'\ntitle='x'\ntrack=1", "tasks.toml:4: the number 1 is no name"),
        (f"[[tasks]]\nid='x'\ntitle='{'x' * 201}'", "tasks.toml:3: `title` has over 200 bytes"),
        (
            "[[tasks]]\nid='x'\ntitle='x'\n" * 501,
            "tasks.toml:1: a file has at most 500 tasks; this one has 501",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, said: str) -> None:
    found = problems(text)

    assert any(each.startswith(said) for each in found), found


keys = st.text("abc-_.19", min_size=1, max_size=8).filter(lambda key: key[0].isalnum())
strings = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\'), min_size=1, max_size=20
).filter(lambda text: text.strip())
tasks_drawn = st.lists(
    st.tuples(keys, strings, st.sampled_from([*STATUS_WORDS, None]), st.booleans()),
    max_size=8,
    unique_by=lambda drawn: drawn[0],
)


@given(tasks_drawn, st.lists(st.sampled_from(TaskState), min_size=8, max_size=8))
def test_whatever_a_file_says_only_its_states_change(
    drawn: list[tuple[str, str, str | None, bool]], states: list[TaskState]
) -> None:
    text = "# a file\n"
    for key, words, status, commented in drawn:
        text += f'[[tasks]]\nid = "{key}"\n'
        text += f'status = "{status}"{"  # so far" if commented else ""}\n' if status else ""
        text += f'description = """\n{words}\nstatus = "pending"\n"""\n'
    file = read_tasks(text, "f")
    wanted = dict(zip(file.statuses, states, strict=False))

    written = with_states(file, wanted)

    before, after = tomllib.loads(text), tomllib.loads(written)
    assert [task["status"] for task in after.get("tasks", [])] == [
        WRITTEN[state] for state in wanted.values()
    ]
    for old, new in zip(before.get("tasks", []), after.get("tasks", []), strict=True):
        assert {**old, "status": ""} == {**new, "status": ""}
    assert written.count("# so far") == text.count("# so far")
    assert with_states(read_tasks(written, "f"), wanted) == written


@given(st.text(max_size=200))
def test_any_text_is_a_file_or_problems(text: str) -> None:
    try:
        file = read_tasks(text, "f")
    except PlanInvalid as refused:
        told = refused.problems
    else:
        told = ("f: read",)
        assert isinstance(file.statuses, dict)
    assert told


def test_a_file_is_written_whole_with_its_mode_and_through_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "tasks.toml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)

    write_text(link, "new", instead_of="old")

    assert (real.read_text(), real.stat().st_mode & 0o777, link.is_symlink()) == ("new", 0o640, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["real.toml", "tasks.toml"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text("newer")

    with pytest.raises(PlanInvalid, match="was changed meanwhile; nothing was written"):
        write_text(path, "new", instead_of="old")
    assert path.read_text() == "newer"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "none" / "tasks.toml"

    with pytest.raises(PlanInvalid, match="cannot write"):
        write_text(path, "x" * min(10, FILE_MAX), instead_of="")
