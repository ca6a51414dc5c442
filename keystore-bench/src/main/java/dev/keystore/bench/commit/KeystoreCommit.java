package dev.keystore.bench.commit;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Updates;
import dev.keystore.bench.Metrics;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

final class KeystoreCommit implements CommitPeer {

    private final SignalKeyDatabase database;

    private KeystoreCommit(SignalKeyDatabase database) {
        this.database = database;
    }

    static KeystoreCommit open(String url, boolean cached) {
        return open(SignalKeyDatabase.builder().url(url), cached);
    }

    /** Opens an encrypted store, whose key file is created if it does not exist. */
    static KeystoreCommit openEncrypted(String url, Path keyFile, boolean cached) throws IOException {
        KeyFile key = Files.exists(keyFile) ? KeyFile.at(keyFile) : KeyFile.create(keyFile);
        return open(SignalKeyDatabase.builder().url(url).encryption(Encryption.with(key)), cached);
    }

    /** Opens a store with metrics. */
    static KeystoreCommit openMetered(String url, boolean cached) {
        return open(Metrics.addTo(SignalKeyDatabase.builder().url(url)), cached);
    }

    private static KeystoreCommit open(SignalKeyDatabase.Builder builder, boolean cached) {
        return new KeystoreCommit((cached ? builder : builder.maximumCacheBytes(0)).open());
    }

    private static KeyType<byte[]> type(EntryKind kind) {
        return kind == EntryKind.SESSION ? KeyTypes.SESSION : KeyTypes.SENDER_KEY;
    }

    @Override
    public void fill(String context, List<String> ids) {
        Updates updates = new Updates();
        for (String id : ids) {
            byte[] first = Payload.first(id);
            updates.put(type(EntryKind.SESSION), id, first);
            updates.put(type(EntryKind.SENDER_KEY), id, first);
        }
        database.forContext(context).set(updates);
    }

    @Override
    public void commit(String context, String id) {
        SignalKeyStore store = database.forContext(context);
        store.transaction("session:" + id, tx -> {
            byte[] next = Payload.next(tx.find(type(EntryKind.SESSION), id).orElseThrow());
            tx.put(type(EntryKind.SESSION), id, next);
            tx.put(type(EntryKind.SENDER_KEY), id, next);
            return next;
        });
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) {
        return database.forContext(context).find(type(kind), id).orElse(null);
    }

    @Override
    public Map<String, byte[]> findAll(EntryKind kind, String context, List<String> ids) {
        return database.forContext(context).get(type(kind), ids);
    }

    /** Returns the writes of the backend; with group commit, each takes one fsync. */
    @Override
    public OptionalLong fsyncs() {
        return OptionalLong.of(database.stats().writes());
    }

    @Override
    public void close() {
        database.close();
    }
}
