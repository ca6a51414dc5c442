package dev.keystore.bench.read;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.bench.Metrics;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A store with all entries cached; its backend is never read. */
final class KeystoreRead<V> implements ReadPeer {

    private static final KeyType<String> TEXT = KeyType.of("text", new Codec<>() {
        @Override
        public byte[] encode(String value) {
            return value.getBytes(ISO_8859_1);
        }

        @Override
        public String decode(byte[] bytes) {
            return new String(bytes, ISO_8859_1);
        }
    });

    private final SignalKeyDatabase database;
    private final SignalKeyStore alice;
    private final KeyType<V> type;
    private final Function<String, V> value;

    private KeystoreRead(KeyType<V> type, Function<String, V> value, SignalKeyDatabase.Builder builder) {
        this.type = type;
        this.value = value;
        this.database = builder.open();
        this.alice = database.forContext("alice");
    }

    private static SignalKeyDatabase.Builder builder(long budgetBytes) {
        return SignalKeyDatabase.builder().backend(new MemoryBackend()).maximumCacheBytes(budgetBytes);
    }

    static KeystoreRead<byte[]> ofBytes(long budgetBytes) {
        return new KeystoreRead<>(KeyTypes.SESSION, HotEntries::value, builder(budgetBytes));
    }

    static KeystoreRead<byte[]> metered(long budgetBytes) {
        return new KeystoreRead<>(KeyTypes.SESSION, HotEntries::value, Metrics.addTo(builder(budgetBytes)));
    }

    static KeystoreRead<byte[]> encrypted(long budgetBytes) {
        try {
            Path folder = Files.createTempDirectory("keystore-bench");
            Path rootKey = folder.resolve("root.key");
            Encryption encryption = Encryption.with(KeyFile.create(rootKey));
            try {
                return new KeystoreRead<>(
                        KeyTypes.SESSION,
                        HotEntries::value,
                        builder(budgetBytes).encryption(encryption));
            } finally {
                Files.delete(rootKey); // it is read when the store is opened
                Files.delete(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Doubles the budget, because the cache holds each value both decoded and as bytes. */
    static KeystoreRead<String> ofStrings(long budgetBytes) {
        return new KeystoreRead<>(TEXT, id -> new String(HotEntries.value(id), ISO_8859_1), builder(2 * budgetBytes));
    }

    @Override
    public void fill(Collection<String> ids) {
        ids.forEach(id -> alice.put(type, id, value.apply(id)));
    }

    @Override
    public @Nullable Object one(String id) {
        return alice.find(type, id).orElse(null);
    }

    @Override
    public Map<String, V> several(List<String> ids) {
        return alice.get(type, ids);
    }

    /** Returns how many ids were read from the backend. */
    long loads() {
        return database.stats().loads();
    }

    @Override
    public void close() {
        database.close();
    }
}
