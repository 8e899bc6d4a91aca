"""E10: no shell reads anything: metacharacters in every field reach the program as they stand."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.config.parse import parse_profile
from supervisor.config.placeholders import fill

ROOT = Path(__file__).resolve().parents[2]
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('FIELD')]))"
METACHARACTERS = [
    *["; touch {canary}", "$(touch {canary})", "`touch {canary}`", "& touch {canary} &", "| touch {canary}"],
    *[
        "\ntouch {canary}\n",
        "' ; touch {canary} ; '",
        '" ; touch {canary} ; "',
        "> {canary}",
        "&& touch {canary}",
    ],
    *[
        "$HOME",
        "${HOME}",
        "~",
        "*",
        "?",
        "[a-z]",
        "a b  c",
        "\\",
        "\\\\",
        "'",
        '"',
        "#",
        "!!",
        "%s",
        "-rf",
        "--",
        "\t",
    ],
    *["{}", "{0}", "{ agent }", '{"a": {"b": 1}}', "\x1b]0;x\x07", "é\u202e", "x" * 5000],
]


def spelled(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


def literally(text: str) -> str:
    """Spell text for a command so that a word in braces stands for itself."""
    return text.replace("{HOME}", "{{HOME}}")


def run(argv: tuple[str, ...], directory: Path, field: str) -> list[object]:
    answer = subprocess.run(
        argv, cwd=directory, env={"FIELD": field}, check=True, capture_output=True, text=True
    )
    shown: list[object] = json.loads(answer.stdout)
    return shown


@pytest.mark.parametrize("text", METACHARACTERS)
def test_metacharacters_in_every_field_are_literal(text: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    hostile = text.replace("{canary}", str(canary))
    profile = (
        'name = "t"\n[[pools]]\nname = "w"\nrole = "solo"\n'
        f'command = ["{{python}}", "-I", "-c", {spelled(SHOW)}, {spelled(literally(hostile))}, '
        '"{project}", "--in={profile_dir}", "{report_dir}/x", "{agent}"]\n'
        f"env = {{ FIELD = {spelled(hostile)} }}\nprompt = {spelled(hostile)}\n"
        f"[settings]\nfree = {spelled(hostile)}\n"
    )

    team = parse_profile(profile, "t.toml")
    pool = team.pools[0]
    values = {"project": hostile, "profile_dir": hostile, "report_dir": hostile, "agent": "w"}
    argv = fill(pool.command, {**values, "python": sys.executable})

    assert len(argv) == len(pool.command)
    assert run(argv, tmp_path, pool.env["FIELD"]) == [
        [hostile, hostile, f"--in={hostile}", f"{hostile}/x", "w"],
        hostile,
    ]
    assert (pool.prompt, team.settings["free"]) == (hostile, hostile)
    assert not canary.exists()


def test_canary_a_shell_would_have_run_them(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    hostile = "$(touch {canary})".replace("{canary}", str(canary))

    subprocess.run(f"true {hostile}", shell=True, check=True, cwd=tmp_path)

    assert canary.exists()


def test_a_value_with_a_placeholder_in_it_is_not_filled_again() -> None:
    assert fill(["{project}"], {"project": "/{agent}/{python}", "agent": "x", "python": "y"}) == (
        "/{agent}/{python}",
    )


SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell", "subprocess_shell"}


def shell_calls(source: str) -> Iterator[int]:
    """List the lines of a module that would start a shell."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        asks = any(word.arg == "shell" and getattr(word.value, "value", True) for word in node.keywords)
        if name in SHELLS or asks:
            yield node.lineno


@pytest.mark.parametrize("folder", ["supervisor", "profiles"])
def test_no_module_of_ours_starts_a_shell(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.match(
            "testing/scripted_*.py"
        )  # they play agents, which run shells: with what a test wrote
        for line in shell_calls(path.read_text(encoding="utf-8"))
    ]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "os.system('x')",
        "subprocess.run('x', shell=True)",
        "run('x', shell=flag)",
        "asyncio.create_subprocess_shell('x')",
    ],
)
def test_canary_a_call_of_a_shell_is_seen(source: str) -> None:
    assert list(shell_calls(source)) == [1]
