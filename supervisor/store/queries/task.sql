-- name: put
-- Write one task whole, new or changed.
INSERT INTO task (
    n, run, title, description, state, blocked_by, priority, tags, criteria, depends_on, parent, review,
    assignee, required_role, creator, holder, author, reviewer, token, lease_until, percent, action,
    result, feedback, review_round, failures, releases, created_at, updated_at, started_at, finished_at,
    milestone, key, track, "order", wave, cycle, edge_policies, on_lost, "join", required_tags,
    required_group, complexity, work_role, instructions, block_note, not_before, lease_ceiling, eta,
    error_class, gate, approvals_needed, approved_by, review_until, issues, reopened_inputs, archived_at,
    checks, verified, check_failures
) VALUES (
    :n, :run, :title, :description, :state, :blocked_by, :priority, :tags, :criteria, :depends_on,
    :parent, :review, :assignee, :required_role, :creator, :holder, :author, :reviewer, :token,
    :lease_until, :percent, :action, :result, :feedback, :review_round, :failures, :releases, :created_at,
    :updated_at, :started_at, :finished_at, :milestone, :key, :track, :order, :wave, :cycle,
    :edge_policies, :on_lost, :join, :required_tags, :required_group, :complexity, :work_role,
    :instructions, :block_note, :not_before, :lease_ceiling, :eta, :error_class, :gate, :approvals_needed,
    :approved_by, :review_until, :issues, :reopened_inputs, :archived_at, :checks, :verified, :check_failures
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run,
    title = excluded.title,
    description = excluded.description,
    state = excluded.state,
    blocked_by = excluded.blocked_by,
    priority = excluded.priority,
    tags = excluded.tags,
    criteria = excluded.criteria,
    depends_on = excluded.depends_on,
    parent = excluded.parent,
    review = excluded.review,
    assignee = excluded.assignee,
    required_role = excluded.required_role,
    creator = excluded.creator,
    holder = excluded.holder,
    author = excluded.author,
    reviewer = excluded.reviewer,
    token = excluded.token,
    lease_until = excluded.lease_until,
    percent = excluded.percent,
    action = excluded.action,
    result = excluded.result,
    feedback = excluded.feedback,
    review_round = excluded.review_round,
    failures = excluded.failures,
    releases = excluded.releases,
    created_at = excluded.created_at,
    updated_at = excluded.updated_at,
    started_at = excluded.started_at,
    finished_at = excluded.finished_at,
    milestone = excluded.milestone,
    key = excluded.key,
    track = excluded.track,
    "order" = excluded."order",
    wave = excluded.wave,
    cycle = excluded.cycle,
    edge_policies = excluded.edge_policies,
    on_lost = excluded.on_lost,
    "join" = excluded."join",
    required_tags = excluded.required_tags,
    required_group = excluded.required_group,
    complexity = excluded.complexity,
    work_role = excluded.work_role,
    instructions = excluded.instructions,
    block_note = excluded.block_note,
    not_before = excluded.not_before,
    lease_ceiling = excluded.lease_ceiling,
    eta = excluded.eta,
    error_class = excluded.error_class,
    gate = excluded.gate,
    approvals_needed = excluded.approvals_needed,
    approved_by = excluded.approved_by,
    review_until = excluded.review_until,
    issues = excluded.issues,
    reopened_inputs = excluded.reopened_inputs,
    archived_at = excluded.archived_at,
    checks = excluded.checks,
    verified = excluded.verified,
    check_failures = excluded.check_failures;

-- name: get
-- One task.
SELECT * FROM task WHERE n = :n;

-- name: next_number
-- The number of the next task.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'task'), 0)) + 1
FROM task;

-- name: all
-- Every task of every run, oldest first.
SELECT * FROM task ORDER BY n;

-- name: shown
-- The tasks of one run after a given one that are not archived, oldest first.
SELECT * FROM task INDEXED BY task_run
WHERE run = :run AND n > :after AND archived_at IS NULL ORDER BY n LIMIT :limit;

