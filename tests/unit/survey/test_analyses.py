"""Each figure that the machine's own tools can give is compared with them."""

from __future__ import annotations

import json
import os
import time

import pytest

from analyses.analysis import Analysis
from analyses.churn import Churn
from analyses.dependencies import Dependencies
from analyses.duplicates import Duplicates
from analyses.functions import Functions
from analyses.imports import Imports
from analyses.size import Size
from analyses.tests_ratio import TestRatio
from analyses.todos import Todos
from analysing import ANALYSES
from effort import Effort, effort_for
from findings import RESULT_LIMIT, read_findings
from tests.unit.survey.project import Project, finished

DAY = 86_400
BLOCK = "".join(f"    value_{number} = compute({number})\n" for number in range(8))


def grow(project: Project) -> None:
    """Plant a little of everything: two authors, a cycle, a copy, marks, tests, manifests."""
    project.git("init", "-q")
    now = int(time.time())
    project.write("shop/__init__.py")
    project.write("shop/cart.py", f"from shop import price\n\n\ndef total():  # TODO round\n{BLOCK}")
    project.write("shop/price.py", f"import shop.cart\n\n\ndef quote():\n{BLOCK}")
    project.write("shop/late.py", "def late():\n    import shop.cart\n    return shop.cart\n")
    project.commit("Ada", now - 800 * DAY)
    project.write("tests/test_cart.py", "from shop import cart\n\n\ndef test_total():\n    assert cart\n")
    project.write("tool.go", "package main\n\nfunc main() {\n\tif true {\n\t}\n}\n")
    project.write("pyproject.toml", '[project]\ndependencies = ["click>=8", "rich", "textual==8.2.8"]\n')
    project.commit("Bob", now - 10 * DAY)
    project.write("shop/price.py", (project.root / "shop/price.py").read_text() + "# FIXME later\n")
    project.commit("Bob", now - 5 * DAY)
    project.write("data.bin", b"\0TODO\n")
    project.write("notes.txt", "XXX not committed\nTODOS is no mark\n")


def test_size_counts_what_wc_counts(project: Project) -> None:
    grow(project)
    figures = project.analyse(Size).figures
    text = "git ls-files -z -co --exclude-standard | xargs -0 grep -lI -e '' -e '^$' | sort"

    assert figures["lines"] == int(project.shell(f"{text} | xargs cat | wc -l"))
    assert figures["bytes"] == int(project.shell(f"{text} | xargs cat | wc -c"))
    assert figures["binary_files"] == 1
    python = next(row for row in figures["languages"] if row["language"] == "Python")
    assert python["lines"] == int(project.shell("find . -name '*.py' | xargs cat | wc -l"))
    assert python["files"] == 5


def test_marks_are_the_lines_that_grep_finds(project: Project) -> None:
    grow(project)
    found = project.analyse(Todos)

    assert found.figures["marks"] == int(project.shell("grep -rIwE 'TODO|FIXME|XXX|HACK' . | wc -l")) == 3
    assert found.figures["by_word"] == {"TODO": 1, "FIXME": 1, "XXX": 1, "HACK": 0}


def test_marks_are_as_old_as_git_blame_says(project: Project) -> None:
    grow(project)
    found = project.analyse(Todos)
    rows = {row["path"]: row for row in found.evidence}

    assert rows["shop/cart.py"]["days"] == 800
    assert rows["shop/price.py"]["days"] == 5
    assert (rows["notes.txt"]["by"], rows["notes.txt"]["days"]) == ("file time", 0)
    assert found.figures["old"] == 1


def test_without_git_a_mark_is_as_old_as_its_file(project: Project) -> None:
    path = project.write("a.py", "# TODO\n")
    os.utime(path, (time.time() - 40 * DAY, time.time() - 40 * DAY))
    (row,) = project.analyse(Todos).evidence

    assert (row["by"], row["days"]) == ("file time", 40)


def test_churn_counts_what_git_log_counts(project: Project) -> None:
    grow(project)
    found = project.analyse(Churn)
    price = next(row for row in found.evidence if row["path"] == "shop/price.py")

    assert found.figures["commits"] == int(project.shell("git log --oneline | wc -l")) == 3
    assert found.figures["authors"] == int(project.shell("git log --format=%aN | sort -u | wc -l")) == 2
    assert price["commits"] == int(project.shell("git log --oneline -- shop/price.py | wc -l")) == 2
    assert (price["authors"], price["share"]) == (2, 50)


