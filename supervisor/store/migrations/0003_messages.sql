-- Mail that is not lost: visibility, attempts, dead letters.

ALTER TABLE message ADD COLUMN priority INTEGER NOT NULL DEFAULT 2;
ALTER TABLE message ADD COLUMN correlation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN payload TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0;

CREATE INDEX message_sender ON message (sender, at);

ALTER TABLE delivery ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN visible_at REAL;
ALTER TABLE delivery ADD COLUMN incarnation INTEGER;
ALTER TABLE delivery ADD COLUMN expires_at REAL;

-- Private, and the same for the life of a copy: what of its message the indexes need. `own` is the
-- incarnation that wrote to its own name.
ALTER TABLE delivery ADD COLUMN sender TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN rank INTEGER NOT NULL DEFAULT 6;
ALTER TABLE delivery ADD COLUMN own INTEGER;

-- Private: when an open copy expires, its own time or its message's.
ALTER TABLE delivery ADD COLUMN due REAL NOT NULL DEFAULT 0;

UPDATE delivery SET sender = m.sender, rank = (1 - m.urgent) * 4 + m.priority, due = m.expires_at
FROM message AS m WHERE m.n = delivery.n;

-- What waits in a mailbox, in the order of reading, with all that counting needs. Read mail is not in it.
DROP INDEX delivery_unread;
CREATE INDEX delivery_open ON delivery (recipient, rank, n, state, attempts, visible_at, incarnation, own)
WHERE state IN ('queued', 'delivered');

CREATE INDEX delivery_from ON delivery (recipient, sender) WHERE state IN ('queued', 'delivered');
CREATE INDEX delivery_due ON delivery (due) WHERE state IN ('queued', 'delivered');
CREATE INDEX delivery_spent ON delivery (visible_at) WHERE state = 'delivered' AND attempts >= 3;
CREATE INDEX delivery_dead ON delivery (n, recipient) WHERE state = 'dead';
CREATE INDEX delivery_dead_of ON delivery (sender, n, recipient) WHERE state = 'dead';

-- Private: two agents that wrote to each other in a loop, and until when they are refused.
CREATE TABLE silenced_pair (
    one   TEXT NOT NULL,
    other TEXT NOT NULL,
    until REAL NOT NULL,
    PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;
