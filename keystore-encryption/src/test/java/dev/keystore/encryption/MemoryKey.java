package dev.keystore.encryption;

import dev.keystore.spi.KeyProvider;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicInteger;

/** A root key in memory, whose calls are counted. */
final class MemoryKey implements KeyProvider {

    final AtomicInteger calls = new AtomicInteger();
    final byte[] key = new byte[AesKey.BYTES];

    MemoryKey() {
        new SecureRandom().nextBytes(key);
    }

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public byte[] wrap(byte[] plaintext, byte[] associatedData) {
        calls.incrementAndGet();
        try (RootKey root = new RootKey(key.clone())) {
            return root.wrap(plaintext, associatedData, new SecureRandom());
        }
    }

    @Override
    public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
        calls.incrementAndGet();
        try (RootKey root = new RootKey(key.clone())) {
            return root.unwrap(wrapped, associatedData, "test's key");
        }
    }
}
