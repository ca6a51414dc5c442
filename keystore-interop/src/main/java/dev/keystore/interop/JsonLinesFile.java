package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.interop.Contents.Found;
import dev.keystore.interop.TransferItem.Fate;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A file of JSON Lines in a neutral form: everything that a context holds, for software that is not known here.
 *
 * <p>The first line is {@code {"format":"keystore","version":1,"context":"alice"}}. Each of the following ones is an
 * entry: {@code {"type":"session","id":"bob.1","value":"…"}}, or {@code {"type":"credentials","value":"…"}}. The value
 * is base64, or has the parts of its type, of which bytes are base64: {@code docs/migrating.md} lists them. The last
 * line is {@code {"entries":2,"sha256":"…"}}: the number of entries, and the SHA-256 of all lines before it, line feeds
 * included. By that line, a file that was cut or changed is recognized, and refused as a whole.
 */
public final class JsonLinesFile extends ForeignStore {

    private static final String FORMAT = "keystore";
    private static final int VERSION = 1;
    private static final long MAXIMUM_FILE_BYTES = 1L << 30;
    private static final int MAXIMUM_LINE_BYTES = 64 << 20;

    private final Path file;

    private JsonLinesFile(Path file) {
        this.file = file;
    }

    /**
     * Names a file. Nothing is read yet.
     *
     * @param file the file
     * @return the store in it
     */
    public static JsonLinesFile at(Path file) {
        return new JsonLinesFile(Objects.requireNonNull(file, "file").toAbsolutePath());
    }

    /** Returns the path of the file. */
    @Override
    public String toString() {
        return file.toString();
    }

    /** Returns the types of what the imports keep beyond the standard ones. */
    @Override
    Collection<KeyType<?>> additionalTypes() {
        return List.of(
                WhatsmeowDatabase.DETAILS,
                SignalCliAccount.DETAILS,
                SignalCliTables.ONE_TIME_KYBER_PRE_KEY,
                BaileysFolder.UNKNOWN_FILE);
    }

    @Override
    Read read(Reading reading) {
        Contents contents = new Contents(toString(), reading.limits());
        byte[] digest = new LineReader(contents, reading).read();
        return new Read(contents, () -> {
            Reading again = new Reading(false, reading.types(), progress -> {}, reading.limits());
            if (!Arrays.equals(new LineReader(new Contents(toString(), again.limits()), again).read(), digest)) {
                throw refused("it was changed while it was read; stop what writes to it", null);
            }
        });
    }

    private ForeignStoreException refused(String why, @Nullable IOException cause) {
        return new ForeignStoreException(file + ": could not import it: " + why, cause);
    }

    /** Reads the lines, of which one is in memory at a time. */
    private final class LineReader {

        private final Contents contents;
        private final Reading reading;
        private final Map<String, KeyType<?>> types = new LinkedHashMap<>();
        private final MessageDigest sha256 = Sha256.digest();
        private long lines;

        LineReader(Contents contents, Reading reading) {
            this.contents = contents;
            this.reading = reading;
            KeyTypes.all().forEach(type -> types.put(type.name(), type));
            additionalTypes().forEach(type -> types.put(type.name(), type));
            reading.types().forEach(type -> types.put(type.name(), type));
        }

