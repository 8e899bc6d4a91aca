"""Mail of a database of the first version: read as its old events tell it, and waiting as before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from supervisor.model.ids import MessageId
from supervisor.model.message import Delivery, DeliveryState, Message
from supervisor.store import database
from supervisor.store.database import connect, prepare_database
from supervisor.store.transaction import Transaction, log_end


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of the first version with an urgent message, fetched by its reader, and one acked."""
    path = tmp_path / "old.db"
    first = database.migrations()[:1]
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrations", lambda: first)
        prepare_database(path)
    with closing(connect(path)) as connection:
        connection.execute(
            "INSERT INTO run (id, team, profile, digest, state, started_at, outcome)"
            " VALUES (1, 't', 'p', 'd', 'active', 0, '')"
        )
        connection.execute(
            'INSERT INTO message (n, run, sender, "to", body, kind, urgent, thread, at, expires_at)'
            " VALUES (1, 1, 'planner', 'r', 'b', 'info', 1, '', 5, 105),"
            " (2, 1, 'r', 'r', 'b', 'info', 0, '', 6, 106)"
        )
        connection.execute(
            "INSERT INTO delivery (message, recipient, state, delivered_at, acked_at)"
            " VALUES ('M1', 'r', 'delivered', 7, NULL), ('M2', 'r', 'acked', 7, 8)"
        )
    prepare_database(path)
    return path


def test_old_rows_are_what_their_events_say(old: Path) -> None:
    with closing(connect(old)) as connection:
        tx = Transaction(connection, end=log_end(connection), now=10.0, run=1)
        assert tx.values(Message, "message.all")[0] == Message(
            id=MessageId("M1"), run=1, sender="planner", to="r", body="b", urgent=True, at=5, expires_at=105
        )
        assert tx.values(Delivery, "delivery.all") == (
            Delivery(message=MessageId("M1"), recipient="r", state=DeliveryState.DELIVERED, delivered_at=7),
            Delivery(
                message=MessageId("M2"), recipient="r", state=DeliveryState.ACKED, delivered_at=7, acked_at=8
            ),
        )


def test_old_mail_waits_is_ranked_and_expires(old: Path) -> None:
    with closing(connect(old)) as connection:
        private = "SELECT sender, rank, own, due FROM delivery ORDER BY message"
        assert tuple(connection.execute(private).fetchone()) == ("planner", 2, None, 105.0)
        tx = Transaction(connection, end=log_end(connection), now=10.0, run=1)
        assert tx.scalar("delivery.open_count", recipient="r") == 1
        assert len(tx.values(Delivery, "delivery.overdue", now=105.0, limit=9)) == 1
        assert tx.values(Delivery, "delivery.overdue", now=104.0, limit=9) == ()
