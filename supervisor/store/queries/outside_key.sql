-- name: put
-- Write one key's facts whole, new or changed.
INSERT INTO outside_key (
    name, role, groups, tags, label, tools, state, serial, created_at, rotated_at, expires_at, lifetime_s,
    ended_at
) VALUES (
    :name, :role, :groups, :tags, :label, :tools, :state, :serial, :created_at, :rotated_at, :expires_at,
    :lifetime_s, :ended_at
)
ON CONFLICT (name) DO UPDATE SET
    role = excluded.role,
    groups = excluded.groups,
    tags = excluded.tags,
    label = excluded.label,
    tools = excluded.tools,
    state = excluded.state,
    serial = excluded.serial,
    created_at = excluded.created_at,
    rotated_at = excluded.rotated_at,
    expires_at = excluded.expires_at,
    lifetime_s = excluded.lifetime_s,
    ended_at = excluded.ended_at;

-- name: get
-- One key's facts by name.
SELECT * FROM outside_key WHERE name = :name;

-- name: all
-- Every key's facts, by name.
SELECT * FROM outside_key ORDER BY name;

-- name: add_secret
-- Take one more plaintext, known by its hash.
INSERT INTO outside_secret (key_hash, name, serial, until) VALUES (:key_hash, :name, :serial, NULL);

-- name: limit_secrets
-- Take the present plaintexts of a name only until then.
UPDATE outside_secret SET until = :until WHERE name = :name AND coalesce(until, :until) >= :until;

-- name: drop_secrets
-- Take no plaintext of a name any more.
DELETE FROM outside_secret WHERE name = :name;

-- name: drop_late_secrets
-- Forget the plaintexts whose time is over.
DELETE FROM outside_secret WHERE until <= :now;

-- name: secrets
-- The hashes of all plaintexts that may be taken.
SELECT key_hash, name, serial, until FROM outside_secret ORDER BY name, serial;

-- name: used
-- Remember when a key was used last.
INSERT INTO outside_use (name, last_used_at) VALUES (:name, :at)
ON CONFLICT (name) DO UPDATE SET last_used_at = excluded.last_used_at;

-- name: uses
-- When each key was used last.
SELECT name, last_used_at FROM outside_use;

-- name: live
-- The incarnations of outside agents that have not ended.
SELECT incarnation.agent, incarnation.number
FROM incarnation INDEXED BY incarnation_live JOIN outside_key ON outside_key.name = incarnation.agent
WHERE incarnation.ended_at IS NULL ORDER BY incarnation.agent, incarnation.number;
