"""Named SQL: every statement of the product, read from `queries/NOUN.sql` as `noun.name`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("queries")
_HEADING: Final = re.compile(r"^-- name: (\w+)\n-- (.+)\n", re.MULTILINE)


def load_queries() -> dict[str, str]:
    """Return all statements by `noun.name`; raise ValueError for one without name and purpose."""
    statements: dict[str, str] = {}
    for source in sorted(_FOLDER.glob("*.sql")):
        statements.update(_split(source.stem, source.read_text(encoding="utf-8")))
    return statements


def _split(noun: str, text: str) -> dict[str, str]:
    headings = list(_HEADING.finditer(text))
    if not headings or headings[0].start() != 0:
        raise ValueError(f"queries/{noun}.sql must begin with a `-- name:` line and a purpose line")
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return {
        f"{noun}.{heading[1]}": text[heading.end() : end].strip()
        for heading, end in zip(headings, ends, strict=True)
    }


QUERIES: Final = load_queries()
