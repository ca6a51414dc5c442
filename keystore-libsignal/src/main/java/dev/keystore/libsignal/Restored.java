package dev.keystore.libsignal;

import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyWriter;

/** The entry that says that an account was restored from a backup or has a new identity, and must upload pre-keys. */
final class Restored {

    static final EntryId ENTRY = new EntryId("libsignal-restored", "upload");
    static final byte[] MARK = {};

    private static final KeyType<byte[]> TYPE = KeyType.ofBytes(ENTRY.type());

    private Restored() {}

    static boolean isSet(KeyReader keys) {
        return keys.find(TYPE, ENTRY.id()).isPresent();
    }

    static void set(KeyWriter keys) {
        keys.put(TYPE, ENTRY.id(), MARK);
    }

    static void clear(KeyWriter keys) {
        keys.delete(TYPE, ENTRY.id());
    }
}
