package dev.keystore.bench.commit;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.LoadingCache;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jspecify.annotations.Nullable;

/**
 * A cache in front of a table, and a transaction for each commit, as in Jdbi's documentation.
 *
 * <p>The pool has one connection, which is the fastest: several connections that write to one file wait for each other
 * by polling. There are no locks by key, because the workload's threads never use the same key.
 */
final class ByHandCommit implements CommitPeer {

    private static final long CACHE_BYTES = 64L * 1024 * 1024;
    private static final int OVERHEAD_BYTES = 128;

    private record Key(EntryKind kind, String context, String id) {}

    private final HikariDataSource pool;
    private final Jdbi jdbi;
    private final LoadingCache<Key, byte[]> cache;

    ByHandCommit(Path file) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(RawSqlite.withDefaults(file));
        config.setMaximumPoolSize(1);
        pool = new HikariDataSource(config);
        jdbi = Jdbi.create(pool);
        jdbi.useHandle(handle -> handle.execute(RawSqlite.TABLE));
        cache = Caffeine.newBuilder()
                .maximumWeight(CACHE_BYTES)
                .weigher((Key key, byte[] value) -> OVERHEAD_BYTES + 2 * key.id.length() + value.length)
                .build(key -> row(key).orElseThrow());
    }

    private Optional<byte[]> row(Key key) {
        return jdbi.withHandle(handle -> handle.createQuery(EntryTable.SELECT)
                .bind(0, key.context)
                .bind(1, key.kind.type())
                .bind(2, key.id)
                .mapTo(byte[].class)
                .findOne());
    }

    @Override
    public void fill(String context, List<String> ids) {
        jdbi.useTransaction(handle -> {
            for (String id : ids) {
                for (EntryKind kind : EntryKind.values()) {
                    upsert(handle, new Key(kind, context, id), Payload.first(id));
                }
            }
        });
    }

    @Override
    public void commit(String context, String id) {
        Key session = new Key(EntryKind.SESSION, context, id);
        Key senderKey = new Key(EntryKind.SENDER_KEY, context, id);
        byte[] next = Payload.next(cache.get(session));
        jdbi.useTransaction(handle -> {
            upsert(handle, session, next);
            upsert(handle, senderKey, next);
        });
        cache.put(session, next);
        cache.put(senderKey, next);
    }

    private static void upsert(Handle handle, Key key, byte[] value) {
        handle.createUpdate(EntryTable.UPSERT)
                .bind(0, key.context)
                .bind(1, key.kind.type())
                .bind(2, key.id)
                .bind(3, value)
                .execute();
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) {
        return row(new Key(kind, context, id)).orElse(null);
    }

    @Override
    public void close() {
        pool.close();
    }
}
