-- The first schema: one table per entity of the model, the event log, and private bookkeeping.

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    team        TEXT NOT NULL,
    profile     TEXT NOT NULL,
    digest      TEXT NOT NULL,
    state       TEXT NOT NULL,
    started_at  REAL NOT NULL,
    finished_at REAL,
    outcome     TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX run_active ON run (state) WHERE state = 'active';

CREATE TABLE agent (
    name          TEXT PRIMARY KEY,
    pool          TEXT NOT NULL,
    role          TEXT NOT NULL,
    state         TEXT NOT NULL,
    tags          TEXT NOT NULL,
    groups        TEXT NOT NULL,
    incarnation   INTEGER NOT NULL,
    pid           INTEGER,
    task          TEXT,
    restarts      INTEGER NOT NULL,
    since         REAL NOT NULL,
    next_start_at REAL,
    last_exit     TEXT,
    reason        TEXT NOT NULL,
    assurance     TEXT NOT NULL
) STRICT;

-- Private: who a key belongs to and which process it was given to. Never part of the feed.
CREATE TABLE incarnation (
    agent      TEXT NOT NULL,
    number     INTEGER NOT NULL,
    run        INTEGER NOT NULL,
    session    TEXT NOT NULL,
    boot_id    TEXT NOT NULL,
    key_hash   TEXT NOT NULL UNIQUE,
    pid        INTEGER,
    start_time INTEGER,
    started_at REAL NOT NULL,
    ended_at   REAL,
    PRIMARY KEY (agent, number)
) STRICT;

CREATE INDEX incarnation_live ON incarnation (agent) WHERE ended_at IS NULL;

CREATE TABLE task (
    n             INTEGER PRIMARY KEY,
    id            TEXT GENERATED ALWAYS AS ('T' || n) VIRTUAL,
    run           INTEGER NOT NULL REFERENCES run (id),
    title         TEXT NOT NULL,
    description   TEXT NOT NULL,
    state         TEXT NOT NULL,
    blocked_by    TEXT NOT NULL,
    priority      INTEGER NOT NULL,
    tags          TEXT NOT NULL,
    criteria      TEXT NOT NULL,
    depends_on    TEXT NOT NULL,
    parent        TEXT,
    review        INTEGER NOT NULL,
    assignee      TEXT,
    required_role TEXT,
    creator       TEXT NOT NULL,
    holder        TEXT,
    author        TEXT,
    reviewer      TEXT,
    token         INTEGER NOT NULL,
    lease_until   REAL,
    percent       INTEGER NOT NULL,
    action        TEXT NOT NULL,
    result        TEXT NOT NULL,
    feedback      TEXT NOT NULL,
    review_round  INTEGER NOT NULL,
    failures      INTEGER NOT NULL,
    releases      INTEGER NOT NULL,
    created_at    REAL NOT NULL,
    updated_at    REAL NOT NULL,
    started_at    REAL,
    finished_at   REAL,
    unmet         INTEGER NOT NULL DEFAULT 0,
    rank          INTEGER GENERATED ALWAYS AS ((priority << 40) | n) VIRTUAL
) STRICT;

-- The claim reads only this: what is pending, best first. Finished work is not in it.
CREATE INDEX task_ready ON task (run, rank) WHERE state = 'pending';
CREATE INDEX task_held ON task (holder) WHERE state = 'in_progress';
CREATE INDEX task_review ON task (run, rank) WHERE state = 'in_review';
CREATE INDEX task_open ON task (run, rank) WHERE state IN ('blocked', 'pending', 'in_progress', 'in_review');
CREATE INDEX task_run ON task (run, n);

