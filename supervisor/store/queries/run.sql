-- name: put
-- Write one run whole, new or changed.
INSERT INTO run (
    id, team, profile, digest, state, started_at, finished_at, outcome
) VALUES (
    :id, :team, :profile, :digest, :state, :started_at, :finished_at, :outcome
)
ON CONFLICT (id) DO UPDATE SET
    team = excluded.team, profile = excluded.profile, digest = excluded.digest, state = excluded.state,
    started_at = excluded.started_at, finished_at = excluded.finished_at, outcome = excluded.outcome;

-- name: active
-- The run that is going on, if any.
SELECT * FROM run WHERE state = 'active';

-- name: latest
-- The newest run, ended or not.
SELECT * FROM run ORDER BY id DESC LIMIT 1;

-- name: all
-- Every run, oldest first.
SELECT * FROM run ORDER BY id;

-- name: next_number
-- The number of the next run.
SELECT max(coalesce(max(id), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'run'), 0)) + 1
FROM run;
