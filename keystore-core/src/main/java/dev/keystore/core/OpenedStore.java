package dev.keystore.core;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A store that was checked to be what its opener expects, with its keys opened. No context was accessed yet.
 *
 * @param storage the backend
 * @param state what the store was when it was opened, or null if it was a live one
 * @param encrypted the keys of the store, or null if it is not encrypted
 * @param id the id of the store
 */
record OpenedStore(
        Storage storage,
        @Nullable StoreState state,
        @Nullable SealedStore encrypted,
        StoreId id) {

    /** What a store has to be so that it is opened. */
    enum Opening {
        /** A live store, or a new one. */
        LIVE,
        /** A backup. Nothing is written. */
        READING_BACKUP,
        /** A live store, a new one, or the target of a restore that has not ended. */
        RESTORING,
        /** Any store. Nothing is written, and no context is taken over. */
        READING,
        /** As {@link #READING}; the phase of an encrypted store need not be accepted. */
        INSPECTING
    }

    /**
     * Opens a store.
     *
     * @param sealing how the values are encrypted; null if they are not
     * @param accepted the phases in which an encrypted store is accepted; a plain store with entries is, to be
     *     encrypted, if {@code ENCRYPTING} is among them
     * @param opening what the store has to be
     * @throws StoreOpenException as {@link SealedStore#open} does, or if it is another kind of store; the backend stays
     *     open
     */
    static OpenedStore open(
            Backend backend, KeyStoreOptions options, @Nullable Sealing sealing, Set<Phase> accepted, Opening opening) {
        Storage storage = new Storage(backend, options);
        boolean isReadable = sealing == null && opening != Opening.READING_BACKUP && opening != Opening.RESTORING;
        StoreState state = StoreState.load(storage, new Attempts(options), isReadable);
        if (opening == Opening.READING_BACKUP) {
            storage.refuseWrites(StoreState.requireBackup(state));
        } else if (opening == Opening.READING) {
            storage.refuseWrites("the store was opened for reading only; open it without readingOnly() to write");
        } else if (opening == Opening.INSPECTING) {
            storage.refuseWrites("the store was opened only to be inspected; open it with open() to write");
        } else if (state != null && !(opening == Opening.RESTORING && state.kind() == StoreState.Kind.RESTORING)) {
            throw state.refusal();
        }
        boolean isBackup = state != null && state.kind() == StoreState.Kind.BACKUP;
        Attempts attempts = new Attempts(options);
        SealedStore encrypted = switch (opening) {
            case READING -> SealedStore.openToRead(storage, sealing, accepted, false, isBackup, attempts);
            case INSPECTING -> SealedStore.openToRead(storage, sealing, accepted, true, isBackup, attempts);
            case LIVE, READING_BACKUP, RESTORING -> SealedStore.open(storage, sealing, accepted, isBackup, attempts);
        };
        return new OpenedStore(storage, state, encrypted, new StoreId(storage, encrypted));
    }
}
