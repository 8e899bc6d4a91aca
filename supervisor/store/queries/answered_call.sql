-- name: get
-- What an agent's call with this key was answered.
SELECT tool, answer FROM answered_call WHERE agent = :agent AND key = :key;

-- name: add
-- Keep the answer of a call.
INSERT INTO answered_call (agent, key, tool, answer, at) VALUES (:agent, :key, :tool, :answer, :at);
