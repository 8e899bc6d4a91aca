-- Plans: milestones, tracks, waves, edge policies, holds and delays of tasks.

CREATE TABLE milestone (
    n              INTEGER PRIMARY KEY,
    id             TEXT GENERATED ALWAYS AS ('P' || n) VIRTUAL,
    run            INTEGER NOT NULL REFERENCES run (id),
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    goal           TEXT NOT NULL,
    project        TEXT NOT NULL,
    branch         TEXT NOT NULL,
    key            TEXT NOT NULL,
    state          TEXT NOT NULL,
    review         INTEGER,
    wip            INTEGER NOT NULL,
    creator        TEXT NOT NULL,
    cycle          INTEGER NOT NULL,
    max_cycles     INTEGER NOT NULL,
    min_interval_s REAL NOT NULL,
    next_cycle_at  REAL,
    cycle_began_at REAL NOT NULL,
    created_at     REAL NOT NULL,
    updated_at     REAL NOT NULL,
    finished_at    REAL
) STRICT;

CREATE INDEX milestone_run ON milestone (run, n);
CREATE UNIQUE INDEX milestone_key ON milestone (run, key) WHERE key <> '';
CREATE INDEX milestone_due ON milestone (next_cycle_at) WHERE next_cycle_at IS NOT NULL;
CREATE INDEX milestone_capped ON milestone (run, n) WHERE wip > 0;

ALTER TABLE task ADD COLUMN milestone TEXT;
ALTER TABLE task ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN track TEXT;
ALTER TABLE task ADD COLUMN "order" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN wave INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN cycle INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN edge_policies TEXT NOT NULL DEFAULT '{}';
ALTER TABLE task ADD COLUMN on_lost TEXT NOT NULL DEFAULT 'hold';
ALTER TABLE task ADD COLUMN "join" TEXT NOT NULL DEFAULT 'all';
ALTER TABLE task ADD COLUMN required_tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE task ADD COLUMN required_group TEXT;
ALTER TABLE task ADD COLUMN complexity INTEGER;
ALTER TABLE task ADD COLUMN work_role TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN instructions TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN block_note TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN not_before REAL;
ALTER TABLE task ADD COLUMN lease_ceiling REAL;
ALTER TABLE task ADD COLUMN eta REAL;
ALTER TABLE task ADD COLUMN error_class TEXT;
ALTER TABLE task ADD COLUMN gate TEXT NOT NULL DEFAULT 'judge';
ALTER TABLE task ADD COLUMN approvals_needed INTEGER NOT NULL DEFAULT 1;
ALTER TABLE task ADD COLUMN approved_by TEXT NOT NULL DEFAULT '[]';
ALTER TABLE task ADD COLUMN review_until REAL;
ALTER TABLE task ADD COLUMN issues TEXT NOT NULL DEFAULT '[]';
ALTER TABLE task ADD COLUMN reopened_inputs TEXT NOT NULL DEFAULT '[]';
ALTER TABLE task ADD COLUMN archived_at REAL;

-- Private counters, kept by the operations and recounted by fsck: edges that are not met yet, edges
-- that cannot be met any more, children that are open, children that are done.
ALTER TABLE task ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN open_children INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN done_children INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN parent_n INTEGER
    GENERATED ALWAYS AS (CAST(substr(parent, 2) AS INTEGER)) VIRTUAL;

ALTER TABLE dependency ADD COLUMN policy TEXT NOT NULL DEFAULT 'done';

UPDATE task SET
    lost = (
        SELECT count(*) FROM dependency AS d JOIN task AS other ON other.n = d.dep
        WHERE d.task = task.n AND other.state IN ('failed', 'cancelled', 'skipped')
    ),
    unmet = (
        SELECT count(*) FROM dependency AS d JOIN task AS other ON other.n = d.dep
        WHERE d.task = task.n AND other.state IN ('blocked', 'pending', 'in_progress', 'in_review')
    ),
    open_children = (
        SELECT count(*) FROM task AS child
        WHERE child.parent = task.id AND child.state IN ('blocked', 'pending', 'in_progress', 'in_review')
    ),
    done_children = (SELECT count(*) FROM task AS child WHERE child.parent = task.id AND child.state = 'done');

