-- name: put
-- Write one approval whole, new or changed.
INSERT INTO approval (
    n, run, agent, incarnation, kind, tier, title, payload, digest, reason, task, state, created_at,
    expires_at, answered_by, answered_at, answer, source, tool, cwd, workspace, request, options,
    rewritable, rewritten, blocks
) VALUES (
    :n, :run, :agent, :incarnation, :kind, :tier, :title, :payload, :digest, :reason, :task, :state,
    :created_at, :expires_at, :answered_by, :answered_at, :answer, :source, :tool, :cwd, :workspace,
    :request, :options, :rewritable, :rewritten, :blocks
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run, agent = excluded.agent, incarnation = excluded.incarnation, kind =
    excluded.kind, tier = excluded.tier, title = excluded.title, payload = excluded.payload, digest =
    excluded.digest, reason = excluded.reason, task = excluded.task, state = excluded.state, created_at
    = excluded.created_at, expires_at = excluded.expires_at, answered_by = excluded.answered_by,
    answered_at = excluded.answered_at, answer = excluded.answer, source = excluded.source, tool =
    excluded.tool, cwd = excluded.cwd, workspace = excluded.workspace, request = excluded.request,
    options = excluded.options, rewritable = excluded.rewritable, rewritten = excluded.rewritten, blocks =
    excluded.blocks;

-- name: get
-- One approval.
SELECT * FROM approval WHERE n = :n;

-- name: next_number
-- The number of the next approval.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'approval'), 0)) + 1
FROM approval;

-- name: all
-- Every approval, oldest first.
SELECT * FROM approval ORDER BY n;

-- name: of_run
-- The approvals of one run, oldest first.
SELECT * FROM approval INDEXED BY approval_run WHERE run = :run ORDER BY n;

-- name: open_of
-- What one agent has asked for and not used up, oldest first.
SELECT * FROM approval INDEXED BY approval_open
WHERE agent = :agent AND state IN ('pending', 'approved') ORDER BY n;

-- name: open
-- What waits for an answer, or for its use, oldest first.
SELECT * FROM approval INDEXED BY approval_open WHERE state IN ('pending', 'approved') ORDER BY n;

-- name: overdue
-- Requests that nobody answered, or that were allowed and not used, in time.
SELECT * FROM approval INDEXED BY approval_open
WHERE state IN ('pending', 'approved') AND expires_at <= :now ORDER BY n;

-- name: pending
-- Requests that wait for an answer, oldest first.
SELECT * FROM approval INDEXED BY approval_open
WHERE state IN ('pending', 'approved') AND state = 'pending' ORDER BY n;
