-- name: put
-- Write what is known of one sink.
INSERT INTO notify_sink (
    name, kind, cursor, sending_id, sending_upto, tokens, tokens_at, used_at,
    sent, failed, dropped, sent_at, error, error_at
) VALUES (
    :name, :kind, :cursor, :sending_id, :sending_upto, :tokens, :tokens_at, :used_at,
    :sent, :failed, :dropped, :sent_at, :error, :error_at
)
ON CONFLICT (name) DO UPDATE SET
    kind = excluded.kind, cursor = excluded.cursor, sending_id = excluded.sending_id,
    sending_upto = excluded.sending_upto, tokens = excluded.tokens, tokens_at = excluded.tokens_at,
    used_at = excluded.used_at, sent = excluded.sent, failed = excluded.failed, dropped = excluded.dropped,
    sent_at = excluded.sent_at, error = excluded.error, error_at = excluded.error_at;

-- name: all
-- Every sink, by name.
SELECT * FROM notify_sink ORDER BY name;

-- name: forget
-- Drop one that the profile has no more.
DELETE FROM notify_sink WHERE name = :name;
