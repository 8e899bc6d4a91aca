"""C2: no widget of the toolkit gets text that it would read as markup; held by reading our own source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

UI = Path(__file__).parents[2] / "supervisor" / "ui"
SOURCES = sorted(UI.rglob("*.py"))
PARSING = {"Static", "Label", "notify"}
FORBIDDEN = {"RichLog", "ListView", "DataTable", "Markdown", "Log", "OptionList", "Tree"}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node)
        for node in found
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_whatever_parses_markup_is_told_not_to(path: Path) -> None:
    for name, call in calls(path):
        if name in PARSING:
            told = {keyword.arg: keyword.value for keyword in call.keywords}
            markup = told.get("markup")
            assert isinstance(markup, ast.Constant), f"{path.name}:{call.lineno}: {name} without markup=False"
            assert markup.value is False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_list_that_grows_is_made_of_the_toolkits_widgets(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert not imported & FORBIDDEN


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_colours_are_written_down_only_in_the_theme(path: Path) -> None:
    if path.name == "theme.py":
        return
    strings = [
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert not [
        text
        for text in strings
        if text.startswith("#") and len(text) in {4, 7} and set(text[1:].lower()) <= set("0123456789abcdef")
    ]


def test_styles_name_tokens_not_colours() -> None:
    for path in UI.rglob("*.tcss"):
        lines = [
            line for line in path.read_text(encoding="utf-8").splitlines() if ":" in line and "#" in line
        ]
        assert not [
            line for line in lines if any(part.strip().startswith("#") for part in line.split(":")[1:])
        ]
