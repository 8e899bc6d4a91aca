-- What supervision finds out: the verdict on a live agent, and what each scaled pool is set to.

ALTER TABLE agent ADD COLUMN liveness TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE agent ADD COLUMN liveness_why TEXT NOT NULL DEFAULT '';

CREATE TABLE pool (
    name   TEXT PRIMARY KEY,
    wanted INTEGER NOT NULL,
    manual INTEGER,
    reason TEXT NOT NULL,
    since  REAL NOT NULL
) STRICT;
