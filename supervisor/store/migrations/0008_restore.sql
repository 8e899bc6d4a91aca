-- What a restored database knows of the numbers that were given after its copy was made.

-- No number up to the floor is given again: somebody may still know it as the name of something else.
CREATE TABLE numbering (
    noun  TEXT PRIMARY KEY,
    floor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