        /** Returns the digest of all lines before the last one. */
        byte[] read() {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                throw refused("it is not a file", null); // opening a pipe would wait for a writer
            }
            try (InputStream in = new BufferedInputStream(Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS))) {
                if (Files.size(file) > MAXIMUM_FILE_BYTES) {
                    throw refused("it is larger than " + MAXIMUM_FILE_BYTES + " bytes", null);
                }
                readHeader(line(in));
                byte[] line = line(in);
                for (byte[] next = line(in); next.length > 0; next = line(in)) {
                    readEntry(line);
                    line = next;
                }
                byte[] digest = readEnd(line);
                if (in.read() >= 0) {
                    throw refused("it continues after its last line", null);
                }
                return digest;
            } catch (IOException e) {
                throw refused("it cannot be read: " + e.getClass().getSimpleName() + "; check the path", e);
            }
        }

        /** Returns the next line without its end, or nothing at the end of the file. */
        private byte[] line(InputStream in) throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
                line.write(next);
                if (line.size() > MAXIMUM_LINE_BYTES) {
                    throw refused("it has a line of more than " + MAXIMUM_LINE_BYTES + " bytes", null);
                }
            }
            return line.toByteArray();
        }

        private void readHeader(byte[] line) {
            try {
                JsonFields header = new JsonFields(StrictJson.read(line));
                if (!FORMAT.equals(header.take("format").textValue())) {
                    throw new DamagedException("its format is another one");
                }
                long version = header.number("version", 0, Integer.MAX_VALUE);
                if (version != VERSION) {
                    throw refused("it is of version " + version + "; known is version " + VERSION, null);
                }
            } catch (DamagedException e) {
                throw refused("its first line is not that of an export of Keystore: " + e.reason(), null);
            }
            digest(line);
        }

        private void readEntry(byte[] line) {
            digest(line);
            lines++;
            String name = "line " + (lines + 1);
            String type = "";
            String id = "";
            try {
                JsonFields entry = new JsonFields(StrictJson.read(line));
                type = BaileysValues.text(entry.take("type"));
                JsonNode value = entry.take("value");
                if (type.equals(Contents.CREDENTIALS)) {
                    entry.end();
                    contents.addCredentials(name, Buffers.base64(BaileysValues.text(value)), "");
                } else {
                    id = BaileysValues.text(entry.take("id"));
                    entry.end();
                    add(name, types.get(type), type, id, value);
                }
            } catch (DamagedException e) {
                contents.leave(name, Fate.DAMAGED, type, id, e.reason() + "; " + Losses.of(type));
            }
            reading.listener().accept(new TransferProgress(lines, 0));
        }

        private void add(String name, @Nullable KeyType<?> known, String type, String id, JsonNode value)
                throws DamagedException {
            if (known != null) {
                addKnown(name, known, id, value);
                return;
            }
            KeyType<byte[]> unknown;
            try {
                unknown = KeyType.ofBytes(type);
            } catch (IllegalArgumentException e) {
                throw new DamagedException("its type has a name that no type can have");
            }
            contents.add(name, unknown, id, Buffers.base64(BaileysValues.text(value)), "");
        }

        private <V> void addKnown(String name, KeyType<V> type, String id, JsonNode value) throws DamagedException {
            contents.add(name, type, id, NeutralValues.read(type, value), "");
        }

        private byte[] readEnd(byte[] line) {
            byte[] digest = sha256.digest();
            try {
                JsonFields end = new JsonFields(StrictJson.read(line));
                long entries = end.number("entries", 0, Long.MAX_VALUE);
                String expected = BaileysValues.text(end.take("sha256"));
                end.end();
                if (entries != lines || !expected.equals(HexFormat.of().formatHex(digest))) {
                    throw refused("it was changed since it was written: its last line does not match the others", null);
                }
            } catch (DamagedException e) {
                throw refused("it is cut: its last line is not that of an export of Keystore", null);
            }
            return digest;
        }

        private void digest(byte[] line) {
            sha256.update(line);
            sha256.update((byte) '\n');
        }
    }

    @Override
    List<TransferItem> write(Contents contents, String context, boolean dryRun) {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw NewFolder.exists(file);
        }
        Lines lines = new Lines();
        List<TransferItem> items = new ArrayList<>();
        lines.add(StrictJson.object()
                .put("format", FORMAT)
                .put("version", VERSION)
                .put("context", context));
        byte[] credentials = contents.credentials();
        if (credentials != null) {
            ObjectNode entry = StrictJson.object().put("type", Contents.CREDENTIALS);
            lines.add(entry.put("value", Buffers.base64(credentials)));
            items.add(new TransferItem(Contents.CREDENTIALS, Fate.CARRIED, Contents.CREDENTIALS, "", ""));
        }
        for (Found<?> found : contents.entries()) {
            lines.add(entry(found));
            items.add(new TransferItem(
                    found.type() + "/" + found.id(), Fate.CARRIED, found.type().name(), found.id(), ""));
        }
        String sha256 = HexFormat.of().formatHex(lines.sha256.digest());
        lines.add(StrictJson.object().put("entries", items.size()).put("sha256", sha256));
        if (!dryRun) {
            NewFolder.writeWhole(file, lines.bytes);
        }
        return items;
    }

    private static <V> ObjectNode entry(Found<V> found) {
        ObjectNode entry = StrictJson.object().put("type", found.type().name()).put("id", found.id());
        return entry.set("value", NeutralValues.write(found));
    }

    /** The lines of an export, and their digest. */
    private static final class Lines {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final MessageDigest sha256 = Sha256.digest();

        void add(ObjectNode line) {
            for (byte[] part : List.of(StrictJson.write(line), new byte[] {'\n'})) {
                bytes.writeBytes(part);
                sha256.update(part);
            }
        }
    }
}
