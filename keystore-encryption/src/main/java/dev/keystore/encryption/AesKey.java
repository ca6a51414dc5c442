package dev.keystore.encryption;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.SecretKey;

/**
 * A key of 256 bits that can be overwritten, which {@link javax.crypto.spec.SecretKeySpec} cannot (R76).
 *
 * <p>Concurrency: a copy and the overwriting exclude each other, so no cipher ever uses a half overwritten key.
 */
final class AesKey implements SecretKey {

    static final int BYTES = 32;

    private static final long serialVersionUID = 1L;

    private final transient byte[] key;

    @GuardedBy("this")
    private transient boolean destroyed;

    private AesKey(byte[] key) {
        if (key.length != BYTES) {
            throw new IllegalArgumentException("key must have " + BYTES + " bytes, has " + key.length);
        }
        this.key = key;
    }

    /** Returns a key that owns the array: destroying the key overwrites it. */
    static AesKey of(byte[] key) {
        return new AesKey(key);
    }

    static AesKey random(SecureRandom random) {
        byte[] key = new byte[BYTES];
        random.nextBytes(key);
        return new AesKey(key);
    }

    AesKey copy() {
        return new AesKey(getEncoded());
    }

    /** Returns a copy, which the caller overwrites. The JDK's ciphers do. */
    @Override
    public synchronized byte[] getEncoded() {
        requireIntact();
        return key.clone();
    }

    /** Throws if the key has been overwritten. */
    synchronized void requireIntact() {
        if (destroyed) {
            throw new IllegalStateException("The key has been overwritten, since its store or context was closed");
        }
    }

    @Override
    public String getAlgorithm() {
        return "AES";
    }

    @Override
    public String getFormat() {
        return "RAW";
    }

    @Override
    public synchronized void destroy() {
        destroyed = true;
        Arrays.fill(key, (byte) 0);
    }

    @Override
    public synchronized boolean isDestroyed() {
        return destroyed;
    }

    @SuppressWarnings("unused") // called by serialization
    private void writeObject(ObjectOutputStream out) throws NotSerializableException {
        throw new NotSerializableException(AesKey.class.getName());
    }

    /** Returns no part of the key. */
    @Override
    public String toString() {
        return "AesKey";
    }
}
