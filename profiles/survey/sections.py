"""One section of the report for each analysis. All foreign text goes through `code` or `prose`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bars import bars, spark
from findings import Findings, Row
from markdown import many, place, plot, table
from spelling import code, prose

ROWS: Final = 10

Section = Callable[[Findings], list[str]]


def _size(found: Findings) -> list[str]:
    mix = found.figures["languages"][:12]
    if not mix:
        return []
    counts = [(row["language"], f"{row['files']:,}", f"{row['lines']:,}", f"{row['bytes']:,}") for row in mix]
    largest = [(code(row["path"]), f"{row['lines']:,}") for row in found.evidence[:ROWS]]
    return [
        "## Size and languages",
        "",
        *plot(bars([(row["language"], row["lines"]) for row in mix], unit=" lines")),
        *table(("Language", "Files", "Lines", "Bytes"), counts),
        "",
        *table(("Largest file", "Lines"), largest),
    ]


def _churn(found: Findings) -> list[str]:
    figures = found.figures
    summary = (
        f"{many(figures['commits'], 'commit')} by {many(figures['authors'], 'author')}, half of them by "
        f"{figures['core']:,}; of {many(figures['files_with_history'], 'file')} with a history "
        f"{figures['files_of_one']:,} were only ever changed by one author."
    )
    authors = [(row["author"], row["commits"]) for row in figures["by_author"]]
    rows = [
        (code(row["path"]), f"{row['commits']:,}", f"+{row['added']:,} -{row['deleted']:,}", _owner(row))
        for row in found.evidence[:ROWS]
    ]
    return [
        "## Churn and ownership",
        "",
        summary,
        *_by_month([(str(month), int(number)) for month, number in figures["by_month"]]),
        "",
        *plot(bars(authors)),
        *table(("Most changed", "Commits", "Lines", "Most by"), rows),
    ]


def _by_month(months: list[tuple[str, int]]) -> list[str]:
    """Draw the commits of each month, those without any included."""
    if not months:
        return []
    counts = dict(months)
    year, month = map(int, months[0][0].split("-"))
    columns = []
    while (name := f"{year:04}-{month:02}") <= months[-1][0]:
        columns.append(counts.get(name, 0))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    span = f"{months[0][0]} to {months[-1][0]}"
    return ["", f"Commits per month, {span}: {code(spark(columns[-60:]))}"]


def _owner(row: Row) -> str:
    return f"{prose(row['by'])} ({row['share']} %)"


def _functions(found: Findings) -> list[str]:
    figures = found.figures
    summary = (
        f"{many(figures['functions'], 'function')}, median {many(figures['median'], 'line')}; "
        f"{figures['long']:,} over 60 lines ({figures['long_percent']} %)."
    )
    rows = [
        (place(row["path"], row["line"]), code(row["name"]), f"{row['lines']:,}")
        for row in found.evidence[:ROWS]
    ]
    return ["## Longest functions", "", summary, "", *table(("Place", "Function", "Lines"), rows)]


def _tests(found: Findings) -> list[str]:
    figures = found.figures
    summary = (
        f"{many(figures['test_files'], 'test file')} with {many(figures['test_cases'], 'case')}; "
        f"{figures['ratio']} test lines per line of other code."
    )
    judged = (
        f"{figures['unmentioned_files']:,} of {many(figures['judged_files'], 'judged file')} "
        "are mentioned in no test."
    )
    sides = [("tests", figures["test_lines"]), ("other code", figures["code_lines"])]
    rows = [(code(row["path"]), f"{row['lines']:,}") for row in found.evidence[:ROWS]]
    return [
        "## Tests",
        "",
        summary,
        "",
        *plot(bars(sides, unit=" lines")),
        judged,
        "",
        *table(("Largest file that no test mentions", "Lines"), rows),
    ]


def _duplicates(found: Findings) -> list[str]:
    figures = found.figures
    summary = (
        f"{figures['duplicated_lines']:,} of {many(figures['code_lines'], 'telling line')} stand elsewhere "
        f"too ({figures['duplicated_percent']} %), in {many(figures['blocks'], 'block')} "
        f"over {many(figures['files'], 'file')}."
    )
    rows = [
        (
            f"{row['lines']:,}",
            place(row["path"], f"{row['line']}-{row['last']}"),
            place(row["other"], f"{row['other_line']}-{row['other_last']}"),
        )
        for row in found.evidence[:ROWS]
    ]
    return ["## Duplicated blocks", "", summary, "", *table(("Lines", "Here", "And there"), rows)]


def _imports(found: Findings) -> list[str]:
    figures = found.figures
    summary = (
        f"{many(figures['modules'], 'Python module')} with {many(figures['imports'], 'import')} among them; "
        f"{many(figures['cycle_groups'], 'group')} in a circle, {figures['modules_in_cycles']:,} modules."
    )
    rows = [
        (f"{row['modules']:,}", " → ".join(code(path) for path in [*row["cycle"], *row["cycle"][:1]]))
        for row in found.evidence[:ROWS]
    ]
    return ["## Import cycles", "", summary, "", *table(("Modules", "A shortest way round"), rows)]


def _todos(found: Findings) -> list[str]:
    figures = found.figures
    words = ", ".join(f"{word} {number:,}" for word, number in figures["by_word"].items())
    dated = f"{figures['dated']:,} dated, {figures['old']:,} over a year old"
    summary = f"{many(figures['marks'], 'line')} ({words}); {dated}."
    rows = [
        (f"{row['days']:,}", row["by"], place(row["path"], row["line"]), code(row["text"]))
        for row in found.evidence[:ROWS]
    ]
    return [
        "## Marks left for later",
        "",
        summary,
        "",
        *plot(bars([(str(age), int(number)) for age, number in figures["by_age"]])),
        *table(("Days", "By", "Place", "Line"), rows),
    ]


def _dependencies(found: Findings) -> list[str]:
    figures = found.figures
    summary = (
        f"{many(figures['dependencies'], 'name')} in {many(figures['manifests'], 'manifest')}, "
        f"{figures['runtime']:,} for run time; {figures['pinned']:,} pinned, {figures['bounded']:,} bounded, "
        f"{figures['free']:,} free; {many(figures['lock_files'], 'lock file')}."
    )
    rows = [
        (code(row["name"]), code(row["wants"]), row["kind"], row["bound"], code(row["path"]))
        for row in found.evidence[: 2 * ROWS]
    ]
    return [
        "## Dependencies",
        "",
        summary,
        "",
        *table(("Name", "Wants", "Kind", "Bound", "Manifest"), rows),
    ]


SECTIONS: Final[dict[str, Section]] = {
    "size": _size,
    "churn": _churn,
    "functions": _functions,
    "tests": _tests,
    "duplicates": _duplicates,
    "imports": _imports,
    "todos": _todos,
    "dependencies": _dependencies,
}
