-- Turns of agents with what they used, and how far budgets are spent.

CREATE TABLE turn (
    n                  INTEGER PRIMARY KEY,
    id                 TEXT NOT NULL GENERATED ALWAYS AS ('U' || n) VIRTUAL,
    run                INTEGER NOT NULL REFERENCES run (id),
    agent              TEXT NOT NULL,
    incarnation        INTEGER NOT NULL,
    pool               TEXT NOT NULL,
    kind               TEXT NOT NULL,
    state              TEXT NOT NULL,
    session            TEXT NOT NULL,
    task               TEXT,
    token              INTEGER NOT NULL,
    started_at         REAL NOT NULL,
    ended_at           REAL,
    ok                 INTEGER NOT NULL,
    reason             TEXT NOT NULL,
    detail             TEXT NOT NULL,
    final_text         TEXT NOT NULL,
    model              TEXT NOT NULL,
    input_tokens       INTEGER,
    output_tokens      INTEGER,
    cached_tokens      INTEGER,
    cache_write_tokens INTEGER,
    reasoning_tokens   INTEGER,
    cost_usd           REAL,
    cost_unknown       INTEGER NOT NULL
) STRICT;

CREATE INDEX turn_running ON turn (agent, n) WHERE state = 'running';
CREATE INDEX turn_agent ON turn (agent, n);
CREATE INDEX turn_task ON turn (task, n);
CREATE INDEX turn_run ON turn (run, n);

-- One row for each budget and what it is counted over: whether people were told, and what was added.
CREATE TABLE budget (
    id           TEXT PRIMARY KEY,
    scope        TEXT NOT NULL,
    pools        TEXT NOT NULL,
    subject      TEXT NOT NULL,
    run          INTEGER NOT NULL,
    tokens       INTEGER,
    cost_usd     REAL,
    used_tokens  INTEGER NOT NULL,
    used_usd     REAL NOT NULL,
    cost_unknown INTEGER NOT NULL,
    extra_tokens INTEGER NOT NULL,
    extra_usd    REAL NOT NULL,
    state        TEXT NOT NULL,
    since        REAL NOT NULL
) STRICT;