-- name: listed
-- One page of a run's tasks that are not archived, filtered, oldest first.
SELECT * FROM task INDEXED BY task_run
WHERE run = :run AND n > :after AND archived_at IS NULL
  AND (:state IS NULL OR state = :state)
  AND (:milestone IS NULL OR milestone = :milestone)
  AND (:parent IS NULL OR parent = :parent)
  AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(task.tags) WHERE value = :tag))
  AND (:agent IS NULL OR holder = :agent OR assignee = :agent)
ORDER BY n LIMIT :limit;

-- name: listed_open
-- One page of a run's open tasks, filtered, oldest first.
SELECT * FROM task INDEXED BY task_open
WHERE run = :run AND n > :after AND state IN ('blocked', 'pending', 'in_progress', 'in_review')
  AND (:milestone IS NULL OR milestone = :milestone)
  AND (:parent IS NULL OR parent = :parent)
  AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(task.tags) WHERE value = :tag))
  AND (:agent IS NULL OR holder = :agent OR assignee = :agent)
ORDER BY n LIMIT :limit;

-- name: lanes
-- The lanes in which something is pending, each found by one step in the index.
WITH RECURSIVE lanes (lane) AS (
    SELECT min(lane) FROM task INDEXED BY task_ready WHERE run = :run AND state = 'pending'
    UNION ALL
    SELECT (
        SELECT min(t.lane) FROM task AS t INDEXED BY task_ready
        WHERE t.run = :run AND t.state = 'pending' AND t.lane > lanes.lane
    )
    FROM lanes WHERE lanes.lane IS NOT NULL
)
SELECT lane FROM lanes WHERE lane IS NOT NULL;

-- name: best_of_lane
-- The best pending task of a lane, none of a milestone in the given list.
SELECT * FROM task INDEXED BY task_ready
WHERE run = :run AND state = 'pending' AND lane = :lane
  AND (milestone IS NULL OR milestone NOT IN (SELECT value FROM json_each(:full)))
ORDER BY rank, n LIMIT 1;

-- name: pending_in_lane
-- How many tasks are pending in a lane, counted up to a bound.
SELECT count(*) FROM (
    SELECT 1 FROM task INDEXED BY task_ready
    WHERE run = :run AND state = 'pending' AND lane = :lane LIMIT :most
);

-- name: pending_in_lane_elsewhere
-- How many tasks are pending in a lane in none of the given milestones, counted up to a bound.
SELECT count(*) FROM (
    SELECT 1 FROM task INDEXED BY task_ready
    WHERE run = :run AND state = 'pending' AND lane = :lane
      AND (milestone IS NULL OR milestone NOT IN (SELECT value FROM json_each(:milestones))) LIMIT :most
);

-- name: lanes_of_milestone
-- The lanes in which tasks of a milestone are pending, with how many, as far as a bound of rows shows them.
SELECT lane, count(*) AS n FROM (
    SELECT lane FROM task INDEXED BY task_milestone_open
    WHERE milestone = :milestone AND milestone IS NOT NULL AND state = 'pending'
      AND state IN ('blocked', 'pending', 'in_progress', 'in_review') LIMIT :most
)
GROUP BY lane;

-- name: unjudged
-- How many tasks wait for a judge to take them, counted up to a bound.
SELECT count(*) FROM (
    SELECT 1 FROM task INDEXED BY task_review
    WHERE run = :run AND state = 'in_review' AND reviewer IS NULL AND gate = 'judge'
      AND (checks = '[]' OR verified = token) LIMIT :most
);

-- name: reviewable
-- The tasks that can be judged and that nobody but this agent reviews, best first; all if none is named.
SELECT * FROM task INDEXED BY task_review
WHERE run = :run AND state = 'in_review' AND (:agent IS NULL OR reviewer IS NULL OR reviewer = :agent)
  AND (checks = '[]' OR verified = token)
ORDER BY rank, n;

