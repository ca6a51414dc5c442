package dev.keystore.interop;

import dev.keystore.KeyType;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.function.Function;

/**
 * A device in a database of whatsmeow, on SQLite or PostgreSQL, of the schema versions 8 to 15.
 *
 * <p>One device is one context. Sessions and sender keys are kept byte for byte, as whatsmeow has serialized them. The
 * credentials are a JSON object of the row in {@code whatsmeow_device}: numbers and texts as they are, bytes in base64.
 * Ids of sessions and identity keys are {@code name.device}, those of sender keys {@code chat::name::device}.
 *
 * <p>It can only be imported: from a private copy of a file of SQLite, like a {@link BaileysDatabase}; from PostgreSQL
 * in one read-only transaction, as of one point in time. Before the import is committed, PostgreSQL is read once more,
 * and the import is refused if it returns something else.
 */
public final class WhatsmeowDatabase extends ForeignStore {

    /**
     * What else whatsmeow keeps, as JSON objects: {@code pre_key/ID} with {@code uploaded};
     * {@code message_secret/CHAT/SENDER/MESSAGE} with {@code key}, and {@code nct_salt} with {@code salt}, in base64.
     */
    public static final KeyType<byte[]> DETAILS = WhatsmeowDevice.DETAILS;

    private static final int NEWEST_VERSION = 15;
    private static final int OLDEST_VERSION = 8;
    private static final String PREFIX = "whatsmeow_";
    private static final String DEVICES = "SELECT jid FROM whatsmeow_device ORDER BY jid";

    private final Place place;
    private final String jid;

    private WhatsmeowDatabase(Place place, String jid) {
        this.place = place;
        this.jid = Objects.requireNonNull(jid, "jid");
    }

    /** Where a database is. */
    private sealed interface Place {

        /** Opens it; the files that are read are added to {@code digests}, each with its digest. */
        ForeignTables open(Map<String, byte[]> digests);

        record SqliteFile(Path file) implements Place {
            @Override
            public ForeignTables open(Map<String, byte[]> digests) {
                return SqliteCopy.open(file, digests);
            }

            @Override
            public String toString() {
                return file.toString();
            }
        }

        record PostgresServer(String url, Properties properties) implements Place {
            @Override
            public ForeignTables open(Map<String, byte[]> digests) {
                return PostgresSnapshot.open(url, properties, PREFIX);
            }

            /** Returns the URL without its parameters, which may hold a password. */
            @Override
            public String toString() {
                return PostgresSnapshot.withoutParameters(url);
            }
        }
    }

    /**
     * Names a device in a database on SQLite. Nothing is read yet.
     *
     * @param file the file of the database
     * @param jid the id of the device, one of {@link #devices(Path)}
     * @return the store of the device
     */
    public static WhatsmeowDatabase at(Path file, String jid) {
        return new WhatsmeowDatabase(sqlite(file), jid);
    }

    /**
     * Names a device in a database on PostgreSQL. Nothing is read yet.
     *
     * <p>PostgreSQL's JDBC driver must be on the class path or module path. The tables are those of the schemas on the
     * search path of the connection.
     *
     * @param url the JDBC URL, which begins with {@code jdbc:postgresql:}
     * @param properties properties of the driver, such as {@code user} and {@code password}
     * @param jid the id of the device, one of {@link #devices(String, Properties)}
     * @return the store of the device
     * @throws IllegalArgumentException if it is the URL of something else
     */
    public static WhatsmeowDatabase postgres(String url, Properties properties, String jid) {
        return new WhatsmeowDatabase(postgres(url, properties), jid);
    }

    /**
     * Lists the devices of a database on SQLite, each of which is an account.
     *
     * @param file the file of the database
     * @return their ids, sorted
     * @throws ForeignStoreException if the file cannot be read as a database of whatsmeow
     */
    public static List<String> devices(Path file) {
        return devices(sqlite(file));
    }

    /**
     * Lists the devices of a database on PostgreSQL, each of which is an account.
     *
     * @param url the JDBC URL, as for {@link #postgres(String, Properties, String)}
     * @param properties properties of the driver
     * @return their ids, sorted
     * @throws IllegalArgumentException if it is the URL of something else
     * @throws ForeignStoreException if the database cannot be read as one of whatsmeow
     */
    public static List<String> devices(String url, Properties properties) {
        return devices(postgres(url, properties));
    }

