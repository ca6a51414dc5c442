package dev.keystore.encryption;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.TamperedEntryException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.StoreSealing;

/** The data keys of one context. It is small, since a process may have tens of thousands. */
final class EncryptedContext implements ContextSealing {

    private final StoreKeys store;
    private final String context;
    private final KeyRing ring;
    private final byte[] sealedKeys;

    private EncryptedContext(StoreKeys store, String context, KeyRing ring, byte[] sealedKeys) {
        this.store = store;
        this.context = context;
        this.ring = ring;
        this.sealedKeys = sealedKeys;
    }

    private static EncryptedContext of(StoreKeys store, String context, KeyRing ring) {
        byte[] sealed = Secrets.apply(
                ring.encode(),
                keys -> SealedRecord.seal(
                        store.ring().newest(), Binding.ofContextKeys(store.storeId(), context), keys, store.random()));
        return new EncryptedContext(store, context, ring, sealed);
    }

    static EncryptedContext create(StoreKeys store, String context) {
        return of(store, context, KeyRing.random(store.random()));
    }

    static EncryptedContext open(StoreKeys store, String context, byte[] sealed) {
        try {
            byte[] keys = SealedRecord.open(store.ring(), Binding.ofContextKeys(store.storeId(), context), sealed);
            KeyRing ring = Secrets.apply(keys, KeyRing::decode);
            boolean current =
                    SealedRecord.keyId(sealed) == store.ring().newest().id();
            return current ? new EncryptedContext(store, context, ring, sealed.clone()) : of(store, context, ring);
        } catch (RecordRefusedException e) {
            throw failure(context, StoreSealing.KEYS, e);
        }
    }

    @Override
    public byte[] seal(String type, String id, byte[] value) {
        return Secrets.apply(
                Padding.add(value, store.paddingStepBytes()),
                padded -> SealedRecord.seal(ring.newest(), binding(type, id), padded, store.random()));
    }

    @Override
    public byte[] open(String type, String id, byte[] record) {
        try {
            return Secrets.apply(SealedRecord.open(ring, binding(type, id), record), Padding::remove);
        } catch (RecordRefusedException e) {
            throw failure(context, new EntryId(type, id), e);
        }
    }

    private Binding binding(String type, String id) {
        return Binding.ofValue(store.storeId(), context, type, id);
    }

    private static UnreadableEntryException failure(String context, EntryId entry, RecordRefusedException e) {
        return switch (e.reason()) {
            case DAMAGED -> new CorruptEntryException(context, entry, e.description(), null);
            case KEY_MISSING -> new EntryKeyMissingException(context, entry, KeyRing.hex(e.keyId()));
            case TAMPERED -> new TamperedEntryException(context, entry, e.description());
        };
    }

    @Override
    public byte[] keys() {
        return sealedKeys.clone();
    }

    @Override
    public String keyId() {
        return ring.newest().hexId();
    }

    @Override
    public String keyIdOf(String type, String id, byte[] record) {
        try {
            return KeyRing.hex(SealedRecord.keyId(record));
        } catch (RecordRefusedException e) {
            throw failure(context, new EntryId(type, id), e);
        }
    }

    @Override
    public ContextSealing rotated() {
        return of(store, context, ring.rotated(store.random()));
    }

    @Override
    public ContextSealing withoutFormerKeys() {
        return of(store, context, ring.withoutFormer());
    }

    @Override
    public void close() {
        ring.close();
    }

    /** Returns the context and the ids of its keys. */
    @Override
    public String toString() {
        return "EncryptedContext[" + context + ", " + ring + "]";
    }
}
