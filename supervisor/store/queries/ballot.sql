-- name: put
-- Write one ballot whole, new or changed.
INSERT INTO ballot (
    vote, voter, choice, rationale, at
) VALUES (
    :vote, :voter, :choice, :rationale, :at
)
ON CONFLICT (vote, voter) DO UPDATE SET
    choice = excluded.choice, rationale = excluded.rationale, at = excluded.at;

-- name: of_vote
-- The ballots of one vote, in the order of casting.
SELECT * FROM ballot WHERE vote = :vote ORDER BY at, voter;

-- name: get
-- One voter's ballot.
SELECT * FROM ballot WHERE vote = :vote AND voter = :voter;

-- name: all
-- Every ballot.
SELECT * FROM ballot ORDER BY vote, voter;
