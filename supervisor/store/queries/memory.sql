-- name: put
-- Write one memory whole, new or changed.
INSERT INTO memory (
    scope, key, value, version, author, at
) VALUES (
    :scope, :key, :value, :version, :author, :at
)
ON CONFLICT (scope, key) DO UPDATE SET
    value = excluded.value, version = excluded.version, author = excluded.author, at = excluded.at;

-- name: get
-- One remembered value.
SELECT * FROM memory WHERE scope = :scope AND key = :key;

-- name: of_scope
-- What one scope holds, by key.
SELECT * FROM memory WHERE scope = :scope ORDER BY key LIMIT :limit;

-- name: all
-- Everything remembered.
SELECT * FROM memory ORDER BY scope, key;
