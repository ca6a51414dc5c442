package dev.keystore.bench.commit;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.mapdb.DB;
import org.mapdb.DBMaker;
import org.mapdb.HTreeMap;
import org.mapdb.Serializer;

/** MapDB with its write-ahead log. A commit includes the writes of all threads, so one thread runs at a time. */
final class MapDbCommit implements CommitPeer {

    private final ReentrantLock lock = new ReentrantLock();
    private final DB db;
    private final HTreeMap<String, byte[]> values;

    MapDbCommit(Path file) {
        db = DBMaker.fileDB(file.toFile())
                .fileChannelEnable()
                .transactionEnable()
                .make();
        values = db.hashMap("entry", Serializer.STRING, Serializer.BYTE_ARRAY).createOrOpen();
    }

    @Override
    public void fill(String context, List<String> ids) {
        lock.lock();
        try {
            ids.forEach(id -> put(context, id, Payload.first(id)));
            db.commit();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void commit(String context, String id) {
        lock.lock();
        try {
            put(context, id, Payload.next(Objects.requireNonNull(find(EntryKind.SESSION, context, id))));
            db.commit();
        } finally {
            lock.unlock();
        }
    }

    private void put(String context, String id, byte[] value) {
        for (EntryKind kind : EntryKind.values()) {
            values.put(kind.key(context, id), value);
        }
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) {
        return values.get(kind.key(context, id));
    }

    @Override
    public void close() {
        db.close();
    }
}
