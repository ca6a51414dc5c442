package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.MARK;

import dev.keystore.KeyUnavailableException;
import dev.keystore.OwnershipLostException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * The opened keys of an encrypted store, and those of its contexts.
 *
 * <p>The mark of the store is read, and its keys are opened, before anything is written (R72). On a backend with
 * ownership, the mark is written by the owner of the context that holds it, after it has looked for a mark once more:
 * of several processes that open a new store, one writes its mark, and the others open that one.
 */
final class SealedStore {

    private final Sealing source;
    private final Storage storage;
    private final Set<ContextKeys> contexts = ConcurrentHashMap.newKeySet();
    private final Queue<StoreSealing> replaced = new ConcurrentLinkedQueue<>();
    private final KeysInForce keys;

    private SealedStore(Sealing source, StoreSealing sealing, Storage storage) {
        this.source = source;
        this.keys = new KeysInForce(sealing);
        this.storage = storage;
    }

    /** Returns how the values of a context are stored. */
    ContextKeys context(String name) {
        ContextKeys context = new ContextKeys(name, keys, storage);
        contexts.add(context);
        return context;
    }

    /** Returns the keys of the store in force. */
    StoreSealing sealing() {
        return keys.sealing();
    }

    /** Returns the keys of a context that is not opened, which the caller closes. */
    ContextKeys unopenedContext(String name) {
        return new ContextKeys(name, keys, storage);
    }

    /** Overwrites all keys. Nothing can be sealed or opened any more. */
    void close() {
        contexts.forEach(ContextKeys::close);
        replaced.forEach(StoreSealing::close);
        sealing().close();
    }

    /**
     * Reads the mark again, in case an earlier change of it failed with an unknown outcome.
     *
     * @return false if the store has no mark, since it has been decrypted
     * @throws StoreOpenException if the backend failed
     */
    boolean refresh(Attempts attempts) {
        byte[] found = new Mark(storage, attempts).load();
        if (found != null && !Arrays.equals(found, sealing().mark())) {
            use(source.open(found));
        }
        return found != null;
    }

    /** Returns the keys in force and a new key of the store; not in force yet. May block. */
    StoreSealing rotated() {
        return source.rotate(sealing().mark());
    }

    /** Puts keys in force whose mark has been written. */
    void use(StoreSealing next) {
        replaced.add(sealing());
        keys.replace(next);
    }

    /**
     * Opens the keys of a store, and marks a new store as encrypted.
     *
     * @param sealing how the values are encrypted; null if the store is to be a plain one
     * @param encryptExisting whether a plain store with entries is accepted, and marked as being encrypted
     * @return the opened keys; null if the store is a plain one
     * @throws KeyUnavailableException if the store is encrypted and its root key is not at hand; nothing was changed
     * @throws StoreOpenException if the store is a plain one, although it is to be encrypted, or if the backend failed;
     *     nothing was changed
     */
    static @Nullable SealedStore open(
            Storage storage, @Nullable Sealing sealing, boolean encryptExisting, Attempts attempts) {
        Mark mark = new Mark(storage, attempts);
        if (sealing == null) {
            mark.requireNone();
            return null;
        }
        while (true) {
            byte[] found = mark.load();
            boolean isPlain = found == null && !mark.isStoreEmpty();
            if (isPlain && !encryptExisting) {
                found = mark.requireWrittenMeanwhile();
                isPlain = false;
            }
            if (isPlain) {
                mark.requireNoKeys();
            }
            StoreSealing opened = isPlain ? openExisting(sealing) : sealing.open(found);
            boolean marked = false;
            try {
                marked = Arrays.equals(opened.mark(), found) || mark.replace(found, opened.mark());
            } finally {
                if (!marked) {
                    opened.close();
                }
            }
            if (marked) {
                opened.names().ifPresent(storage::hideNames);
                return new SealedStore(sealing, opened, storage);
            }
        }
    }

