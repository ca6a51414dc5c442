package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.KEYS;
import static dev.keystore.spi.StoreSealing.MARK;

import dev.keystore.EntryKeyMissingException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.StoreSealing;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The data keys of one context of an encrypted store. They are loaded when they are first needed, and replaced by a
 * commit that erases the context.
 *
 * <p>Concurrency: each change is one compare-and-set of the state, from the object that the thread saw before it loaded
 * the keys. So keys that were loaded before another thread replaced them never take the place of the later ones.
 *
 * <p>Durability: keys that are not stored yet are part of each commit that is sealed with them, until one of these is
 * durable. New keys are created only if the backend holds none. If the outcome of an erase is unknown, the keys are
 * loaded again before anything else is sealed: values sealed with keys that are no longer stored would be lost.
 */
final class ContextKeys implements ContextSealer {

    /** What is known of the keys. Compared by identity. */
    private sealed interface State {

        /** They are in memory. */
        record Loaded(@Override DataKeys keys) implements State {}

        /** They have to be loaded. If the backend holds none, {@code keys} are used, or new ones if that is null. */
        record NotLoaded(@Override @Nullable DataKeys keys) implements State {}

        /** The database is closed, and the keys are overwritten. */
        record Closed(@Override @Nullable DataKeys keys) implements State {}

        @Nullable
        DataKeys keys();
    }

    private final String context;
    private final StoreSealing store;
    private final Storage storage;
    private final AtomicReference<State> state = new AtomicReference<>(new State.NotLoaded(null));

    ContextKeys(String context, StoreSealing store, Storage storage) {
        this.context = context;
        this.store = store;
        this.storage = storage;
    }

    private State state() {
        return Objects.requireNonNull(state.get());
    }

    @Override
    public byte[] open(String type, String id, byte[] record) {
        byte[] value = null;
        while (value == null) {
            DataKeys keys = current();
            try {
                value = keys.open(type, id, record);
            } catch (EntryKeyMissingException e) {
                value = otherThan(keys, e).open(type, id, record);
            }
        }
        return value;
    }

    /** Returns the stored keys if they are not {@code known}, since another process may have replaced them. */
    private DataKeys otherThan(DataKeys known, EntryKeyMissingException failure) {
        State before = state();
        byte[] stored = load();
        if (before.keys() != known) {
            return current();
        }
        if (stored == null || known.areStoredAs(stored)) {
            throw failure;
        }
        return replace(before, DataKeys.loaded(store.openContext(context, stored)));
    }

    @Override
    public DataKeys current() {
        State now = state();
        if (now instanceof State.Loaded loaded) {
            return loaded.keys();
        }
        if (now instanceof State.Closed) {
            throw new ClosedException();
        }
        byte[] stored = load();
        if (stored != null) {
            return replace(now, DataKeys.loaded(store.openContext(context, stored)));
        }
        DataKeys ifAbsent = now.keys();
        return replace(now, ifAbsent == null ? afterErase() : ifAbsent);
    }

    private byte @Nullable [] load() {
        try {
            return storage.load(context, KEYS.type(), KEYS.id());
        } catch (RuntimeException e) {
            throw LoadFailures.of(context, KEYS, e);
        }
    }

    /** Returns {@code keys}, or those that another thread has put in the place of {@code former} in the meantime. */
    private DataKeys replace(State former, DataKeys keys) {
        if (state.compareAndSet(former, new State.Loaded(keys))) {
            closeUnless(keys, former.keys());
            return keys;
        }
        closeUnless(former.keys(), keys);
        return current();
    }

    private static void closeUnless(@Nullable DataKeys used, @Nullable DataKeys keys) {
        if (keys != null && keys != used) {
            keys.close();
        }
    }

    @Override
    public DataKeys afterErase() {
        return DataKeys.created(store.createContext(context));
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
    public void written(@Nullable ValueSealer sealer, boolean erased) {
        DataKeys keys = (DataKeys) sealer;
        if (keys != null) {
            keys.markWritten();
        }
        if (erased) {
            set(keys == null ? new State.NotLoaded(null) : new State.Loaded(keys));
        }
    }

    @Override
    public void eraseUnknown(@Nullable ValueSealer sealer) {
        set(new State.NotLoaded((DataKeys) sealer));
    }

    private void set(State next) {
        State former = state();
        while (!(former instanceof State.Closed) && !state.compareAndSet(former, next)) {
            former = state();
        }
        if (former instanceof State.Closed) {
            closeUnless(null, next.keys());
        } else {
            closeUnless(next.keys(), former.keys());
        }
    }

    @Override
    public boolean areKeysIntact() {
        State before = state();
        byte[] stored = load();
        if (stored == null) {
            return !(before instanceof State.Loaded loaded && loaded.keys().isWritten() && state() == before);
        }
        try {
            store.openContext(context, stored).close();
            return true;
        } catch (UnreadableEntryException e) {
            return false;
        }
    }

    /** Overwrites the keys. Nothing can be sealed or opened any more. */
    void close() {
        set(new State.Closed(null));
    }
}
