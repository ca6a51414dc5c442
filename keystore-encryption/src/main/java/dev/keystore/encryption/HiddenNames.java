package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.spi.NameHiding;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.Provider;
import java.security.SecureRandom;
import javax.crypto.Mac;
import org.jspecify.annotations.Nullable;

/**
 * Hidden names: HMAC-SHA-256 under the name key of the store, shortened to 128 bits, in base32.
 *
 * <p>An id is hidden component by component; a component ends with a dot. Each code depends on everything before it, so
 * a hidden id begins with the hidden form of a name exactly if the true id begins with that name, and equal components
 * of different ids cannot be linked. Only the first {@value #COMPONENTS} components have separate codes, which bounds
 * the length; the last code is that of the whole id.
 */
final class HiddenNames implements NameHiding, AutoCloseable {

    static final int COMPONENTS = 4;
    static final int CODE_CHARACTERS = 26;

    private static final char SEPARATOR = '.';
    private static final int CODE_BYTES = 16;
    private static final int BITS_PER_CHARACTER = 5;
    private static final byte[] ALPHABET = "abcdefghijklmnopqrstuvwxyz234567".getBytes(ISO_8859_1);
    private static final String HMAC = "HmacSHA256";
    private static final Provider PROVIDER = provider();

    /** What is hidden. The number separates them: no two kinds have the same input. */
    private enum Kind {
        CONTEXT(1),
        TYPE(2),
        COMPONENT(3),
        ID(4);

        private final byte number;

        Kind(int number) {
            this.number = (byte) number;
        }
    }

    private final AesKey key;

    /** Has the key already, and is only ever copied: half the time of a new one. Null once this is closed. */
    private volatile @Nullable Mac keyed;

    private HiddenNames(AesKey key) {
        this.key = key;
        try {
            Mac mac = Mac.getInstance(HMAC, PROVIDER);
            mac.init(key);
            this.keyed = mac;
        } catch (GeneralSecurityException e) {
            throw unavailable(e);
        }
    }

    private static Provider provider() {
        try {
            return Mac.getInstance(HMAC).getProvider();
        } catch (GeneralSecurityException e) {
            throw unavailable(e);
        }
    }

    private static IllegalStateException unavailable(GeneralSecurityException e) {
        return new IllegalStateException("HMAC-SHA-256 is not available: " + e.getMessage(), e);
    }

    /** Returns names under a random key. */
    static HiddenNames random(SecureRandom random) {
        return new HiddenNames(AesKey.random(random));
    }

    /** Returns names under a known key of 32 bytes, which they own from now on. */
    static HiddenNames of(byte[] key) {
        return new HiddenNames(AesKey.of(key));
    }

    HiddenNames copy() {
        return new HiddenNames(key.copy());
    }

    /** Returns the key in the clear, to be sealed and overwritten. */
    byte[] encode() {
        return key.getEncoded();
    }

    @Override
    public String context(String context) {
        return code(Kind.CONTEXT, context);
    }

    @Override
    public String type(String context, String type) {
        return code(Kind.TYPE, context, type);
    }

    @Override
    public String id(String context, String type, String id) {
        return idPrefix(context, type, id) + code(Kind.ID, context, type, id);
    }

    /** Returns the codes of the components that {@code idPrefix} contains as a whole. */
    @Override
    public String idPrefix(String context, String type, String idPrefix) {
        StringBuilder codes = new StringBuilder();
        int end = idPrefix.indexOf(SEPARATOR);
        for (int i = 0; i < COMPONENTS && end >= 0; i++) {
            codes.append(code(Kind.COMPONENT, context, type, idPrefix.substring(0, end + 1)));
            end = idPrefix.indexOf(SEPARATOR, end + 1);
        }
        return codes.toString();
    }

    private String code(Kind kind, String... names) {
        try {
            Mac mac = copyOfKeyed();
            mac.update(kind.number);
            for (String name : names) {
                byte[] utf8 = name.getBytes(UTF_8);
                mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, utf8.length));
                mac.update(utf8);
            }
            return base32(mac.doFinal());
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("HMAC-SHA-256 of " + PROVIDER + " cannot be copied", e);
        }
    }

    private Mac copyOfKeyed() throws CloneNotSupportedException {
        Mac mac = keyed;
        if (mac == null) {
            throw new IllegalStateException("The key of hidden names has been overwritten, since the store was closed");
        }
        return (Mac) mac.clone();
    }

    /** Returns the first 128 bits in 26 characters, 5 bits each, which are safe in file names of any system. */
    private static String base32(byte[] hash) {
        byte[] characters = new byte[CODE_CHARACTERS];
        int bits = 0;
        int count = 0;
        int next = 0;
        for (int i = 0; i < CODE_CHARACTERS; i++) {
            if (count < BITS_PER_CHARACTER) {
                bits = bits << 8 | (next < CODE_BYTES ? hash[next] & 0xFF : 0);
                next++;
                count += 8;
            }
            count -= BITS_PER_CHARACTER;
            characters[i] = ALPHABET[(bits >> count) & 0x1F];
        }
        return new String(characters, ISO_8859_1);
    }

    @Override
    public void close() {
        keyed = null;
        key.destroy();
    }

    /** Returns no part of the key. */
    @Override
    public String toString() {
        return "HiddenNames";
    }
}
