-- name: put
-- Write one message whole, new or changed.
INSERT INTO message (
    n, run, sender, "to", body, kind, urgent, thread, at, expires_at, priority, correlation_id, payload,
    incarnation
) VALUES (
    :n, :run, :sender, :to, :body, :kind, :urgent, :thread, :at, :expires_at, :priority, :correlation_id,
    :payload, :incarnation
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run, sender = excluded.sender, "to" = excluded."to", body = excluded.body, kind =
    excluded.kind, urgent = excluded.urgent, thread = excluded.thread, at = excluded.at, expires_at =
    excluded.expires_at, priority = excluded.priority, correlation_id = excluded.correlation_id,
    payload = excluded.payload, incarnation = excluded.incarnation;

-- name: next_number
-- The number of the next message.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'message'), 0)) + 1
FROM message;

-- name: all
-- Every message, oldest first.
SELECT * FROM message ORDER BY n;

-- name: recent
-- The newest messages of a run, newest first.
SELECT * FROM message INDEXED BY message_run WHERE run = :run ORDER BY n DESC LIMIT :limit;

-- name: unsettled
-- The messages, of any run, that still wait for the person or have a dead copy.
SELECT * FROM message WHERE n IN (
    SELECT n FROM delivery INDEXED BY delivery_open
    WHERE recipient = 'human' AND state IN ('queued', 'delivered')
    UNION
    SELECT n FROM delivery INDEXED BY delivery_dead WHERE state = 'dead'
) ORDER BY n;

-- name: sent_since
-- When a sender wrote its messages after an instant, oldest first, and to how many each went.
SELECT
    m.at, (SELECT count(*) FROM delivery AS d WHERE d.message = m.id) AS copies
FROM message AS m INDEXED BY message_sender
WHERE m.sender = :sender AND m.at > :since ORDER BY m.at;

-- name: exchanged_since
-- Who wrote the newest messages between two agents after an instant, and of what kind, newest first.
SELECT m.sender, m.kind, m.n FROM message AS m INDEXED BY message_sender
JOIN delivery AS d ON d.message = m.id AND d.recipient = :other
WHERE m.sender = :one AND m.at > :since
UNION ALL
SELECT m.sender, m.kind, m.n FROM message AS m INDEXED BY message_sender
JOIN delivery AS d ON d.message = m.id AND d.recipient = :one
WHERE m.sender = :other AND m.at > :since
ORDER BY 3 DESC LIMIT :limit;
