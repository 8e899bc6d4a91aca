-- name: put
-- Refuse two agents' messages to each other until an instant.
INSERT INTO silenced_pair (one, other, until) VALUES (:one, :other, :until)
ON CONFLICT (one, other) DO UPDATE SET until = excluded.until;

-- name: of_sender
-- The pairs of an agent that are silenced now.
SELECT one, other, until FROM silenced_pair WHERE until > :now AND :name IN (one, other);

-- name: forget
-- Drop the pairs that may talk again.
DELETE FROM silenced_pair WHERE until <= :now;
