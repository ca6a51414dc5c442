package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.SignedPreKey;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextInspection.TypeContents;
import dev.keystore.core.ContextInspection.Use;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The signed and Kyber pre-keys of a context, with the times of their creation. Used by one thread.
 *
 * <p>{@code keystore-libsignal} marks a one-time Kyber pre-key by an entry of type {@link OneTimePreKeys#KYBER_MARK}.
 * Of a context that it has not written, it is unknown which Kyber pre-keys are used once.
 */
final class SignedKeys {

    /** A type of {@code keystore-libsignal}, on which this module does not depend. */
    private static final String ACCOUNT = "libsignal-account";

    private static final Comparator<SignedKey> BY_TYPE_AND_ID = Comparator.comparing(
                    (SignedKey key) -> key.entry().type())
            .thenComparing(key -> key.entry().id());

    private final List<SignedKey> signed = new ArrayList<>();
    private final List<SignedKey> kyber = new ArrayList<>();
    private final Set<String> oneTime = new HashSet<>();
    private boolean allMarksKnown = true;

    /** Adds an entry, if it is of interest. */
    void add(EntryId entry, Object value) {
        if (value instanceof SignedPreKey key) {
            addTo(signed, new SignedKey(entry, Optional.of(Instant.ofEpochMilli(key.timestampMillis())), Use.MANY));
        } else if (entry.type().equals(KeyTypes.KYBER_PRE_KEY.name())) {
            addTo(kyber, new SignedKey(entry, SignedKeyRecord.created(entry.id(), (byte[]) value), Use.UNKNOWN));
        } else if (entry.type().equals(OneTimePreKeys.KYBER_MARK.name())) {
            allMarksKnown &= oneTime.size() < ContextInspection.ENTRIES_NAMED;
            if (allMarksKnown) {
                oneTime.add(entry.id());
            }
        }
    }

    private static void addTo(List<SignedKey> keys, SignedKey key) {
        if (keys.size() < ContextInspection.ENTRIES_NAMED) {
            keys.add(key);
        }
    }

    /**
     * Returns what was added, ordered by type and id.
     *
     * @param types all types that the context holds
     */
    List<SignedKey> list(Map<String, TypeContents> types) {
        boolean marked = allMarksKnown && types.containsKey(ACCOUNT);
        List<SignedKey> all = new ArrayList<>(signed);
        for (SignedKey key : kyber) {
            Use many = marked ? Use.MANY : Use.UNKNOWN;
            Use use = oneTime.contains(key.entry().id()) ? Use.ONCE : many;
            all.add(new SignedKey(key.entry(), key.created(), use));
        }
        all.sort(BY_TYPE_AND_ID);
        return all.size() > ContextInspection.ENTRIES_NAMED ? all.subList(0, ContextInspection.ENTRIES_NAMED) : all;
    }
}
