-- Keys for agents that we did not start.

CREATE TABLE outside_key (
    name       TEXT PRIMARY KEY,
    role       TEXT NOT NULL,
    groups     TEXT NOT NULL,
    tags       TEXT NOT NULL,
    label      TEXT NOT NULL,
    tools      TEXT NOT NULL,
    state      TEXT NOT NULL,
    serial     INTEGER NOT NULL,
    created_at REAL NOT NULL,
    rotated_at REAL,
    expires_at REAL,
    lifetime_s REAL,
    ended_at   REAL
) STRICT;

-- Private: the SHA-256 of each plaintext that is still taken, and until when. Never part of the feed.
CREATE TABLE outside_secret (
    key_hash TEXT PRIMARY KEY,
    name     TEXT NOT NULL REFERENCES outside_key (name),
    serial   INTEGER NOT NULL,
    until    REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX outside_secret_name ON outside_secret (name);

-- Private: when each key was used last, to the minute.
CREATE TABLE outside_use (
    name         TEXT PRIMARY KEY REFERENCES outside_key (name),
    last_used_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE agent ADD COLUMN activity TEXT NOT NULL DEFAULT '';