def test_churn_of_a_directory_within_a_repository_is_its_own(project: Project) -> None:
    grow(project)
    inner = Project(root=project.root / "shop")
    found = inner.analyse(Churn)

    assert found.figures["commits"] == int(inner.shell("git log --oneline -- . | wc -l")) == 2
    assert {row["path"] for row in found.evidence} == {"__init__.py", "cart.py", "late.py", "price.py"}


def test_a_merge_is_a_commit_but_changes_no_file(project: Project) -> None:
    project.git("init", "-q", "-b", "main")
    project.write("a.py", "1\n")
    project.commit()
    project.git("checkout", "-q", "-b", "side")
    project.write("b.py", "1\n")
    project.commit("Bob")
    project.git("checkout", "-q", "main")
    project.write("c.py", "1\n")
    project.commit()
    project.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    found = project.analyse(Churn)

    assert found.figures["commits"] == int(project.shell("git rev-list --count HEAD")) == 4
    assert [row["commits"] for row in found.evidence] == [1, 1, 1]


def test_an_old_history_is_cut_and_says_so(project: Project) -> None:
    project.git("init", "-q")
    for number in range(5):
        project.write("a.py", f"{number}\n")
        project.commit()
    found = project.analyse(Churn, Effort(commits=3))

    assert (found.figures["commits"], found.figures["parts_done"]) == (5, 3)
    assert "the oldest 2 of 5 commits were not read" in found.left_out


def test_python_functions_are_measured_by_their_syntax(project: Project) -> None:
    project.write(
        "a.py", "@decorated\ndef one():\n    return 1\n\n\nclass A:\n    async def two(self): pass\n"
    )
    rows = project.analyse(Functions).evidence

    assert [(row["name"], row["line"], row["lines"]) for row in rows] == [("one", 2, 2), ("two", 7, 1)]


def test_python_that_is_none_is_counted_as_unparsed(project: Project) -> None:
    project.write("old.py", "print 'python 2'\n")
    project.write("deep.py", "x = " + "(" * 5000 + ")" * 5000 + "\n")
    found = project.analyse(Functions)

    assert found.figures["unparsed_files"] == 2
    assert "2 files could not be parsed" in found.left_out


@pytest.mark.parametrize(
    ("name", "text", "functions"),
    [
        (
            "a.c",
            '#define X(y) {\nstatic int\nmain(int n)\n{\n  if (n) { puts("}{"); }\n}\n',
            [("main", 3, 4)],
        ),
        ("a.go", "func (s *T) Run(f func() int) {\n\tfor {\n\t}\n}\n", [("Run", 1, 4)]),
        ("a.rs", "impl<'a> A<'a> {\n  pub fn new(c: char) -> Self {\n    '}'\n  }\n}\n", [("new", 2, 3)]),
        ("A.java", 'class A {\n  @Get(path = "}")\n  public int f() throws E {\n  }\n}\n', [("f", 3, 2)]),
        (
            "a.js",
            "const f = async (a) => {\n};\nfunction g() {\n}\nif (x) {\n}\n",
            [("f", 1, 2), ("g", 3, 2)],
        ),
        ("a.ts", "class A {\n  run(x: number): void {\n    // }\n  }\n}\n", [("run", 2, 3)]),
        ("a.php", "<?php\nfunction go($x) {\n  echo '{';\n}\n", [("go", 2, 3)]),
    ],
)
def test_functions_in_braces_are_found(
    project: Project, name: str, text: str, functions: list[tuple[str, int, int]]
) -> None:
    project.write(name, text)
    rows = project.analyse(Functions).evidence

    assert sorted((row["name"], row["line"], row["lines"]) for row in rows) == sorted(functions)


def test_a_cycle_of_imports_is_found_and_one_inside_a_function_is_not(project: Project) -> None:
    grow(project)
    found = project.analyse(Imports)

    assert found.evidence == [{"modules": 2, "cycle": ["shop/cart.py", "shop/price.py"]}]
    assert found.figures["modules_in_cycles"] == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from . import b", "from . import a"),
        ("from .b import x", "from .a import y"),
        ("import pkg.b", "import pkg.a"),
        ("try:\n    from pkg import b\nexcept ImportError:\n    b = None", "from pkg.a import y"),
        ("if True:\n    from pkg import b", "class C:\n    from pkg import a"),
    ],
)
def test_every_way_of_importing_counts(project: Project, one: str, other: str) -> None:
    project.write("src/pkg/__init__.py")
    project.write("src/pkg/a.py", f"{one}\n")
    project.write("src/pkg/b.py", f"{other}\n")

    assert [row["modules"] for row in project.analyse(Imports).evidence] == [2]


