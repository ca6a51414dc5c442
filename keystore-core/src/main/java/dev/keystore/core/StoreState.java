package dev.keystore.core;

import static dev.keystore.core.StoreEntry.STATE;

import dev.keystore.StoreOpenException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a store is if it is not a live one. A {@link StoreEntry} says it, so that it can be read without a key; a live
 * store has no such entry. It has a checksum, but is not authenticated. The mark of an encrypted store says as well
 * whether it is a backup, and is authenticated, so there the entry can be neither removed nor added. A plain backup can
 * be turned into a live store by whoever can write it, which a freshness anchor detects.
 *
 * @param kind what the store is
 * @param storeId the id of the store that the backup was taken of, or an empty string if it had none
 * @param detail when the backup was taken, for messages
 */
record StoreState(Kind kind, String storeId, String detail) {

    /** What a store can be. */
    enum Kind {
        /** A copy that was taken by a backup; only a restore continues with it. */
        BACKUP,
        /** The target of a restore that has not ended. */
        RESTORING
    }

    /**
     * Returns the state of a store, or null if it is live.
     *
     * @param isReadable whether a store that is so damaged that its state cannot be found is opened as a live one, in
     *     which nothing is written
     * @throws StoreOpenException if the backend failed, or the entry is damaged
     */
    static @Nullable StoreState load(Storage storage, Attempts attempts, boolean isReadable) {
        byte[] record;
        try {
            record = attempts.of(
                    "the state of the store to be read",
                    "The store could not be opened, since it is unknown whether it is a backup",
                    new StoreEntry(storage, STATE)::load);
        } catch (StoreOpenException e) {
            if (isReadable && BackendFailures.isPermanent(e.getCause())) {
                storage.refuseWritesInUnknownState("it is unknown whether the store is a backup, so it can only be"
                        + " read: " + BackendFailures.reason(Objects.requireNonNull(e.getCause())));
                return null;
            }
            throw e;
        }
        return record == null ? null : decode(record);
    }

    /**
     * Writes or deletes the state of a store.
     *
     * @param next the state; null to make it a live store
     * @throws StoreOpenException if the backend failed
     */
    static void replace(Storage storage, Attempts attempts, @Nullable StoreState next) {
        StoreEntry entry = new StoreEntry(storage, STATE);
        byte[] record = next == null ? null : next.encode();
        attempts.of("the state of the store to be written", "The state of the store could not be written", () -> {
            entry.write(record);
            return entry;
        });
    }

    /** Returns the bytes to store. */
    byte[] encode() {
        return Envelope.sealFields(STATE, kind.name(), storeId, detail);
    }

    private static StoreState decode(byte[] record) {
        try {
            String[] fields = Envelope.openFields(STATE, record, 3);
            return new StoreState(Kind.valueOf(fields[0]), fields[1], fields[2]);
        } catch (IllegalArgumentException e) {
            throw new StoreOpenException(
                    "The store could not be opened: it is a backup, or was being restored, but the entry that says"
                            + " which is damaged: " + e.getMessage() + "; take another backup",
                    e);
        }
    }

    /**
     * Returns why nothing can be written to a backup that was opened for reading.
     *
     * @throws StoreOpenException if the state is not that of a backup
     */
    static String requireBackup(@Nullable StoreState state) {
        if (state == null || state.kind != Kind.BACKUP) {
            throw new StoreOpenException(
                    "The store is not a backup, so it was not opened with readingBackup(); open it without", null);
        }
        return "the store is a backup, taken " + state.detail
                + ", and was opened for reading; to continue with it, restore it into a new store with StoreRestore"
                + " (keystore restore)";
    }

    /** Returns the exception for opening such a store as a live one. */
    StoreOpenException refusal() {
        return switch (kind) {
            case BACKUP ->
                new StoreOpenException(
                        "The store is a backup, taken " + detail
                                + ", and cannot be opened as a live store, since keys in"
                                + " it have been used since; restore it into a new store with StoreRestore (keystore"
                                + " restore), or open it for reading with readingBackup()",
                        null);
            case RESTORING ->
                new StoreOpenException(
                        "The store is the target of a restore of the backup taken " + detail
                                + ", which has not ended; run" + " the restore again, and it continues",
                        null);
        };
    }
}
