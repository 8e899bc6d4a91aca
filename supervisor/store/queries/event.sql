-- name: append
-- Add one event to the log.
INSERT INTO event (seq, at, run, kind, subject, actor, after, reason, hash)
VALUES (:seq, :at, :run, :kind, :subject, :actor, :after, :reason, :hash);

-- name: last
-- The newest event's number and hash.
SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1;

-- name: since
-- The events after a given one, in order.
SELECT * FROM event WHERE seq > :since ORDER BY seq LIMIT :limit;

-- name: of_subject
-- The newest events about one thing, newest first.
SELECT * FROM event WHERE subject = :subject ORDER BY seq DESC LIMIT :limit;
