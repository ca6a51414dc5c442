package dev.keystore.encryption;

import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.StoreSealing;
import java.util.Arrays;
import java.util.List;

/**
 * The record that holds the data keys of a context. In a store that hides names, it also holds that of the context, and
 * is always padded, so that its size does not show the length of the name. Otherwise it is padded if values are.
 *
 * <p>Records from before are not padded. Which of the two a record is, only opening it shows.
 */
final class ContextKeysRecord {

    /** Names of up to 213 bytes have records of one size, unless there are several data keys. */
    private static final int MINIMUM_STEP_BYTES_WITH_NAME = 256;

    private ContextKeysRecord() {}

    /** Returns a record of data keys, sealed with the newest key of the store. */
    static byte[] seal(StoreKeys store, String context, KeyRing ring) {
        return Secrets.apply(
                ring.encode(),
                keys -> store.names() == null
                        ? seal(store, context, keys)
                        : Secrets.apply(NamedValue.encode(keys, context), named -> seal(store, context, named)));
    }

    private static byte[] seal(StoreKeys store, String context, byte[] plaintext) {
        Binding binding = binding(store, context, isPadded(store));
        KeyRing.NumberedKey key = store.ring().newest();
        return isPadded(store)
                ? SealedRecord.sealPadded(key, binding, plaintext, stepBytes(store), store.random())
                : SealedRecord.seal(key, binding, plaintext, store.random());
    }

    private static boolean isPadded(StoreKeys store) {
        return stepBytes(store) > 1;
    }

    private static int stepBytes(StoreKeys store) {
        return store.names() == null
                ? store.paddingStepBytes()
                : Math.max(MINIMUM_STEP_BYTES_WITH_NAME, store.paddingStepBytes());
    }

    private static Binding binding(StoreKeys store, String context, boolean padded) {
        return store.names() == null
                ? Binding.ofContextKeys(store.storeId(), context, padded)
                : Binding.ofNamedContextKeys(store.storeId(), padded);
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
            return opened(store, context, record);
        }
        NamedValue named = named(store, context, record);
        if (!named.names().equals(List.of(context))) {
            Arrays.fill(named.value(), (byte) 0);
            throw RecordRefusedException.otherPlace(SealedRecord.keyId(record));
        }
        return named.value();
    }

    private static NamedValue named(StoreKeys store, String context, byte[] record) throws RecordRefusedException {
        return Secrets.apply(opened(store, context, record), plaintext -> NamedValue.decode(plaintext, 1));
    }

    /** Opens a record as the store seals it now, then as it may have been sealed before. */
    private static byte[] opened(StoreKeys store, String context, byte[] record) throws RecordRefusedException {
        boolean padded = isPadded(store);
        try {
            return opened(store, context, record, padded);
        } catch (RecordRefusedException e) {
            if (e.reason() != RecordRefusedException.Reason.TAMPERED) {
                throw e;
            }
            return opened(store, context, record, !padded);
        }
    }

    private static byte[] opened(StoreKeys store, String context, byte[] record, boolean padded)
            throws RecordRefusedException {
        byte[] plaintext = SealedRecord.open(store.ring(), binding(store, context, padded), record);
        return padded ? Secrets.apply(plaintext, Padding::remove) : plaintext;
    }

    /**
     * Returns the name of the context that a record belongs to, in a store that hides names.
     *
     * @throws UnreadableEntryException if the record is not one of this store, or of a context with another hidden name
     */
    static String contextOf(StoreKeys store, String hiddenContext, byte[] record) {
        HiddenNames names = store.requireHiddenNames();
        try {
            NamedValue named = named(store, hiddenContext, record);
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
