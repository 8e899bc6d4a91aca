-- name: put
-- Write how far one budget is spent, new or changed.
INSERT INTO budget (
    id, scope, pools, subject, run, tokens, cost_usd, used_tokens, used_usd, cost_unknown, extra_tokens,
    extra_usd, state, since
) VALUES (
    :id, :scope, :pools, :subject, :run, :tokens, :cost_usd, :used_tokens, :used_usd, :cost_unknown,
    :extra_tokens, :extra_usd, :state, :since
)
ON CONFLICT (id) DO UPDATE SET
    scope = excluded.scope, pools = excluded.pools, subject = excluded.subject, run = excluded.run, tokens =
    excluded.tokens, cost_usd = excluded.cost_usd, used_tokens = excluded.used_tokens, used_usd =
    excluded.used_usd, cost_unknown = excluded.cost_unknown, extra_tokens = excluded.extra_tokens,
    extra_usd = excluded.extra_usd, state = excluded.state, since = excluded.since;

-- name: get
-- How far one budget is spent.
SELECT * FROM budget WHERE id = :id;

-- name: all
-- How far every budget is spent of which anybody was told.
SELECT * FROM budget ORDER BY id;
