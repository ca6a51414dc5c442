-- The tables of a Keystore store in PostgreSQL, created in the first schema of the search path.
--
-- Keystore creates them when the store is first opened, if its role has the privilege. If not, run this script
-- beforehand; the role then needs USAGE of the schema, SELECT, INSERT, UPDATE and DELETE on entry and owner, and SELECT
-- on keystore_format.
--
-- Keys begin with the context, which is the column to distribute by. They are compared byte by byte (COLLATE "C"), so
-- the primary key finds ids by prefix. A name of more than 1,000 bytes is truncated, followed by its SHA-256; long_id
-- holds such an id in full, followed by U+0001 U+0003 and the context in full if the context is such a name.
--
-- The fill factor leaves space for one more row of about 1 KiB in each page: an updated row then stays in its page, and
-- the index is not changed.

CREATE TABLE entry (
    context text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    long_id text COLLATE "C",
    value bytea NOT NULL,
    PRIMARY KEY (context, type, id)
) WITH (fillfactor = 85);

-- Values, being keys, do not compress.
ALTER TABLE entry ALTER COLUMN value SET STORAGE EXTERNAL;

-- The owner of each context, with the ids of its last commit and of the last commit before the takeover. The session
-- that writes for the owner holds a shared advisory lock on holder; host, process and since describe the owner. The row
-- with an empty context keeps the highest epoch of rows that were deleted because their contexts held nothing.
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
