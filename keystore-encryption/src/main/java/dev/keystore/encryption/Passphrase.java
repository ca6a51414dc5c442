package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyUnavailableException;
import dev.keystore.spi.KeyProvider;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CodingErrorAction;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A root key derived from a passphrase by Argon2id, with 64 MiB of memory, 3 passes and 4 lanes (RFC 9106, section 4)
 * and a random salt. Salt and parameters are stored in the mark of the store.
 *
 * <p>Each opening of a store takes that memory and a few tenths of a second. If the heap has no room for it, the key is
 * unavailable. A mark with smaller parameters than these is refused. An attacker with a copy of the store can try
 * passphrases at the same cost: use one with at least 80 random bits, such as seven Diceware words.
 *
 * <p>Needs {@code org.bouncycastle:bcprov-jdk18on}, which this module does not bring along.
 */
public final class Passphrase implements KeyProvider {

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int MEMORY_KIB = 65_536;
    private static final int PASSES = 3;
    private static final int LANES = 4;
    private static final int SALT_BYTES = 16;
    private static final int PARAMETER_BYTES = 3 * Integer.BYTES + SALT_BYTES;

    /** Parameters beyond these are refused, since a changed mark could otherwise exhaust memory and time. */
    private static final int MAXIMUM_MEMORY_KIB = 1_048_576;

    private static final int MAXIMUM_PASSES = 16;
    private static final int MAXIMUM_LANES = 64;

    private final PasswordSource source;

    private Passphrase(PasswordSource source) {
        this.source = source;
    }

    /**
     * Returns the key of a passphrase.
     *
     * @param source where the passphrase comes from; called when a store is opened
     * @return the provider
     */
    public static Passphrase from(PasswordSource source) {
        return new Passphrase(Objects.requireNonNull(source, "source"));
    }

    @Override
    public String name() {
        return "passphrase";
    }

    @Override
    public byte[] wrap(byte[] key, byte[] associatedData) {
        byte[] salt = new byte[SALT_BYTES];
        RANDOM.nextBytes(salt);
        byte[] parameters = ByteBuffer.allocate(PARAMETER_BYTES)
                .putInt(MEMORY_KIB)
                .putInt(PASSES)
                .putInt(LANES)
                .put(salt)
                .array();
        try (RootKey root = derive(parameters)) {
            byte[] wrapped = root.wrap(key, joined(associatedData, parameters), RANDOM);
            return joined(parameters, wrapped);
        }
    }

    @Override
    public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
        if (wrapped.length < PARAMETER_BYTES) {
            throw RootKey.changed();
        }
        byte[] parameters = Arrays.copyOf(wrapped, PARAMETER_BYTES);
        try (RootKey root = derive(parameters)) {
            byte[] key = Arrays.copyOfRange(wrapped, PARAMETER_BYTES, wrapped.length);
            if (root.isWrappedByAnother(key)) {
                // Without the id of the derived key: readers of logs could test guesses by it.
                throw new KeyUnavailableException(
                        "The passphrase is not the one that the store was encrypted with; configure that one", null);
            }
            return root.unwrap(key, joined(associatedData, parameters), "key of the passphrase");
        }
    }

    private static byte[] joined(byte[] first, byte[] second) {
        return ByteBuffer.allocate(first.length + second.length)
                .put(first)
                .put(second)
                .array();
    }

    private RootKey derive(byte[] parameters) {
        ByteBuffer buffer = ByteBuffer.wrap(parameters);
        int memoryKib = buffer.getInt();
        int passes = buffer.getInt();
        int lanes = buffer.getInt();
        // Fewer passes or less memory were never written: in a changed mark, they make guesses cheaper.
        if (lanes < 1
                || lanes > MAXIMUM_LANES
                || passes < PASSES
                || passes > MAXIMUM_PASSES
                || memoryKib < MEMORY_KIB
                || memoryKib > MAXIMUM_MEMORY_KIB) {
            throw RootKey.changed();
        }
        if (memoryKib > Runtime.getRuntime().maxMemory() / 1024) {
            throw exceedsHeap(memoryKib, null);
        }
        byte[] salt = new byte[SALT_BYTES];
        buffer.get(salt);
        try {
            return new RootKey(
                    Secrets.apply(passphrase(), bytes -> Argon2id.hash(bytes, salt, memoryKib, passes, lanes)));
        } catch (OutOfMemoryError e) {
            throw exceedsHeap(memoryKib, e);
        }
    }

    private static KeyUnavailableException exceedsHeap(int memoryKib, @Nullable OutOfMemoryError cause) {
        return new KeyUnavailableException(
                "Deriving the root key from the passphrase needs " + memoryKib / 1024 + " MiB of the heap, which has "
                        + (Runtime.getRuntime().maxMemory() >> 20) + " MiB; enlarge it (-Xmx)",
                cause);
    }

    /** Returns the passphrase in UTF-8. */
    private byte[] passphrase() {
        char[] chars = source.password();
        try {
            CharsetEncoder encoder = UTF_8.newEncoder().onMalformedInput(CodingErrorAction.REPLACE);
            ByteBuffer encoded = ByteBuffer.allocate((int) (chars.length * encoder.maxBytesPerChar()));
            encoder.encode(CharBuffer.wrap(chars), encoded, true);
            byte[] bytes = Arrays.copyOf(encoded.array(), encoded.position());
            Arrays.fill(encoded.array(), (byte) 0);
            return bytes;
        } finally {
            Arrays.fill(chars, '\0');
        }
    }

    /** Returns nothing of the passphrase. */
    @Override
    public String toString() {
        return "Passphrase";
    }
}
