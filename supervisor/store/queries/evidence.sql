-- name: put
-- Write what one check said of one hand-in; of a check that was run again the newest counts.
INSERT INTO evidence (
    task, token, "check", argv, exit_code, signal, timed_out, problem, tail, "commit", dirty, started_at,
    duration_s
) VALUES (
    :task, :token, :check, :argv, :exit_code, :signal, :timed_out, :problem, :tail, :commit, :dirty,
    :started_at, :duration_s
)
ON CONFLICT (task, token, "check") DO UPDATE SET
    argv = excluded.argv, exit_code = excluded.exit_code, signal = excluded.signal,
    timed_out = excluded.timed_out, problem = excluded.problem, tail = excluded.tail,
    "commit" = excluded."commit", dirty = excluded.dirty, started_at = excluded.started_at,
    duration_s = excluded.duration_s;

-- name: of_token
-- What the checks said of one hand-in of a task, in the order in which they were run.
SELECT * FROM evidence WHERE task = :task AND token = :token ORDER BY started_at, rowid;

-- name: newest_token
-- Under which token a task was checked last; 0 if it never was.
SELECT coalesce(max(token), 0) FROM evidence WHERE task = :task;

-- name: of_run
-- The newest evidence of a run's tasks, newest first.
SELECT e.* FROM evidence AS e JOIN task AS t ON t.n = CAST(substr(e.task, 2) AS INTEGER)
WHERE t.run = :run ORDER BY e.started_at DESC, e.rowid DESC LIMIT :limit;

-- name: all
-- All evidence, in the order in which it was first gathered.
SELECT * FROM evidence ORDER BY rowid;
