package dev.keystore.core.modelbased;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyWriter;
import dev.keystore.core.StoredValues;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/** The model of a store: a map. Values are text or one of the constants below. */
final class Model {

    static final String ABSENT = "(absent)";

    /** An existing value that is not known. */
    static final String PRESENT = "(present)";

    /** A value damaged by a failed rollback. */
    static final String DAMAGED = "(damaged)";

    static final List<String> TYPES =
            List.of(KeyTypes.SESSION.name(), KeyTypes.KYBER_PRE_KEY.name(), KeyTypes.LID_MAPPING.name());

    private Model() {}

    /** An entry of a context; its credentials are one, too. */
    record Cell(String context, String type, String id) implements Comparable<Cell> {

        static Cell of(String context, EntryId entry) {
            return new Cell(context, entry.type(), entry.id());
        }

        static Cell credentialsOf(String context) {
            return new Cell(context, "credentials", "credentials");
        }

        boolean isCredentials() {
            return type.equals("credentials");
        }

        String find(KeyReader reader) {
            if (isCredentials()) {
                return reader.credentials().map(Model::text).orElse(ABSENT);
            }
            return textual()
                    ? reader.find(KeyTypes.LID_MAPPING, id).orElse(ABSENT)
                    : reader.find(bytesType(type), id).map(Model::text).orElse(ABSENT);
        }

        void put(KeyWriter writer, String value) {
            if (textual()) {
                writer.put(KeyTypes.LID_MAPPING, id, value);
            } else {
                writer.put(bytesType(type), id, value.getBytes(UTF_8));
            }
        }

        boolean textual() {
            return type.equals(KeyTypes.LID_MAPPING.name());
        }

        /** Returns whether it is an entry that the engine stores for itself. */
        boolean isReserved() {
            return type.startsWith("_");
        }

        /** Decodes the bytes that a backend stores. */
        String decode(StoredValues values, byte[] record) {
            try {
                byte[] bytes = values.open(context, type, id, record);
                return textual() ? KeyTypes.LID_MAPPING.codec().decode(bytes) : text(bytes);
            } catch (IllegalArgumentException e) {
                return DAMAGED;
            }
        }

        @Override
        public int compareTo(Cell other) {
            return toString().compareTo(other.toString());
        }

        @Override
        public String toString() {
            return context + ":" + type + "/" + id;
        }
    }

    static KeyType<byte[]> bytesType(String name) {
        return name.equals(KeyTypes.SESSION.name()) ? KeyTypes.SESSION : KeyTypes.KYBER_PRE_KEY;
    }

    static KeyType<?> type(String name) {
        return name.equals(KeyTypes.LID_MAPPING.name()) ? KeyTypes.LID_MAPPING : bytesType(name);
    }

    static String text(byte[] bytes) {
        return new String(bytes, UTF_8);
    }

    /** Returns whether an observed value, or {@link #PRESENT}, fits a known one. */
    static boolean fits(String known, String observed) {
        if (observed.equals(PRESENT)) {
            return !known.equals(ABSENT) && !known.equals(DAMAGED);
        }
        return known.equals(observed) || (known.equals(PRESENT) && !observed.equals(ABSENT));
    }

    /**
     * Throws an {@link AssertionError} unless {@code holds}; each {@code {}} of its message is replaced by a detail.
     */
    static void check(boolean holds, String otherwise, Object... details) {
        if (!holds) {
            String message = otherwise;
            for (Object detail : details) {
                int at = message.indexOf("{}");
                message = message.substring(0, at) + detail + message.substring(at + 2);
            }
            throw new AssertionError(message);
        }
    }

    /** What one operation or transaction has read and will write. */
    static final class View {

        final String context;
        final Map<Cell, String> reads = new LinkedHashMap<>();
        Map<Cell, String> writes = new LinkedHashMap<>();
        Set<String> kept;

        /** Records in this view what the current step reads and writes if all of it is done. */
        Runnable intention = () -> {};

