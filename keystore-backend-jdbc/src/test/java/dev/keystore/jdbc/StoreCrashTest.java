package dev.keystore.jdbc;

import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.CrashContractTest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Acknowledged transactions survive a crash: the engine and SQLite together. */
class StoreCrashTest extends CrashContractTest {

    @Override
    protected Backend open(Path folder) throws IOException {
        return new StoreAsBackend(database(folder).open());
    }

    /** Configures the database of a folder. */
    SignalKeyDatabase.Builder database(Path folder) throws IOException {
        return SignalKeyDatabase.builder().url("jdbc:sqlite:" + folder.resolve("keys.db"));
    }

    /** The engine lets the commits of several threads share one write. */
    @Override
    protected List<String> systemCalls() {
        return List.of("pwrite64", "fdatasync,fsync");
    }

    /** Presents a store to the crash tests as a backend. */
    private record StoreAsBackend(SignalKeyDatabase database) implements ContextAwareBackend, AtomicCommit {

        @Override
        public void commit(Batch batch) {
            SignalKeyStore store = database.forContext(batch.context());
            store.useTransaction("batch", tx -> batch.mutations().forEach(mutation -> apply(tx, mutation)));
        }

        private static void apply(Transaction tx, Mutation mutation) {
            if (mutation instanceof Mutation.Put put) {
                tx.put(type(put.type()), put.id(), put.value());
            } else if (mutation instanceof Mutation.Delete delete) {
                tx.delete(type(delete.type()), delete.id());
            } else if (mutation instanceof Mutation.Clear clear) {
                KeyTypes.all().stream()
                        .filter(type -> !clear.keptTypes().contains(type.name()))
                        .forEach(type -> deleteAll(tx, type(type.name())));
            }
        }

        private static void deleteAll(Transaction tx, KeyType<?> type) {
            try (Stream<String> ids = tx.ids(type, "")) {
                ids.toList().forEach(id -> tx.delete(type, id));
            }
        }

        @Override
        public Optional<byte[]> load(String context, String type, String id) {
            return database.forContext(context).find(type(type), id);
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {
            database.forContext(context).put(type(type), id, value);
        }

        @Override
        public void delete(String context, String type, String id) {
            database.forContext(context).delete(type(type), id);
        }

        @Override
        public Stream<EntryId> list(String context) {
            SignalKeyStore store = database.forContext(context);
            return KeyTypes.all().stream()
                    .map(KeyType::name)
                    .flatMap(type -> store.ids(type(type), "").map(id -> new EntryId(type, id)));
        }

        @Override
        public void close() {
            database.close();
        }

        /** A type of raw bytes, which not all of the standard types are. */
        private static KeyType<byte[]> type(String name) {
            return KeyType.ofBytes("raw-" + name);
        }
    }
}
