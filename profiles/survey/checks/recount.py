"""Count the figures of each analysis again, by other means where there are any."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, Final

from analyses.dependencies import UNREADABLE, shown_name
from analyses.duplicates import telling_lines
from analyses.functions import UNPARSABLE, functions_in, parsed
from analyses.manifests import reader_of
from analyses.tests_ratio import is_test
from checks.pipeline import MARKED_LINES, count_lines, text_files
from checks.verdict import Case, Verdict
from findings import Row
from git import Git, GitFailed
from languages import CODE
from spelling import unspell
from tree import Tree

SAMPLE: Final = 5
IMPORTS: Final = (ast.Import, ast.ImportFrom)


def recount(case: Case, verdict: Verdict) -> None:
    """Check the figures against the tree; one that changed since is only sent back once."""
    if not case.is_of_this_tree:
        if case.round == 0:
            verdict.short("recount", "files changed while this was measured. Measure again.")
        else:
            verdict.saw("files changed again since; the figures are of the moment they were measured")
        return
    _RECOUNTS[case.findings.label](case, verdict)


def _size(case: Case, verdict: Verdict) -> None:
    figures = case.findings.figures
    for column in ("files", "lines", "bytes"):
        total = sum(row[column] for row in figures["languages"])
        if total != figures[column]:
            verdict.short("recount", f"the languages add up to {total} {column}, not to {figures[column]}")
    if not case.is_whole:
        return
    listing = text_files(case.tree.root, (entry.path for entry in case.tree.entries))
    verdict.compare("files", figures["files"], None if listing is None else listing.count(b"\0"), "`grep -L`")
    lines = None if listing is None else count_lines(case.tree.root, listing)
    verdict.compare("lines", figures["lines"], lines, "`wc -l`")


def _tests(case: Case, verdict: Verdict) -> None:
    if case.is_whole:
        tests = (entry.path for entry in case.tree.entries if entry.language in CODE and is_test(entry.path))
        listing = text_files(case.tree.root, tests)
        lines = None if listing is None else count_lines(case.tree.root, listing)
        verdict.compare("test lines", case.findings.figures["test_lines"], lines, "`wc -l`")


def _todos(case: Case, verdict: Verdict) -> None:
    figures = case.findings.figures
    if not any("not reached" in sentence for sentence in case.findings.left_out):
        listing = text_files(case.tree.root, (entry.path for entry in case.tree.entries))
        marks = None if listing is None else count_lines(case.tree.root, listing, MARKED_LINES)
        verdict.compare("marked lines", figures["marks"], marks, "`grep -wE`")
    for row in case.findings.evidence[:SAMPLE]:
        _line_holds(case.tree, row, str(row["word"]), verdict)


def _churn(case: Case, verdict: Verdict) -> None:
    git = case.tree.git
    figures = case.findings.figures
    if git is None:
        verdict.short("recount", "there is no repository that git accepts")
        return
    try:
        scope = ("--", ".") if git.run("rev-parse", "--show-prefix").strip() else ()
        verdict.compare(
            "commits", figures["commits"], git.number("rev-list", "--count", "HEAD", *scope), "`git rev-list`"
        )
        if case.is_whole:
            _check_busiest(git, case.findings.evidence, verdict)
            names = git.run("log", "-z", "--format=%aN", "HEAD", *scope).split(b"\0")
            verdict.compare("authors", figures["authors"], len(set(filter(None, names))), "`git log`")
    except GitFailed as error:
        verdict.saw(f"the history was not read again: {error}")


def _check_busiest(git: Git, rows: list[Row], verdict: Verdict) -> None:
    for row in rows[:SAMPLE]:
        path = unspell(str(row["path"]))
        commits = git.number("rev-list", "--count", "--no-merges", "--full-history", "HEAD", "--", path)
        verdict.compare(f"commits to {row['path']}", row["commits"], commits, "`git rev-list`")


def _functions(case: Case, verdict: Verdict) -> None:
    for row in case.findings.evidence[:SAMPLE]:
        lines = _lines(case.tree, row)
        first, last = int(row["line"]), int(row["line"]) + int(row["lines"]) - 1
        head = b"\n".join(lines[first - 1 : first + 3])
        begins = str(row["name"]).encode() in head
        if begins and _ends_block(lines, first, last, str(row["language"])):
            verdict.saw(f"{row['name']} stands where it should")
        elif (row["name"], first, row["lines"]) in _measured_again(case.tree, row):
            verdict.saw(f"{row['name']} stands there by the syntax of its language")
        else:
            at, what = (last, "end") if begins else (first, "begin")
            verdict.short("recount", f"{row['path']}:{at} does not {what} {row['name']}")


def _measured_again(tree: Tree, row: Row) -> set[tuple[str, int, int]]:
    """Read the file's functions by its own encoding, line ends and spelling of names."""
    try:
        return set(functions_in(tree.text(unspell(str(row["path"]))) or b"", str(row["language"])))
    except UNPARSABLE:
        return set()


