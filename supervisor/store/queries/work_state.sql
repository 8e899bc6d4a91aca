-- name: put
-- Write one agent's state whole, new or changed.
INSERT INTO work_state (
    agent, last_task, work_items, open_questions, summary, updated_at, incarnation
) VALUES (
    :agent, :last_task, :work_items, :open_questions, :summary, :updated_at, :incarnation
)
ON CONFLICT (agent) DO UPDATE SET
    last_task = excluded.last_task, work_items = excluded.work_items, open_questions =
    excluded.open_questions, summary = excluded.summary, updated_at = excluded.updated_at, incarnation =
    excluded.incarnation;

-- name: get
-- One agent's state.
SELECT * FROM work_state WHERE agent = :agent;

-- name: all
-- Every agent's state.
SELECT * FROM work_state ORDER BY agent;

-- name: newest_checkpoint
-- The newest of an agent's last checkpoints whose task has not ended.
SELECT c.* FROM (
    SELECT * FROM checkpoint INDEXED BY checkpoint_author WHERE author = :agent ORDER BY at DESC LIMIT 20
) AS c JOIN task AS t ON t.n = CAST(substr(c.task, 2) AS INTEGER)
WHERE t.run = :run AND t.state IN ('blocked', 'pending', 'in_progress', 'in_review')
ORDER BY c.at DESC LIMIT 1;
