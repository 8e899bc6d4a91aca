-- name: add
-- Remember that an agent's work failed.
INSERT INTO agent_failure (agent, at, task) VALUES (:agent, :at, :task);

-- name: since
-- How often an agent's work failed since a time.
SELECT count(*) FROM agent_failure INDEXED BY agent_failure_agent WHERE agent = :agent AND at > :at;

-- name: forget
-- Forget the failures of an agent.
DELETE FROM agent_failure WHERE agent = :agent;

-- name: prune
-- Forget what is too old to count.
DELETE FROM agent_failure WHERE at < :at;
