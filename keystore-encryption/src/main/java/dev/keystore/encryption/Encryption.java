package dev.keystore.encryption;

import dev.keystore.KeyUnavailableException;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import java.security.SecureRandom;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Encryption of a store at rest with XAES-256-GCM, under a root key that a {@link KeyProvider} gives access to.
 *
 * <pre>{@code
 * Encryption encryption = Encryption.with(KeyFile.at(Path.of("/etc/keystore/root.key")));
 * }</pre>
 *
 * <p>To replace the root key, name both until the store has been opened once:
 *
 * <pre>{@code
 * Encryption encryption = Encryption.with(newKey).replacing(oldKey);
 * }</pre>
 *
 * <p>Immutable; any number of threads and stores may use one.
 */
public final class Encryption implements Sealing {

    private static final SecureRandom RANDOM = new SecureRandom();

    private final KeyProvider root;
    private final @Nullable KeyProvider former;
    private final int paddingStepBytes;

    private Encryption(KeyProvider root, @Nullable KeyProvider former, int paddingStepBytes) {
        this.root = root;
        this.former = former;
        this.paddingStepBytes = paddingStepBytes;
    }

    /**
     * Returns encryption under a root key. Values are not padded.
     *
     * @param root gives access to the root key
     * @return the encryption
     */
    public static Encryption with(KeyProvider root) {
        return new Encryption(Objects.requireNonNull(root, "root"), null, 1);
    }

    /**
     * Also opens stores under a former root key. Opening such a store wraps its store key with the current root key;
     * from then on, the former one is not needed. A copy of the store made before still opens with it.
     *
     * @param former gives access to the former root key
     * @return a new encryption
     */
    public Encryption replacing(KeyProvider former) {
        return new Encryption(root, Objects.requireNonNull(former, "former"), paddingStepBytes);
    }

    /**
     * Pads each value, so that its size shows only in steps. May be changed at any time; concerns what is written from
     * then on.
     *
     * @param stepBytes values take up a multiple of this size, and at least one byte more than they have; 1 to 65,536,
     *     by default 1
     * @return a new encryption
     * @throws IllegalArgumentException if the step is out of range
     */
    public Encryption padding(int stepBytes) {
        if (stepBytes < 1 || stepBytes > Padding.MAXIMUM_STEP_BYTES) {
            throw new IllegalArgumentException(
                    "stepBytes must be 1 to " + Padding.MAXIMUM_STEP_BYTES + ", was " + stepBytes);
        }
        return new Encryption(root, former, stepBytes);
    }

    @Override
    public StoreSealing open(byte @Nullable [] mark) {
        if (mark == null) {
            return create();
        }
        StoreMark found = StoreMark.parse(mark);
        try {
            return opened(found, unwrap(found, root));
        } catch (KeyUnavailableException e) {
            KeyRing keys = unwrapFormer(found, e);
            return opened(rewrapped(found, keys), keys);
        }
    }

    private StoreSealing create() {
        KeyRing keys = KeyRing.random(RANDOM);
        try {
            return opened(StoreMark.create(keys, root, RANDOM), keys);
        } catch (RuntimeException e) {
            keys.close();
            throw e;
        }
    }

    private StoreMark rewrapped(StoreMark found, KeyRing keys) {
        try {
            return found.wrapped(keys, root, RANDOM);
        } catch (RuntimeException e) {
            keys.close();
            throw e;
        }
    }

    private static KeyRing unwrap(StoreMark mark, KeyProvider provider) {
        if (!mark.isWrappedBy(provider)) {
            throw new KeyUnavailableException(
                    "The root key of the encrypted store comes from \"" + mark.provider() + "\", but \""
                            + provider.name() + "\" is configured; configure the key that the store was encrypted with",
                    null);
        }
        return mark.unwrap(provider);
    }

    private KeyRing unwrapFormer(StoreMark mark, KeyUnavailableException failure) {
        if (former == null) {
            throw failure;
        }
        try {
            return unwrap(mark, former);
        } catch (KeyUnavailableException e) {
            e.addSuppressed(failure);
            throw e;
        }
    }

    @Override
    public StoreSealing rotate(byte[] mark) {
        StoreMark found = StoreMark.parse(mark);
        KeyRing rotated;
        try (KeyRing keys = unwrapAny(found)) {
            rotated = keys.rotated(RANDOM);
        }
        return opened(rewrapped(found, rotated), rotated);
    }

    private KeyRing unwrapAny(StoreMark mark) {
        try {
            return unwrap(mark, root);
        } catch (KeyUnavailableException e) {
            return unwrapFormer(mark, e);
        }
    }

    private StoreSealing opened(StoreMark mark, KeyRing keys) {
        return new EncryptedStore(mark, new StoreKeys(mark.storeId(), keys, paddingStepBytes, RANDOM));
    }

    /** Returns the kinds of the providers and the padding. */
    @Override
    public String toString() {
        return "Encryption[root key from " + root.name() + (former == null ? "" : ", replacing " + former.name())
                + ", padding " + paddingStepBytes + "]";
    }
}
