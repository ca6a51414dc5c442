package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.KEYS;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.StoreSealing;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The opened data keys of a context, and whether the backend holds them. */
final class DataKeys implements ValueSealer {

    /** The form in which the keys are stored, and the keys of the store that they were sealed with. */
    private record Sealed(StoreSealing with, byte[] bytes) {}

    private final String context;
    private final ContextSealing sealing;
    private volatile Sealed sealed;
    private volatile boolean written;
    private volatile boolean closed;

    private DataKeys(String context, ContextSealing sealing, Sealed sealed, boolean written) {
        this.context = context;
        this.sealing = sealing;
        this.sealed = sealed;
        this.written = written;
    }

    /** Opens keys that were loaded from the backend. */
    static DataKeys opened(StoreSealing store, String context, byte[] stored) {
        return new DataKeys(context, store.openContext(context, stored), new Sealed(store, stored), true);
    }

    /** Returns keys that are not stored yet. The first commit that is sealed with them has to store them. */
    static DataKeys created(StoreSealing store, String context, ContextSealing sealing) {
        return new DataKeys(context, sealing, new Sealed(store, store.sealKeys(context, sealing)), false);
    }

    @Override
    public byte @Nullable [] seal(String type, String id, byte[] value) {
        try {
            return sealing.seal(type, id, value);
        } catch (IllegalStateException e) {
            throwUnlessClosed(e);
            return null;
        }
    }

    @Override
    public boolean hasSealed(String type, String id, byte[] record) {
        return !Envelope.isEnvelope(record) && sealing.keyIdOf(type, id, record).equals(sealing.keyId());
    }

    /** Returns the value of a record, or null if the context has other keys by now, which must be used instead. */
    byte @Nullable [] open(String type, String id, byte[] record) {
        try {
            return sealing.open(type, id, record);
        } catch (IllegalStateException e) {
            throwUnlessClosed(e);
            return null;
        }
    }

    /** Returns the true type and id of an entry by its record; null as {@link #open} does. */
    @Nullable
    EntryId entryOf(EntryId stored, byte[] record) {
        try {
            return sealing.entryOf(stored, record);
        } catch (IllegalStateException e) {
            throwUnlessClosed(e);
            return null;
        }
    }

    private void throwUnlessClosed(IllegalStateException failure) {
        if (!closed) {
            throw failure;
        }
    }

    /**
     * Returns the mutation that stores the keys, sealed with the newest key of {@code store}; null if they are stored.
     */
    Mutation.@Nullable Put unwritten(StoreSealing store) {
        if (written) {
            return null;
        }
        Sealed latest = sealed;
        if (!latest.with.equals(store)) {
            try {
                latest = new Sealed(store, store.sealKeys(context, sealing));
                sealed = latest;
            } catch (IllegalStateException e) {
                throwUnlessClosed(
                        e); // then what was sealed with the former store key is stored, which can still be opened
            }
        }
        return new Mutation.Put(KEYS.type(), KEYS.id(), latest.bytes);
    }

    void markWritten() {
        written = true;
    }

    boolean isWritten() {
        return written;
    }

    /** Returns whether {@code stored} are these keys in the form in which they are stored. */
    boolean areStoredAs(byte[] stored) {
        return Arrays.equals(stored, sealed.bytes);
    }

    int formerKeys() {
        return sealing.formerKeys();
    }

    /** Returns the id of the key that seals. */
    String keyId() {
        return sealing.keyId();
    }

    /** Returns the id of the key that a record was sealed with. */
    String keyIdOf(String type, String id, byte[] record) {
        return sealing.keyIdOf(type, id, record);
    }

    /**
     * Returns keys, not stored yet, that open the same records and seal with a new key; null if the context has other
     * keys by now.
     */
    @Nullable
    DataKeys rotated(StoreSealing store) {
        return derived(store, ContextSealing::rotated);
    }

    /**
     * Returns keys, not stored yet, that seal with the same key and open only what it sealed; null if the context has
     * other keys by now.
     */
    @Nullable
    DataKeys withoutFormerKeys(StoreSealing store) {
        return derived(store, ContextSealing::withoutFormerKeys);
    }

    /** As {@link #rotated}, but the new keys open only what the key that seals now has sealed. */
    @Nullable
    DataKeys rotatedWithoutFormerKeys(StoreSealing store) {
        return derived(store, keys -> {
            try (ContextSealing newest = keys.withoutFormerKeys()) {
                return newest.rotated();
            }
        });
    }

    private @Nullable DataKeys derived(StoreSealing store, UnaryOperator<ContextSealing> change) {
        try {
            return created(store, context, change.apply(sealing));
        } catch (IllegalStateException e) {
            throwUnlessClosed(e);
            return null;
        }
    }

    /** Overwrites the keys, after the context has got others. A thread that is just using them gets null. */
    void close() {
        closed = true;
        sealing.close();
    }
}
