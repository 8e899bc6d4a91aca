-- name: messages_nobody_has
-- Messages without a single copy.
SELECT m.id FROM message AS m
WHERE NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.message = m.id) ORDER BY m.n LIMIT :limit;

-- name: copies_of_nothing
-- Copies whose message is not there.
SELECT message FROM delivery WHERE n NOT IN (SELECT n FROM message) ORDER BY n LIMIT :limit;
