package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.KEYS;
import static dev.keystore.spi.StoreSealing.MARK;

import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.Mutation;
import java.util.HashSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The data keys of one context of an encrypted store. They are loaded when they are first needed, and replaced by a
 * commit that erases the context, or by {@link StoreEncryption}.
 *
 * <p>Concurrency: each change is one compare-and-set of the state, from the object that the thread saw before it loaded
 * the keys. So keys that were loaded before another thread replaced them never take the place of the later ones.
 *
 * <p>Durability: keys that are not stored yet are part of each commit that is sealed with them, until one of these is
 * durable. New keys are created only if the backend holds none. If the outcome of an erase is unknown, the keys are
 * loaded again before anything else is sealed: values sealed with keys that are no longer stored would be lost.
 */
final class ContextKeys implements ContextSealer {

    /** What {@link #keyOf} returns for a record whose key cannot be determined. */
    static final String UNREADABLE = "unreadable";

    private enum Status {
        /** The keys are in memory. */
        LOADED,
        /** They have to be loaded. If the backend holds none, those of the state are used, or else new ones. */
        NOT_LOADED,
        /** The database is closed, and the keys are overwritten. */
        CLOSED
    }

    /** What is known of the keys. Compared by identity. */
    private static final class KeysState {

        private final Status status;
        private final @Nullable DataKeys keys;

        KeysState(Status status, @Nullable DataKeys keys) {
            this.status = status;
            this.keys = keys;
        }

        /** Returns the keys if they are in memory, else null. */
        @Nullable
        DataKeys loaded() {
            return status == Status.LOADED ? keys : null;
        }
    }

    private final String context;
    private final KeysInForce store;
    private final Storage storage;
    private final Envelope plain;
    private final AtomicReference<KeysState> state = new AtomicReference<>(new KeysState(Status.NOT_LOADED, null));

    ContextKeys(String context, KeysInForce store, Storage storage) {
        this.context = context;
        this.store = store;
        this.storage = storage;
        this.plain = new Envelope(context);
    }

    private KeysState state() {
        return Objects.requireNonNull(state.get());
    }

    @Override
    public byte[] open(String type, String id, byte[] record) {
        if (Envelope.isEnvelope(record) && store.hasPlainValues()) {
            return plain.open(type, id, record);
        }
        return opened(keys -> keys.open(type, id, record));
    }

    /**
     * Returns the id of the key that a record is encrypted with, without opening it; {@code "plain"} if it is not
     * encrypted, or {@link #UNREADABLE} if its key cannot be determined.
     */
    String keyOf(EntryId entry, byte[] record) {
        if (Envelope.isEnvelope(record)) {
            return "plain";
        }
        try {
            return keys().keyIdOf(entry.type(), entry.id(), record);
        } catch (UnreadableEntryException e) {
            return UNREADABLE;
        }
    }

    @Override
    public EntryId entryOf(EntryId stored, byte[] record) {
        return opened(keys -> keys.entryOf(stored, record));
    }

    /** Returns what keys open; {@code opening} returns null if the context has other keys by now. */
    private <T> T opened(Function<DataKeys, @Nullable T> opening) {
        T result = null;
        while (result == null) {
            DataKeys keys = keys();
            try {
                result = opening.apply(keys);
            } catch (EntryKeyMissingException e) {
                result = opening.apply(otherThan(keys, e));
            }
        }
        return result;
    }

    /** Returns the stored keys if they are not {@code known}, since another process may have replaced them. */
    private DataKeys otherThan(DataKeys known, EntryKeyMissingException failure) {
        KeysState before = state();
        byte[] stored = load();
        if (before.keys != known) {
            return keys();
        }
        if (stored == null || known.areStoredAs(stored)) {
            throw failure;
        }
        return install(before, opened(stored));
    }

    @Override
    public ValueSealer current() {
        return store.sealsValues() ? keys() : plain;
    }

    @Override
    public boolean isOutdated(ValueSealer sealer, boolean erases) {
        return erases ? store.sealsValues() != sealer instanceof DataKeys : !sealer.equals(current()); // by identity
    }

    @Override
    public Mutation.@Nullable Put unwrittenKeys(ValueSealer sealer) {
        return sealer instanceof DataKeys keys
                ? store.apply(sealing -> Optional.ofNullable(keys.unwritten(sealing)))
                        .orElse(null)
                : null;
    }

