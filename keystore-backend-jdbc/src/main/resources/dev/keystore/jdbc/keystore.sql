-- The tables of a Keystore store in PostgreSQL, made in the first schema of the search path.
--
-- The store makes them itself when it is opened for the first time, if its role may. Run this beforehand where it may
-- not; it then needs USAGE of the schema, SELECT, INSERT, UPDATE and DELETE on entry and owner, and SELECT on
-- keystore_format.
--
-- Keys lead with the context, which is the column to distribute by. They are compared byte by byte (COLLATE "C"), so
-- that ids are found by prefix through the primary key. A name of more than 1,000 bytes is cut, with its SHA-256 behind;
-- long_id holds such an id whole.
--
-- Pages are filled so far that one more row of about 1 KiB fits: what is updated then stays in its page, and the index
-- as it is.

CREATE TABLE entry (
    context text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    long_id text COLLATE "C",
    value bytea NOT NULL,
    PRIMARY KEY (context, type, id)
) WITH (fillfactor = 85);

-- Keys do not compress.
ALTER TABLE entry ALTER COLUMN value SET STORAGE EXTERNAL;

-- Who owns each context, the id of its last commit, and of the last one before it was taken over. The session that
-- writes for the owner holds a shared advisory lock on holder; the rest is to tell people who that is.
CREATE TABLE owner (
    context text COLLATE "C" NOT NULL PRIMARY KEY,
    epoch bigint NOT NULL,
    commit_epoch bigint NOT NULL DEFAULT 0,
    commit_sequence bigint NOT NULL DEFAULT 0,
    former_epoch bigint NOT NULL DEFAULT 0,
    former_sequence bigint NOT NULL DEFAULT 0,
    holder bigint NOT NULL,
    host text NOT NULL,
    process text NOT NULL,
    since text NOT NULL
);

CREATE TABLE keystore_format (version integer NOT NULL);

INSERT INTO keystore_format (version) VALUES (1);
