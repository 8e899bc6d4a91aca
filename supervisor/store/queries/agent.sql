-- name: put
-- Write one agent whole, new or changed.
INSERT INTO agent (
    name, pool, role, state, tags, groups, incarnation, pid, task, restarts, since, next_start_at,
    last_exit, reason, activity, assurance, quarantined, spawned_by, liveness, liveness_why
) VALUES (
    :name, :pool, :role, :state, :tags, :groups, :incarnation, :pid, :task, :restarts, :since,
    :next_start_at, :last_exit, :reason, :activity, :assurance, :quarantined, :spawned_by,
    :liveness, :liveness_why
)
ON CONFLICT (name) DO UPDATE SET
    pool = excluded.pool,
    role = excluded.role,
    state = excluded.state,
    tags = excluded.tags,
    groups = excluded.groups,
    incarnation = excluded.incarnation,
    pid = excluded.pid,
    task = excluded.task,
    restarts = excluded.restarts,
    since = excluded.since,
    next_start_at = excluded.next_start_at,
    last_exit = excluded.last_exit,
    reason = excluded.reason,
    activity = excluded.activity,
    assurance = excluded.assurance,
    quarantined = excluded.quarantined,
    spawned_by = excluded.spawned_by,
    liveness = excluded.liveness,
    liveness_why = excluded.liveness_why;

-- name: get
-- One agent by name.
SELECT * FROM agent WHERE name = :name;

-- name: all
-- Every agent, by name.
SELECT * FROM agent ORDER BY name;

-- name: doing
-- What an agent holds or else reviews now, the oldest of it; whether it waits for a person, or has a turn.
SELECT
    (
        SELECT id FROM task INDEXED BY task_held
        WHERE state = 'in_progress' AND holder = :agent ORDER BY n LIMIT 1
    ) AS held,
    (
        SELECT id FROM task INDEXED BY task_review
        WHERE run = :run AND state = 'in_review' AND reviewer = :agent ORDER BY n LIMIT 1
    ) AS reviewed,
    EXISTS (
        SELECT 1 FROM approval INDEXED BY approval_open
        WHERE agent = :agent AND state IN ('pending', 'approved') AND state = 'pending'
    ) OR EXISTS (
        SELECT 1 FROM question INDEXED BY question_open WHERE agent = :agent AND state = 'asked'
    ) AS asks,
    EXISTS (
        SELECT 1 FROM turn INDEXED BY turn_running
        WHERE agent = :agent AND state = 'running' AND kind <> 'begin'
    ) AS in_turn;
