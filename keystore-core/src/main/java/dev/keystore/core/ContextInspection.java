package dev.keystore.core;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.spi.ContextOwner;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What {@link StoreInspection#inspect} found in a context. Contains no byte of a value.
 *
 * @param context the name of the context
 * @param types the readable entries by the name of their type, in the order of the names
 * @param damagedEntries the number of entries that cannot be read; among them may be two that the engine keeps in the
 *     context: its data keys, and what is compared with a freshness anchor
 * @param damaged the first {@link #ENTRIES_NAMED} of them
 * @param preKeysLeft the number of one-time pre-keys that are left, as {@link OneTimePreKeys} counts them
 * @param kyberPreKeysLeft the number of one-time Kyber pre-keys that are left
 * @param sessionsByAge the number of sessions by the time since they began, in the order of {@link SessionAge}; without
 *     ages that no session has
 * @param entriesByKey the number of entries by the id of the key that they are encrypted with, as
 *     {@link StoreEncryption#entriesByKey} counts them, without those that the backend failed to load; empty if the
 *     store is not encrypted
 * @param signedKeys the first {@link #ENTRIES_NAMED} signed and Kyber pre-keys, ordered by type and id
 * @param owner the last owner; empty if there is none, the backend has no ownership, or {@code incomplete} says that it
 *     could not be read
 * @param position the epoch and the sequence of its last commit; empty if it is unknown
 * @param move the move that keeps the context from being opened; empty if there is none
 * @param incomplete why further entries may be damaged or missing, or the owner or the move is unknown; empty if
 *     everything was read
 */
public record ContextInspection(
        String context,
        Map<String, TypeContents> types,
        long damagedEntries,
        List<Damage> damaged,
        long preKeysLeft,
        long kyberPreKeysLeft,
        Map<SessionAge, Long> sessionsByAge,
        Map<String, Long> entriesByKey,
        List<SignedKey> signedKeys,
        Optional<ContextOwner> owner,
        Optional<ContextPosition> position,
        Optional<Move> move,
        Optional<String> incomplete) {

    /** The maximum number of entries in {@link #damaged}, and in {@link #signedKeys}. */
    public static final int ENTRIES_NAMED = 1_000;

    /**
     * Creates a description. The collections are copied.
     *
     * @param context the name of the context
     * @param types the readable entries by the name of their type
     * @param damagedEntries the number of entries that cannot be read
     * @param damaged the first of them
     * @param preKeysLeft the number of one-time pre-keys that are left
     * @param kyberPreKeysLeft the number of one-time Kyber pre-keys that are left
     * @param sessionsByAge the number of sessions by their age
     * @param entriesByKey the number of entries by the id of their key
     * @param signedKeys the signed and Kyber pre-keys
     * @param owner the last owner, if it is known
     * @param position the position of its last commit, if it is known
     * @param move the move that keeps it from being opened, if there is one
     * @param incomplete why not everything was read, if so
     */
    public ContextInspection {
        types = Collections.unmodifiableMap(new TreeMap<>(types));
        damaged = List.copyOf(damaged);
        sessionsByAge = Collections.unmodifiableMap(new TreeMap<>(sessionsByAge));
        entriesByKey = Collections.unmodifiableMap(new TreeMap<>(entriesByKey));
        signedKeys = List.copyOf(signedKeys);
    }

    /**
     * Returns the number of readable entries of all types.
     *
     * @return the number
     */
    public long entries() {
        return types.values().stream().mapToLong(TypeContents::entries).sum();
    }

    /**
     * Returns the number of readable entries of a type.
     *
     * @param type the name of the type
     * @return the number, 0 if there is none
     */
    public long entries(String type) {
        TypeContents contents = types.get(type);
        return contents == null ? 0 : contents.entries();
    }

    /**
     * Returns the size of the values of all readable entries, in bytes.
     *
     * @return the size
     */
    public long bytes() {
        return types.values().stream().mapToLong(TypeContents::bytes).sum();
    }

    /**
     * Returns whether everything was read and nothing is damaged.
     *
     * @return whether it is
     */
    public boolean isIntact() {
        return damagedEntries == 0 && incomplete.isEmpty();
    }

    /**
     * The readable entries of one type.
     *
     * @param entries the number of entries
     * @param bytes the size of their values, in bytes
     * @param largestBytes the size of the largest value, in bytes
     */
    public record TypeContents(long entries, long bytes, long largestBytes) {}

    /**
     * A move that keeps a context from being opened (R84).
     *
     * @param state which side of the move this store is
     * @param target the name that the move gave to its target
     */
    public record Move(MoveState state, String target) {}

    /** On which side of a move a context is. */
    public enum MoveState {
        /** It is being moved to this store, and the move has not ended. */
        ARRIVING,
        /** It was moved away from this store, and its entries have stayed. */
        MOVED
    }

    /** How long ago a session began, when the context was inspected. */
    public enum SessionAge {
        /** Less than 24 hours ago. */
        UNDER_A_DAY,
        /** 1 to 7 days ago. */
        UNDER_A_WEEK,
        /** 7 to 30 days ago. */
        UNDER_30_DAYS,
        /** 30 to 90 days ago. */
        UNDER_90_DAYS,
        /** 90 to 365 days ago. */
        UNDER_A_YEAR,
        /** 365 days ago or more. */
        A_YEAR_OR_MORE,
        /** {@code keystore-libsignal} has not recorded when it began, or the record is damaged or in the future. */
        UNKNOWN;

        private static final List<Integer> DAYS = List.of(1, 7, 30, 90, 365);

        /** Returns the constant of an age that is known. */
        static SessionAge of(Duration age) {
            int older = (int) DAYS.stream().filter(days -> days <= age.toDays()).count();
            return values()[older];
        }
    }

    /** Why an entry cannot be read. */
    public enum Kind {
        /** Its bytes are damaged, or its value cannot be decoded. */
        CORRUPT,
        /** It was changed or moved, in an encrypted store. */
        TAMPERED,
        /** The key that it is encrypted with is gone. */
        KEY_MISSING,
        /** The data keys of its context cannot be read: it may be intact. */
        KEYS_UNREADABLE,
        /** The backend failed to load it. */
        NOT_LOADED
    }

    /**
     * An entry that cannot be read.
     *
     * @param entry its type and id; the stored ones if names are hidden and the true ones cannot be read
     * @param kind why it cannot be read
     * @param reason a sentence that says so
     */
    public record Damage(EntryId entry, Kind kind, String reason) {}

    /**
     * A signed or Kyber pre-key.
     *
     * @param entry its type and id
     * @param created when it was created; empty if its record does not say so
     * @param use whether it is used once
     */
    public record SignedKey(EntryId entry, Optional<Instant> created, Use use) {}

    /** How often a key is used. */
    public enum Use {
        /** A signed pre-key, or a Kyber pre-key of last resort: used until it is replaced. */
        MANY,
        /** A Kyber pre-key that {@code keystore-libsignal} has marked as one-time. */
        ONCE,
        /** A Kyber pre-key of another client, which does not say. */
        UNKNOWN
    }
}
