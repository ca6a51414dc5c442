package dev.keystore.interop;

import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.interop.Contents.Found;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Compares what was read from a foreign store with what a context holds, in both directions (R91). */
final class Difference {

    private Difference() {}

    /** Returns the first difference, or null. */
    static @Nullable String between(Contents contents, KeyReader context) {
        if (!Arrays.equals(contents.credentials(), context.credentials().orElse(null))) {
            return "the credentials differ";
        }
        for (KeyType<?> type : contents.types()) {
            String difference = ofType(type, contents, context);
            if (difference != null) {
                return difference;
            }
        }
        return null;
    }

    private static <V> @Nullable String ofType(KeyType<V> type, Contents contents, KeyReader context) {
        List<String> expected = contents.ids(type);
        List<String> actual;
        try (Stream<String> ids = context.ids(type, "")) {
            actual = ids.sorted().toList();
        }
        if (!actual.equals(expected)) {
            return actual.size() + " entries of type " + type + " were found in place of " + expected.size()
                    + ", or other ids";
        }
        for (Map.Entry<String, V> value : context.get(type, expected).entrySet()) {
            Found<?> found = contents.entry(type.name(), value.getKey());
            byte[] bytes = type.codec().encode(value.getValue());
            if (found == null || !Arrays.equals(found.encoded(), bytes)) {
                return "the value of " + type + "/" + value.getKey() + " differs";
            }
        }
        return null;
    }

    /** Returns the first difference between two readings, or null. */
    static @Nullable String between(Contents written, Contents found) {
        return written.digests().equals(found.digests()) ? null : "types that differ: " + types(written, found);
    }

    private static List<String> types(Contents written, Contents found) {
        Map<String, EntryDigest> expected = written.digests();
        Map<String, EntryDigest> actual = found.digests();
        return Stream.concat(expected.keySet().stream(), actual.keySet().stream())
                .distinct()
                .filter(type -> !Map.entry(type, String.valueOf(expected.get(type)))
                        .equals(Map.entry(type, String.valueOf(actual.get(type)))))
                .sorted()
                .toList();
    }
}
