-- name: begin
-- Note that an incarnation is about to be spawned, and the hash of its key.
INSERT INTO incarnation (agent, number, run, session, boot_id, key_hash, started_at)
VALUES (:agent, :number, :run, :session, :boot_id, :key_hash, :started_at);

-- name: end_older
-- End what this agent's earlier incarnations left open: a new one begins only when they are gone.
UPDATE incarnation SET ended_at = :ended_at
WHERE agent = :agent AND number < :number AND ended_at IS NULL;

-- name: spawned
-- Note which process the incarnation became.
UPDATE incarnation SET pid = :pid, start_time = :start_time
WHERE agent = :agent AND number = :number;

-- name: end
-- Note that an incarnation is over; this revokes its key.
UPDATE incarnation SET ended_at = :ended_at
WHERE agent = :agent AND number = :number AND ended_at IS NULL;

-- name: live
-- The incarnations that have not ended.
SELECT * FROM incarnation WHERE ended_at IS NULL ORDER BY agent, number;

-- name: is_live
-- Whether this incarnation has not ended.
SELECT 1 FROM incarnation WHERE agent = :agent AND number = :number AND ended_at IS NULL;

-- name: next_number
-- The number of this agent's next incarnation.
SELECT max(coalesce(max(number), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'incarnation'), 0)) + 1
FROM incarnation WHERE agent = :agent;
