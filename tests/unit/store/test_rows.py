"""Rows and values: what a column may hold comes back as what was put."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest

from supervisor.store.rows import from_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """A sure one, and one that may be missing."""

    sure: bool
    maybe: bool | None


@pytest.mark.parametrize(("stored", "meant"), [(0, False), (1, True), (None, None)])
def test_a_boolean_that_may_be_missing_is_read_as_one(stored: int | None, meant: bool | None) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute("SELECT 1 AS sure, ? AS maybe", (stored,)).fetchone()

    read = from_row(Answers, row)

    assert (read.sure, read.maybe) == (True, meant)
