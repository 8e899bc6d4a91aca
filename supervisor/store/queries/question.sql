-- name: put
-- Write one question whole, new or changed.
INSERT INTO question (
    n, run, agent, incarnation, question, options, task, state, asked_at, expires_at, answered_by,
    answered_at, answer, choice
) VALUES (
    :n, :run, :agent, :incarnation, :question, :options, :task, :state, :asked_at, :expires_at,
    :answered_by, :answered_at, :answer, :choice
)
ON CONFLICT (n) DO UPDATE SET
    run = excluded.run, agent = excluded.agent, incarnation = excluded.incarnation, question =
    excluded.question, options = excluded.options, task = excluded.task, state = excluded.state, asked_at
    = excluded.asked_at, expires_at = excluded.expires_at, answered_by = excluded.answered_by,
    answered_at = excluded.answered_at, answer = excluded.answer, choice = excluded.choice;

-- name: get
-- One question.
SELECT * FROM question WHERE n = :n;

-- name: next_number
-- The number of the next question.
SELECT max(coalesce(max(n), 0), coalesce((SELECT floor FROM numbering WHERE noun = 'question'), 0)) + 1
FROM question;

-- name: all
-- Every question, oldest first.
SELECT * FROM question ORDER BY n;

-- name: of_run
-- The newest questions of one run, newest first.
SELECT * FROM question INDEXED BY question_run WHERE run = :run ORDER BY n DESC LIMIT :limit;

-- name: open
-- Every question that waits for a person, oldest first.
SELECT * FROM question INDEXED BY question_open WHERE state = 'asked' ORDER BY n;

-- name: open_of
-- What one agent waits to have answered, oldest first.
SELECT * FROM question INDEXED BY question_open WHERE agent = :agent AND state = 'asked' ORDER BY n;

-- name: overdue
-- Questions that nobody answered in time.
SELECT * FROM question INDEXED BY question_open
WHERE state = 'asked' AND expires_at <= :now ORDER BY n;
