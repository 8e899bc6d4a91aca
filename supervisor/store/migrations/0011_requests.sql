-- Requests that an agent's program makes, and the rules that answers `always` leave behind.

ALTER TABLE approval ADD COLUMN source TEXT NOT NULL DEFAULT 'tool';
ALTER TABLE approval ADD COLUMN tool TEXT NOT NULL DEFAULT '';
ALTER TABLE approval ADD COLUMN cwd TEXT NOT NULL DEFAULT '';
ALTER TABLE approval ADD COLUMN workspace TEXT NOT NULL DEFAULT '';
ALTER TABLE approval ADD COLUMN request TEXT NOT NULL DEFAULT '';
ALTER TABLE approval ADD COLUMN options TEXT NOT NULL DEFAULT '[]';
ALTER TABLE approval ADD COLUMN rewritable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE approval ADD COLUMN rewritten TEXT NOT NULL DEFAULT '';
ALTER TABLE approval ADD COLUMN blocks TEXT NOT NULL DEFAULT '[]';

CREATE TABLE rule (
    n          INTEGER PRIMARY KEY,
    id         TEXT NOT NULL GENERATED ALWAYS AS ('R' || n) VIRTUAL,
    scope      TEXT NOT NULL,
    target     TEXT NOT NULL,
    act        TEXT NOT NULL,
    title      TEXT NOT NULL,
    tier       INTEGER NOT NULL,
    approval   TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    created_by TEXT NOT NULL,
    state      TEXT NOT NULL,
    ended_at   REAL
) STRICT;

CREATE INDEX rule_active ON rule (n) WHERE state = 'active';
