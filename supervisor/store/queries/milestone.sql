-- name: put
-- Write one milestone whole, new or changed.
INSERT INTO milestone (
    n, run, name, kind, goal, project, branch, key, state, review, wip, creator, cycle, max_cycles,
    min_interval_s, next_cycle_at, cycle_began_at, created_at, updated_at, finished_at
) VALUES (
    :n, :run, :name, :kind, :goal, :project, :branch, :key, :state, :review, :wip, :creator, :cycle,
    :max_cycles, :min_interval_s, :next_cycle_at, :cycle_began_at, :created_at, :updated_at, :finished_at
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run,
    name = excluded.name,
    kind = excluded.kind,
    goal = excluded.goal,
    project = excluded.project,
    branch = excluded.branch,
    key = excluded.key,
    state = excluded.state,
    review = excluded.review,
    wip = excluded.wip,
    creator = excluded.creator,
    cycle = excluded.cycle,
    max_cycles = excluded.max_cycles,
    min_interval_s = excluded.min_interval_s,
    next_cycle_at = excluded.next_cycle_at,
    cycle_began_at = excluded.cycle_began_at,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    finished_at = excluded.finished_at;

-- name: get
-- One milestone.
SELECT * FROM milestone WHERE n = :n;

-- name: next_number
-- The number of the next milestone.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'milestone'), 0)) + 1
FROM milestone;

-- name: all
-- Every milestone of every run, oldest first.
SELECT * FROM milestone ORDER BY n;

-- name: of_run
-- The milestones of a run, oldest first.
SELECT * FROM milestone INDEXED BY milestone_run WHERE run = :run ORDER BY n;

-- name: by_key
-- The milestone that a file of plans calls so.
SELECT * FROM milestone INDEXED BY milestone_key WHERE run = :run AND key = :key AND key <> '';

-- name: due
-- Loops whose next cycle is due.
SELECT * FROM milestone INDEXED BY milestone_due
WHERE next_cycle_at IS NOT NULL AND next_cycle_at <= :now AND state = 'open' ORDER BY n;

-- name: capped
-- The milestones of a run that cap how many of their tasks are worked on.
SELECT n, id, wip FROM milestone INDEXED BY milestone_capped WHERE run = :run AND wip > 0;

-- name: cycles_ahead
-- Whether a loop waits for the time of its next cycle.
SELECT EXISTS (
    SELECT 1 FROM milestone INDEXED BY milestone_due WHERE next_cycle_at IS NOT NULL AND run = :run
);
