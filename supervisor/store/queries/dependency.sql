-- name: add
-- Let one task depend on another.
INSERT INTO dependency (task, dep, policy) VALUES (:task, :dep, :policy);

-- name: get
-- The policy of one edge.
SELECT policy FROM dependency WHERE task = :task AND dep = :dep;

-- name: dependents
-- The tasks that depend on this one, oldest first.
SELECT t.* FROM dependency AS d JOIN task AS t ON t.n = d.task WHERE d.dep = :dep ORDER BY t.n;

-- name: of
-- The tasks that this one depends on, oldest first.
SELECT t.* FROM dependency AS d JOIN task AS t ON t.n = d.dep WHERE d.task = :task ORDER BY t.n;

-- name: below
-- What one task waits for, edges and open children, without what has ended.
SELECT d.dep AS n FROM dependency AS d JOIN task AS t ON t.n = d.dep
WHERE d.task = :task AND t.state IN ('blocked', 'pending', 'in_progress', 'in_review')
UNION
SELECT n FROM task INDEXED BY task_children
WHERE parent IS NOT NULL AND parent_n = :task AND state IN ('blocked', 'pending', 'in_progress', 'in_review');

-- name: cut
-- Remove the edges of a task that are not met.
DELETE FROM dependency WHERE task = :task AND NOT EXISTS (
    SELECT 1 FROM task AS t WHERE t.n = dependency.dep AND (
        t.state = 'done'
        OR (dependency.policy = 'ended' AND t.state IN ('cancelled', 'skipped'))
        OR (dependency.policy = 'any' AND t.state IN ('failed', 'cancelled', 'skipped'))
    )
);
