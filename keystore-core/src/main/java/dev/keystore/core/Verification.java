package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.IncompleteVerificationException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyType;
import dev.keystore.LoadFailedException;
import dev.keystore.spi.StoreSealing;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads every entry of a context that the backend lists, and continues after entries that cannot be read. */
final class Verification implements Engine.Look<List<EntryId>> {

    private final Engine engine;
    private final Context context;
    private final List<EntryId> damaged = new ArrayList<>();
    private final List<EntryId> unreadable = new ArrayList<>();
    private long checked;
    private @Nullable LoadFailedException failure;

    private Verification(Engine engine, Context context) {
        this.engine = engine;
        this.context = context;
    }

    /**
     * Returns the damaged entries of a context.
     *
     * @throws IncompleteVerificationException if an entry or the list of entries could not be read
     */
    static List<EntryId> of(Engine engine, Context context) {
        return engine.lookWhileKeysChange(() -> new Verification(engine, context), List::isEmpty);
    }

    @Override
    public int unreadable() {
        return damaged.size();
    }

    @Override
    public List<EntryId> run() {
        try (Stream<EntryId> entries = engine.names.entries(context.name(), context.sealer(), this::unnamed)) {
            if (!context.sealer().areKeysIntact()) {
                damaged.add(StoreSealing.KEYS);
            }
            entries.forEach(this::check);
        } catch (LoadFailedException e) {
            failed(e);
        }
        if (failure != null) {
            throw new IncompleteVerificationException(context.name(), checked, damaged, unreadable, failure);
        }
        return damaged;
    }

    private void check(EntryId entry) {
        try {
            if (isDamaged(entry)) {
                damaged.add(entry);
            }
            checked++;
        } catch (LoadFailedException e) {
            loadFailed(entry, e);
        }
    }

    /** Reports an entry whose true name cannot be read, by its hidden one. */
    private void unnamed(EntryId stored, KeyStoreException e) {
        if (e instanceof LoadFailedException loadFailed) {
            loadFailed(stored, loadFailed);
        } else {
            damaged.add(stored);
            checked++;
        }
    }

    private void loadFailed(EntryId entry, LoadFailedException e) {
        unreadable.add(entry);
        if (BackendFailures.isTransient(e.getCause())) {
            throw e; // the backend as a whole cannot be read now
        }
        failed(e);
    }

    private void failed(LoadFailedException e) {
        failure = failure == null ? e : failure;
    }

    private boolean isDamaged(EntryId entry) {
        KeyType<?> type;
        try {
            type = engine.types.find(entry.type());
        } catch (IllegalArgumentException e) {
            return true; // not a valid type name, so no store has written it
        }
        return engine.cache.isUnreadable(new EntryKey(context, type, entry.id()));
    }
}
