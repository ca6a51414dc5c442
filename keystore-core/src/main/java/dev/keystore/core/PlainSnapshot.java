package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Reads the values of a plain context by one query, where the backend has snapshots. That takes a third of the time
 * that listing the entries and loading them by their ids does.
 *
 * <p>It gives up at the first entry that cannot be read, and where the backend fails: its caller then reads entry by
 * entry, which says what is wrong. Used by one thread.
 */
final class PlainSnapshot implements EntryConsumer {

    /** The order of the entries of a context. */
    static final Comparator<EntryId> BY_TYPE_AND_ID =
            Comparator.comparing(EntryId::type).thenComparing(EntryId::id);

    /** What is done with the entries of a context. */
    interface Pages {

        /** Called at first, and again if the context has to be read from the beginning. */
        void begin();

        /**
         * Called with the values of each page, which are of one type, in the order of types and ids. Must not use the
         * backend.
         *
         * @return whether to continue
         */
        boolean accept(Map<EntryId, byte[]> values);
    }

    private final String context;
    private final Pages pages;
    private Map<EntryId, byte[]> page = new LinkedHashMap<>();
    private @Nullable EntryId last;
    private boolean stopped;

    /** What the pages threw, which must not be taken for a failure of the backend. */
    private @Nullable RuntimeException failure;

    private PlainSnapshot(String context, Pages pages) {
        this.context = context;
        this.pages = pages;
    }

    /**
     * Reads a context, without the entries that the engine stores for itself. What the pages throw is thrown as it is.
     *
     * @return whether all of it was read, or the pages did not continue; if not, some of it may have been read
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     */
    static boolean read(Storage storage, String context, ContextSealer sealer, Pages pages) {
        if (!(sealer instanceof Envelope) || !storage.hasSnapshots()) {
            return false;
        }
        pages.begin();
        PlainSnapshot snapshot = new PlainSnapshot(context, pages);
        try {
            storage.readSnapshot(context, snapshot);
            snapshot.endPage();
            return true;
        } catch (RuntimeException e) {
            if (snapshot.failure != null) {
                throw snapshot.failure;
            }
            return snapshot.stopped;
        }
    }

    @Override
    public void accept(EntryId entry, byte[] record) {
        if (StoredNames.isReserved(entry.type())) {
            return;
        }
        EntryId before = last;
        if (before != null && BY_TYPE_AND_ID.compare(before, entry) >= 0) {
            throw new IllegalArgumentException("the entries are in another order");
        }
        if (page.size() == Storage.PAGE_ENTRIES
                || (before != null && !before.type().equals(entry.type()))) {
            endPage();
        }
        page.put(entry, Envelope.open(context, entry.type(), entry.id(), record));
        last = entry;
    }

    private void endPage() {
        if (page.isEmpty()) {
            return;
        }
        try {
            LoadFailures.throwIfInterrupted(context);
            stopped = !pages.accept(page);
        } catch (RuntimeException e) {
            failure = e;
            throw e;
        }
        page = new LinkedHashMap<>();
        if (stopped) {
            throw new CancellationException(); // ends the reading
        }
    }
}
