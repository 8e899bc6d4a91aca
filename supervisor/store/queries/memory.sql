-- name: put
-- Write one memory whole, new or changed.
INSERT INTO memory (
    scope, key, value, version, author, at, expires_at, deleted
) VALUES (
    :scope, :key, :value, :version, :author, :at, :expires_at, :deleted
)
ON CONFLICT (scope, key) DO UPDATE SET
    value = excluded.value, version = excluded.version, author = excluded.author, at = excluded.at,
    expires_at = excluded.expires_at, deleted = excluded.deleted;

-- name: get
-- One remembered value, deleted or not.
SELECT * FROM memory WHERE scope = :scope AND key = :key;

-- name: page
-- What all scopes hold, by scope and key, after a given one; keys begin with the prefix.
SELECT * FROM memory INDEXED BY memory_live
WHERE deleted = 0 AND (scope, key) > (:after_scope, :after_key)
    AND instr(key, :prefix) = 1 AND (expires_at IS NULL OR expires_at > :now)
ORDER BY scope, key;

-- name: page_of_scope
-- What one scope holds from a key on, by key, without the entry of another key.
SELECT * FROM memory INDEXED BY memory_live
WHERE deleted = 0 AND scope = :scope AND key >= :start AND key <> :without
    AND (expires_at IS NULL OR expires_at > :now)
ORDER BY key;

-- name: newest
-- The newest entries, newest first.
SELECT * FROM memory INDEXED BY memory_newest
WHERE deleted = 0 AND (expires_at IS NULL OR expires_at > :now) ORDER BY at DESC LIMIT :limit;

-- name: by_author
-- Entries that one author wrote last.
SELECT * FROM memory INDEXED BY memory_author WHERE author = :author AND deleted = 0 LIMIT :limit;

-- name: overdue
-- Entries whose time has come, a batch of them.
SELECT * FROM memory INDEXED BY memory_ending
WHERE expires_at <= :now AND expires_at IS NOT NULL AND deleted = 0 ORDER BY expires_at LIMIT :limit;

-- name: all
-- Everything remembered, and what was deleted.
SELECT * FROM memory ORDER BY scope, key;
