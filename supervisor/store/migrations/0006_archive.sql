-- Events that were moved out of the database.

-- Who wrote an event: the engine's session, and which incarnation of the agent that acted.
ALTER TABLE event ADD COLUMN session TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;

-- The files of `.supervisor/archive/`: from the row on, the file is where these events are read.
CREATE TABLE event_archive (
    first         INTEGER PRIMARY KEY,
    last          INTEGER NOT NULL,
    previous_hash TEXT NOT NULL,
    last_hash     TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    bytes         INTEGER NOT NULL,
    first_at      REAL NOT NULL,
    last_at       REAL NOT NULL
) STRICT;

-- The newest event that is no longer a row: what comes first among the rows is sealed with its hash.
CREATE TABLE event_cut (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seq  INTEGER NOT NULL,
    at   REAL NOT NULL,
    run  INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;

INSERT INTO event_cut VALUES (1, 0, 0.0, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- The state after the cut, as its events spelled it: the fold of the rows begins here. Ids are in the
-- order in which the things first appeared.
CREATE TABLE event_base (
    id      INTEGER PRIMARY KEY,
    noun    TEXT NOT NULL,
    subject TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    after   TEXT NOT NULL,
    UNIQUE (noun, subject)
) STRICT;
