"""Shell commands that reproduce figures of the report, and the figures they must give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from findings import Findings
from tree import IGNORED_DIRECTORIES, REPORT

_READABLE: Final = r"LC_ALL=C xargs -0 -r grep -LZsaP '\x00' --"
_BY_GIT: Final = f"""\
list() {{  # text files of at most 1 MiB that git lists, without the report itself
  git ls-files -z -co --exclude-standard -- . ':(exclude){REPORT.decode()}' | sed -z 's|^|./|' |
    xargs -0 -r sh -c 'find "$@" -prune -type f -size -1048577c -print0' sh | sort -zu |
    {_READABLE}
}}"""
_BY_WALK: Final = """\
list() {{  # text files of at most 1 MiB, without the report itself and what tools make
  find . -type d \\( {ignored} \\) -prune -o \\
    -type f -size -1048577c ! -path ./{report} -print0 |
    {readable}
}}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A command, and the figure it prints if the tree has not changed."""

    what: str
    command: str
    figure: int


def listing(*, by_git: bool) -> str:
    """Return a shell function `list` that names the surveyed text files, each ended by a NUL."""
    if by_git:
        return _BY_GIT
    ignored = " -o ".join(f"-name {name.decode()}" for name in sorted(IGNORED_DIRECTORIES))
    return _BY_WALK.format(ignored=ignored, report=REPORT.decode(), readable=_READABLE)


def reproductions(found: Mapping[str, Findings], *, whole_repository: bool) -> list[Reproduction]:
    """Return the commands for those figures that were measured in full."""
    wanted: list[Reproduction] = []
    if "size" in found and _is_whole(found["size"]):
        figures = found["size"].figures
        wanted.append(
            Reproduction(what="text files", command=r"list | tr -dc '\0' | wc -c", figure=figures["files"])
        )
        wanted.append(
            Reproduction(what="lines", command="list | xargs -0 -r cat | wc -l", figure=figures["lines"])
        )
        for row in figures["languages"]:
            if row["language"] == "Python":
                command = r"list | LC_ALL=C grep -zaE '\.(py|pyi|pyw)$' | xargs -0 -r cat | wc -l"
                wanted.append(Reproduction(what="lines of Python", command=command, figure=row["lines"]))
    if "todos" in found and not _unread(found["todos"]):
        command = "list | LC_ALL=C xargs -0 -r grep -hawE 'TODO|FIXME|XXX|HACK' -- | wc -l"
        wanted.append(Reproduction(what="marks", command=command, figure=found["todos"].figures["marks"]))
    if "churn" in found:
        wanted += _of_history(found["churn"], "" if whole_repository else " -- .")
    return wanted


def _of_history(churn: Findings, scope: str) -> list[Reproduction]:
    figures = churn.figures
    commits = Reproduction(
        what="commits", command=f"git log --oneline HEAD{scope} | wc -l", figure=figures["commits"]
    )
    if not _is_whole(churn):
        return [commits]
    return [
        commits,
        Reproduction(
            what="authors",
            command=f"git log --format=%aN HEAD{scope} | sort -u | wc -l",
            figure=figures["authors"],
        ),
    ]


def _is_whole(findings: Findings) -> bool:
    return bool(findings.figures["parts"] == findings.figures["parts_done"])


def _unread(findings: Findings) -> bool:
    return any("not reached" in sentence for sentence in findings.left_out)
