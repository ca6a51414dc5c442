package dev.keystore;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The synchronization state of a collection of an account's app state.
 *
 * <p>Immutable: arrays are copied when they are passed in and when they are returned. {@link #toString} contains no
 * byte of them.
 *
 * @param version the version up to which the collection is synchronized
 * @param hash the hash of the collection at that version
 * @param valueMacs the MAC of each value, by the MAC of its index in a string form chosen by the client
 */
public record AppStateSyncVersion(long version, byte[] hash, Map<String, byte[]> valueMacs) {

    static final Codec<AppStateSyncVersion> CODEC = new Codec<>() {
        @Override
        public byte[] encode(AppStateSyncVersion state) {
            List<byte[]> fields = new ArrayList<>();
            fields.add(Fields.ofLong(state.version));
            fields.add(state.hash);
            state.valueMacs.forEach((index, mac) -> {
                fields.add(Fields.ofString(index));
                fields.add(mac);
            });
            return Fields.join(fields);
        }

        @Override
        public AppStateSyncVersion decode(byte[] bytes) {
            List<byte[]> fields = Fields.split(bytes);
            if (fields.size() < 2 || fields.size() % 2 != 0) {
                throw new IllegalArgumentException("expected an even number of fields, found " + fields.size());
            }
            Map<String, byte[]> valueMacs = new LinkedHashMap<>();
            for (int i = 2; i < fields.size(); i += 2) {
                if (valueMacs.put(Fields.toString(fields.get(i)), fields.get(i + 1)) != null) {
                    throw new IllegalArgumentException("field " + i + " repeats the index of an earlier value MAC");
                }
            }
            return new AppStateSyncVersion(Fields.toLong(fields.get(0)), fields.get(1), valueMacs);
        }
    };

    /**
     * Creates a state. The map and the arrays are copied.
     *
     * @param version the version up to which the collection is synchronized
     * @param hash the hash of the collection at that version
     * @param valueMacs the MAC of each value, by the MAC of its index
     */
    public AppStateSyncVersion {
        hash = Objects.requireNonNull(hash, "hash").clone();
        valueMacs = copyOf(Objects.requireNonNull(valueMacs, "valueMacs"));
    }

    /**
     * Returns the hash of the collection.
     *
     * @return a copy
     */
    @Override
    public byte[] hash() {
        return hash.clone();
    }

    /**
     * Returns the MAC of each value, by the MAC of its index.
     *
     * @return a copy of the map and of the arrays in it
     */
    @Override
    public Map<String, byte[]> valueMacs() {
        return copyOf(valueMacs);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof AppStateSyncVersion state
                && version == state.version
                && Arrays.equals(hash, state.hash)
                && valueMacs.keySet().equals(state.valueMacs.keySet())
                && valueMacs.entrySet().stream()
                        .allMatch(mac -> Arrays.equals(mac.getValue(), state.valueMacs.get(mac.getKey())));
    }

    @Override
    public int hashCode() {
        return Long.hashCode(version) * 31 + Arrays.hashCode(hash);
    }

    @Override
    public String toString() {
        return "AppStateSyncVersion[" + version + ", " + valueMacs.size() + " values]";
    }

    private static <T> T notNull(T part) {
        return Objects.requireNonNull(part, "valueMacs must not contain null");
    }

    private static Map<String, byte[]> copyOf(Map<String, byte[]> macs) {
        Map<String, byte[]> copy = new LinkedHashMap<>();
        macs.forEach((index, mac) -> copy.put(notNull(index), notNull(mac).clone()));
        return copy;
    }
}
