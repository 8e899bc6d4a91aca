-- name: put
-- Write one turn whole, new or changed.
INSERT INTO turn (
    n, run, agent, incarnation, pool, kind, state, session, task, token, started_at, ended_at, ok, reason,
    detail, final_text, model, input_tokens, output_tokens, cached_tokens, cache_write_tokens,
    reasoning_tokens, cost_usd, cost_unknown
) VALUES (
    :n, :run, :agent, :incarnation, :pool, :kind, :state, :session, :task, :token, :started_at, :ended_at,
    :ok, :reason, :detail, :final_text, :model, :input_tokens, :output_tokens, :cached_tokens,
    :cache_write_tokens, :reasoning_tokens, :cost_usd, :cost_unknown
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run, agent = excluded.agent, incarnation = excluded.incarnation, pool = excluded.pool,
    kind = excluded.kind, state = excluded.state, session = excluded.session, task = excluded.task,
    token = excluded.token, started_at = excluded.started_at, ended_at = excluded.ended_at, ok =
    excluded.ok, reason = excluded.reason, detail = excluded.detail, final_text = excluded.final_text,
    model = excluded.model, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    cached_tokens = excluded.cached_tokens, cache_write_tokens = excluded.cache_write_tokens,
    reasoning_tokens = excluded.reasoning_tokens, cost_usd = excluded.cost_usd, cost_unknown =
    excluded.cost_unknown;

-- name: get
-- One turn.
SELECT * FROM turn WHERE n = :n;

-- name: next_number
-- The number of the next turn.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'turn'), 0)) + 1
FROM turn;

-- name: all
-- Every turn, oldest first.
SELECT * FROM turn ORDER BY n;

-- name: of_run
-- The newest turns of one run, newest first.
SELECT * FROM turn INDEXED BY turn_run WHERE run = :run ORDER BY n DESC LIMIT :limit;

-- name: running_count
-- How many turns of an agent nobody has ended.
SELECT count(*) FROM turn INDEXED BY turn_running WHERE agent = :agent AND state = 'running';

-- name: running
-- Every turn that nobody has ended, oldest first.
SELECT * FROM turn INDEXED BY turn_running WHERE state = 'running' ORDER BY n;

-- name: newest_of_agent
-- The newest turn of an agent.
SELECT * FROM turn INDEXED BY turn_agent WHERE agent = :agent ORDER BY n DESC LIMIT 1;

-- name: newest_of_task
-- The newest turn about a task that left words.
SELECT * FROM turn INDEXED BY turn_task
WHERE task = :task AND final_text <> '' ORDER BY n DESC LIMIT 1;

-- name: usage
-- What turns used, by agent, task, pool or UTC day, the dearest first; filters that are null want all.
SELECT
    CASE :by
        WHEN 'agent' THEN agent
        WHEN 'task' THEN coalesce(task, '')
        WHEN 'pool' THEN pool
        WHEN 'day' THEN strftime('%Y-%m-%d', started_at, 'unixepoch')
        ELSE ''
    END AS subject,
    count(*) AS turns,
    sum(task IS NULL) AS without_task,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cached_tokens) AS cached_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(reasoning_tokens) AS reasoning_tokens,
    sum(
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
        + coalesce(cached_tokens, 0) + coalesce(cache_write_tokens, 0)
    ) AS tokens,
    sum(
        CASE WHEN task IS NULL THEN
            coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
            + coalesce(cached_tokens, 0) + coalesce(cache_write_tokens, 0)
        ELSE 0 END
    ) AS idle_tokens,
    sum(cost_usd) AS cost_usd,
    sum(cost_unknown) AS cost_unknown,
    sum(coalesce(ended_at, :now) - started_at) AS seconds
FROM turn
WHERE (:run IS NULL OR run = :run)
GROUP BY subject ORDER BY coalesce(sum(cost_usd), 0) DESC, tokens DESC, subject LIMIT :limit;

-- name: spent
-- What the ended turns of pools have used; filters that are null want all.
SELECT
    coalesce(sum(
        coalesce(input_tokens, 0) + coalesce(output_tokens, 0)
        + coalesce(cached_tokens, 0) + coalesce(cache_write_tokens, 0)
    ), 0) AS tokens,
    coalesce(sum(cost_usd), 0.0) AS cost_usd,
    coalesce(sum(cost_unknown), 0) AS cost_unknown
FROM turn
WHERE
    pool GLOB :pools AND state = 'ended'
    AND (:run IS NULL OR run = :run)
    AND (:agent IS NULL OR agent = :agent)
    AND (:task IS NULL OR task = :task)
    AND (:pool IS NULL OR pool = :pool)
    AND (:since IS NULL OR started_at >= :since);
