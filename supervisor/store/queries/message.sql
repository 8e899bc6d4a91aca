-- name: put
-- Write one message whole, new or changed.
INSERT INTO message (
    n, run, sender, "to", body, kind, urgent, thread, at, expires_at
) VALUES (
    :n, :run, :sender, :to, :body, :kind, :urgent, :thread, :at, :expires_at
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run, sender = excluded.sender, "to" = excluded."to", body = excluded.body, kind =
    excluded.kind, urgent = excluded.urgent, thread = excluded.thread, at = excluded.at, expires_at =
    excluded.expires_at;

-- name: next_number
-- The number of the next message.
SELECT coalesce(max(n), 0) + 1 FROM message;

-- name: all
-- Every message, oldest first.
SELECT * FROM message ORDER BY n;

-- name: recent
-- The newest messages of a run, newest first.
SELECT * FROM message INDEXED BY message_run WHERE run = :run ORDER BY n DESC LIMIT :limit;
