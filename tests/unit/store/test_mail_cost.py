"""What mail costs: the indexes hold what waits, so what was dealt with costs nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from supervisor.model.ids import MessageId
from supervisor.model.message import ATTEMPTS_MAX, Delivery, DeliveryState, Message
from supervisor.store.database import connect, prepare_database
from supervisor.store.queries import QUERIES
from supervisor.store.transaction import Transaction, log_end

NOW: Final = 1_000_000.0
READER: Final = {"attempts_max": ATTEMPTS_MAX, "incarnation": 1, "now": NOW}
FILTERS: Final = {"sender": None, "thread": None, "message_kind": None}

HOT: Final[dict[str, dict[str, Any]]] = {
    "delivery.unread": {"recipient": "r", "rank": -1, "n": 0, "limit": 50, **READER, **FILTERS},
    "delivery.unread_count": {"recipient": "r", **READER},
    "delivery.open_by": {"recipient": "r", "sender": "s", "thread": None, "limit": 50},
    "delivery.open_count": {"recipient": "r"},
    "delivery.ahead_count": {"recipient": "r", "rank": 6, "n": 1 << 40},
    "delivery.first_due": {"recipient": "r"},
    "delivery.open_from": {"recipient": "r", "sender": "s"},
    "delivery.in_hands": {"recipient": "r", "now": NOW},
    "delivery.overdue": {"now": NOW, "limit": 500},
    "delivery.spent": {"now": NOW, "limit": 500},
    "delivery.dead": {"n": 0, "recipient": "", "limit": 50},
    "delivery.dead_of_sender": {"sender": "s", "n": 0, "recipient": "", "limit": 50},
    "delivery.get": {"message": "M1", "recipient": "r"},
    "message.sent_since": {"sender": "s", "since": NOW - 60},
    "message.exchanged_since": {"one": "s", "other": "r", "since": NOW - 60, "limit": 20},
    "message.unsettled": {},
    "message.next_number": {},
}
"""What every call, every send and every tick asks, and with what."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with a run, one unread and one dead copy."""
    path = tmp_path / "mail.db"
    prepare_database(path)
    with closing(connect(path)) as opened:
        opened.execute("PRAGMA synchronous = OFF")
        opened.execute(
            "INSERT INTO run (id, team, profile, digest, state, started_at, outcome)"
            " VALUES (1, 't', 'p', 'd', 'active', 0, '')"
        )
        add(opened, 1, DeliveryState.QUEUED)
        add(opened, 2, DeliveryState.DEAD)
        yield opened


def add(connection: sqlite3.Connection, number: int, state: DeliveryState) -> None:
    """Store a message that is an hour old, and its copy."""
    message = Message(
        id=MessageId(f"M{number}"), run=1, sender="s", to="r", body="b", at=NOW - 3600, expires_at=NOW + 9
    )
    copy = Delivery(message=message.id, recipient="r", state=state, acked_at=NOW)
    tx = Transaction(connection, end=log_end(connection), now=NOW, run=1)
    tx.record("message.sent", message, actor="s")
    tx.record("delivery.queued", copy, actor="s")


def steps(connection: sqlite3.Connection, query: str) -> int:
    """Count what SQLite's machine does for one query."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(tick, 1)
    connection.execute(QUERIES[query], HOT[query]).fetchall()
    connection.set_progress_handler(None, 0)
    return count


@pytest.mark.parametrize("query", HOT)
def test_what_was_dealt_with_costs_nothing(connection: sqlite3.Connection, query: str) -> None:
    before = steps(connection, query)
    states = (DeliveryState.ACKED, DeliveryState.EXPIRED)
    connection.execute("BEGIN")
    for number in range(3, 1003):
        add(connection, number, states[number % 2])
    connection.execute("COMMIT")
    assert steps(connection, query) <= before + 50


def test_canary_what_waits_does_cost(connection: sqlite3.Connection) -> None:
    before = steps(connection, "delivery.unread_count")
    for number in range(3, 203):
        add(connection, number, DeliveryState.QUEUED)
    assert steps(connection, "delivery.unread_count") > before + 200


@pytest.mark.parametrize("query", HOT)
def test_mail_is_found_by_an_index_and_never_by_reading_a_table(
    connection: sqlite3.Connection, query: str
) -> None:
    parameters = dict.fromkeys(re.findall(r":(\w+)", QUERIES[query]))
    plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {QUERIES[query]}", parameters)]
    scans = [each for each in plan if each.startswith("SCAN") and "delivery_dead" not in each]
    assert scans == []  # of the dead letters all are wanted


@pytest.mark.parametrize("query", ["delivery.unread_count", "delivery.open_count"])
def test_counting_reads_the_index_alone(connection: sqlite3.Connection, query: str) -> None:
    (plan,) = connection.execute(f"EXPLAIN QUERY PLAN {QUERIES[query]}", HOT[query]).fetchall()
    assert "USING COVERING INDEX delivery_open" in plan["detail"]


def test_the_index_of_spent_copies_counts_as_the_rules_do() -> None:
    assert f"attempts >= {ATTEMPTS_MAX} " in QUERIES["delivery.spent"]


def test_a_copy_without_its_message_is_not_stored(connection: sqlite3.Connection) -> None:
    orphan = Delivery(message=MessageId("M99"), recipient="r")
    tx = Transaction(connection, end=log_end(connection), now=NOW, run=1)
    with pytest.raises(sqlite3.IntegrityError):
        tx.record("delivery.queued", orphan, actor="s")
