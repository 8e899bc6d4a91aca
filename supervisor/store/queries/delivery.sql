-- name: put
-- Write one delivery whole, new or changed, with what the indexes need of its message.
INSERT INTO delivery (
    message, recipient, state, delivered_at, acked_at, attempts, visible_at, incarnation, expires_at,
    sender, rank, own, due
)
SELECT
    :message, :recipient, :state, :delivered_at, :acked_at, :attempts, :visible_at, :incarnation, :expires_at,
    m.sender, (1 - m.urgent) * 4 + m.priority,
    CASE WHEN m.sender = :recipient AND m.incarnation > 0 THEN m.incarnation END,
    coalesce(:expires_at, m.expires_at)
FROM (SELECT CAST(substr(:message, 2) AS INTEGER) AS n) AS copied
LEFT JOIN message AS m ON m.n = copied.n
WHERE true
ON CONFLICT (message, recipient) DO UPDATE SET
    state = excluded.state, delivered_at = excluded.delivered_at, acked_at = excluded.acked_at,
    attempts = excluded.attempts, visible_at = excluded.visible_at, incarnation = excluded.incarnation,
    expires_at = excluded.expires_at, due = excluded.due;

-- name: get
-- One recipient's copy of one message.
SELECT * FROM delivery WHERE message = :message AND recipient = :recipient;

-- name: all
-- Every delivery.
SELECT * FROM delivery ORDER BY n, recipient;

-- name: of_message
-- All copies of one message.
SELECT * FROM delivery WHERE message = :message ORDER BY recipient;

-- name: message_of
-- The message of a copy.
SELECT * FROM message WHERE n = :n;

-- name: unread
-- What one incarnation has to read, after a place in the order of reading: urgent, priority, oldest.
SELECT d.* FROM delivery AS d INDEXED BY delivery_open LEFT JOIN message AS m ON m.n = d.n
WHERE
    d.recipient = :recipient AND d.state IN ('queued', 'delivered') AND (d.rank, d.n) > (:rank, :n)
    AND d.attempts < :attempts_max AND d.own IS NOT :incarnation
    AND (d.visible_at IS NULL OR d.visible_at <= :now OR d.incarnation IS NOT :incarnation)
    AND (:sender IS NULL OR d.sender = :sender)
    AND (:thread IS NULL OR m.thread = :thread) AND (:message_kind IS NULL OR m.kind = :message_kind)
ORDER BY d.rank, d.n LIMIT :limit;

-- name: unread_count
-- How many copies one incarnation has to read.
SELECT count(*) FROM delivery INDEXED BY delivery_open
WHERE
    recipient = :recipient AND state IN ('queued', 'delivered')
    AND attempts < :attempts_max AND own IS NOT :incarnation
    AND (visible_at IS NULL OR visible_at <= :now OR incarnation IS NOT :incarnation);

-- name: rank_of
-- Where a copy stands in the order of reading.
SELECT rank, n FROM delivery WHERE message = :message AND recipient = :recipient;

-- name: history
-- The newest copies of a recipient before a number, acked ones included, newest first.
SELECT d.* FROM delivery AS d INDEXED BY delivery_recipient LEFT JOIN message AS m ON m.n = d.n
WHERE
    d.recipient = :recipient AND d.n < :n
    AND (:sender IS NULL OR d.sender = :sender)
    AND (:thread IS NULL OR m.thread = :thread) AND (:message_kind IS NULL OR m.kind = :message_kind)
ORDER BY d.n DESC LIMIT :limit;

-- name: open_by
-- The copies that a recipient has not acked, of one sender or one thread.
SELECT d.* FROM delivery AS d INDEXED BY delivery_open LEFT JOIN message AS m ON m.n = d.n
WHERE
    d.recipient = :recipient AND d.state IN ('queued', 'delivered')
    AND (d.sender = :sender OR m.thread = :thread)
ORDER BY d.n LIMIT :limit;

-- name: open_count
-- How many copies a mailbox holds that nobody acked.
SELECT count(*) FROM delivery INDEXED BY delivery_open
WHERE recipient = :recipient AND state IN ('queued', 'delivered');

-- name: ahead_count
-- How many of them come before a place in the order of reading.
SELECT count(*) FROM delivery INDEXED BY delivery_open
WHERE recipient = :recipient AND state IN ('queued', 'delivered') AND (rank, n) < (:rank, :n);

-- name: first_due
-- When the next of them expires, or null.
SELECT min(due) FROM delivery INDEXED BY delivery_open
WHERE recipient = :recipient AND state IN ('queued', 'delivered');

-- name: open_from
-- How many copies of one sender a mailbox holds, and when the next of them expires.
SELECT count(*) AS copies, min(due) AS due FROM delivery INDEXED BY delivery_from
WHERE recipient = :recipient AND sender = :sender AND state IN ('queued', 'delivered');

-- name: in_hands
-- The copies that are hidden because a reader has fetched them.
SELECT * FROM delivery INDEXED BY delivery_open
WHERE recipient = :recipient AND state IN ('queued', 'delivered') AND visible_at > :now ORDER BY n;

-- name: overdue
-- Copies that nobody acked in time, the longest overdue first.
SELECT * FROM delivery INDEXED BY delivery_due
WHERE state IN ('queued', 'delivered') AND due <= :now ORDER BY due LIMIT :limit;

-- name: spent
-- Copies whose last attempt ran out without an ack; the index knows how many attempts there are.
SELECT * FROM delivery INDEXED BY delivery_spent
WHERE state = 'delivered' AND attempts >= 3 AND visible_at <= :now ORDER BY visible_at LIMIT :limit;

-- name: dead
-- Dead letters after a place, oldest message first.
SELECT * FROM delivery INDEXED BY delivery_dead
WHERE state = 'dead' AND (n, recipient) > (:n, :recipient) ORDER BY n, recipient LIMIT :limit;

-- name: dead_of_sender
-- Dead letters of one sender after a place, oldest message first.
SELECT * FROM delivery INDEXED BY delivery_dead_of
WHERE state = 'dead' AND sender = :sender AND (n, recipient) > (:n, :recipient)
ORDER BY n, recipient LIMIT :limit;
