package dev.keystore.testkit;

import dev.keystore.ContextOwnedException;
import dev.keystore.EntryId;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.NameHiding;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.StoreSealing;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Presents a backend that holds hidden names as one with true names, as the engine does. {@link EncryptedBackend} puts
 * it in front of the backend.
 */
final class NameHidingBackend {

    /** Returns the names that records contain. */
    interface RecordNames {

        /** Returns the true name of an entry, by its hidden one and its record. */
        EntryId entryOf(String context, EntryId hidden, byte[] record);

        /** Returns the true name of a context, by its hidden one and its stored keys. */
        String contextOf(String hidden, byte[] keys);
    }

    private final Backend backend;
    private final ContextAwareBackend entries;
    private final NameHiding names;
    private final RecordNames records;

    /** The names of contexts, by their hidden ones: those of an owner without entries are in no record. */
    private final Map<String, String> contexts;

    private NameHidingBackend(
            Backend backend,
            ContextAwareBackend entries,
            NameHiding names,
            RecordNames records,
            Map<String, String> contexts) {
        this.backend = backend;
        this.entries = entries;
        this.names = names;
        this.records = records;
        this.contexts = contexts;
    }

    /**
     * Returns a view of a backend with the same capabilities.
     *
     * @param contexts the names of contexts by their hidden ones, shared by the backends of a store; it adds others
     */
    static Backend of(
            Backend backend,
            ContextAwareBackend entries,
            NameHiding names,
            RecordNames records,
            Map<String, String> contexts) {
        NameHidingBackend hiding = new NameHidingBackend(backend, entries, names, records, contexts);
        return (Backend) Proxy.newProxyInstance(
                NameHidingBackend.class.getClassLoader(),
                ProxiedBackend.capabilities(backend.getClass()).toArray(Class<?>[]::new),
                (proxy, method, arguments) -> hiding.call(method, arguments));
    }

    private @Nullable Object call(Method method, Object @Nullable [] arguments) throws Throwable {
        Object[] passed = arguments == null ? new Object[0] : arguments.clone();
        switch (method.getName()) {
            case "load", "delete" -> hideEntry(passed, passed.length);
            case "save" -> hideEntry(passed, passed.length - 1);
            case "loadAll" -> {
                return loadAll(method, passed);
            }
            case "commit" -> {
                return commit(method, passed);
            }
            case "list" -> {
                String context = passed.length == 0 ? PersistenceBackend.DEFAULT_CONTEXT : (String) passed[0];
                hideContext(passed);
                return ((Stream<?>) invoke(method, passed)).flatMap(entry -> reveal(context, (EntryId) entry));
            }
            case "scan" -> {
                return scan(method, passed);
            }
            case "contexts" -> {
                return ((Stream<?>) invoke(method, passed)).flatMap(context -> reveal((String) context));
            }
            case "readSnapshot" -> {
                readSnapshot(method, passed);
                return null;
            }
            case "takeOver", "takeOverUnlessOwned", "lastCommit", "owner", "position" -> {
                hideContext(passed);
                return naming(method, passed);
            }
            case "takeOverAllUnlessOwned" -> {
                return naming(method, passed);
            }
            default -> {
                // has no names
            }
        }
        return invoke(method, passed);
    }

