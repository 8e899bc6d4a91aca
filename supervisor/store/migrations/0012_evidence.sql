-- What a task's result must pass, and what each check said of what was handed in.

ALTER TABLE task ADD COLUMN checks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE task ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN check_failures INTEGER NOT NULL DEFAULT 0;

CREATE TABLE evidence (
    task       TEXT NOT NULL,
    token      INTEGER NOT NULL,
    "check"    TEXT NOT NULL,
    argv       TEXT NOT NULL,
    exit_code  INTEGER,
    signal     INTEGER,
    timed_out  INTEGER NOT NULL,
    problem    TEXT NOT NULL,
    tail       TEXT NOT NULL,
    "commit"   TEXT NOT NULL,
    dirty      INTEGER,
    started_at REAL NOT NULL,
    duration_s REAL NOT NULL,
    PRIMARY KEY (task, token, "check")
) STRICT;
