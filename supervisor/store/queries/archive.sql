-- name: cut
-- The newest event that is no longer a row.
SELECT seq, at, run, hash FROM event_cut;

-- name: segments
-- The archive's files, oldest first.
SELECT * FROM event_archive ORDER BY first;

-- name: newest
-- The number of the newest event that has a place in the archive.
SELECT coalesce(max(last), 0) FROM event_archive;

-- name: add
-- Make a file the place of its events.
INSERT INTO event_archive (first, last, previous_hash, last_hash, sha256, bytes, first_at, last_at)
VALUES (:first, :last, :previous_hash, :last_hash, :sha256, :bytes, :first_at, :last_at);

-- name: fold
-- Take the oldest rows, up to a number, into the state that the fold begins with.
INSERT INTO event_base (noun, subject, seq, after)
SELECT substr(kind, 1, instr(kind, '.') - 1) AS noun, subject, seq, after FROM event
WHERE seq <= :upto AND noun IN (SELECT value FROM json_each(:nouns))
ORDER BY seq
ON CONFLICT (noun, subject) DO UPDATE SET seq = excluded.seq, after = excluded.after;

-- name: move_cut
-- Let the log's rows begin after a number.
UPDATE event_cut SET (seq, at, run, hash) = (SELECT seq, at, run, hash FROM event WHERE seq = :upto);

-- name: remove
-- Remove the oldest rows, up to a number.
DELETE FROM event WHERE seq <= :upto;

-- name: base
-- The state that the fold begins with, in the order in which the things first appeared.
SELECT noun, subject, seq, after FROM event_base ORDER BY id;

-- name: rows_until
-- How many rows there are up to a number.
SELECT count(*) FROM event WHERE seq <= :upto;

-- name: end_of_ended
-- The last number that ended runs told: before the unfinished one begins, or where the newest one ended.
SELECT coalesce(
    (
        SELECT coalesce(min(event.seq), 1) - 1 FROM event INDEXED BY event_subject, run
        WHERE run.state = 'active' AND event.subject = CAST(run.id AS TEXT) AND event.kind = 'run.started'
        GROUP BY run.id
    ),
    (
        SELECT max(event.seq) FROM event INDEXED BY event_subject
        WHERE event.subject = (SELECT CAST(max(id) AS TEXT) FROM run)
        AND event.kind IN ('run.finished', 'run.abandoned')
        AND NOT EXISTS (SELECT 1 FROM run WHERE state = 'active')
    ),
    0
);

-- name: ended_runs
-- How many runs have ended.
SELECT count(*) FROM run WHERE state <> 'active';

-- name: start_of_kept
-- Where the events of the newest ended runs begin; null if that is no row any more.
SELECT min(seq) FROM event INDEXED BY event_subject WHERE kind = 'run.started' AND subject = (
    SELECT CAST(min(id) AS TEXT) FROM (
        SELECT id FROM run WHERE state <> 'active' ORDER BY id DESC LIMIT :keep
    )
);
