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

-- name: kept_runs
-- The newest runs, the unfinished one among them.
SELECT id, state FROM run ORDER BY id DESC LIMIT :limit;
