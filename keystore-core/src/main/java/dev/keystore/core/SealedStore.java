package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.MARK;

import dev.keystore.ContextOwnedException;
import dev.keystore.KeyUnavailableException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.util.Arrays;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The opened keys of an encrypted store, and those of its contexts.
 *
 * <p>The mark of the store, a {@link StoreEntry}, is read, and its keys are opened, before anything is written (R72).
 * Of several processes that open a new store, one writes its mark, and the others open that one.
 */
final class SealedStore {

    private static final String ROOT_KEY_MISSING =
            "The store is encrypted, but no root key is configured; set the one that it was encrypted with, by"
                    + " encryption(…) on the builder or the property encryption.key";

    private final Sealing source;
    private final Storage storage;
    private final Set<ContextKeys> contexts = ConcurrentHashMap.newKeySet();
    private final Queue<StoreSealing> replaced = new ConcurrentLinkedQueue<>();
    private final KeysInForce keys;

    /** The phases that a mark may name; its entry {@code ENCRYPTED} is never removed. */
    private final Set<Phase> accepted = ConcurrentHashMap.newKeySet();

    private SealedStore(Sealing source, StoreSealing sealing, Set<Phase> accepted, Storage storage) {
        this.source = source;
        this.keys = new KeysInForce(sealing, () -> refresh(new StoreEntry(storage, MARK)::read));
        this.accepted.addAll(accepted);
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

    /** Returns the name of the context that stored keys belong to; throws as {@link StoreSealing#contextOf} does. */
    String contextOf(String hiddenContext, byte[] record) {
        return keys.open(
                record,
                () -> storage.readReserved(hiddenContext, StoreSealing.KEYS),
                (sealing, stored) -> sealing.contextOf(hiddenContext, stored));
    }

    /** Returns the keys of a context that is not opened, which the caller closes. */
    ContextKeys unopenedContext(String name) {
        return new ContextKeys(name, keys, storage);
    }

    /** Overwrites all keys. Nothing can be sealed or opened any more. */
    void close() {
        contexts.forEach(ContextKeys::close);
        keys.closeUnused();
        replaced.forEach(StoreSealing::close);
        sealing().close();
    }

    /**
     * Reads the mark again, and puts its keys in force if it was changed: by another process, or by a change of this
     * one that failed with an unknown outcome.
     *
     * @return false if the store has no mark, since it has been decrypted
     * @throws KeyUnavailableException if the keys were replaced, and the root key that opens them is not at hand
     * @throws StoreOpenException if the backend failed, or the store is in a phase that is not accepted
     */
    boolean refresh(Attempts attempts) {
        return refresh(new Mark(storage, attempts)::load);
    }

    private boolean refresh(Supplier<byte @Nullable []> load) {
        while (true) {
            StoreSealing known = sealing(); // before the mark is read, so that an older one never takes its place
            byte[] found = load.get();
            if (found == null || Arrays.equals(found, known.mark()) || putInForce(known, found)) {
                return found != null;
            }
        }
    }

    /** Puts the keys of a mark in force, or returns false if other keys than {@code known} are in force by now. */
    private boolean putInForce(StoreSealing known, byte[] mark) {
        try {
            return replace(known, opened(known, mark));
        } catch (IllegalStateException e) {
            if (known.equals(sealing())) {
                throw e;
            }
            return false; // another thread has retired them while this one used them
        }
    }

    private StoreSealing opened(StoreSealing known, byte[] mark) {
        StoreSealing opened = known.reopened(mark).orElseGet(() -> source.open(mark));
        requireBackup(opened, known.isOfBackup());
        requireAccepted(opened, accepted);
        return opened;
    }

    private boolean replace(StoreSealing former, StoreSealing next) {
        if (!keys.replace(former, next)) {
            next.close();
            return false;
        }
        replaced.add(former);
        former.retire();
        return true;
    }

    /**
     * As {@link #refresh}, after this process has taken over a context.
     *
     * @throws StoreOpenException also if the store was decrypted
     */
    void follow(Attempts attempts) {
        if (!refresh(attempts) && sealing().phase() != Phase.DECRYPTING) {
            throw new StoreOpenException(
                    "The mark of the encrypted store is gone since it was opened: if another process has decrypted the"
                            + " store, close it and open it again without a root key; else its mark is lost: take the"
                            + " mark alone from a backup, and never copy a whole old store into place: keys and"
                            + " ratchet states in it have been used since",
                    null);
        }
    }

    /** Throws if another process has encrypted a store since it was opened as a plain one. */
    static void requireStillPlain(Storage storage, Attempts attempts) {
        new Mark(storage, attempts)
                .requireNone("The store has been encrypted by another process since it was opened; close it and open"
                        + " it again with the root key, by encryption(…) on the builder or the property"
                        + " encryption.key");
    }

    /** Accepts marks that name a phase from now on. */
    void accept(Phase phase) {
        accepted.add(phase);
    }

    /** Accepts only marks that say that all values are encrypted from now on. */
    void requireEncrypted() {
        accepted.removeIf(phase -> phase != Phase.ENCRYPTED);
    }

    /**
     * Throws unless a store is in one of the phases that were set. Values that are not encrypted are accepted in the
     * other two, so somebody with write access could put a former mark back that names one of them.
     */
    private static void requireAccepted(StoreSealing opened, Set<Phase> accepted) {
        Phase phase = opened.phase();
        if (!accepted.contains(phase)) {
            boolean isOfBackup = opened.isOfBackup();
            opened.close();
            throw refusal(phase, isOfBackup);
        }
    }

    /** Throws, as {@link #open} does, if the store was opened to be inspected in a phase that is not accepted. */
    void requireAccepted() {
        StoreSealing now = sealing();
        if (!accepted.contains(now.phase())) {
            throw refusal(now.phase(), now.isOfBackup());
        }
    }

    private static StoreOpenException refusal(Phase phase, boolean isOfBackup) {
        boolean encrypting = phase == Phase.ENCRYPTING;
        String job = encrypting ? "encrypt" : "decrypt";
        if (isOfBackup) {
            return new StoreOpenException(
                    "The backup was taken before " + job + "(…) had ended, so values in plaintext would be accepted: to"
                            + " read or restore it, open it with " + job + "Existing() on the builder. If that had"
                            + " ended before, another mark was put into the backup: then do not set that, and find out"
                            + " who has write access",
                    null);
        }
        return new StoreOpenException(
                "The mark of the store says that " + job
                        + "(…) has not ended, so values in plaintext would be accepted:"
                        + " open it with " + job + "Existing() on the builder, and call " + job + "(…) of encryption()"
                        + " again. If it had ended, an old mark was put back: then do not set that, and find out who"
                        + " has write access",
                null);
    }

    /**
     * Throws unless the mark says what the entry of the {@link StoreState} says, which is not authenticated. Otherwise
     * somebody with write access to a backup could make a live store of it by deleting that entry.
     */
    private static void requireBackup(StoreSealing opened, boolean isBackup) {
        if (opened.isOfBackup() == isBackup) {
            return;
        }
        opened.close();
        throw new StoreOpenException(
                isBackup
                        ? "The store was tampered with: an entry says that it is a backup, but the authenticated mark"
                                + " of the encrypted store does not; find out who has write access, and take another"
                                + " backup"
                        : "The store was tampered with: the authenticated mark of the encrypted store says that it is"
                                + " a backup, but the entry that says so too is gone. It cannot be opened as a live"
                                + " store, since keys in it have been used since; find out who has write access, and"
                                + " restore another backup with StoreRestore (keystore restore)",
                null);
    }

    /**
     * Returns the mark of a backup of the store.
     *
     * @param found the mark of the store
     * @return the mark; empty if the keys in force are not those of {@code found}
     */
    Optional<byte[]> markOfBackup(byte[] found) {
        return keys.apply(sealing -> {
            if (!Arrays.equals(sealing.mark(), found)) {
                return Optional.empty();
            }
            try (StoreSealing backup = sealing.forBackup()) {
                return Optional.of(backup.mark());
            }
        });
    }

    /** Returns keys and a new key of the store; not in force yet. May block. */
    StoreSealing rotated(StoreSealing former) {
        return source.rotate(former.mark());
    }

    /**
     * Puts keys in force whose mark has been written. If another thread has read that mark already, they are closed.
     */
    void use(StoreSealing former, StoreSealing next, Attempts attempts) {
        if (!replace(former, next)) {
            refresh(attempts);
        }
    }

    /**
     * Opens the keys of a store, and marks a new store as encrypted.
     *
     * @param sealing how the values are encrypted; null if the store is to be a plain one
     * @param accepted the phases in which the store is accepted; if {@code ENCRYPTING} is among them, so is a plain
     *     store with entries, which is then marked as being encrypted
     * @param isBackup whether the store is a backup, as far as its state says
     * @return the opened keys; null if the store is a plain one
     * @throws KeyUnavailableException if the store is encrypted and its root key is not at hand; nothing was changed
     * @throws StoreOpenException if the store is a plain one, although it is to be encrypted, or its contexts cannot be
     *     listed, if its mark is lost, if its mark and its state differ in whether it is a backup, or if the backend
     *     failed; nothing was changed
     */
    static @Nullable SealedStore open(
            Storage storage, @Nullable Sealing sealing, Set<Phase> accepted, boolean isBackup, Attempts attempts) {
        Mark mark = new Mark(storage, attempts);
        if (sealing == null) {
            mark.requirePlain();
            return null;
        }
        while (true) {
            byte[] found = mark.load();
            boolean isPlain = found == null && !mark.isStoreEmpty();
            if (isPlain && !accepted.contains(Phase.ENCRYPTING)) {
                found = mark.requireWrittenMeanwhile();
                isPlain = false;
            }
            if (isPlain) {
                requireListing(storage);
                mark.requireNoKeys();
            }
            StoreSealing opened = isPlain ? openExisting(sealing) : sealing.open(found);
            requireBackup(opened, isBackup);
            requireAccepted(opened, accepted);
            boolean marked = false;
            try {
                marked = Arrays.equals(opened.mark(), found)
                        || ((found != null || isPlain || mark.requireUnused()) && mark.replace(found, opened.mark()));
            } finally {
                if (!marked) {
                    opened.close();
                }
            }
            if (marked) {
                opened.names().ifPresent(storage::hideNames);
                return new SealedStore(sealing, opened, accepted, storage);
            }
        }
    }

    /**
     * Opens the keys of a store for reading, and writes nothing: a store that is not marked stays so, and a former root
     * key is not replaced.
     *
     * @param sealing how the values are encrypted; null if the store is to be a plain one
     * @param accepted the phases in which the values of the store are accepted
     * @param inspects whether the store is opened in other phases as well; see {@link #requireAccepted()}
     * @param isBackup whether the store is a backup, as far as its state says
     * @return the opened keys; null if the store is a plain one, or empty
     * @throws KeyUnavailableException as {@link #open} does
     * @throws StoreOpenException as {@link #open} does
     */
    static @Nullable SealedStore openToRead(
            Storage storage,
            @Nullable Sealing sealing,
            Set<Phase> accepted,
            boolean inspects,
            boolean isBackup,
            Attempts attempts) {
        Mark mark = new Mark(storage, attempts);
        if (sealing == null) {
            mark.requirePlain();
            return null;
        }
        byte[] found = mark.load();
        if (found == null) {
            if (mark.isStoreEmpty()) {
                return null;
            }
            found = mark.requireWrittenMeanwhile();
        }
        StoreSealing opened = sealing.open(found);
        requireBackup(opened, isBackup);
        if (!inspects) {
            requireAccepted(opened, accepted);
        }
        opened.names().ifPresent(storage::hideNames);
        return new SealedStore(sealing, opened, accepted, storage);
    }

    /** Throws if the entries of a plain store could never all be encrypted. */
    private static void requireListing(Storage storage) {
        if (!storage.listsContexts()) {
            throw new StoreOpenException(
                    "The store has entries that are not encrypted, and encrypt(…) could not find all of them. "
                            + storage.unlisted() + "; copy its entries into a new, encrypted store",
                    null);
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
        private final StoreEntry entry;

        Mark(Storage storage, Attempts attempts) {
            this.storage = storage;
            this.attempts = attempts;
            this.entry = new StoreEntry(storage, MARK);
        }

        byte @Nullable [] load() {
            return attempts.of(
                    "the mark of an encrypted store to be read",
                    "It is unknown whether the store is encrypted, or how",
                    entry::load);
        }

        /** Throws if the store has a mark, or if its mark is lost, as far as a few of its contexts show that. */
        void requirePlain() {
            boolean holdsKeys = isFound(this::holdsKeysAtFirst); // before the mark, which is written before them
            requireNone(ROOT_KEY_MISSING);
            // Again, since another process may have ended decrypt, which deletes the keys before the mark.
            if (holdsKeys && isFound(this::holdsKeysAtFirst)) {
                throw lost();
            }
        }

        void requireNone(String refusal) {
            if (isFound(() -> load() != null)) {
                throw new KeyUnavailableException(refusal, null);
            }
        }

        /** Returns false also if the store is damaged: what can be read in it is readable without a key, or not. */
        private static boolean isFound(BooleanSupplier found) {
            try {
                return found.getAsBoolean();
            } catch (StoreOpenException e) {
                if (BackendFailures.isPermanent(e.getCause())) {
                    return false;
                }
                throw e;
            }
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

        /**
         * Throws if a context holds data keys: then the store is an encrypted one whose mark is lost, unless another
         * process has marked it since {@link #load} returned null.
         */
        void requireNoKeys() {
            if (holdsKeys(storage::holdsKeys) && load() == null) {
                throw lost();
            }
        }

        private boolean holdsKeysAtFirst() {
            return holdsKeys(storage::holdsKeysAtFirst);
        }

        private boolean holdsKeys(Supplier<Boolean> search) {
            return attempts.of(
                    "the data keys of a store to be searched",
                    "The store could not be opened, since it is unknown whether its mark is lost",
                    search);
        }

        private static StoreOpenException lost() {
            return new StoreOpenException(
                    "The store has data keys of encrypted contexts but no mark of an encrypted store: its mark is"
                            + " lost; take the mark alone from a backup, and never copy a whole old store into"
                            + " place: keys and ratchet states in it have been used since",
                    null);
        }

        boolean isStoreEmpty() {
            return attempts.of(
                    "the first entry of a store to be read",
                    "The store could not be opened, since it is unknown whether it is new",
                    storage::isEmpty);
        }

        /**
         * Throws if another process has opened a context of a new store without encryption, since it would continue
         * without. Returns false if another process has written a mark in the meantime.
         */
        boolean requireUnused() {
            return attempts.of(
                    "the owners of the contexts of a new store to be read",
                    "The store could not be marked as encrypted",
                    () -> {
                        try {
                            storage.takeOverAllUnlessOwned();
                            return true;
                        } catch (ContextOwnedException e) {
                            if (load() != null) {
                                return false;
                            }
                            throw e.context().equals(MARK.type()) && !hasPlainId()
                                    ? BackendException.transientFailure(
                                            "The mark is being written by another process", e)
                                    : e;
                        }
                    });
        }

        /** Returns whether the context of the mark has an owner since the store was opened without encryption. */
        private boolean hasPlainId() {
            return new StoreEntry(storage, StoreEntry.ID).load() != null;
        }

        /** Writes a mark, and returns true; or false if another process has written one in the meantime. */
        boolean replace(byte @Nullable [] former, byte[] next) {
            return attempts.of(
                    "the mark of an encrypted store to be written",
                    "The store could not be marked as encrypted",
                    () -> entry.replace(former, next));
        }
    }
}
