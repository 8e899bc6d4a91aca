-- name: put
-- Write one delivery whole, new or changed.
INSERT INTO delivery (
    message, recipient, state, delivered_at, acked_at
) VALUES (
    :message, :recipient, :state, :delivered_at, :acked_at
)
ON CONFLICT (message, recipient) DO UPDATE SET
    state = excluded.state, delivered_at = excluded.delivered_at, acked_at = excluded.acked_at;

-- name: get
-- One recipient's copy of one message.
SELECT * FROM delivery WHERE message = :message AND recipient = :recipient;

-- name: all
-- Every delivery.
SELECT * FROM delivery ORDER BY n, recipient;

-- name: of_message
-- All copies of one message.
SELECT * FROM delivery WHERE message = :message ORDER BY recipient;

-- name: unread
-- The copies that a recipient has not acked: urgent ones first, then oldest first.
SELECT d.* FROM delivery AS d INDEXED BY delivery_unread JOIN message AS m ON m.n = d.n
WHERE d.recipient = :recipient AND d.state IN ('queued', 'delivered')
ORDER BY m.urgent DESC, m.n LIMIT :limit;

-- name: inbox
-- The newest copies of a recipient, acked ones included, newest first.
SELECT * FROM delivery INDEXED BY delivery_recipient
WHERE recipient = :recipient ORDER BY n DESC LIMIT :limit;

-- name: unread_count
-- How many copies a recipient has not acked.
SELECT count(*) FROM delivery INDEXED BY delivery_unread
WHERE recipient = :recipient AND state IN ('queued', 'delivered');

-- name: queued_count
-- How many copies a recipient has not even fetched.
SELECT count(*) FROM delivery INDEXED BY delivery_unread
WHERE recipient = :recipient AND state IN ('queued', 'delivered') AND state = 'queued';

-- name: message_of
-- The message of a copy.
SELECT * FROM message WHERE n = :n;

-- name: overdue
-- Copies that nobody acked in time.
SELECT d.* FROM delivery AS d INDEXED BY delivery_unread JOIN message AS m ON m.n = d.n
WHERE d.recipient = :recipient AND d.state IN ('queued', 'delivered') AND m.expires_at <= :now;