    private Object invoke(Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(backend, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private String stored(String context) {
        if (backend instanceof PersistenceBackend || context.equals(StoreSealing.MARK.type())) {
            return context;
        }
        String hidden = names.context(context);
        contexts.put(hidden, context);
        return hidden;
    }

    private EntryId stored(String context, EntryId entry) {
        return isReserved(entry.type())
                ? entry
                : new EntryId(names.type(context, entry.type()), names.id(context, entry.type(), entry.id()));
    }

    private static boolean isReserved(String type) {
        return type.equals(StoreSealing.KEYS.type()) || type.equals(StoreSealing.MARK.type());
    }

    private void hideContext(Object[] passed) {
        if (passed.length > 0) {
            passed[0] = stored((String) passed[0]);
        }
    }

    /** Hides the names in the arguments of a method of one entry, the first {@code count}. */
    private void hideEntry(Object[] passed, int count) {
        String context = count == 2 ? PersistenceBackend.DEFAULT_CONTEXT : (String) passed[0];
        EntryId stored = stored(context, new EntryId((String) passed[count - 2], (String) passed[count - 1]));
        passed[count - 2] = stored.type();
        passed[count - 1] = stored.id();
        if (count == 3) {
            passed[0] = stored(context);
        }
    }

    private Map<String, byte[]> loadAll(Method method, Object[] passed) throws Throwable {
        String context = (String) passed[0];
        String type = (String) passed[1];
        Map<String, String> ids = new HashMap<>();
        for (Object id : (Collection<?>) passed[2]) {
            ids.put(stored(context, new EntryId(type, (String) id)).id(), (String) id);
        }
        Map<String, byte[]> found = new HashMap<>();
        Object[] hidden = {stored(context), names.type(context, type), ids.keySet()};
        ((Map<?, ?>) invoke(method, hidden)).forEach((id, record) -> found.put(ids.get(id), (byte[]) record));
        return found;
    }

    private Object commit(Method method, Object[] passed) throws Throwable {
        Batch last = null;
        if (passed[0] instanceof Batch batch) {
            last = batch;
            passed[0] = stored(batch);
        } else {
            passed[0] = ProxiedBackend.view(ProxiedBackend.group(passed[0]), this::stored);
        }
        try {
            return invoke(method, passed);
        } catch (OwnershipLostException e) {
            throw last == null ? e : new OwnershipLostException(last.context(), last.epoch());
        }
    }

    private Batch stored(Batch batch) {
        List<Mutation> mutations = batch.mutations().stream()
                .map(mutation -> stored(batch.context(), mutation))
                .toList();
        return new Batch(stored(batch.context()), batch.epoch(), batch.sequence(), mutations);
    }

    private Mutation stored(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            EntryId stored = stored(context, new EntryId(put.type(), put.id()));
            return new Mutation.Put(stored.type(), stored.id(), put.value());
        }
        if (mutation instanceof Mutation.Delete delete) {
            EntryId stored = stored(context, new EntryId(delete.type(), delete.id()));
            return new Mutation.Delete(stored.type(), stored.id());
        }
        return new Mutation.Clear(((Mutation.Clear) mutation)
                .keptTypes().stream()
                        .map(type -> isReserved(type) ? type : names.type(context, type))
                        .collect(Collectors.toSet()));
    }

    private Stream<String> scan(Method method, Object[] passed) throws Throwable {
        String context = (String) passed[0];
        String type = (String) passed[1];
        String prefix = (String) passed[2];
        Object[] hidden = {stored(context), names.type(context, type), names.idPrefix(context, type, prefix)};
        return ((Stream<?>) invoke(method, hidden))
                .flatMap(id -> reveal(context, new EntryId((String) hidden[1], (String) id)))
                .map(EntryId::id)
                .filter(id -> id.startsWith(prefix));
    }

    /** Passes the entries on after the snapshot, since keys may have to be loaded to read their names. */
    private void readSnapshot(Method method, Object[] passed) throws Throwable {
        String context = (String) passed[0];
        EntryConsumer consumer = (EntryConsumer) passed[1];
        Map<EntryId, byte[]> found = new LinkedHashMap<>();
        EntryConsumer collecting = found::put;
        invoke(method, new Object[] {stored(context), collecting});
        found.forEach((entry, record) ->
                consumer.accept(isReserved(entry.type()) ? entry : records.entryOf(context, entry, record), record));
    }

    /** Calls a method whose exceptions name a context. */
    private @Nullable Object naming(Method method, Object[] passed) throws Throwable {
        try {
            return invoke(method, passed);
        } catch (ContextOwnedException e) {
            String context = contexts.getOrDefault(e.context(), e.context());
            throw new ContextOwnedException(context, e.host(), e.process(), e.since(), e.inThisProcess());
        }
    }

    private Stream<EntryId> reveal(String context, EntryId stored) {
        if (isReserved(stored.type())) {
            return Stream.of(stored);
        }
        Optional<byte[]> record = entries.load(stored(context), stored.type(), stored.id());
        return record.map(found -> records.entryOf(context, stored, found)).stream();
    }

    private Stream<String> reveal(String stored) {
        if (stored.equals(StoreSealing.MARK.type())) {
            return Stream.of(stored);
        }
        Optional<byte[]> keys = entries.load(stored, StoreSealing.KEYS.type(), StoreSealing.KEYS.id());
        return keys.map(found -> records.contextOf(stored, found)).stream();
    }
}
