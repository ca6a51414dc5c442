package dev.keystore.encryption;

import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Keeps {@link RecordCipher}s for the next records of the same context: with a new cipher, sealing a record takes
 * several times as long. There are few of them, however many contexts there are.
 *
 * <p>Concurrency: a thread removes the cipher that it uses, and puts it back. A thread that finds none creates one.
 */
final class RecordCiphers implements AutoCloseable {

    private static final int SLOTS = 64;

    /** How many slots a key may use, one for each thread that seals with it at the same time. */
    private static final int SLOTS_PER_KEY = 4;

    private final SecureRandom random;
    private final AtomicReferenceArray<@Nullable RecordCipher> slots = new AtomicReferenceArray<>(SLOTS);
    private volatile boolean closed;

    RecordCiphers(SecureRandom random) {
        this.random = random;
    }

    /** Returns what a function makes of a cipher with a key derived from {@code key}. */
    <R> R apply(KeyRing.NumberedKey key, Function<RecordCipher, R> function) {
        RecordCipher cipher = remove(key);
        if (cipher == null) {
            cipher = new RecordCipher(key, random);
        }
        boolean reusable = false;
        try {
            R result = function.apply(cipher);
            reusable = cipher.hasNext();
            return result;
        } finally {
            if (reusable) {
                put(cipher);
            } else {
                cipher.destroy();
            }
        }
    }

    private static int slot(KeyRing.NumberedKey key, int number) {
        return (int) (key.id() + number) & (SLOTS - 1);
    }

    private @Nullable RecordCipher remove(KeyRing.NumberedKey key) {
        for (int number = 0; number < SLOTS_PER_KEY; number++) {
            int slot = slot(key, number);
            RecordCipher found = slots.get(slot);
            if (found != null && found.key().equals(key) && slots.compareAndSet(slot, found, null)) {
                return found;
            }
        }
        return null;
    }

    private void put(RecordCipher cipher) {
        KeyRing.NumberedKey key = cipher.key();
        RecordCipher unused = cipher; // until it has a slot: an error may come before (R31)
        try {
            unused = place(cipher);
        } finally {
            if (unused != null) {
                unused.destroy();
            }
        }
        if (closed || key.key().isDestroyed()) {
            forget(key);
        }
    }

    /** Puts a cipher into a slot, and returns the one that was there, or null. */
    private @Nullable RecordCipher place(RecordCipher cipher) {
        for (int number = 0; number < SLOTS_PER_KEY; number++) {
            if (slots.compareAndSet(slot(cipher.key(), number), null, cipher)) {
                return null;
            }
        }
        return slots.getAndSet(slot(cipher.key(), 0), cipher);
    }

    /** Overwrites the derived keys of a key. */
    void forget(KeyRing.NumberedKey key) {
        RecordCipher found = remove(key);
        while (found != null) {
            found.destroy();
            found = remove(key);
        }
    }

    /** Overwrites all derived keys. */
    @Override
    public void close() {
        closed = true;
        for (int slot = 0; slot < SLOTS; slot++) {
            RecordCipher found = slots.getAndSet(slot, null);
            if (found != null) {
                found.destroy();
            }
        }
    }
}