CREATE TABLE dependency (
    task INTEGER NOT NULL REFERENCES task (n),
    dep  INTEGER NOT NULL REFERENCES task (n),
    PRIMARY KEY (task, dep)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependency_reverse ON dependency (dep, task);

CREATE TABLE note (
    id     INTEGER PRIMARY KEY,
    task   TEXT NOT NULL,
    author TEXT NOT NULL,
    body   TEXT NOT NULL,
    at     REAL NOT NULL
) STRICT;

CREATE INDEX note_task ON note (task, id);

CREATE TABLE checkpoint (
    task      TEXT PRIMARY KEY,
    author    TEXT NOT NULL,
    token     INTEGER NOT NULL,
    percent   INTEGER NOT NULL,
    completed TEXT NOT NULL,
    remaining TEXT NOT NULL,
    state     TEXT NOT NULL,
    at        REAL NOT NULL
) STRICT;

CREATE TABLE message (
    n          INTEGER PRIMARY KEY,
    id         TEXT GENERATED ALWAYS AS ('M' || n) VIRTUAL,
    run        INTEGER NOT NULL REFERENCES run (id),
    sender     TEXT NOT NULL,
    "to"       TEXT NOT NULL,
    body       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    urgent     INTEGER NOT NULL,
    thread     TEXT NOT NULL,
    at         REAL NOT NULL,
    expires_at REAL NOT NULL
) STRICT;

CREATE INDEX message_run ON message (run, n);

CREATE TABLE delivery (
    message      TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    state        TEXT NOT NULL,
    delivered_at REAL,
    acked_at     REAL,
    n            INTEGER GENERATED ALWAYS AS (CAST(substr(message, 2) AS INTEGER)) VIRTUAL,
    PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_unread ON delivery (recipient, n) WHERE state IN ('queued', 'delivered');
CREATE INDEX delivery_recipient ON delivery (recipient, n);

CREATE TABLE vote (
    n              INTEGER PRIMARY KEY,
    id             TEXT GENERATED ALWAYS AS ('V' || n) VIRTUAL,
    run            INTEGER NOT NULL REFERENCES run (id),
    question       TEXT NOT NULL,
    options        TEXT NOT NULL,
    electorate     TEXT NOT NULL,
    quorum         INTEGER NOT NULL,
    opened_by      TEXT NOT NULL,
    opened_at      REAL NOT NULL,
    deadline       REAL NOT NULL,
    state          TEXT NOT NULL,
    outcome        TEXT,
    winner         TEXT,
    closed_at      REAL,
    closed_because TEXT NOT NULL
) STRICT;

CREATE INDEX vote_open ON vote (run, n) WHERE state = 'open';
CREATE INDEX vote_run ON vote (run, n);

CREATE TABLE ballot (
    vote      TEXT NOT NULL,
    voter     TEXT NOT NULL,
    choice    TEXT NOT NULL,
    rationale TEXT NOT NULL,
    at        REAL NOT NULL,
    PRIMARY KEY (vote, voter)
) STRICT, WITHOUT ROWID;

CREATE TABLE approval (
    n           INTEGER PRIMARY KEY,
    id          TEXT GENERATED ALWAYS AS ('A' || n) VIRTUAL,
    run         INTEGER NOT NULL REFERENCES run (id),
    agent       TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    tier        INTEGER NOT NULL,
    title       TEXT NOT NULL,
    payload     TEXT NOT NULL,
    digest      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    task        TEXT,
    state       TEXT NOT NULL,
    created_at  REAL NOT NULL,
    expires_at  REAL NOT NULL,
    answered_by TEXT,
    answered_at REAL,
    answer      TEXT NOT NULL
) STRICT;

CREATE INDEX approval_open ON approval (agent, n) WHERE state IN ('pending', 'approved');
CREATE INDEX approval_run ON approval (run, n);

CREATE TABLE memory (
    scope   TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    version INTEGER NOT NULL,
    author  TEXT NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    seq     INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    run     INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor   TEXT NOT NULL,
    after   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    hash    TEXT NOT NULL
) STRICT;

CREATE INDEX event_subject ON event (subject, seq);

-- What a retried call was answered, so that it is answered the same and done once.
CREATE TABLE answered_call (
    run    INTEGER NOT NULL,
    agent  TEXT NOT NULL,
    key    TEXT NOT NULL,
    tool   TEXT NOT NULL,
    answer TEXT NOT NULL,
    at     REAL NOT NULL,
    PRIMARY KEY (run, agent, key)
) STRICT, WITHOUT ROWID;
