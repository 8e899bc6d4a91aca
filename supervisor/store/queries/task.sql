-- name: put
-- Write one task whole, new or changed.
INSERT INTO task (
    n, run, title, description, state, blocked_by, priority, tags, criteria, depends_on, parent, review,
    assignee, required_role, creator, holder, author, reviewer, token, lease_until, percent, action,
    result, feedback, review_round, failures, releases, created_at, updated_at, started_at, finished_at
) VALUES (
    :n, :run, :title, :description, :state, :blocked_by, :priority, :tags, :criteria, :depends_on,
    :parent, :review, :assignee, :required_role, :creator, :holder, :author, :reviewer, :token,
    :lease_until, :percent, :action, :result, :feedback, :review_round, :failures, :releases,
    :created_at, :updated_at, :started_at, :finished_at
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run, title = excluded.title, description = excluded.description, state =
    excluded.state, blocked_by = excluded.blocked_by, priority = excluded.priority, tags =
    excluded.tags, criteria = excluded.criteria, depends_on = excluded.depends_on, parent =
    excluded.parent, review = excluded.review, assignee = excluded.assignee, required_role =
    excluded.required_role, creator = excluded.creator, holder = excluded.holder, author =
    excluded.author, reviewer = excluded.reviewer, token = excluded.token, lease_until =
    excluded.lease_until, percent = excluded.percent, action = excluded.action, result =
    excluded.result, feedback = excluded.feedback, review_round = excluded.review_round, failures =
    excluded.failures, releases = excluded.releases, created_at = excluded.created_at, updated_at =
    excluded.updated_at, started_at = excluded.started_at, finished_at = excluded.finished_at;

-- name: get
-- One task.
SELECT * FROM task WHERE n = :n;

-- name: next_number
-- The number of the next task.
SELECT coalesce(max(n), 0) + 1 FROM task;

-- name: all
-- Every task of every run, oldest first.
SELECT * FROM task ORDER BY n;

-- name: of_run
-- The tasks of one run after a given one, oldest first.
SELECT * FROM task INDEXED BY task_run WHERE run = :run AND n > :after ORDER BY n LIMIT :limit;

-- name: claimable
-- The best pending task that this agent may claim.
SELECT * FROM task INDEXED BY task_ready
WHERE run = :run AND state = 'pending'
  AND (assignee IS NULL OR assignee = :agent)
  AND (required_role IS NULL OR required_role = :role)
ORDER BY rank LIMIT 1;

-- name: reviewable
-- The best task in review that this judge did not write and nobody else reviews.
SELECT * FROM task INDEXED BY task_review
WHERE run = :run AND state = 'in_review'
  AND (reviewer IS NULL OR reviewer = :agent)
  AND author IS NOT :agent
ORDER BY rank LIMIT 1;

-- name: held_by
-- What an agent holds now.
SELECT * FROM task INDEXED BY task_held WHERE state = 'in_progress' AND holder = :agent ORDER BY n;

-- name: held
-- Everything that somebody holds.
SELECT * FROM task INDEXED BY task_held WHERE state = 'in_progress' ORDER BY n;

-- name: reviewed_by
-- What an agent reviews now.
SELECT * FROM task INDEXED BY task_review
WHERE run = :run AND state = 'in_review' AND reviewer = :agent ORDER BY n;

-- name: reserved_for
-- What waits for one agent alone.
SELECT * FROM task INDEXED BY task_ready
WHERE run = :run AND state = 'pending' AND assignee = :agent ORDER BY n;

-- name: open
-- The tasks of a run that have not ended.
SELECT * FROM task INDEXED BY task_open
WHERE run = :run AND state IN ('blocked', 'pending', 'in_progress', 'in_review') ORDER BY rank;

-- name: counts
-- How many tasks of a run are in each state.
SELECT state, count(*) AS n FROM task WHERE run = :run GROUP BY state;

-- name: set_unmet
-- Set how many dependencies a task still waits for.
UPDATE task SET unmet = :unmet WHERE n = :n;

-- name: one_met
-- Count one dependency as met; answers how many are left.
UPDATE task SET unmet = unmet - 1 WHERE n = :n RETURNING unmet;

-- name: wrong_unmet
-- Tasks whose counter of unmet dependencies is not what their dependencies say.
SELECT t.id, t.unmet, count(d.dep) AS counted
FROM task AS t
LEFT JOIN dependency AS d
  ON d.task = t.n AND (SELECT state FROM task WHERE n = d.dep) <> 'done'
GROUP BY t.n HAVING t.unmet <> count(d.dep);
