package dev.keystore.bench.commit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/** RocksDB with its defaults, except for a sync at each write. Threads write concurrently, and RocksDB groups them. */
final class RocksDbCommit implements CommitPeer {

    private final Options options = new Options().setCreateIfMissing(true);
    private final WriteOptions durable = new WriteOptions().setSync(true);
    private final RocksDB db;

    RocksDbCommit(Path folder) throws RocksDBException {
        RocksDB.loadLibrary();
        db = RocksDB.open(options, folder.toString());
    }

    @Override
    public void fill(String context, List<String> ids) throws RocksDBException {
        try (WriteBatch batch = new WriteBatch()) {
            for (String id : ids) {
                put(batch, context, id, Payload.first(id));
            }
            db.write(durable, batch);
        }
    }

    @Override
    public void commit(String context, String id) throws RocksDBException {
        byte[] next = Payload.next(Objects.requireNonNull(find(EntryKind.SESSION, context, id)));
        try (WriteBatch batch = new WriteBatch()) {
            put(batch, context, id, next);
            db.write(durable, batch);
        }
    }

    private static void put(WriteBatch batch, String context, String id, byte[] value) throws RocksDBException {
        for (EntryKind kind : EntryKind.values()) {
            batch.put(kind.key(context, id).getBytes(UTF_8), value);
        }
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) throws RocksDBException {
        return db.get(kind.key(context, id).getBytes(UTF_8));
    }

    @Override
    public void close() {
        db.close();
        durable.close();
        options.close();
    }
}
