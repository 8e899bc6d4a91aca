-- name: append
-- Add one event to the log.
INSERT INTO event (seq, at, run, kind, subject, actor, after, reason, session, incarnation, hash)
VALUES (:seq, :at, :run, :kind, :subject, :actor, :after, :reason, :session, :incarnation, :hash);

-- name: last
-- The newest event's number and hash; it is always a row.
SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1;

-- name: newest
-- The newest events, newest first.
SELECT * FROM event ORDER BY seq DESC LIMIT :limit;

-- name: since
-- The events after a given one, in order.
SELECT * FROM event WHERE seq > :since ORDER BY seq LIMIT :limit;

-- name: of_subject
-- The newest events about one thing, newest first.
SELECT * FROM event WHERE subject = :subject ORDER BY seq DESC LIMIT :limit;

-- name: time_of
-- When an event happened, or the oldest row if it is none any more.
SELECT at FROM event WHERE seq >= :seq ORDER BY seq LIMIT 1;

-- name: start_of_run
-- Where the events of a run begin; null if that is no row any more.
SELECT min(seq) FROM event INDEXED BY event_subject WHERE subject = :subject AND kind = 'run.started';

-- name: last_of_kind
-- The newest event of a kind, if it is a row.
SELECT * FROM event WHERE kind = :kind ORDER BY seq DESC LIMIT 1;

-- name: last_about
-- The newest event of a kind about one thing, if it is a row.
SELECT * FROM event INDEXED BY event_subject
WHERE subject = :subject AND kind = :kind ORDER BY seq DESC LIMIT 1;