-- A claim looks only at what is pending, lane by lane: a lane is what a claimer must be. Within a lane
-- the best comes first; waiting for an hour counts as much as one level of priority, but nothing passes
-- what is critical. Finished work is in none of these indexes.
DROP INDEX task_ready;
DROP INDEX task_review;
DROP INDEX task_open;
ALTER TABLE task DROP COLUMN rank;
ALTER TABLE task ADD COLUMN rank INTEGER
    GENERATED ALWAYS AS ((priority > 0) * 4611686018427387904 + CAST((created_at + priority * 3600.0) * 1000 AS INTEGER))
    VIRTUAL;
ALTER TABLE task ADD COLUMN lane TEXT
    GENERATED ALWAYS AS (
        coalesce(assignee, '') || '|' || coalesce(required_role, '') || '|' || coalesce(required_group, '')
        || '|' || required_tags
    ) VIRTUAL;

CREATE INDEX task_ready ON task (run, lane, rank) WHERE state = 'pending';
CREATE INDEX task_review ON task (run, rank) WHERE state = 'in_review';
CREATE INDEX task_open ON task (run, n) WHERE state IN ('blocked', 'pending', 'in_progress', 'in_review');
CREATE INDEX task_made ON task (run, creator, n)
    WHERE state IN ('blocked', 'pending', 'in_progress', 'in_review');
CREATE INDEX task_reserved ON task (assignee, n) WHERE assignee IS NOT NULL AND state IN ('pending', 'blocked');
CREATE INDEX task_due ON task (not_before) WHERE state = 'blocked' AND not_before IS NOT NULL;
CREATE INDEX task_children ON task (parent_n, n) WHERE parent IS NOT NULL;
CREATE INDEX task_milestone ON task (milestone, n) WHERE milestone IS NOT NULL;
CREATE INDEX task_key ON task (milestone, key) WHERE key <> '' AND archived_at IS NULL;
CREATE INDEX task_track ON task (milestone, track, "order", state)
    WHERE track IS NOT NULL AND archived_at IS NULL
    AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed');
CREATE INDEX task_wave ON task (milestone, wave, state)
    WHERE wave > 0 AND archived_at IS NULL
    AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed');
CREATE INDEX task_milestone_open ON task (milestone, state)
    WHERE milestone IS NOT NULL AND state IN ('blocked', 'pending', 'in_progress', 'in_review');

CREATE TABLE board (
    task   TEXT PRIMARY KEY,
    text   TEXT NOT NULL,
    author TEXT NOT NULL,
    at     REAL NOT NULL
) STRICT;

-- How many tasks of a run are in each state, kept by every write of a task.
CREATE TABLE task_count (
    run   INTEGER NOT NULL,
    state TEXT NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (run, state)
) STRICT, WITHOUT ROWID;

INSERT INTO task_count SELECT run, state, count(*) FROM task GROUP BY run, state;

CREATE TRIGGER task_count_added AFTER INSERT ON task BEGIN
    INSERT INTO task_count VALUES (new.run, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER task_count_moved AFTER UPDATE OF state ON task WHEN old.state <> new.state BEGIN
    UPDATE task_count SET n = n - 1 WHERE run = old.run AND state = old.state;
    INSERT INTO task_count VALUES (new.run, new.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;

ALTER TABLE agent ADD COLUMN quarantined TEXT NOT NULL DEFAULT '';
ALTER TABLE agent ADD COLUMN spawned_by TEXT;

-- When an agent's work failed, so that one which fails again and again is set aside.
CREATE TABLE agent_failure (
    agent TEXT NOT NULL,
    at    REAL NOT NULL,
    task  TEXT NOT NULL
) STRICT;

CREATE INDEX agent_failure_agent ON agent_failure (agent, at);

-- How many tasks were dealt to each agent by the team's distribution.
CREATE TABLE dealt (
    run   INTEGER NOT NULL,
    agent TEXT NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (run, agent)
) STRICT, WITHOUT ROWID;