    private static Place sqlite(Path file) {
        return new Place.SqliteFile(Objects.requireNonNull(file, "file").toAbsolutePath());
    }

    private static Place postgres(String url, Properties properties) {
        Properties copy = new Properties();
        copy.putAll(Objects.requireNonNull(properties, "properties"));
        if (!Objects.requireNonNull(url, "url").startsWith("jdbc:postgresql:")) {
            throw new IllegalArgumentException("url must begin with jdbc:postgresql:");
        }
        return new Place.PostgresServer(url, copy);
    }

    private static List<String> devices(Place place) {
        List<String> devices = new ArrayList<>();
        try (ForeignTables database = place.open(new LinkedHashMap<>())) {
            checkVersion(place, database);
            database.query(DEVICES, row -> devices.add(String.valueOf(row.getString(1))));
        } catch (SQLException e) {
            throw notReadable(place, e);
        }
        return devices;
    }

    private static ForeignStoreException notReadable(Place place, SQLException e) {
        return new ForeignStoreException(
                place + ": could not import it: it is not a database of whatsmeow that can be read", e);
    }

    private static int checkVersion(Place place, ForeignTables database) throws SQLException {
        Set<String> tables = database.tables();
        if (!tables.contains("whatsmeow_version") || !tables.contains("whatsmeow_device")) {
            throw new ForeignStoreException(
                    place + ": could not import it: it has no tables whatsmeow_version and whatsmeow_device", null);
        }
        List<Integer> versions = new ArrayList<>();
        database.query("SELECT version FROM whatsmeow_version", row -> versions.add(row.getInt(1)));
        if (versions.size() != 1 || versions.get(0) > NEWEST_VERSION || versions.get(0) < OLDEST_VERSION) {
            throw new ForeignStoreException(
                    place + ": could not import it: its schema is of version " + versions + "; known are "
                            + OLDEST_VERSION + " to " + NEWEST_VERSION,
                    null);
        }
        return versions.get(0);
    }

    /** Refuses a database without the device; one whose devices cannot be read is named later. */
    private void checkDevice(ForeignTables database) {
        List<String> devices = new ArrayList<>();
        try {
            database.query(DEVICES, row -> devices.add(String.valueOf(row.getString(1))));
        } catch (SQLException e) {
            return;
        }
        if (!devices.contains(jid)) {
            throw new ForeignStoreException(
                    place + ": could not import it: it has no device \"" + jid + "\"; it has "
                            + (devices.isEmpty() ? "none" : String.join(", ", devices)),
                    null);
        }
    }

    /** Returns the path of the file or the URL without its parameters, and the id of the device. */
    @Override
    public String toString() {
        return place + " of " + jid;
    }

    @Override
    Collection<KeyType<?>> additionalTypes() {
        return List.of(DETAILS);
    }

    @Override
    Read read(Reading reading) {
        Map<String, byte[]> digests = new LinkedHashMap<>();
        Contents contents = contents(reading, digests);
        return new Read(
                contents,
                place instanceof Place.SqliteFile sqlite
                        ? () -> SqliteCopy.checkUnchanged(sqlite.file(), digests)
                        : () -> checkSame(contents, reading));
    }

    private Contents contents(Reading reading, Map<String, byte[]> digests) {
        Contents contents = new Contents(toString(), reading.limits());
        try (ForeignTables database = place.open(digests)) {
            int version = checkVersion(place, database);
            checkDevice(database);
            new WhatsmeowDevice(jid, version, database, contents, reading).read();
            database.nameDamage(contents);
        } catch (SQLException e) {
            throw notReadable(place, e);
        }
        return contents;
    }

    private void checkSame(Contents before, Reading reading) {
        Reading again = new Reading(reading.keepUnknown(), reading.types(), progress -> {}, reading.limits());
        Contents now = contents(again, new LinkedHashMap<>());
        Function<Contents, Object> all = contents -> List.of(contents.digests(), contents.items());
        if (!all.apply(before).equals(all.apply(now))) {
            throw new ForeignStoreException(
                    place + ": could not import it: it was changed while it was read; stop what uses it, and import it"
                            + " again",
                    null);
        }
    }

    @Override
    List<TransferItem> write(Contents contents, String context, boolean dryRun) {
        throw new ForeignStoreException(
                place + ": could not export to it: a database of whatsmeow can only be imported", null);
    }
}
