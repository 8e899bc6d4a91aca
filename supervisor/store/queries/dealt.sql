-- name: count
-- Count one more task dealt to an agent.
INSERT INTO dealt (run, agent, n) VALUES (:run, :agent, 1)
ON CONFLICT (run, agent) DO UPDATE SET n = n + 1;

-- name: of_run
-- How many tasks were dealt to each agent of a run.
SELECT agent, n FROM dealt WHERE run = :run;
