package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Presents a backend with encryption on as a backend, so that {@link BackendContractTest}, {@link CrashContractTest}
 * and {@link PowerLossContractTest} can be run with it: a backend must keep encrypted records as well as any others
 * (R75).
 *
 * <pre>{@code
 * class EncryptedFileBackendTest extends BackendContractTest {
 *
 *     @Override
 *     protected Backend open(Path folder) {
 *         return EncryptedBackend.of(new FileBackend(folder), encryption);
 *     }
 * }
 * }</pre>
 *
 * <p>Each value is sealed before the backend gets it, and opened when it is loaded. As in the engine, the backend also
 * holds the mark of the store and the data keys of each context; listings leave them out, and a clear keeps them. If
 * names are hidden, the backend holds hidden ones, and listings load and open records, as in the engine. The presented
 * backend has all capabilities of the backend. Several backends on one store share their keys if they are opened by one
 * process.
 */
public final class EncryptedBackend {

    /** What the backends of this process share, by the marks of their stores. Several stores may be copies of one. */
    private static final Map<String, SharedKeys> STORES = new ConcurrentHashMap<>();

    private final Backend backend;
    private final ContextAwareBackend entries;
    private final StoreKeyring keys;

    private EncryptedBackend(Backend backend, ContextAwareBackend entries, StoreKeyring keys) {
        this.backend = backend;
        this.entries = entries;
        this.keys = keys;
    }

    /**
     * Returns a root key that is the same in each process and needs no file, so that neither a kill nor power loss
     * concerns it. It protects nothing: it stores the key of a store as it is.
     *
     * @return the root key
     */
    public static KeyProvider testKey() {
        return new TestKey();
    }

    private static final class TestKey implements KeyProvider {

        @Override
        public String name() {
            return "test";
        }

        @Override
        public byte[] wrap(byte[] key, byte[] associatedData) {
            return key.clone();
        }

