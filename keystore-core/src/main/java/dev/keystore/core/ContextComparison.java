package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.core.CopyReport.TypeDigest;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whether a context of the target holds the same ids and the same bytes as that of the source, and none more (R91).
 *
 * @param source the digests of the entries of the source, by type
 * @param unreadable the entries of the source that cannot be read
 * @param difference the first difference, for messages; null if there is none
 */
record ContextComparison(
        Map<String, TypeDigest> source,
        List<EntryId> unreadable,
        @Nullable String difference) {

    /** Reads both contexts from their backends; throws as {@link ContextReader} does. */
    static ContextComparison of(ContextReader source, ContextReader target) {
        List<EntryId> expected = source.entries();
        String difference = firstDifference(expected, target.entries());
        ContextDigest digest = new ContextDigest();
        for (List<EntryId> page : ContextReader.pages(expected)) {
            Map<EntryId, byte[]> values = source.values(page);
            values.forEach(digest::add);
            if (difference == null) {
                difference = firstDifference(page, values, target.values(page));
            }
        }
        if (difference == null && !target.unreadable().isEmpty()) {
            difference = "entry " + target.unreadable().get(0) + " of the target cannot be read";
        }
        return new ContextComparison(digest.digests(), source.unreadable(), difference);
    }

    /** Returns the digests of all entries of a context, by type; null if one cannot be read. */
    static @Nullable Map<String, TypeDigest> digestsOf(ContextReader context) {
        ContextDigest digest = new ContextDigest();
        context.read(digest);
        return context.unreadable().isEmpty() ? digest.digests() : null;
    }

    private static @Nullable String firstDifference(List<EntryId> expected, List<EntryId> found) {
        if (expected.equals(found)) {
            return null;
        }
        String missing = firstWithout(expected, new HashSet<>(found));
        if (missing != null) {
            return "entry " + missing + " is only in the source";
        }
        String extra = firstWithout(found, new HashSet<>(expected));
        return extra != null
                ? "entry " + extra + " is only in the target"
                : "source and target list an entry more than once";
    }

    private static @Nullable String firstWithout(List<EntryId> entries, Set<EntryId> others) {
        return entries.stream()
                .filter(entry -> !others.contains(entry))
                .map(EntryId::toString)
                .findFirst()
                .orElse(null);
    }

    private static @Nullable String firstDifference(
            List<EntryId> page, Map<EntryId, byte[]> expected, Map<EntryId, byte[]> found) {
        for (EntryId entry : page) {
            if (!Arrays.equals(expected.get(entry), found.get(entry))) {
                return "entry " + entry + " differs";
            }
        }
        return null;
    }
}
