package dev.keystore.core;

import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.StoreSealing;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The opened data keys of a context, and whether the backend holds them. */
final class DataKeys implements ValueSealer {

    private final ContextSealing sealing;
    private volatile boolean written;
    private volatile boolean closed;

    private DataKeys(ContextSealing sealing, boolean written) {
        this.sealing = sealing;
        this.written = written;
    }

    /** Returns keys that were loaded from the backend. */
    static DataKeys loaded(ContextSealing sealing) {
        return new DataKeys(sealing, true);
    }

    /** Returns keys that the first commit sealed with them has to store. */
    static DataKeys created(ContextSealing sealing) {
        return new DataKeys(sealing, false);
    }

    @Override
    public byte @Nullable [] seal(String type, String id, byte[] value) {
        try {
            return sealing.seal(type, id, value);
        } catch (IllegalStateException e) {
            return nullIfClosed(e);
        }
    }

    /** Returns the value of a record, or null if the context has other keys by now, which must be used instead. */
    byte @Nullable [] open(String type, String id, byte[] record) {
        try {
            return sealing.open(type, id, record);
        } catch (IllegalStateException e) {
            return nullIfClosed(e);
        }
    }

    private byte @Nullable [] nullIfClosed(IllegalStateException failure) {
        if (closed) {
            return null;
        }
        throw failure;
    }

    @Override
    public Mutation.@Nullable Put unwrittenKeys() {
        return written ? null : new Mutation.Put(StoreSealing.KEYS.type(), StoreSealing.KEYS.id(), sealing.keys());
    }

    void markWritten() {
        written = true;
    }

    boolean isWritten() {
        return written;
    }

    /** Returns whether {@code stored} are these keys in the form in which they are stored. */
    boolean areStoredAs(byte[] stored) {
        return Arrays.equals(stored, sealing.keys());
    }

    /** Overwrites the keys, after the context has got others. A thread that is just using them gets null. */
    void close() {
        closed = true;
        sealing.close();
    }
}
