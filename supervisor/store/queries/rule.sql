-- name: put
-- Write one standing rule whole, new or changed.
INSERT INTO rule (
    n, scope, target, act, title, tier, approval, created_at, expires_at, created_by, state, ended_at
) VALUES (
    :n, :scope, :target, :act, :title, :tier, :approval, :created_at, :expires_at, :created_by, :state,
    :ended_at
)
ON CONFLICT (n) DO UPDATE SET
    scope = excluded.scope, target = excluded.target, act = excluded.act, title = excluded.title, tier =
    excluded.tier, approval = excluded.approval, created_at = excluded.created_at, expires_at =
    excluded.expires_at, created_by = excluded.created_by, state = excluded.state, ended_at =
    excluded.ended_at;

-- name: get
-- One standing rule.
SELECT * FROM rule WHERE n = :n;

-- name: next_number
-- The number of the next standing rule.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'rule'), 0)) + 1
FROM rule;

-- name: all
-- Every standing rule, oldest first.
SELECT * FROM rule ORDER BY n;

-- name: active
-- The standing rules that hold, oldest first.
SELECT * FROM rule INDEXED BY rule_active WHERE state = 'active' ORDER BY n;

-- name: overdue
-- The standing rules whose time is over, oldest first.
SELECT * FROM rule INDEXED BY rule_active WHERE state = 'active' AND expires_at <= :now ORDER BY n;
