-- name: put
-- Write one note whole, new or changed.
INSERT INTO note (
    id, task, author, body, at
) VALUES (
    :id, :task, :author, :body, :at
)
ON CONFLICT (id) DO UPDATE SET
    task = excluded.task, author = excluded.author, body = excluded.body, at = excluded.at;

-- name: next_number
-- The number of the next note.
SELECT max(coalesce(max(id), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'note'), 0)) + 1
FROM note;

-- name: of_task
-- The notes of one task, oldest first.
SELECT * FROM note WHERE task = :task ORDER BY id;

-- name: all
-- Every note, oldest first.
SELECT * FROM note ORDER BY id;

-- name: of_run
-- The notes on the tasks of one run, oldest first.
SELECT note.* FROM note JOIN task ON task.n = CAST(substr(note.task, 2) AS INTEGER)
WHERE task.run = :run ORDER BY note.id;