        @Override
        public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
            return wrapped.clone();
        }
    }

    /**
     * Returns a backend with encryption on.
     *
     * @param backend the backend; closing the result closes it
     * @param sealing the encryption
     * @return the backend, with all its capabilities
     */
    public static Backend of(Backend backend, Sealing sealing) {
        ContextAwareBackend entries = backend instanceof PersistenceBackend contextFree
                ? ContextAwareBackend.of(contextFree)
                : (ContextAwareBackend) backend;
        String context =
                backend instanceof PersistenceBackend ? PersistenceBackend.DEFAULT_CONTEXT : StoreSealing.MARK.type();
        byte[] mark = entries.load(context, StoreSealing.MARK.type(), StoreSealing.MARK.id())
                .orElse(null);
        StoreSealing opened = sealing.open(mark);
        if (mark == null) {
            entries.save(context, StoreSealing.MARK.type(), StoreSealing.MARK.id(), opened.mark());
        }
        StoreKeyring keys = new StoreKeyring(
                STORES.computeIfAbsent(HexFormat.of().formatHex(opened.mark()), name -> new SharedKeys(opened)));
        EncryptedBackend encrypted = keys.store
                .names()
                .map(names -> hidingNames(backend, entries, names, keys))
                .orElseGet(() -> new EncryptedBackend(backend, entries, keys));
        return (Backend) Proxy.newProxyInstance(
                EncryptedBackend.class.getClassLoader(),
                ProxiedBackend.capabilities(backend.getClass()).toArray(Class<?>[]::new),
                (proxy, method, arguments) -> encrypted.call(method, arguments));
    }

    private static EncryptedBackend hidingNames(
            Backend backend, ContextAwareBackend entries, NameHiding names, StoreKeyring keys) {
        AtomicReference<ContextAwareBackend> named = new AtomicReference<>();
        NameHidingBackend.RecordNames records = new NameHidingBackend.RecordNames() {

            @Override
            public EntryId entryOf(String context, EntryId hidden, byte[] record) {
                return keys.of(context, Objects.requireNonNull(named.get())).entryOf(hidden, record);
            }

            @Override
            public String contextOf(String hidden, byte[] stored) {
                return keys.store.contextOf(hidden, stored);
            }
        };
        Backend hiding = NameHidingBackend.of(backend, entries, names, records, keys.contextNames);
        named.set(
                hiding instanceof PersistenceBackend contextFree
                        ? ContextAwareBackend.of(contextFree)
                        : (ContextAwareBackend) hiding);
        return new EncryptedBackend(hiding, Objects.requireNonNull(named.get()), keys);
    }

    private @Nullable Object call(Method method, Object @Nullable [] arguments) throws Throwable {
        Object[] passed = arguments == null ? new Object[0] : arguments.clone();
        switch (method.getName()) {
            case "load" -> {
                EntryId entry = entry(passed, passed.length);
                return ((Optional<?>) invoke(method, passed))
                        .map(record -> open(context(passed, passed.length), entry, (byte[]) record));
            }
            case "loadAll" -> {
                return opened((String) passed[0], (String) passed[1], (Map<?, ?>) invoke(method, passed));
            }
            case "save" -> {
                int value = passed.length - 1;
                passed[value] = seal(context(passed, value), entry(passed, value), (byte[]) passed[value]);
                return invoke(method, passed);
            }
            case "commit" -> {
                Collection<Batch> group =
                        passed[0] instanceof Batch batch ? List.of(batch) : ProxiedBackend.group(passed[0]);
                passed[0] = passed[0] instanceof Batch batch ? sealed(batch) : sealed(ProxiedBackend.group(passed[0]));
                Object done = invoke(method, passed);
                group.forEach(batch -> keys.written(batch.context(), batch.mutations()));
                return done;
            }
            case "list" -> {
                return ((Stream<?>) invoke(method, passed)).filter(entry -> !isReserved((EntryId) entry));
            }
            case "contexts" -> {
                return ((Stream<?>) invoke(method, passed)).filter(context -> holdsEntries((String) context));
            }
            case "readSnapshot" -> {
                readSnapshot(method, (String) passed[0], (EntryConsumer) passed[1]);
                return null;
            }
            case "toString" -> {
                return "encrypted " + backend;
            }
            default -> {
                return invoke(method, passed);
            }
        }
    }

    private void readSnapshot(Method method, String context, EntryConsumer consumer) throws Throwable {
        Map<EntryId, byte[]> found = new LinkedHashMap<>();
        EntryConsumer collecting = found::put;
        invoke(method, new Object[] {context, collecting});
        found.forEach((entry, record) -> {
            if (!isReserved(entry)) {
                consumer.accept(entry, open(context, entry, record));
            }
        });
    }

    private Object invoke(Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(backend, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    /** Returns the context of the call of an entry's method, whose arguments are {@code count} before any value. */
    private static String context(Object[] arguments, int count) {
        return count == 2 ? PersistenceBackend.DEFAULT_CONTEXT : (String) arguments[0];
    }

    private static EntryId entry(Object[] arguments, int count) {
        return new EntryId((String) arguments[count - 2], (String) arguments[count - 1]);
    }

    private boolean holdsEntries(String context) {
        try (Stream<EntryId> listed = entries.list(context)) {
            return listed.anyMatch(entry -> !isReserved(entry));
        }
    }

    private static boolean isReserved(EntryId entry) {
        return entry.equals(StoreSealing.KEYS) || entry.equals(StoreSealing.MARK);
    }

    private byte[] open(String context, EntryId entry, byte[] record) {
        return isReserved(entry) ? record : keys.of(context, entries).open(entry.type(), entry.id(), record);
    }

    private Map<String, byte[]> opened(String context, String type, Map<?, ?> records) {
        Map<String, byte[]> values = new HashMap<>();
        records.forEach((id, record) ->
                values.put((String) id, open(context, new EntryId(type, (String) id), (byte[]) record)));
        return values;
    }

    private byte[] seal(String context, EntryId entry, byte[] value) {
        ContextSealing sealing = keys.of(context, entries);
        if (keys.isUnwritten(context)) {
            entries.save(context, StoreSealing.KEYS.type(), StoreSealing.KEYS.id(), keys.sealed(context, sealing));
            keys.written(context, List.of(new Mutation.Put(entry.type(), entry.id(), value)));
        }
        return sealing.seal(entry.type(), entry.id(), value);
    }

    private Batch sealed(Batch batch) {
        ContextSealing sealing = keys.of(batch.context(), entries);
        Stream<Mutation> stored = keys.isUnwritten(batch.context())
                ? Stream.of(new Mutation.Put(
                        StoreSealing.KEYS.type(), StoreSealing.KEYS.id(), keys.sealed(batch.context(), sealing)))
                : Stream.empty();
        Stream<Mutation> mutations = batch.mutations().stream().map(mutation -> sealed(sealing, mutation));
        return new Batch(
                batch.context(),
                batch.epoch(),
                batch.sequence(),
                Stream.concat(stored, mutations).toList());
    }

    private static Mutation sealed(ContextSealing sealing, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            return new Mutation.Put(put.type(), put.id(), sealing.seal(put.type(), put.id(), put.value()));
        }
        if (mutation instanceof Mutation.Clear clear) {
            return new Mutation.Clear(Stream.concat(
                            clear.keptTypes().stream(), Stream.of(StoreSealing.KEYS.type(), StoreSealing.MARK.type()))
                    .collect(Collectors.toSet()));
        }
        return mutation;
    }

    private List<Batch> sealed(List<Batch> group) {
        return ProxiedBackend.view(group, this::sealed);
    }

    /**
     * The keys of a store, those that were created for its contexts and may not be stored yet, and the names of its
     * contexts by their hidden ones.
     */
    private record SharedKeys(
            StoreSealing store, Map<String, ContextSealing> created, Map<String, String> contextNames) {

        SharedKeys(StoreSealing store) {
            this(store, new ConcurrentHashMap<>(), new ConcurrentHashMap<>());
        }
    }

    /** The keys that one backend uses: those that it has found in its store, or created ones, which it then stores. */
    private static final class StoreKeyring {

        private final StoreSealing store;
        private final Map<String, ContextSealing> created;
        private final Map<String, String> contextNames;
        private final Map<String, ContextSealing> contexts = new ConcurrentHashMap<>();
        private final Set<String> unwritten = ConcurrentHashMap.newKeySet();

        StoreKeyring(SharedKeys shared) {
            this.store = shared.store();
            this.created = shared.created();
            this.contextNames = shared.contextNames();
        }

        ContextSealing of(String context, ContextAwareBackend entries) {
            return contexts.computeIfAbsent(context, name -> open(name, entries));
        }

        private ContextSealing open(String context, ContextAwareBackend entries) {
            Optional<byte[]> stored = entries.load(context, StoreSealing.KEYS.type(), StoreSealing.KEYS.id());
            if (stored.isPresent()) {
                return store.openContext(context, stored.get());
            }
            unwritten.add(context); // another backend may store the same keys first: then they are stored again
            return created.computeIfAbsent(context, store::createContext);
        }

        /** Returns the keys of a context in the form in which they are stored. */
        byte[] sealed(String context, ContextSealing opened) {
            return store.sealKeys(context, opened);
        }

        boolean isUnwritten(String context) {
            return unwritten.contains(context);
        }

        /** Records that the keys of a context are stored, if something is that was written with them. */
        void written(String context, List<Mutation> mutations) {
            if (!mutations.isEmpty()) {
                unwritten.remove(context);
            }
        }
    }
}
