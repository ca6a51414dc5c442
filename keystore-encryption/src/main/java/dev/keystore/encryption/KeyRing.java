package dev.keystore.encryption;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The keys of one store or of one context, by id. The newest one seals; all of them open. Immutable until closed. */
final class KeyRing implements AutoCloseable {

    static final int MAXIMUM_KEYS = 255;

    private static final int ENTRY_BYTES = Long.BYTES + AesKey.BYTES;

    /** A key and its random id, which is not secret. */
    record NumberedKey(long id, AesKey key) {

        String hexId() {
            return hex(id);
        }
    }

    private final List<NumberedKey> entries;

    private KeyRing(List<NumberedKey> entries) {
        this.entries = List.copyOf(entries);
    }

    /** Returns a ring with one random key. */
    static KeyRing random(SecureRandom random) {
        return new KeyRing(List.of(new NumberedKey(random.nextLong(), AesKey.random(random))));
    }

    /** Returns a ring with one known key, which the ring owns from now on. */
    static KeyRing of(long id, AesKey key) {
        return new KeyRing(List.of(new NumberedKey(id, key)));
    }

    static String hex(long id) {
        return HexFormat.of().toHexDigits(id);
    }

    NumberedKey newest() {
        return entries.get(entries.size() - 1);
    }

    @Nullable
    AesKey find(long id) {
        for (NumberedKey entry : entries) {
            if (entry.id == id) {
                return entry.key;
            }
        }
        return null;
    }

    /** Returns copies of these keys, and a random key that seals from now on. */
    KeyRing rotated(SecureRandom random) {
        if (entries.size() == MAXIMUM_KEYS) {
            throw new IllegalStateException("There are " + MAXIMUM_KEYS
                    + " keys already; re-encrypt what needs the former ones, then drop them");
        }
        long id;
        do {
            id = random.nextLong();
        } while (find(id) != null);
        List<NumberedKey> copies = copies(entries);
        copies.add(new NumberedKey(id, AesKey.random(random)));
        return new KeyRing(copies);
    }

    /** Throws if the keys have been overwritten. */
    void requireOpen() {
        newest().key().requireIntact();
    }

    /** Returns the number of keys that only open. */
    int former() {
        return entries.size() - 1;
    }

    /** Returns a copy of the newest key only. */
    KeyRing withoutFormer() {
        return new KeyRing(copies(List.of(newest())));
    }

    KeyRing copy() {
        return new KeyRing(copies(entries));
    }

    private static List<NumberedKey> copies(List<NumberedKey> entries) {
        List<NumberedKey> copies = new ArrayList<>(entries.size() + 1);
        entries.forEach(entry -> copies.add(new NumberedKey(entry.id, entry.key.copy())));
        return copies;
    }

    /** Returns the keys in the clear, to be sealed and overwritten. */
    byte[] encode() {
        ByteBuffer encoded = ByteBuffer.allocate(entries.size() * ENTRY_BYTES);
        for (NumberedKey entry : entries) {
            encoded.putLong(entry.id);
            Secrets.use(entry.key.getEncoded(), encoded::put);
        }
        return encoded.array();
    }

    /**
     * Reads what {@link #encode} returned.
     *
     * @throws IllegalArgumentException if the bytes are something else
     */
    static KeyRing decode(byte[] encoded) {
        if (encoded.length == 0 || encoded.length % ENTRY_BYTES != 0) {
            throw new IllegalArgumentException("a key ring cannot have " + encoded.length + " bytes");
        }
        ByteBuffer bytes = ByteBuffer.wrap(encoded);
        List<NumberedKey> entries = new ArrayList<>();
        while (bytes.hasRemaining()) {
            long id = bytes.getLong();
            byte[] key = new byte[AesKey.BYTES];
            bytes.get(key);
            entries.add(new NumberedKey(id, AesKey.of(key)));
        }
        return new KeyRing(entries);
    }

    @Override
    public void close() {
        entries.forEach(entry -> entry.key.destroy());
    }

    /** Returns the ids. */
    @Override
    public String toString() {
        return "KeyRing" + entries.stream().map(NumberedKey::hexId).toList();
    }
}
