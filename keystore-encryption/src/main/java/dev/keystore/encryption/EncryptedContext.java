package dev.keystore.encryption;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextSealing;
import java.util.Arrays;
import java.util.List;

/** The data keys of one context. It is small, since a process may have tens of thousands. */
final class EncryptedContext implements ContextSealing {

    private final StoreKeys store;
    private final String context;
    private final KeyRing ring;

    /** What the places of all its values have in common. */
    private final byte[] place;

    private EncryptedContext(StoreKeys store, String context, KeyRing ring) {
        this.store = store;
        this.context = context;
        this.place = Binding.context(store.storeId(), context);
        this.ring = ring;
    }

    static EncryptedContext create(StoreKeys store, String context) {
        store.ring().requireOpen();
        return new EncryptedContext(store, context, KeyRing.random(store.random()));
    }

    static EncryptedContext open(StoreKeys store, String context, byte[] record) {
        return new EncryptedContext(store, context, ContextKeysRecord.open(store, context, record));
    }

    /** Returns the keys, sealed with the newest key of {@code sealing}. */
    byte[] sealedWith(StoreKeys sealing) {
        return ContextKeysRecord.seal(sealing, context, ring);
    }

    @Override
    public byte[] seal(String type, String id, byte[] value) {
        return store.names() == null
                ? sealPadded(Binding.ofValue(place, type, id), value)
                : Secrets.apply(
                        NamedValue.encode(value, type, id), named -> sealPadded(Binding.ofNamedValue(place), named));
    }

    private byte[] sealPadded(Binding binding, byte[] plaintext) {
        return store.ciphers()
                .apply(
                        ring.newest(),
                        cipher -> SealedRecord.sealPadded(cipher, binding, plaintext, store.paddingStepBytes()));
    }

    @Override
    public byte[] open(String type, String id, byte[] record) {
        EntryId entry = new EntryId(type, id);
        try {
            if (store.names() == null) {
                return openPadded(Binding.ofValue(place, type, id), record);
            }
            NamedValue named = openNamed(record);
            if (!named.names().equals(List.of(type, id))) {
                Arrays.fill(named.value(), (byte) 0);
                throw RecordRefusedException.otherPlace(SealedRecord.keyId(record));
            }
            return named.value();
        } catch (RecordRefusedException e) {
            throw e.asUnreadable(context, entry);
        }
    }

    private NamedValue openNamed(byte[] record) throws RecordRefusedException {
        return Secrets.apply(
                openPadded(Binding.ofNamedValue(place), record), plaintext -> NamedValue.decode(plaintext, 2));
    }

    private byte[] openPadded(Binding binding, byte[] record) throws RecordRefusedException {
        return Secrets.apply(SealedRecord.open(ring, binding, record), Padding::remove);
    }

    @Override
    public EntryId entryOf(EntryId hidden, byte[] record) {
        HiddenNames names = store.requireHiddenNames();
        try {
            NamedValue named = openNamed(record);
            Arrays.fill(named.value(), (byte) 0);
            EntryId entry = new EntryId(named.names().get(0), named.names().get(1));
            if (!names.type(context, entry.type()).equals(hidden.type())
                    || !names.id(context, entry.type(), entry.id()).equals(hidden.id())) {
                throw RecordRefusedException.otherPlace(SealedRecord.keyId(record));
            }
            return entry;
        } catch (RecordRefusedException e) {
            throw e.asUnreadable(context, hidden);
        }
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
            throw e.asUnreadable(context, new EntryId(type, id));
        }
    }

    @Override
    public int formerKeys() {
        return ring.former();
    }

    @Override
    public ContextSealing rotated() {
        return new EncryptedContext(store, context, ring.rotated(store.random()));
    }

    @Override
    public ContextSealing withoutFormerKeys() {
        return new EncryptedContext(store, context, ring.withoutFormer());
    }

    @Override
    public void close() {
        ring.close();
        store.ciphers().forget(ring.newest());
    }

    /** Returns the context and the ids of its keys. */
    @Override
    public String toString() {
        return "EncryptedContext[" + context + ", " + ring + "]";
    }
}
