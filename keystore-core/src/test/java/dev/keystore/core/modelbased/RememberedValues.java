package dev.keystore.core.modelbased;

import dev.keystore.core.ObservedSealing;
import dev.keystore.core.StoredValues;
import dev.keystore.core.TestEncryption;
import dev.keystore.spi.Sealing;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Encryption that remembers the value of each record, so that records can be read once their keys are erased. */
final class RememberedValues extends ObservedSealing implements StoredValues {

    private static final Sealing ENCRYPTION = TestEncryption.create();

    private record Place(String context, String type, String id, ByteBuffer record) {}

    private final Map<Place, byte[]> values = new ConcurrentHashMap<>();

    RememberedValues() {
        super(ENCRYPTION);
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