    /** Returns the keys. Loads them, or creates new ones if there are none; throws as {@link #open} does. */
    DataKeys keys() {
        KeysState now = state();
        DataKeys loaded = now.loaded();
        if (loaded != null) {
            return loaded;
        }
        if (now.status == Status.CLOSED) {
            throw new ClosedException();
        }
        byte[] stored = load();
        if (stored != null) {
            return install(now, opened(stored));
        }
        DataKeys ifAbsent = now.keys;
        return install(now, ifAbsent == null ? created() : ifAbsent);
    }

    private DataKeys created() {
        return store.apply(sealing -> DataKeys.created(sealing, context, sealing.createContext(context)));
    }

    private DataKeys opened(byte[] stored) {
        return store.open(stored, this::load, (sealing, keys) -> DataKeys.opened(sealing, context, keys));
    }

    /** Returns the stored keys, or null; throws as {@link #open} does. */
    private byte @Nullable [] load() {
        return storage.read(context, KEYS);
    }

    /** Returns {@code keys}, or those that another thread has put in the place of {@code former} in the meantime. */
    private DataKeys install(KeysState former, DataKeys keys) {
        if (state.compareAndSet(former, new KeysState(Status.LOADED, keys))) {
            closeUnless(keys, former.keys);
            return keys;
        }
        closeUnless(former.keys, keys);
        return keys();
    }

    /**
     * Replaces the keys by others that open the same records, unless they have been replaced meanwhile.
     *
     * @param next the other keys; null if {@code former} have been replaced
     */
    void replaceLoaded(DataKeys former, @Nullable DataKeys next) {
        if (next != null) {
            KeysState now = state();
            boolean replaced = now.loaded() == former && state.compareAndSet(now, new KeysState(Status.LOADED, next));
            (replaced ? former : next).close();
        }
    }

    private static void closeUnless(@Nullable DataKeys used, @Nullable DataKeys keys) {
        if (keys != null && keys != used) {
            keys.close();
        }
    }

    @Override
    public ValueSealer afterErase() {
        return store.sealsValues() ? store.afterErase(created()) : plain;
    }

    /** A clear keeps the keys, an erase does not. The mark is concerned only if the backend has a single context. */
    @Override
    public Set<String> keptByClear(Set<String> keptTypes) {
        Set<String> kept = new HashSet<>(keptTypes);
        kept.add(MARK.type());
        if (!keptTypes.isEmpty()) {
            kept.add(KEYS.type());
        }
        return kept;
    }

    @Override
    public void recordDurable(@Nullable ValueSealer sealer, boolean erased) {
        DataKeys keys = sealer instanceof DataKeys used ? used : null;
        if (keys != null && !keys.isWritten()) {
            keys.markWritten();
            KeysState now = state();
            if (now.loaded() == keys) {
                state.compareAndSet(
                        now, new KeysState(Status.LOADED, keys)); // for a thread that has just loaded the former keys
            }
        }
        if (erased) {
            use(keys);
            set(keys == null ? new KeysState(Status.NOT_LOADED, null) : new KeysState(Status.LOADED, keys));
        }
    }

    @Override
    public void recordEraseUnknown(@Nullable ValueSealer sealer) {
        DataKeys keys = sealer instanceof DataKeys used ? used : null;
        use(keys);
        set(new KeysState(Status.NOT_LOADED, keys));
    }

    @Override
    public void recordUnwritten(@Nullable ValueSealer sealer) {
        if (sealer instanceof DataKeys keys) {
            store.discard(keys);
        }
    }

    private void use(@Nullable DataKeys keys) {
        if (keys != null) {
            store.use(keys);
        }
    }

    private void set(KeysState next) {
        KeysState former = state();
        while (former.status != Status.CLOSED && !state.compareAndSet(former, next)) {
            former = state();
        }
        if (former.status == Status.CLOSED) {
            closeUnless(null, next.keys);
        } else {
            closeUnless(next.keys, former.keys);
        }
    }

    @Override
    public boolean areKeysIntact() {
        KeysState before = state();
        try {
            byte[] stored = load();
            if (stored == null) {
                DataKeys known = before.loaded();
                return known == null || !known.isWritten() || state() != before;
            }
            opened(stored).close();
            return true;
        } catch (UnreadableEntryException e) {
            return false;
        }
    }

    @Override
    public void close() {
        set(new KeysState(Status.CLOSED, null));
    }
}
