-- The journal, the same for SQLite and PostgreSQL. A row is never changed and never removed.
CREATE TABLE journal (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL,
    record TEXT NOT NULL
);
-- One row: which driver the journal belongs to.
CREATE TABLE driver (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    epoch BIGINT NOT NULL
);
INSERT INTO driver (one, epoch) VALUES (1, 0);
