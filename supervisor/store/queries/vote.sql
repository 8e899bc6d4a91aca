-- name: put
-- Write one vote whole, new or changed.
INSERT INTO vote (
    n, run, question, options, electorate, quorum, opened_by, opened_at, deadline, state, outcome,
    winner, closed_at, closed_because, rule, tie, early, subscribers, decided_by
) VALUES (
    :n, :run, :question, :options, :electorate, :quorum, :opened_by, :opened_at, :deadline, :state,
    :outcome, :winner, :closed_at, :closed_because, :rule, :tie, :early, :subscribers, :decided_by
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run, question = excluded.question, options = excluded.options, electorate =
    excluded.electorate, quorum = excluded.quorum, opened_by = excluded.opened_by, opened_at =
    excluded.opened_at, deadline = excluded.deadline, state = excluded.state, outcome =
    excluded.outcome, winner = excluded.winner, closed_at = excluded.closed_at, closed_because =
    excluded.closed_because, rule = excluded.rule, tie = excluded.tie, early = excluded.early, subscribers
    = excluded.subscribers, decided_by = excluded.decided_by;

-- name: get
-- One vote.
SELECT * FROM vote WHERE n = :n;

-- name: next_number
-- The number of the next vote.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'vote'), 0)) + 1
FROM vote;

-- name: all
-- Every vote, oldest first.
SELECT * FROM vote ORDER BY n;

-- name: of_run
-- The votes of one run, oldest first.
SELECT * FROM vote INDEXED BY vote_run WHERE run = :run ORDER BY n;

-- name: open
-- The open votes of one run, oldest first.
SELECT * FROM vote INDEXED BY vote_open WHERE run = :run AND state = 'open' ORDER BY n;
