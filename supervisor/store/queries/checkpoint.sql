-- name: put
-- Write one checkpoint whole, new or changed.
INSERT INTO checkpoint (
    task, author, token, percent, completed, remaining, state, at
) VALUES (
    :task, :author, :token, :percent, :completed, :remaining, :state, :at
)
ON CONFLICT (task) DO UPDATE SET
    author = excluded.author, token = excluded.token, percent = excluded.percent, completed =
    excluded.completed, remaining = excluded.remaining, state = excluded.state, at = excluded.at;

-- name: get
-- The last checkpoint of one task.
SELECT * FROM checkpoint WHERE task = :task;

-- name: all
-- Every checkpoint.
SELECT * FROM checkpoint ORDER BY task;
