package dev.keystore.jdbc;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Objects;
import org.jdbi.v3.core.Handle;

/** The mark of a store in its schema: a table with the version of the other tables. */
final class PostgresFormat {

    static final int VERSION = 1;

    private static final String MARK = "keystore_format";
    private static final List<String> TABLES = List.of("entry", "owner");

    /** The advisory lock that is held while the tables are created: {@code "KeyStore"}. */
    private static final long LOCK = 0x4B65_7953_746F_7265L;

    private PostgresFormat() {}

    /**
     * Creates the tables in a schema without any of them, and checks them otherwise.
     *
     * @throws UnsupportedFormatException if the tables are not a store that this version can use; nothing was changed
     */
    static void install(String place, Handle handle) {
        requireUtf8(place, handle);
        if (!tables(place, handle).contains(MARK)) {
            requireMayCreate(place, handle);
            handle.useTransaction(creating -> {
                creating.execute("SET LOCAL lock_timeout = '5s'");
                creating.execute("SELECT pg_advisory_xact_lock(?)", LOCK);
                List<String> found = tables(place, creating);
                if (found.isEmpty()) {
                    creating.createScript(script()).execute();
                } else if (!found.contains(MARK)) {
                    throw new UnsupportedFormatException(
                            place + ": could not open: it has tables " + found + ", which do not belong to a key store;"
                                    + " name another schema, for example with ?currentSchema=keystore");
                }
            });
        }
        verify(place, handle);
    }

    /**
     * Checks the tables of a schema, which must exist.
     *
     * @throws StoreNotFoundException if it has none; nothing was created
     * @throws UnsupportedFormatException if the tables are not a store that this version can use
     */
    static void find(String place, Handle handle) {
        boolean there = handle.createQuery("""
                        SELECT to_regclass(quote_ident(current_schema()) || '.keystore_format') IS NOT NULL
                        """).mapTo(boolean.class).one();
        if (!there) {
            throw new StoreNotFoundException(
                    place + ": could not open: it has no key store in the first schema of its search path, and nothing"
                            + " was created; check the URL, or open it without mustExist to create a store there");
        }
        verify(place, handle);
    }

    /**
     * Checks the version of existing tables.
     *
     * @throws UnsupportedFormatException if this version can't use them
     */
    static void verify(String place, Handle handle) {
        int version = handle.createQuery("SELECT max(version) FROM keystore_format")
                .mapTo(int.class)
                .one();
        if (version != VERSION) {
            throw new UnsupportedFormatException(place + ": could not open: it is a key store of format " + version
                    + ", and this version of Keystore supports formats up to " + VERSION
                    + "; use a newer version of Keystore");
        }
    }

    /** Returns the names of the store's tables that exist in the current schema. */
    private static List<String> tables(String place, Handle handle) {
        String schema = handle.createQuery("SELECT coalesce(current_schema(), '')")
                .mapTo(String.class)
                .one();
        if (schema.isEmpty()) {
            throw noSchema(place, handle);
        }
        return handle.createQuery("""
                        SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                        WHERE nspname = :schema AND relname IN (:mark, <tables>) ORDER BY relname
                        """)
                .bind("schema", schema)
                .bind("mark", MARK)
                .bindList("tables", TABLES)
                .mapTo(String.class)
                .list();
    }

    private static void requireMayCreate(String place, Handle handle) {
        List<String> missing = handle.createQuery("""
                        SELECT quote_ident(current_schema()), quote_ident(current_user)
                        WHERE NOT has_schema_privilege(current_schema(), 'CREATE')
                        """)
                .map((row, columns) -> List.of(row.getString(1), row.getString(2)))
                .findOne()
                .orElse(List.of());
        if (!missing.isEmpty()) {
            String schema = missing.get(0);
            String role = missing.get(1);
            throw new StoreOpenException(
                    place + ": could not open: it has no key store in schema " + schema + ", and role " + role
                            + " lacks the privilege to create one there; GRANT CREATE ON SCHEMA " + schema + " TO "
                            + role
                            + ", or let the schema's owner run dev/keystore/jdbc/keystore.sql of this jar",
                    null);
        }
    }

    /** Returns the exception for a search path without a usable schema, with the reason and a remedy. */
    private static StoreOpenException noSchema(String place, Handle handle) {
        return handle.createQuery("""
                        SELECT current_setting('search_path'), quote_ident(current_user),
                            quote_ident(current_database()), has_database_privilege(current_database(), 'CREATE'),
                            (SELECT quote_ident(min(nspname)) FROM pg_namespace WHERE nspname = ANY (
                                regexp_split_to_array(
                                    replace(current_setting('search_path'), '"$user"', current_user), '[", ]+')))
                        """)
                .map((row, columns) -> {
                    String role = row.getString(2);
                    String existing = row.getString(5);
                    String remedy;
                    if (existing != null) {
                        remedy = "GRANT USAGE ON SCHEMA " + existing + " TO " + role;
                    } else if (row.getBoolean(4)) {
                        remedy = "create one";
                    } else {
                        remedy = "create one, for which role " + role
                                + " lacks the privilege: GRANT CREATE ON DATABASE " + row.getString(3) + " TO " + role;
                    }
                    return new StoreOpenException(
                            place + ": could not open: it has no schema of the search path (" + row.getString(1)
                                    + ") that role " + role + " may use; " + remedy
                                    + ", or name another with ?currentSchema=",
                            null);
                })
                .one();
    }

    private static void requireUtf8(String place, Handle handle) {
        String encoding =
                handle.createQuery("SHOW server_encoding").mapTo(String.class).one();
        if (!encoding.equals("UTF8")) {
            throw new StoreOpenException(
                    place + ": could not open: it has the encoding " + encoding + ", which cannot hold every id;"
                            + " name a database created with ENCODING 'UTF8'",
                    null);
        }
    }

    private static String script() {
        try (InputStream script = PostgresFormat.class.getResourceAsStream("keystore.sql")) {
            return new String(Objects.requireNonNull(script, "keystore.sql").readAllBytes(), UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
