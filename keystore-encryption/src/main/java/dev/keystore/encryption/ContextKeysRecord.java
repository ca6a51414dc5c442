package dev.keystore.encryption;

import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.StoreSealing;
import java.util.Arrays;
import java.util.List;

/** The record that holds the data keys of a context. In a store that hides names, it also holds that of the context. */
final class ContextKeysRecord {

    private ContextKeysRecord() {}

    /** Returns a record of data keys, sealed with the newest key of the store. */
    static byte[] seal(StoreKeys store, String context, KeyRing ring) {
        return Secrets.apply(
                ring.encode(),
                keys -> store.names() == null
                        ? seal(store, Binding.ofContextKeys(store.storeId(), context), keys)
                        : Secrets.apply(
                                NamedValue.encode(keys, context),
                                named -> seal(store, Binding.ofNamedContextKeys(store.storeId()), named)));
    }

    private static byte[] seal(StoreKeys store, Binding binding, byte[] plaintext) {
        return SealedRecord.seal(store.ring().newest(), binding, plaintext, store.random());
    }

    /**
     * Opens the data keys of a context.
     *
     * @throws UnreadableEntryException if the record is not one of this context and store
     */
    static KeyRing open(StoreKeys store, String context, byte[] record) {
        try {
            return Secrets.apply(plaintext(store, context, record), KeyRing::decode);
        } catch (RecordRefusedException e) {
            throw e.asUnreadable(context, StoreSealing.KEYS);
        }
    }

    private static byte[] plaintext(StoreKeys store, String context, byte[] record) throws RecordRefusedException {
        if (store.names() == null) {
            return SealedRecord.open(store.ring(), Binding.ofContextKeys(store.storeId(), context), record);
        }
        NamedValue named = named(store, record);
        if (!named.names().equals(List.of(context))) {
            Arrays.fill(named.value(), (byte) 0);
            throw RecordRefusedException.otherPlace(SealedRecord.keyId(record));
        }
        return named.value();
    }

    private static NamedValue named(StoreKeys store, byte[] record) throws RecordRefusedException {
        byte[] keys = SealedRecord.open(store.ring(), Binding.ofNamedContextKeys(store.storeId()), record);
        return Secrets.apply(keys, plaintext -> NamedValue.decode(plaintext, 1));
    }

    /**
     * Returns the name of the context that a record belongs to, in a store that hides names.
     *
     * @throws UnreadableEntryException if the record is not one of this store, or of a context with another hidden name
     */
    static String contextOf(StoreKeys store, String hiddenContext, byte[] record) {
        HiddenNames names = store.requireHiddenNames();
        try {
            NamedValue named = named(store, record);
            Arrays.fill(named.value(), (byte) 0);
            String context = named.names().get(0);
            if (!names.context(context).equals(hiddenContext)) {
                throw RecordRefusedException.otherPlace(SealedRecord.keyId(record));
            }
            return context;
        } catch (RecordRefusedException e) {
            throw e.asUnreadable(hiddenContext, StoreSealing.KEYS);
        }
    }

    /** Returns the id of the store key that a record is sealed with; the record is not authenticated. */
    static long storeKeyId(String context, byte[] record) {
        try {
            return SealedRecord.keyId(record);
        } catch (RecordRefusedException e) {
            throw e.asUnreadable(context, StoreSealing.KEYS);
        }
    }
}
