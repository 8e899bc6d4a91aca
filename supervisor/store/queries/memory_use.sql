-- name: of
-- How much one scope holds or one author wrote.
SELECT entries, bytes FROM memory_use WHERE owner = :owner;

-- name: add
-- Count more, or less, of one scope or author.
INSERT INTO memory_use (owner, entries, bytes) VALUES (:owner, :entries, :bytes)
ON CONFLICT (owner) DO UPDATE SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes;

-- name: counted
-- What the rows themselves say, of each scope and author.
SELECT 'scope:' || scope AS owner, count(*) AS entries, sum(length(CAST(value AS BLOB))) AS bytes
FROM memory WHERE deleted = 0 GROUP BY scope
UNION ALL
SELECT 'author:' || author, count(*), sum(length(CAST(value AS BLOB)))
FROM memory WHERE deleted = 0 GROUP BY author;

-- name: kept
-- Every kept counter.
SELECT owner, entries, bytes FROM memory_use WHERE entries <> 0 OR bytes <> 0;
