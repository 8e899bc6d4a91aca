"""The house rules that no linter knows: sizes, names, contracts of rooms, what an import loads."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

from supervisor import errors
from supervisor.model.permissions import PERMISSIONS, Operation

ROOT: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ROOT / "supervisor"
TREES: Final = ("supervisor", "profiles", "tests", "benchmarks", "scripts")

FILE_LINES: Final = 600
FUNCTION_LINES: Final = 60
NAMES_THAT_SAY_NOTHING: Final = {
    "base",
    "common",
    "core",
    "helper",
    "helpers",
    "manager",
    "misc",
    "util",
    "utils",
}


def sources(*trees: str) -> list[Path]:
    found = (path for tree in trees for path in (ROOT / tree).rglob("*.py"))
    return sorted(path for path in found if "node_modules" not in path.parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def dotted(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def calls(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node.lineno


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module or ""]
    return []


def test_no_file_is_longer_than_anybody_wants_to_read() -> None:
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*TREES)}

    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = [
        f"{named(path)}:{function.lineno} {function.name}"
        for path in sources(*TREES)
        for function in functions(parsed(path))
        if (function.end_lineno or 0) - function.lineno >= FUNCTION_LINES
    ]

    assert too_long == []


def test_every_module_is_named_for_what_it_is() -> None:
    assert [named(path) for path in sources(*TREES) if path.stem in NAMES_THAT_SAY_NOTHING] == []


def rooms() -> list[Path]:
    return [path for path in sources("supervisor") if path.name == "__init__.py" and path.parent != PRODUCT]


@pytest.mark.parametrize("room", rooms(), ids=lambda path: named(path.parent))
def test_a_room_states_its_contract_and_holds_no_code(room: Path) -> None:
    body = parsed(room).body

    assert ast.get_docstring(parsed(room)), "the docstring says the room's contract and what it must not know"
    assert len(body) == 1, "code belongs into a module with a name"


def test_every_directory_of_the_product_with_code_is_a_package() -> None:
    directories = {path.parent for path in sources("supervisor")}

    assert [named(path) for path in directories if not (path / "__init__.py").exists()] == []


FORBIDDEN_CALLS: Final = {
    "asyncio.create_task": "tasks are started in a TaskGroup",
    "asyncio.ensure_future": "tasks are started in a TaskGroup",
    "asyncio.gather": "a TaskGroup ends its siblings when one fails",
    "asyncio.create_subprocess_exec": "runtime.spawn starts processes",
    "asyncio.create_subprocess_shell": "no shell, anywhere",
    "os.system": "no shell, anywhere",
    "os.popen": "no shell, anywhere",
    "time.time": "time comes in as an argument",
    "datetime.now": "time comes in as an argument",
    "uuid4": "ids come in as arguments",
    "uuid.uuid4": "ids come in as arguments",
}
SOURCES_OF_TIME_AND_IDS: Final = {"supervisor/clock.py", "supervisor/model/ids.py"}
PLAYERS: Final = "supervisor/testing/scripted_"
"""Programs that play those of others: they run shells and make names of their own, as the real ones do."""

SEEN_AS_IT_IS: Final = {"supervisor/testing/conversation.py", "supervisor/testing/driver_cases_trouble.py"}
"""What looks at a real conversation from outside: by true time, and without a group around its failures."""


def test_what_the_style_forbids_is_called_nowhere() -> None:
    found = [
        f"{named(path)}:{line} {call}: {FORBIDDEN_CALLS[call]}"
        for path in sources("supervisor")
        if named(path) not in SOURCES_OF_TIME_AND_IDS | SEEN_AS_IT_IS and not named(path).startswith(PLAYERS)
        for call, line in calls(path)
        if call in FORBIDDEN_CALLS
    ]

    assert found == []


def test_no_process_is_started_through_a_shell_or_a_preexec_function() -> None:
    found = [
        f"{named(path)}:{node.value.lineno} {node.arg}"
        for path in sources("supervisor")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.keyword)
        and (node.arg == "preexec_fn" or (node.arg == "shell" and ast.unparse(node.value) != "False"))
    ]

    assert found == []


def test_the_doors_between_the_rooms_are_one_way() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert ended.returncode == 0, ended.stdout


def libraries(tree: str) -> set[str]:
    imported = {
        name.partition(".")[0]
        for path in sources(tree)
        for node in ast.walk(parsed(path))
        for name in imported_names(node)
    }
    return imported - {"supervisor", *sys.stdlib_module_names}


def names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[^\w-]", requirement)[0] for requirement in requirements}


def test_the_product_imports_exactly_the_libraries_that_it_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    declared = names(project["dependencies"])
    rooms = [path.name for path in PRODUCT.iterdir() if path.is_dir() and path.name != "testing"]
    imported = set().union(*(libraries(f"supervisor/{room}") for room in rooms))

    assert imported == declared
    brought = {"mcp_types"} | names(metadata.requires("mcp") or [])
    assert libraries("supervisor/testing") - declared - brought <= {"acp"}  # the judge of one protocol


def test_the_programs_of_profiles_need_nothing_but_the_mcp_client() -> None:
    beside = {path.stem for path in sources("profiles")} | {path.parent.name for path in sources("profiles")}

    assert libraries("profiles") - beside <= {"mcp"} | names(metadata.requires("mcp") or [])


ENTRIES: Final = {
    "supervisor.cli.main": {
        "aiosqlite",
        "httpx2",
        "mcp",
        "pydantic",
        "rich",
        "sqlite3",
        "textual",
        "uvicorn",
    },
    "supervisor.engine.main": {
        "httpx2",
        "mcp",
        "psutil",
        "pydantic",
        "rich",
        "starlette",
        "textual",
        "uvicorn",
    },
    "supervisor.headless.follow": {"aiosqlite", "mcp", "pydantic", "rich", "sqlite3", "textual"},
    "supervisor.transports.control.client": {"aiosqlite", "mcp", "pydantic", "rich", "sqlite3", "textual"},
    "supervisor.ui.app": {"aiosqlite", "mcp", "pydantic", "sqlite3", "starlette", "uvicorn"},
}
"""What importing each entry point must not load: each of these costs tens to hundreds of milliseconds."""


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_point_loads_nothing_it_does_not_need(entry: str) -> None:
    program = f"import sys, {entry}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )

    assert ENTRIES[entry] & set(ended.stdout.split()) == set()


def test_the_error_tree_is_drawn_as_it_is() -> None:
    drawing = (errors.__doc__ or "").split("SupervisorError", 1)[1]
    drawn = re.findall(r"^ {4}([│├└ ]+)── (\w+)", drawing, re.MULTILINE)
    parents: dict[str, str] = {}
    path: list[str] = ["SupervisorError"]
    for indent, name in drawn:
        depth = len(indent) // 4
        parents[name] = path[depth]
        path[depth + 1 :] = [name]

    assert parents == {
        kind.__name__: kind.__bases__[0].__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SupervisorError)
        if kind is not errors.SupervisorError
    }


def test_every_error_says_what_to_do_and_has_a_code_of_its_own() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SupervisorError)
    ]

    assert all(kind().message.endswith(".") and kind().message[0].isupper() for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all("code" in vars(kind) for kind in kinds)


def test_every_operation_is_granted_to_somebody() -> None:
    assert set().union(*PERMISSIONS.values()) == set(Operation)
