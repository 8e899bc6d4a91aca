-- name: highest
-- The highest number that was given to each kind of thing.
SELECT 'approval' AS noun, coalesce(max(n), 0) AS highest FROM approval
UNION ALL SELECT 'handoff' AS noun, coalesce(max(id), 0) AS highest FROM handoff
UNION ALL SELECT 'incarnation' AS noun, coalesce(max(number), 0) AS highest FROM incarnation
UNION ALL SELECT 'message' AS noun, coalesce(max(n), 0) AS highest FROM message
UNION ALL SELECT 'milestone' AS noun, coalesce(max(n), 0) AS highest FROM milestone
UNION ALL SELECT 'note' AS noun, coalesce(max(id), 0) AS highest FROM note
UNION ALL SELECT 'question' AS noun, coalesce(max(n), 0) AS highest FROM question
UNION ALL SELECT 'rule' AS noun, coalesce(max(n), 0) AS highest FROM rule
UNION ALL SELECT 'run' AS noun, coalesce(max(id), 0) AS highest FROM run
UNION ALL SELECT 'task' AS noun, coalesce(max(n), 0) AS highest FROM task
UNION ALL SELECT 'turn' AS noun, coalesce(max(n), 0) AS highest FROM turn
UNION ALL SELECT 'vote' AS noun, coalesce(max(n), 0) AS highest FROM vote;

-- name: floors
-- The numbers up to which none is given again.
SELECT noun, floor FROM numbering;

-- name: raise
-- Give no number up to this one again.
INSERT INTO numbering (noun, floor) VALUES (:noun, :floor)
ON CONFLICT (noun) DO UPDATE SET floor = max(floor, excluded.floor);

-- name: tokens
-- How often each task was claimed.
SELECT id, token FROM task WHERE token > 0;

-- name: open_tasks
-- The tasks of every run that have not ended, oldest first.
SELECT * FROM task WHERE state IN ('blocked', 'pending', 'in_progress', 'in_review') ORDER BY n;

-- name: keys_taken
-- The outside agents of whom a key is taken.
SELECT DISTINCT name FROM outside_secret ORDER BY name;

-- name: drop_keys
-- Take no outside agent's key any more; each must be rotated.
DELETE FROM outside_secret;
