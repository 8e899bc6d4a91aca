-- name: add
-- Let one task depend on another.
INSERT OR IGNORE INTO dependency (task, dep) VALUES (:task, :dep);

-- name: dependents
-- The tasks that depend on this one, oldest first.
SELECT t.* FROM dependency AS d JOIN task AS t ON t.n = d.task WHERE d.dep = :dep ORDER BY t.n;

-- name: of
-- The tasks that this one depends on, oldest first.
SELECT t.* FROM dependency AS d JOIN task AS t ON t.n = d.dep WHERE d.task = :task ORDER BY t.n;
