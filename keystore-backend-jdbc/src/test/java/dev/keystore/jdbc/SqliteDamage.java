package dev.keystore.jdbc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;

/** The ways in which tests damage a closed store, each at a random place. */
enum SqliteDamage {
    BIT_ANYWHERE {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> flip(file, random.nextInt(file.length), random));
        }
    },
    BITS_ANYWHERE {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> {
                StringBuilder what = new StringBuilder();
                for (int i = random.nextInt(2, 9); i > 0; i--) {
                    what.append(flip(file, random.nextInt(file.length), random)).append(", ");
                }
                return what.toString();
            });
        }
    },
    BIT_OF_HEADER {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> flip(file, random.nextInt(HEADER_BYTES), random));
        }
    },
    BIT_OF_SCHEMA {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> flip(file, used(file, 0, random), random));
        }
    },
    BIT_OF_INDEX {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> flip(file, used(file, page(file, random, INDEX), random), random));
        }
    },
    BIT_OF_INTERIOR_PAGE {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> flip(file, used(file, page(file, random, INTERIOR), random), random));
        }
    },
    BIT_OF_PAGE_HEADER {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> {
                int page = page(file, random, INDEX.or(TABLE));
                int header = 8 + 2 * Math.max(1, cells(file, page));
                return flip(file, start(page) + random.nextInt(header), random);
            });
        }
    },
    SECTOR_OVERWRITTEN {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> {
                int from = random.nextInt(file.length / SECTOR_BYTES) * SECTOR_BYTES;
                byte[] sector = new byte[SECTOR_BYTES];
                if (random.nextBoolean()) {
                    random.nextBytes(sector);
                }
                System.arraycopy(sector, 0, file, from, SECTOR_BYTES);
                return "from byte " + from;
            });
        }
    },
    PAGE_ZEROED {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> {
                int page = random.nextInt(file.length / PAGE_BYTES);
                Arrays.fill(file, page * PAGE_BYTES, (page + 1) * PAGE_BYTES, (byte) 0);
                return "page " + page;
            });
        }
    },
    PAGES_EXCHANGED {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> {
                int one = random.nextInt(file.length / PAGE_BYTES) * PAGE_BYTES;
                int other = random.nextInt(file.length / PAGE_BYTES) * PAGE_BYTES;
                byte[] page = Arrays.copyOfRange(file, one, one + PAGE_BYTES);
                System.arraycopy(file, other, file, one, PAGE_BYTES);
                System.arraycopy(page, 0, file, other, PAGE_BYTES);
                return "at bytes " + one + " and " + other;
            });
        }
    },
    PAGE_COPIED_OVER_ANOTHER {
        @Override
        String apply(Path path, SplittableRandom random) {
            return bytes(path, file -> {
                int from = random.nextInt(file.length / PAGE_BYTES) * PAGE_BYTES;
                int to = random.nextInt(file.length / PAGE_BYTES) * PAGE_BYTES;
                System.arraycopy(file, from, file, to, PAGE_BYTES);
                return "from byte " + from + " to " + to;
            });
        }
    },
    FILE_CUT {
        @Override
        String apply(Path path, SplittableRandom random) {
            byte[] file = read(path);
            int length = random.nextInt(file.length);
            if (random.nextBoolean()) {
                length -= length % PAGE_BYTES;
            }
            length = Math.max(1, length);
            write(path, Arrays.copyOf(file, length));
            return "to " + length + " bytes";
        }
    },
    GARBAGE_APPENDED {
        @Override
        String apply(Path path, SplittableRandom random) {
            byte[] file = read(path);
            byte[] garbage = new byte[random.nextBoolean() ? random.nextInt(1, 10_000) : PAGE_BYTES];
            random.nextBytes(garbage);
            byte[] longer = Arrays.copyOf(file, file.length + garbage.length);
            System.arraycopy(garbage, 0, longer, file.length, garbage.length);
            write(path, longer);
            return garbage.length + " bytes";
        }
    },
    ROW_TRUNCATED {
        @Override
        String apply(Path path, SplittableRandom random) {
            return sql(
                    path,
                    "UPDATE entry SET value = substr(value, 1, abs(" + random.nextInt() + ")"
                            + " % length(value)) WHERE rowid = " + row(random));
        }
    },
    ROWS_SWAPPED {
        @Override
        String apply(Path path, SplittableRandom random) {
            int one = row(random);
            int other = one % ROWS + 1;
            SqliteFixture.execute(
                    path,
                    "CREATE TEMP TABLE was AS SELECT rowid AS place, value FROM entry",
                    "UPDATE entry SET value = (SELECT value FROM was WHERE place = " + (one + other)
                            + " - entry.rowid) WHERE rowid IN (" + one + ", " + other + ")");
            return "rows " + one + " and " + other;
        }
    },
    ROW_IN_ANOTHER_CONTEXT {
        @Override
        String apply(Path path, SplittableRandom random) {
            return sql(
                    path,
                    "INSERT INTO entry SELECT 'mallory', type, id, value FROM entry WHERE rowid = " + row(random));
        }
    },
    ROW_OF_ANOTHER_CONTEXT {
        @Override
        String apply(Path path, SplittableRandom random) {
            return sql(
                    path,
                    "UPDATE entry SET value = (SELECT value FROM entry AS that"
                            + " WHERE that.context <> entry.context AND that.id = entry.id) WHERE rowid = "
                            + row(random));
        }
    },
    MARK_CHANGED {
        @Override
        String apply(Path path, SplittableRandom random) {
            String mark = random.nextBoolean() ? "application_id" : "user_version";
            return sql(path, "PRAGMA " + mark + " = " + random.nextInt(2, Integer.MAX_VALUE));
        }
    },
    SCHEMA_CHANGED {
        @Override
        String apply(Path path, SplittableRandom random) {
            String[] changes = {
                "DROP TABLE entry",
                "ALTER TABLE entry RENAME TO entries",
                "ALTER TABLE entry RENAME COLUMN value TO bytes",
                "ALTER TABLE entry RENAME COLUMN id TO name"
            };
            return sql(path, changes[random.nextInt(changes.length)]);
        }
    };

    /** The minimum number of rows in the store, with row ids from 1. */
    static final int ROWS = 100;

    private static final int PAGE_BYTES = 4096;
    private static final int SECTOR_BYTES = 512;
    private static final int HEADER_BYTES = 100;
    private static final IntPredicate INDEX = type -> type == 2 || type == 10;
    private static final IntPredicate TABLE = type -> type == 5 || type == 13;
    private static final IntPredicate INTERIOR = type -> type == 2 || type == 5;

    /** Damages a file, and returns a description of the place. */
    abstract String apply(Path path, SplittableRandom random);

    private interface ByteChange {
        String in(byte[] file);
    }

    private static String bytes(Path path, ByteChange change) {
        byte[] file = read(path);
        String where = change.in(file);
        write(path, file);
        return where;
    }

    private static String sql(Path path, String statement) {
        SqliteFixture.execute(path, statement);
        return statement;
    }

    private static int row(SplittableRandom random) {
        return random.nextInt(1, ROWS + 1);
    }

    private static String flip(byte[] file, int at, SplittableRandom random) {
        int bit = random.nextInt(Byte.SIZE);
        file[at] ^= (byte) (1 << bit);
        return "bit " + bit + " of byte " + at + " (page " + at / PAGE_BYTES + ")";
    }

    /** Returns a random page of a type, which is the first byte of its header (sqlite.org/fileformat2.html, 1.6). */
    private static int page(byte[] file, SplittableRandom random, IntPredicate type) {
        List<Integer> pages = new ArrayList<>();
        for (int page = 1; page < file.length / PAGE_BYTES; page++) {
            if (type.test(file[page * PAGE_BYTES])) {
                pages.add(page);
            }
        }
        return pages.get(random.nextInt(pages.size()));
    }

    /** Returns the position of a used byte of a page: in its header or in a cell. */
    private static int used(byte[] file, int page, SplittableRandom random) {
        int header = start(page) - page * PAGE_BYTES + 12 + 2 * cells(file, page);
        int content = ByteBuffer.wrap(file).getShort(start(page) + 5) & 0xffff;
        int at = random.nextInt(header + PAGE_BYTES - content);
        return page * PAGE_BYTES + (at < header ? at : content + at - header);
    }

    private static int cells(byte[] file, int page) {
        return ByteBuffer.wrap(file).getShort(start(page) + 3) & 0xffff;
    }

    private static int start(int page) {
        return page == 0 ? HEADER_BYTES : page * PAGE_BYTES;
    }

    private static byte[] read(Path path) {
        try {
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path path, byte[] file) {
        try {
            Files.write(path, file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