def _ends_block(lines: list[bytes], first: int, last: int, language: str) -> bool:
    """Tell whether line `last` ends what line `first` begins: by its brace, or by what is less indented."""
    if last > len(lines):
        return False
    if language != "Python":
        return b"}" in lines[last - 1]
    following = next(
        (line for line in lines[last:] if line.strip() and not line.lstrip().startswith(b"#")), b""
    )
    return bool(lines[last - 1].strip()) and _indent(following) <= _indent(lines[first - 1])


def _imports(case: Case, verdict: Verdict) -> None:
    for row in case.findings.evidence[:SAMPLE]:
        steps = list(zip(row["cycle"], [*row["cycle"][1:], row["cycle"][0]], strict=True))
        wrong = [step for step in steps if not _imports_it(case.tree, *step)]
        if wrong and len(row["cycle"]) < 12:
            verdict.short("recount", f"{wrong[0][0]} does not import {wrong[0][1]}")
        else:
            verdict.saw(f"a cycle of {len(steps)} modules is there")


def _imports_it(tree: Tree, importer: str, imported: str) -> bool:
    """Tell whether some import statement of the file speaks of the other module, by its words or syntax."""
    parts = unspell(imported).removesuffix(b".py").removesuffix(b"/__init__").split(b"/")
    text = tree.text(unspell(importer)) or b""
    statements = re.findall(rb"^[ \t]*(?:from|import)\b(?:[^\n(]*\([^)]*\)|[^\n]*)", text, re.MULTILINE)
    in_package = re.compile(rb"from\s+\.+\s+import")
    return any(
        re.search(rb"\b%s\b" % re.escape(parts[-1]), statement) or in_package.match(statement.strip())
        for statement in statements
    ) or parts[-1].decode("utf-8", "replace") in _imported_names(text)


def _imported_names(content: bytes) -> set[str]:
    """Gather every part of every name that the file's import statements speak of."""
    try:
        nodes = list(ast.walk(parsed(content)))
    except UNPARSABLE:
        return set()
    dotted = {alias.name for node in nodes if isinstance(node, IMPORTS) for alias in node.names}
    dotted |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {part for name in dotted for part in name.split(".")}


def _duplicates(case: Case, verdict: Verdict) -> None:
    for row in case.findings.evidence[:SAMPLE]:
        here = _telling(case.tree, row["path"], row["line"], row["last"])
        there = _telling(case.tree, row["other"], row["other_line"], row["other_last"])
        if here != there or len(here) != row["lines"]:
            verdict.short(
                "recount", f"{row['path']}:{row['line']} and {row['other']}:{row['other_line']} differ"
            )
        else:
            verdict.saw(f"a block of {len(here)} lines reads the same in both places")


def _dependencies(case: Case, verdict: Verdict) -> None:
    for row in case.findings.evidence:
        path = unspell(str(row["path"]))
        text = (case.tree.text(path) or b"").decode("utf-8", "replace")
        if not _names(text, str(row["name"])) and row["name"] not in _read_again(path, text):
            verdict.short("recount", f"{row['path']} does not name {row['name']}")
            return
    verdict.saw(f"{len(case.findings.evidence)} names stand in their manifests")


def _names(text: str, name: str) -> bool:
    """Tell whether the name stands in the manifest letter by letter, as nearly every name does."""
    plain = re.sub(r"[-_.]+", "-", name.rpartition(":")[2].lower())
    return plain in re.sub(r"[-_.]+", "-", text.lower())


def _read_again(path: bytes, text: str) -> set[str]:
    """Read a manifest for the names that are written there with escapes or are too long to show."""
    reader = reader_of(path)
    try:
        return {shown_name(each) for each in (reader(text) if reader else ())}
    except UNREADABLE:
        return set()


_RECOUNTS: Final[dict[str, Callable[[Case, Verdict], None]]] = {
    "size": _size,
    "tests": _tests,
    "todos": _todos,
    "churn": _churn,
    "functions": _functions,
    "imports": _imports,
    "duplicates": _duplicates,
    "dependencies": _dependencies,
}


def _lines(tree: Tree, row: Row) -> list[bytes]:
    return (tree.text(unspell(str(row["path"]))) or b"").split(b"\n")


def _line_holds(tree: Tree, row: Row, word: str, verdict: Verdict) -> None:
    lines = _lines(tree, row)
    number = int(row["line"])
    if number > len(lines) or word.encode() not in lines[number - 1]:
        verdict.short("recount", f"{row['path']}:{number} has no {word}")


def _telling(tree: Tree, path: Any, first: int, last: int) -> list[bytes]:
    content = tree.text(unspell(str(path))) or b""
    return [text for number, text in telling_lines(content) if first <= number <= last]


def _indent(line: bytes) -> int:
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())
