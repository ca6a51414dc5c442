package dev.keystore.bench.commit;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import jetbrains.exodus.ArrayByteIterable;
import jetbrains.exodus.ByteIterable;
import jetbrains.exodus.bindings.StringBinding;
import jetbrains.exodus.env.Environment;
import jetbrains.exodus.env.EnvironmentConfig;
import jetbrains.exodus.env.Environments;
import jetbrains.exodus.env.Store;
import jetbrains.exodus.env.StoreConfig;
import jetbrains.exodus.env.Transaction;
import org.jspecify.annotations.Nullable;

/** Xodus, whose writing transactions run one at a time. */
final class XodusCommit implements CommitPeer {

    private final Environment environment;
    private final Store store;

    XodusCommit(Path folder) {
        environment = Environments.newInstance(
                folder.toFile(),
                new EnvironmentConfig().setLogDurableWrite(true).setManagementEnabled(false));
        store = environment.computeInTransaction(
                tx -> environment.openStore("entry", StoreConfig.WITHOUT_DUPLICATES, tx));
    }

    @Override
    public void fill(String context, List<String> ids) {
        environment.executeInExclusiveTransaction(tx -> ids.forEach(id -> put(tx, context, id, Payload.first(id))));
    }

    @Override
    public void commit(String context, String id) {
        environment.executeInExclusiveTransaction(tx -> put(
                tx, context, id, Payload.next(Objects.requireNonNull(get(tx, EntryKind.SESSION.key(context, id))))));
    }

    private void put(Transaction tx, String context, String id, byte[] value) {
        for (EntryKind kind : EntryKind.values()) {
            store.put(tx, StringBinding.stringToEntry(kind.key(context, id)), new ArrayByteIterable(value));
        }
    }

    private byte @Nullable [] get(Transaction tx, String key) {
        ByteIterable value = store.get(tx, StringBinding.stringToEntry(key));
        return value == null ? null : Arrays.copyOf(value.getBytesUnsafe(), value.getLength());
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) {
        return environment.computeInReadonlyTransaction(tx -> get(tx, kind.key(context, id)));
    }

    @Override
    public void close() {
        environment.close();
    }
}
