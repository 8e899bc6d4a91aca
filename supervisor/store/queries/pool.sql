-- name: put
-- Write one scaled pool whole, new or changed.
INSERT INTO pool (name, wanted, manual, reason, since)
VALUES (:name, :wanted, :manual, :reason, :since)
ON CONFLICT (name) DO UPDATE SET
    wanted = excluded.wanted, manual = excluded.manual, reason = excluded.reason, since = excluded.since;

-- name: get
-- One scaled pool by name.
SELECT * FROM pool WHERE name = :name;

-- name: all
-- Every scaled pool, by name.
SELECT * FROM pool ORDER BY name;
