package dev.keystore.bench.commit;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.jspecify.annotations.Nullable;

/** H2's storage engine. A commit includes the writes of all threads, so one thread runs at a time. */
final class MvStoreCommit implements CommitPeer {

    private final ReentrantLock lock = new ReentrantLock();
    private final MVStore store;
    private final MVMap<String, byte[]> values;

    MvStoreCommit(Path file) {
        store = new MVStore.Builder()
                .fileName(file.toString())
                .autoCommitDisabled()
                .open();
        values = store.openMap("entry");
    }

    @Override
    public void fill(String context, List<String> ids) {
        lock.lock();
        try {
            ids.forEach(id -> put(context, id, Payload.first(id)));
            commit();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void commit(String context, String id) {
        lock.lock();
        try {
            put(context, id, Payload.next(Objects.requireNonNull(find(EntryKind.SESSION, context, id))));
            commit();
        } finally {
            lock.unlock();
        }
    }

    private void put(String context, String id, byte[] value) {
        for (EntryKind kind : EntryKind.values()) {
            values.put(kind.key(context, id), value);
        }
    }

    private void commit() {
        store.commit();
        store.sync();
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) {
        return values.get(kind.key(context, id));
    }

    @Override
    public void close() {
        store.close();
    }
}
