-- What agents and people leave behind: memory with an end, agent state, questions, handoffs; rules of votes.

ALTER TABLE memory ADD COLUMN expires_at REAL;
ALTER TABLE memory ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;

-- Readers use only these: what was deleted is in none of them.
CREATE INDEX memory_live ON memory (scope, key) WHERE deleted = 0;
CREATE INDEX memory_newest ON memory (at) WHERE deleted = 0;
CREATE INDEX memory_author ON memory (author) WHERE deleted = 0;
CREATE INDEX memory_ending ON memory (expires_at) WHERE expires_at IS NOT NULL AND deleted = 0;

-- Kept counters: how much each scope holds (`scope:team`) and each author wrote (`author:worker-1`).
CREATE TABLE memory_use (
    owner   TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    bytes   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO memory_use
SELECT 'scope:' || scope, count(*), sum(length(CAST(value AS BLOB))) FROM memory GROUP BY scope
UNION ALL
SELECT 'author:' || author, count(*), sum(length(CAST(value AS BLOB))) FROM memory GROUP BY author;

ALTER TABLE vote ADD COLUMN rule TEXT NOT NULL DEFAULT 'plurality';
ALTER TABLE vote ADD COLUMN tie TEXT NOT NULL DEFAULT 'human';
ALTER TABLE vote ADD COLUMN early INTEGER NOT NULL DEFAULT 1;
ALTER TABLE vote ADD COLUMN subscribers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE vote ADD COLUMN decided_by TEXT;

CREATE TABLE work_state (
    agent          TEXT PRIMARY KEY,
    last_task      TEXT,
    work_items     TEXT NOT NULL,
    open_questions TEXT NOT NULL,
    summary        TEXT NOT NULL,
    updated_at     REAL NOT NULL,
    incarnation    INTEGER NOT NULL
) STRICT;

CREATE TABLE question (
    n           INTEGER PRIMARY KEY,
    id          TEXT GENERATED ALWAYS AS ('Q' || n) VIRTUAL,
    run         INTEGER NOT NULL REFERENCES run (id),
    agent       TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    question    TEXT NOT NULL,
    options     TEXT NOT NULL,
    task        TEXT,
    state       TEXT NOT NULL,
    asked_at    REAL NOT NULL,
    expires_at  REAL NOT NULL,
    answered_by TEXT,
    answered_at REAL,
    answer      TEXT NOT NULL,
    choice      TEXT
) STRICT;

CREATE INDEX question_open ON question (agent, n) WHERE state = 'asked';
CREATE INDEX question_run ON question (run, n);

CREATE TABLE handoff (
    id     INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES run (id),
    task   TEXT,
    sender TEXT NOT NULL,
    "to"   TEXT NOT NULL,
    notes  TEXT NOT NULL,
    at     REAL NOT NULL,
    kind   TEXT NOT NULL
) STRICT;

CREATE INDEX handoff_run ON handoff (run, id);
CREATE INDEX handoff_to ON handoff (run, "to", id);
CREATE INDEX handoff_task ON handoff (task, id) WHERE task IS NOT NULL;

CREATE INDEX checkpoint_author ON checkpoint (author, at);