-- name: verifying
-- The tasks whose checks have to run before anybody may judge them, oldest first.
SELECT * FROM task INDEXED BY task_review
WHERE run = :run AND state = 'in_review' AND checks <> '[]' AND verified <> token
ORDER BY n;

-- name: held_by
-- What an agent holds now.
SELECT * FROM task INDEXED BY task_held WHERE state = 'in_progress' AND holder = :agent ORDER BY n;

-- name: held_count
-- How many tasks an agent holds now.
SELECT count(*) FROM task INDEXED BY task_held WHERE state = 'in_progress' AND holder = :agent;

-- name: held
-- Everything that somebody holds.
SELECT * FROM task INDEXED BY task_held WHERE state = 'in_progress' ORDER BY n;

-- name: reviewed_by
-- What an agent reviews now.
SELECT * FROM task INDEXED BY task_review
WHERE run = :run AND state = 'in_review' AND reviewer = :agent ORDER BY n;

-- name: under_review
-- What somebody reviews now.
SELECT * FROM task INDEXED BY task_review
WHERE run = :run AND state = 'in_review' AND reviewer IS NOT NULL ORDER BY n;

-- name: reserved_for
-- What waits for one agent alone.
SELECT * FROM task INDEXED BY task_reserved
WHERE assignee = :agent AND assignee IS NOT NULL AND state IN ('pending', 'blocked') AND run = :run
ORDER BY n;

-- name: due
-- What waited for a time that has come.
SELECT * FROM task INDEXED BY task_due
WHERE state = 'blocked' AND not_before IS NOT NULL AND not_before <= :now ORDER BY n;

-- name: delayed
-- What waits for a time.
SELECT * FROM task INDEXED BY task_due WHERE state = 'blocked' AND not_before IS NOT NULL ORDER BY n;

-- name: next_due
-- The next time at which a waiting task is due.
SELECT min(not_before) FROM task INDEXED BY task_due WHERE state = 'blocked' AND not_before IS NOT NULL;

-- name: open
-- The tasks of a run that have not ended.
SELECT * FROM task INDEXED BY task_open
WHERE run = :run AND state IN ('blocked', 'pending', 'in_progress', 'in_review') ORDER BY n;

-- name: made_too_many
-- Whether one agent made at least so many tasks of a run that are still open; reads at most as many entries.
SELECT EXISTS (
    SELECT 1 FROM task INDEXED BY task_made
    WHERE run = :run AND creator = :creator AND state IN ('blocked', 'pending', 'in_progress', 'in_review')
    ORDER BY n LIMIT 1 OFFSET :most - 1
);

-- name: counts
-- How many tasks of a run are in each state.
SELECT state, n FROM task_count WHERE run = :run AND n > 0;

-- name: children
-- The children of a task, oldest first.
SELECT * FROM task INDEXED BY task_children WHERE parent IS NOT NULL AND parent_n = :parent ORDER BY n;

-- name: counters
-- The private counters of a task.
SELECT unmet, lost, open_children, done_children FROM task WHERE n = :n;

-- name: edge_changed
-- Change how many edges of a task are not met yet and how many cannot be met any more.
UPDATE task SET unmet = unmet + :unmet, lost = lost + :lost WHERE n = :n;

-- name: reset_edges
-- Let a task wait for no edge any more.
UPDATE task SET unmet = 0, lost = 0 WHERE n = :n;

-- name: child_changed
-- Change how many children of a task are open and how many are done.
UPDATE task SET open_children = open_children + :open, done_children = done_children + :done WHERE n = :n;

-- name: track_head
-- The lowest order in a track whose task has not ended, and whether one below the given order failed.
SELECT min("order") AS head, coalesce(sum("order" < :order AND state = 'failed'), 0) AS failed,
       coalesce(sum("order" < :order AND state <> 'failed'), 0) AS ahead
FROM task INDEXED BY task_track
WHERE milestone = :milestone AND track = :track AND track IS NOT NULL AND archived_at IS NULL
  AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed') AND "order" < :order;

