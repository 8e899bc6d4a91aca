-- How far each way out has come: private bookkeeping, no part of the feed. A sink holds its own pace.
-- `sending_id` and `sending_upto` are of the letter that may have left already; empty and 0 for none.
CREATE TABLE notify_sink (
    name         TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    cursor       INTEGER NOT NULL,
    sending_id   TEXT NOT NULL,
    sending_upto INTEGER NOT NULL,
    tokens       REAL NOT NULL,
    tokens_at    REAL NOT NULL,
    used_at      REAL NOT NULL,
    sent         INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    dropped      INTEGER NOT NULL,
    sent_at      REAL,
    error        TEXT NOT NULL,
    error_at     REAL
) STRICT;