def test_imports_for_types_only_make_no_cycle(project: Project) -> None:
    project.write("a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b\n")
    project.write("b.py", "import a\n")

    assert project.analyse(Imports).figures["cycle_groups"] == 0


def test_long_chains_of_imports_need_no_recursion(project: Project) -> None:
    for number in range(1500):
        project.write(f"m{number}.py", f"import m{(number + 1) % 1500}\n")

    assert project.analyse(Imports).figures["largest_group"] == 1500


def test_a_block_in_two_files_is_a_duplicate(project: Project) -> None:
    grow(project)
    found = project.analyse(Duplicates)

    assert found.evidence == [
        {
            "lines": 8,
            "path": "shop/price.py",
            "line": 5,
            "last": 12,
            "other": "shop/cart.py",
            "other_line": 5,
            "other_last": 12,
        }
    ]
    assert found.figures["duplicated_lines"] == 16


def test_indentation_blank_lines_and_comments_hide_no_duplicate(project: Project) -> None:
    lines = [f"value_{number} = compute({number})" for number in range(6)]
    project.write("a.py", "\n".join(lines) + "\n")
    project.write("b.py", "\n\n# note\n".join(f"    {line}" for line in lines) + "\n")

    assert project.analyse(Duplicates).figures["longest_block"] == 6


def test_five_equal_lines_are_no_duplicate(project: Project) -> None:
    for name in ("a.py", "b.py"):
        project.write(name, "".join(f"value_{number} = 1\n" for number in range(5)))

    assert project.analyse(Duplicates).figures["duplicated_lines"] == 0


def test_windows_beyond_the_limit_are_left_out_and_said_so(project: Project) -> None:
    project.write("a.py", "".join(f"value_{number} = 1\n" for number in range(100)))
    found = project.analyse(Duplicates, Effort(windows=10))

    assert "95 runs of 6 lines: not compared, to bound memory" in found.left_out


def test_the_test_ratio_is_that_of_wc(project: Project) -> None:
    grow(project)
    figures = project.analyse(TestRatio).figures

    assert figures["test_lines"] == int(project.shell("cat tests/*.py | wc -l"))
    assert figures["code_lines"] == int(project.shell("cat shop/*.py tool.go | wc -l"))
    assert (figures["test_files"], figures["test_cases"]) == (1, 1)


def test_code_that_no_test_speaks_of_is_named(project: Project) -> None:
    project.write("known.py", "x = 1\n" * 30)
    project.write("unknown.py", "x = 1\n" * 40)
    project.write("tests/test_all.py", "import known\n")
    found = project.analyse(TestRatio)

    assert found.evidence == [{"path": "unknown.py", "lines": 40}]
    assert found.figures["judged_files"] == 2


def manifest(project: Project, name: str, text: str) -> dict[str, tuple[str, str]]:
    project.write(name, text)
    return {row["name"]: (row["kind"], row["bound"]) for row in project.analyse(Dependencies).evidence}


