package dev.keystore.cli;

import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Stores for tests. */
final class Stores {

    private Stores() {}

    static String sqlite(Path file) {
        return "jdbc:sqlite:" + file;
    }

    /** Writes contexts that look like accounts, with 27 entries each. */
    static void fill(String url, String... contexts) {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            for (String context : contexts) {
                fill(database.forContext(context), 20);
            }
        }
    }

    static void fill(SignalKeyStore store, int sessions) {
        Instant created = Instant.now().minus(Duration.ofDays(40));
        store.useTransaction("fill", tx -> {
            for (int i = 0; i < sessions; i++) {
                tx.put(KeyTypes.SESSION, "bob." + i, ("session of bob " + i).getBytes(StandardCharsets.UTF_8));
            }
            for (int i = 1; i <= 5; i++) {
                tx.put(KeyTypes.PRE_KEY, Integer.toString(i), pair());
            }
            tx.put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(pair(), new byte[64], created.toEpochMilli()));
            tx.saveCredentials(new byte[80]);
        });
    }

    private static KeyPair pair() {
        return new KeyPair(new byte[33], new byte[32]);
    }

    /** Changes a byte of the value of a session in an SQLite file, which nothing has open. */
    static void damage(Path file, String session) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        byte[] value = ("session of bob " + session).getBytes(StandardCharsets.UTF_8);
        int at = indexOf(bytes, value);
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            open.seek(at + 3);
            open.write('X');
        }
    }

    /** Flips a bit in the middle of a record of an SQLite file, which nothing has open. */
    static void damage(Path file, String context, String type, String id) throws SQLException {
        try (Connection connection = DriverManager.getConnection(sqlite(file));
                PreparedStatement select = connection.prepareStatement(
                        "SELECT value FROM entry WHERE context = ? AND type = ? AND id = ?");
                PreparedStatement update = connection.prepareStatement(
                        "UPDATE entry SET value = ? WHERE context = ? AND type = ? AND id = ?")) {
            select.setString(1, context);
            select.setString(2, type);
            select.setString(3, id);
            byte[] record;
            try (ResultSet rows = select.executeQuery()) {
                if (!rows.next()) {
                    throw new IllegalStateException("not found");
                }
                record = rows.getBytes(1);
            }
            record[record.length / 2] ^= 1;
            update.setBytes(1, record);
            update.setString(2, context);
            update.setString(3, type);
            update.setString(4, id);
            update.executeUpdate();
        }
    }

    private static int indexOf(byte[] bytes, byte[] wanted) {
        String all = new String(bytes, StandardCharsets.ISO_8859_1);
        int at = all.indexOf(new String(wanted, StandardCharsets.ISO_8859_1));
        if (at < 0) {
            throw new IllegalStateException("not found");
        }
        return at;
    }

    /** Returns a folder with a jar that registers implementations of a service, which are on the class path. */
    static String services(Path parent, Class<?> service, Class<?>... implementations) throws IOException {
        Path backends = Files.createTempDirectory(parent, "backends");
        try (OutputStream out = Files.newOutputStream(backends.resolve("services.jar"));
                ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry("META-INF/services/" + service.getName()));
            zip.write(Stream.of(implementations)
                    .map(Class::getName)
                    .collect(Collectors.joining("\n"))
                    .getBytes(StandardCharsets.UTF_8));
        }
        return backends.toString();
    }

    /** Returns the number of entries by context. */
    static Map<String, Long> entries(String url) {
        Map<String, Long> entries = new TreeMap<>();
        try (StoreInspection store = SignalKeyDatabase.builder().url(url).openToInspect();
                Stream<String> contexts = store.contexts()) {
            contexts.forEach(context -> {
                ContextInspection found = store.inspect(context);
                entries.put(context, found.entries());
            });
        }
        return entries;
    }
}
