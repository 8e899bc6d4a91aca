-- name: put
-- Write the board of one task.
INSERT INTO board (
    task, text, author, at
) VALUES (
    :task, :text, :author, :at
)
ON CONFLICT (task) DO UPDATE SET
    text = excluded.text,
    author = excluded.author,
    at = excluded.at;

-- name: get
-- The board of one task.
SELECT * FROM board WHERE task = :task;

-- name: all
-- Every board.
SELECT * FROM board ORDER BY task;

-- name: of_open
-- The boards of the open tasks of one run.
SELECT board.* FROM task INDEXED BY task_open JOIN board ON board.task = task.id
WHERE task.run = :run AND task.state IN ('blocked', 'pending', 'in_progress', 'in_review')
ORDER BY task.n;