PYPROJECT = """
[project]
dependencies = ["A_b>=1", "c==1.0", "d"]
[project.optional-dependencies]
tools = ["e[x]~=2"]
[build-system]
requires = ["hatchling"]
[tool.poetry.dependencies]
python = "^3"
f = {version = "^1"}
"""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "pyproject.toml",
            PYPROJECT,
            {
                "a-b": ("runtime", "bounded"),
                "c": ("runtime", "pinned"),
                "d": ("runtime", "free"),
                "e": ("optional", "bounded"),
                "hatchling": ("build", "free"),
                "f": ("runtime", "bounded"),
            },
        ),
        (
            "requirements-dev.txt",
            "# no\n-r other.txt\na==1 \\\n  --hash=sha256:x\nb>=2 ; python_version > '3'\nhttps://x/y.whl\n",
            {"a": ("runtime", "pinned"), "b": ("runtime", "bounded")},
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n  a\n  b<2\n",
            {"a": ("runtime", "free"), "b": ("runtime", "bounded")},
        ),
        ("setup.py", 'setup(install_requires=["a>1"], name=f())\n', {"a": ("runtime", "bounded")}),
        (
            "package.json",
            '{"dependencies": {"@x/a": "^1", "b": "1.2.3"}, "devDependencies": {"c": "*"}}',
            {"@x/a": ("runtime", "bounded"), "b": ("runtime", "pinned"), "c": ("dev", "free")},
        ),
        (
            "go.mod",
            "module m\ngo 1.22\nrequire (\n\texample.org/a v1.2.3\n\tx.y/b v0.1.0 // indirect\n)\n",
            {"example.org/a": ("runtime", "pinned"), "x.y/b": ("indirect", "pinned")},
        ),
        (
            "Cargo.toml",
            '[dependencies]\na = "1"\nb = { version = "=1.2" }\n[dev-dependencies]\nc = "*"\n',
            {"a": ("runtime", "bounded"), "b": ("runtime", "pinned"), "c": ("dev", "free")},
        ),
        ("Gemfile", 'gem "rails", "~> 7"\n', {"rails": ("runtime", "bounded")}),
        (
            "pom.xml",
            "<dependency><groupId>g</groupId><artifactId>a</artifactId><version>1</version><scope>test</scope></dependency>",
            {"g:a": ("dev", "pinned")},
        ),
    ],
)
def test_manifests_are_read(
    project: Project, name: str, text: str, expected: dict[str, tuple[str, str]]
) -> None:
    assert manifest(project, name, text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json", "[1,"),
        ("package.json", "[1]"),
        ("pyproject.toml", "x ="),
        ("setup.py", "def"),
        ("setup.cfg", "x"),
    ],
)
def test_a_broken_manifest_is_named_and_nothing_breaks(project: Project, name: str, text: str) -> None:
    assert manifest(project, name, text) == {}
    assert f"{name}: could not be read as a manifest" in project.analyse(Dependencies).left_out


def test_an_analysis_can_be_taken_up_by_another_at_any_part(project: Project) -> None:
    grow(project)
    for kind in ANALYSES.values():
        whole = project.analyse(kind)
        first = kind(project.tree(), Effort())
        while not first.is_complete:
            first.take(first.position)
            first.position += 1
            saved = first.saved()
            if saved is None:
                break
            second = kind(project.tree(), Effort())
            assert second.restore(json.loads(json.dumps(saved)))
            assert finished(second).result_text() == whole.result_text()


def test_a_checkpoint_of_another_tree_is_not_used(project: Project) -> None:
    project.write("a.py", "1\n")
    saved = Size(project.tree(), Effort()).saved()
    project.write("b.py", "2\n")

    assert not Size(project.tree(), Effort()).restore(json.loads(json.dumps(saved)))


@pytest.mark.parametrize("kind", ANALYSES.values())
def test_an_empty_tree_and_hostile_names_break_nothing(project: Project, kind: type[Analysis]) -> None:
    assert project.analyse(kind).result_text()
    project.git("init", "-q")
    for name in (b"bad\xff.py", b"new\nline.py", "\u202e.js".encode(), b"`|<b>.c", b"-x.py"):
        project.write(name, b"def f(): # TODO \x1b]0;x\x07\n" + BLOCK.encode())
    project.commit()
    text = project.analyse(kind).result_text()

    assert text.isascii()
    assert "\\u001b" not in text


@pytest.mark.parametrize("kind", ANALYSES.values())
def test_a_result_fits_its_task_however_much_there_is(project: Project, kind: type[Analysis]) -> None:
    for number in range(60):
        directory = "/".join([f"{'very' * 40}-long-{number}"] * 3)
        project.write(f"{directory}/a.py", f"def f(): # TODO {'x' * 300}\n{BLOCK}")
        project.write(f"{directory}/package.json", f'{{"dependencies": {{"{"n" * 200}{number}": "1"}}}}')
    found = project.analyse(kind, Effort(rows=60))

    assert len(found.result_text().encode()) <= RESULT_LIMIT
    assert read_findings(found.result_text()) is not None


def test_out_of_time_is_told(project: Project) -> None:
    for number in range(10):
        project.write(f"{number}.py", "1\n")
    analysis = Size(project.tree(), Effort(budget_s=1))
    analysis.advance(0)

    assert analysis.findings().figures["parts_done"] == 1
    assert "9 of 10 files: not reached within 1 s" in analysis.findings().left_out


def test_each_review_that_asks_for_more_gets_four_times_the_reach() -> None:
    first, second = effort_for(0, "", budget_s=40), effort_for(1, "coverage: …", budget_s=40)

    assert second.budget_s == 4 * first.budget_s
    assert second.commits == 4 * first.commits
    assert second.rows == first.rows
    assert effort_for(1, "evidence: 2 rows", budget_s=40).rows == 2 * first.rows