        private final Map<Cell, String> committed;

        /** Creates a view; {@code committed} is what is committed, or {@code null} in a concurrent program. */
        View(String context, Map<Cell, String> committed) {
            this.context = context;
            this.committed = committed;
        }

        boolean exact() {
            return committed != null;
        }

        Map<Cell, String> committed() {
            return committed;
        }

        boolean changesNothing() {
            return writes.isEmpty() && kept == null;
        }

        /** Returns what was written here, or {@code null}. */
        String own(Cell cell) {
            String written = writes.get(cell);
            return written == null && kept != null && !kept.contains(cell.type) ? ABSENT : written;
        }

        /** Returns what this view knows of an entry, or {@code null}. */
        String known(Cell cell) {
            String own = own(cell);
            return own == null ? reads.get(cell) : own;
        }

        /** Records what one call returned. */
        void saw(Map<Cell, String> seen) {
            boolean fresh = false;
            for (Map.Entry<Cell, String> entry : seen.entrySet()) {
                Cell cell = entry.getKey();
                String value = entry.getValue();
                String known = known(cell);
                if (known == null && exact()) {
                    known = committed.getOrDefault(cell, ABSENT);
                    reads.put(cell, known);
                    fresh = true;
                } else if (known == null || (known.equals(PRESENT) && own(cell) == null)) {
                    reads.put(cell, value);
                }
                check(known == null || fits(known, value), "{} is {}, and was read as {}", cell, known, value);
            }
            check(!fresh || !stale(), "a read returned though what was read before has changed: {}", reads);
        }

        void saw(Cell cell, String value) {
            saw(Map.of(cell, value));
        }

        void sawDamaged(Cell cell) {
            check(
                    exact() && own(cell) == null && DAMAGED.equals(committed.get(cell)),
                    "{} was reported as damaged, and is {}",
                    cell,
                    exact() ? committed.get(cell) : "not");
        }

        /** Returns whether something read has changed. */
        boolean stale() {
            return exact()
                    && reads.entrySet().stream()
                            .anyMatch(read -> !read.getValue().equals(committed.getOrDefault(read.getKey(), ABSENT)));
        }

        void write(Cell cell, String value) {
            writes.put(cell, value);
        }

        void clear(Set<String> types) {
            writes.keySet().removeIf(cell -> !types.contains(cell.type));
            kept = kept == null || types.isEmpty() ? types : kept;
        }

        Map<Cell, String> applyTo(Map<Cell, String> state) {
            return apply(state, context, kept, writes);
        }
    }

    /**
     * Returns the state after some writes. A value {@code @id} stands for the state's value of that id of the same
     * type.
     */
    static Map<Cell, String> apply(
            Map<Cell, String> state, String context, Set<String> kept, Map<Cell, String> writes) {
        Map<Cell, String> next = new HashMap<>(state);
        if (kept != null) {
            next.keySet().removeIf(cell -> cell.context.equals(context) && !kept.contains(cell.type));
        }
        writes.forEach((cell, written) -> {
            String value = written.startsWith("@")
                    ? state.getOrDefault(new Cell(cell.context, cell.type, written.substring(1)), ABSENT)
                    : written;
            if (value.equals(ABSENT)) {
                next.remove(cell);
            } else {
                next.put(cell, value);
            }
        });
        return next;
    }

    static String difference(Map<Cell, String> expected, Map<Cell, String> actual) {
        Map<Cell, String> differences = new TreeMap<>();
        expected.forEach((cell, value) -> {
            if (!value.equals(actual.get(cell))) {
                differences.put(cell, value + " expected, " + Objects.requireNonNullElse(actual.get(cell), ABSENT));
            }
        });
        actual.forEach((cell, value) -> {
            if (!expected.containsKey(cell)) {
                differences.put(cell, ABSENT + " expected, " + value);
            }
        });
        return differences.toString();
    }
}