    private static StoreSealing openExisting(Sealing sealing) {
        try (StoreSealing created = sealing.open(null)) {
            if (created.names().isPresent()) {
                throw new StoreOpenException(
                        "The encryption is configured to hide names, but the store has entries whose names are not"
                                + " hidden, and they cannot be renamed: open it without hidingNames (property"
                                + " encryption.names), or copy its entries into a new store",
                        null);
            }
            return created.withPhase(Phase.ENCRYPTING);
        }
    }

    /** The entry that says that a store is encrypted. */
    private static final class Mark {

        private final Storage storage;
        private final Attempts attempts;
        private final String context;

        Mark(Storage storage, Attempts attempts) {
            this.storage = storage;
            this.attempts = attempts;
            this.context = storage.servesManyContexts() ? MARK.type() : PersistenceBackend.DEFAULT_CONTEXT;
        }

        byte @Nullable [] load() {
            return attempts.of(
                    "the mark of an encrypted store to be read",
                    "The store could not be opened, since it is unknown whether it is encrypted",
                    () -> storage.load(context, MARK.type(), MARK.id()));
        }

        void requireNone() {
            try {
                if (load() == null) {
                    return;
                }
            } catch (StoreOpenException e) {
                if (isPermanent(e.getCause())) {
                    return; // what can be read in a damaged store is readable without a key, or it is not readable
                }
                throw e;
            }
            throw new KeyUnavailableException(
                    "The store is encrypted, but no root key is configured; set the one that it was encrypted with, by"
                            + " encryption(…) on the builder or the property encryption.key",
                    null);
        }

        private static boolean isPermanent(@Nullable Throwable failure) {
            return failure instanceof BackendException known && known.kind() == BackendException.Kind.PERMANENT;
        }

        /** Returns the mark that another process has written since {@link #load} returned null. */
        byte[] requireWrittenMeanwhile() {
            byte[] writtenMeanwhile = load();
            if (writtenMeanwhile == null) {
                throw new StoreOpenException(
                        "The store has entries but no mark of an encrypted store, and a root key is configured. If it"
                                + " was never encrypted, open it without the key, or encrypt it (encryptExisting on"
                                + " the builder); if it was, its mark is lost: take the mark alone from a backup, and"
                                + " never copy a whole old store into place: keys and ratchet states in it have been"
                                + " used since",
                        null);
            }
            return writtenMeanwhile;
        }

        /** Throws if a context holds data keys: then the store is an encrypted one whose mark is lost. */
        void requireNoKeys() {
            boolean holdsKeys = attempts.of(
                    "the data keys of a store to be searched",
                    "The store could not be opened, since it is unknown whether its mark is lost",
                    storage::holdsKeys);
            if (holdsKeys) {
                throw new StoreOpenException(
                        "The store has data keys of encrypted contexts but no mark of an encrypted store: its mark is"
                                + " lost; take the mark alone from a backup, and never copy a whole old store into"
                                + " place: keys and ratchet states in it have been used since",
                        null);
            }
        }

        boolean isStoreEmpty() {
            return attempts.of(
                    "the first entry of a store to be read",
                    "The store could not be opened, since it is unknown whether it is new",
                    storage::isEmpty);
        }

        /** Writes a mark, and returns true; or false if another process has written one in the meantime. */
        boolean replace(byte @Nullable [] former, byte[] next) {
            return attempts.of(
                    "the mark of an encrypted store to be written",
                    "The store could not be marked as encrypted",
                    () -> replaceAsOwner(former, next));
        }

        private boolean replaceAsOwner(byte @Nullable [] former, byte[] next) {
            long epoch = storage.takeOver(context, false);
            if (!Arrays.equals(storage.load(context, MARK.type(), MARK.id()), former)) {
                return false;
            }
            try {
                storage.write(
                        List.of(new Batch(context, epoch, 1, List.of(new Mutation.Put(MARK.type(), MARK.id(), next)))));
                return true;
            } catch (OwnershipLostException e) {
                return false;
            }
        }
    }
}
