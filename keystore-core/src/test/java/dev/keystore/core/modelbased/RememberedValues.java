package dev.keystore.core.modelbased;

import dev.keystore.core.ObservedSealing;
import dev.keystore.core.StoredValues;
import dev.keystore.core.TestEncryption;
import dev.keystore.encryption.Encryption;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** Encryption that remembers the value of each record, so that records can be read once their keys are erased. */
final class RememberedValues extends ObservedSealing implements StoredValues {

    private static final Encryption ENCRYPTION = TestEncryption.create();

    private record Place(String context, String type, String id, ByteBuffer record) {}

    private final Map<Place, byte[]> values = new ConcurrentHashMap<>();

    /** The true names, by the hidden ones. No two names of a model have the same hidden one. */
    private final Map<String, String> names = new ConcurrentHashMap<>();

    RememberedValues(boolean hidesNames) {
        super(hidesNames ? ENCRYPTION.hidingNames() : ENCRYPTION);
    }

    @Override
    protected void hid(String name, String hidden) {
        names.put(hidden, name);
    }

    /** Returns the true name of a stored one, which is the same if it is not hidden. */
    String trueName(String stored) {
        return names.getOrDefault(stored, stored);
    }

    /** Returns a batch with its true names. */
    Batch trueNames(Batch stored) {
        List<Mutation> mutations =
                stored.mutations().stream().map(this::trueNames).toList();
        return new Batch(trueName(stored.context()), stored.epoch(), stored.sequence(), mutations);
    }

    private Mutation trueNames(Mutation stored) {
        if (stored instanceof Mutation.Put put) {
            return new Mutation.Put(trueName(put.type()), trueName(put.id()), put.value());
        }
        if (stored instanceof Mutation.Delete delete) {
            return new Mutation.Delete(trueName(delete.type()), trueName(delete.id()));
        }
        return new Mutation.Clear(((Mutation.Clear) stored)
                .keptTypes().stream().map(this::trueName).collect(Collectors.toSet()));
    }

    @Override
    protected void sealed(String context, String type, String id, byte[] value, byte[] record) {
        values.put(new Place(context, type, id, ByteBuffer.wrap(record.clone())), value.clone());
    }

    @Override
    public byte[] open(String context, String type, String id, byte[] record) {
        byte[] value = values.get(new Place(context, type, id, ByteBuffer.wrap(record)));
        if (value == null) {
            throw new IllegalArgumentException("no value was sealed as this record");
        }
        return value;
    }
}
