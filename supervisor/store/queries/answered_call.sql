-- name: get
-- What an agent's call with this key was answered in this run.
SELECT tool, answer FROM answered_call WHERE run = :run AND agent = :agent AND key = :key;

-- name: add
-- Keep the answer of a call.
INSERT INTO answered_call (run, agent, key, tool, answer, at) VALUES (:run, :agent, :key, :tool, :answer, :at);
