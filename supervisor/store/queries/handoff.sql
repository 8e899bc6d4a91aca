-- name: put
-- Write one handoff whole; they are only ever added.
INSERT INTO handoff (id, run, task, sender, "to", notes, at, kind)
VALUES (:id, :run, :task, :sender, :to, :notes, :at, :kind);

-- name: next_number
-- The number of the next handoff.
SELECT max(coalesce(max(id), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'handoff'), 0)) + 1
FROM handoff;

-- name: all
-- Every handoff, oldest first.
SELECT * FROM handoff ORDER BY id;

-- name: of_run
-- The newest handoffs of one run before a given one, newest first.
SELECT * FROM handoff INDEXED BY handoff_run
WHERE run = :run AND id < :before ORDER BY id DESC LIMIT :limit;

-- name: of_task
-- The newest handoffs of one task, to one address if it is given, before a given one, newest first.
SELECT * FROM handoff INDEXED BY handoff_task
WHERE task = :task AND task IS NOT NULL AND id < :before AND (:to IS NULL OR "to" = :to) ORDER BY id DESC LIMIT :limit;

-- name: of_address
-- The newest handoffs to one address before a given one, newest first.
SELECT * FROM handoff INDEXED BY handoff_to
WHERE run = :run AND "to" = :to AND id < :before ORDER BY id DESC LIMIT :limit;