-- name: track_next
-- The lowest order in a track whose task is open, not before a given one.
SELECT min("order") FROM task INDEXED BY task_track
WHERE milestone = :milestone AND track = :track AND track IS NOT NULL AND archived_at IS NULL
  AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed') AND state <> 'failed'
  AND "order" > :order;

-- name: track_at
-- The open tasks of a track between two orders.
SELECT * FROM task INDEXED BY task_track
WHERE milestone = :milestone AND track = :track AND track IS NOT NULL AND archived_at IS NULL
  AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed')
  AND "order" > :above AND "order" <= :upto ORDER BY n;

-- name: wave_ahead
-- How many tasks of the waves below are open, and how many failed.
SELECT coalesce(sum(state <> 'failed'), 0) AS ahead, coalesce(sum(state = 'failed'), 0) AS failed
FROM task INDEXED BY task_wave
WHERE milestone = :milestone AND wave > 0 AND archived_at IS NULL
  AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed') AND wave < :wave;

-- name: wave_next
-- The lowest wave above a given one in which a task is open.
SELECT min(wave) FROM task INDEXED BY task_wave
WHERE milestone = :milestone AND wave > 0 AND archived_at IS NULL
  AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed') AND state <> 'failed'
  AND wave > :wave;

-- name: wave_at
-- The open tasks of the waves between two numbers.
SELECT * FROM task INDEXED BY task_wave
WHERE milestone = :milestone AND wave > 0 AND archived_at IS NULL
  AND state IN ('blocked', 'pending', 'in_progress', 'in_review', 'failed')
  AND wave > :above AND wave <= :upto ORDER BY n;

-- name: of_milestone
-- The tasks of a milestone that are not archived, oldest first.
SELECT * FROM task INDEXED BY task_milestone
WHERE milestone = :milestone AND milestone IS NOT NULL AND archived_at IS NULL ORDER BY n;

-- name: by_key
-- The task that a plan's file calls so.
SELECT * FROM task INDEXED BY task_key
WHERE milestone = :milestone AND key = :key AND key <> '' AND archived_at IS NULL;

-- name: milestone_counts
-- How many tasks of a milestone are in each state, archived ones left out.
SELECT state, count(*) AS n, coalesce(sum(percent), 0) AS percent FROM task INDEXED BY task_milestone
WHERE milestone = :milestone AND milestone IS NOT NULL AND archived_at IS NULL GROUP BY state;

-- name: open_in_milestone
-- Whether a milestone has an open task.
SELECT EXISTS (
    SELECT 1 FROM task INDEXED BY task_milestone_open
    WHERE milestone = :milestone AND milestone IS NOT NULL
      AND state IN ('blocked', 'pending', 'in_progress', 'in_review')
);

-- name: in_progress_in_milestone
-- How many tasks of a milestone are being worked on.
SELECT count(*) FROM task INDEXED BY task_milestone_open
WHERE milestone = :milestone AND milestone IS NOT NULL AND state = 'in_progress'
  AND state IN ('blocked', 'pending', 'in_progress', 'in_review');

-- name: wrong_counts
-- States whose maintained count is not what the rows say.
SELECT run, state, sum(kept) AS kept, sum(counted) AS counted FROM (
    SELECT run, state, n AS kept, 0 AS counted FROM task_count
    UNION ALL
    SELECT run, state, 0, count(*) FROM task GROUP BY run, state
) GROUP BY run, state HAVING sum(kept) <> sum(counted);

-- name: edges_to_count
-- Every edge with the state of what it leads to.
SELECT d.task, d.policy, t.state FROM dependency AS d JOIN task AS t ON t.n = d.dep ORDER BY d.task;

-- name: children_to_count
-- Every child with its parent and state.
SELECT parent_n, state FROM task INDEXED BY task_children WHERE parent IS NOT NULL ORDER BY parent_n;

-- name: counters_of_all
-- The private counters of every task.
SELECT n, unmet, lost, open_children, done_children FROM task ORDER BY n;
