"""A database of the first version keeps its votes and memory, as their old events say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervisor.coordinator.memory_use import wrong_use
from supervisor.model.memory import MemoryEntry
from supervisor.model.vote import TieRule, Vote, VoteRule
from supervisor.model.wire import from_wire
from supervisor.store import database
from supervisor.store.database import connect, prepare_database
from supervisor.store.transaction import LogEnd, Transaction

OLD_VOTE: dict[str, Any] = {
    "id": "V1",
    "run": 1,
    "question": "?",
    "options": ["a", "b"],
    "electorate": ["voter-1"],
    "quorum": 1,
    "opened_by": "planner",
    "opened_at": 1.0,
    "deadline": 9.0,
    "state": "open",
    "outcome": None,
    "winner": None,
    "closed_at": None,
    "closed_because": "",
}
OLD_ENTRY = {"scope": "team", "key": "k", "value": "ä", "version": 2, "author": "planner", "at": 1.0}


@pytest.fixture
def first_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database as the first release made it, with a vote and two entries."""
    path = tmp_path / "coordinator.db"
    first = database.migrations()[:1]
    with monkeypatch.context() as old:
        old.setattr(database, "migrations", lambda: first)
        prepare_database(path)
    with closing(connect(path)) as connection:
        connection.executescript(
            """
            INSERT INTO run VALUES (1, 'small', 'small.toml', 'd', 'active', 1.0, NULL, '');
            INSERT INTO vote VALUES
                (1, 1, '?', '["a","b"]', '["voter-1"]', 1, 'planner', 1.0, 9.0, 'open', NULL, NULL, NULL, '');
            INSERT INTO memory VALUES ('team', 'k', 'ä', 2, 'planner', 1.0);
            INSERT INTO memory VALUES ('task:T1', 'k', 'xyz', 1, 'planner', 1.0);
            """
        )
    return path


def test_old_rows_become_what_their_old_events_fold_to(first_version: Path) -> None:
    prepare_database(first_version)
    with closing(connect(first_version)) as connection:
        tx = Transaction(connection, end=LogEnd(), now=2.0, run=1)
        vote, entry = (
            tx.value(Vote, "vote.get", n=1),
            tx.value(MemoryEntry, "memory.get", scope="team", key="k"),
        )
    assert vote == from_wire(Vote, OLD_VOTE)
    assert entry == from_wire(MemoryEntry, OLD_ENTRY)
    assert vote is not None
    assert (vote.rule, vote.tie, vote.early, vote.subscribers) == (
        VoteRule.PLURALITY,
        TieRule.HUMAN,
        True,
        (),
    )


def test_old_memory_is_counted(first_version: Path) -> None:
    prepare_database(first_version)
    with closing(connect(first_version)) as connection:
        connection.row_factory = sqlite3.Row
        tx = Transaction(connection, end=LogEnd(), now=2.0, run=1)
        assert wrong_use(tx) == []
        assert [tuple(row) for row in tx.all("memory_use.kept")] == [
            ("author:planner", 2, 5),
            ("scope:task:T1", 1, 3),
            ("scope:team", 1, 2),
        ]
