-- name: put
-- Write one agent whole, new or changed.
INSERT INTO agent (
    name, pool, role, state, tags, groups, incarnation, pid, task, restarts, since, next_start_at,
    last_exit, reason, activity, assurance, quarantined, spawned_by
) VALUES (
    :name, :pool, :role, :state, :tags, :groups, :incarnation, :pid, :task, :restarts, :since,
    :next_start_at, :last_exit, :reason, :activity, :assurance, :quarantined, :spawned_by
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
    spawned_by = excluded.spawned_by;

-- name: get
-- One agent by name.
SELECT * FROM agent WHERE name = :name;

-- name: all
-- Every agent, by name.
SELECT * FROM agent ORDER BY name;
