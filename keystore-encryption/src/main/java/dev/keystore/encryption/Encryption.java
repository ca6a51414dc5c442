package dev.keystore.encryption;

import dev.keystore.KeyUnavailableException;
import dev.keystore.StoreOpenException;
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
    private final boolean hidesNames;

    private Encryption(KeyProvider root, @Nullable KeyProvider former, int paddingStepBytes, boolean hidesNames) {
        this.root = root;
        this.former = former;
        this.paddingStepBytes = paddingStepBytes;
        this.hidesNames = hidesNames;
    }

    /**
     * Returns encryption under a root key. Values are not padded, and the names of a new store are not hidden.
     *
     * @param root gives access to the root key
     * @return the encryption
     */
    public static Encryption with(KeyProvider root) {
        return new Encryption(Objects.requireNonNull(root, "root"), null, 1, false);
    }

    /**
     * Also opens stores under a former root key. Opening such a store wraps its store key with the current root key;
     * from then on, the former one is not needed. A copy of the store made before still opens with it. Processes that
     * have the store open under the former root key continue; to open it again, they need the current one.
     *
     * @param former gives access to the former root key
     * @return a new encryption
     */
    public Encryption replacing(KeyProvider former) {
        return new Encryption(root, Objects.requireNonNull(former, "former"), paddingStepBytes, hidesNames);
    }

    /**
     * Pads each value, and the keys of each context, so that sizes show only in steps. May be changed at any time;
     * concerns what is written from then on.
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
        return new Encryption(root, former, stepBytes, hidesNames);
    }

    /**
     * Hides the names of contexts, types and ids: the backend holds keyed pseudorandom names instead. The true names
     * are then part of the encrypted records, so {@code ids(type, prefix)} loads and opens the records that it lists.
     * The length of a context's name does not show. The length of type and id shows as a part of the record's length,
     * unless {@link #padding} is set.
     *
     * <p>This is fixed when a store is created, since all names would change. A store that hides names is opened with
     * or without this setting; one that does not is refused with it.
     *
     * @return a new encryption
     */
    public Encryption hidingNames() {
        return new Encryption(root, former, paddingStepBytes, true);
    }

    @Override
    public StoreSealing open(byte @Nullable [] mark) {
        if (mark == null) {
            return create();
        }
        StoreMark found = StoreMark.parse(mark);
        try {
            return opened(found, checked(unwrap(found, root)));
        } catch (KeyUnavailableException e) {
            MarkKeys keys = checked(unwrapFormer(found, e));
            return opened(rewrapped(found, keys), keys);
        }
    }

    private MarkKeys checked(MarkKeys keys) {
        if (hidesNames && !keys.hidesNames()) {
            keys.close();
            throw new StoreOpenException(
                    "The encryption is configured to hide names, but the names in this store are not hidden, which was"
                            + " decided when it was created; open it without hidingNames (property encryption.names),"
                            + " or copy its entries into a new store",
                    null);
        }
        return keys;
    }

    private StoreSealing create() {
        MarkKeys keys = MarkKeys.random(hidesNames, RANDOM);
        try {
            return opened(StoreMark.create(keys, root, RANDOM), keys);
        } catch (RuntimeException e) {
            keys.close();
            throw e;
        }
    }

    private StoreMark rewrapped(StoreMark found, MarkKeys keys) {
        try {
            return found.wrapped(keys, root, RANDOM);
        } catch (RuntimeException e) {
            keys.close();
            throw e;
        }
    }

    private static MarkKeys unwrap(StoreMark mark, KeyProvider provider) {
        if (!mark.isWrappedBy(provider)) {
            throw new KeyUnavailableException(
                    "The root key of the encrypted store comes from \"" + mark.provider() + "\", but \""
                            + provider.name() + "\" is configured; configure the key that the store was encrypted with",
                    null);
        }
        return mark.unwrap(provider);
    }

    private MarkKeys unwrapFormer(StoreMark mark, KeyUnavailableException failure) {
        if (former == null) {
            throw failure;
        }
        try {
            return unwrap(mark, former);
        } catch (KeyUnavailableException e) {
            KeyUnavailableException neither = new KeyUnavailableException(
                    "Neither the root key nor the one that it replaces opens the store. The root key: "
                            + failure.getMessage() + ". The one that it replaces: " + e.getMessage(),
                    failure);
            neither.addSuppressed(e);
            throw neither;
        }
    }

    @Override
    public StoreSealing rotate(byte[] mark) {
        StoreMark found = StoreMark.parse(mark);
        MarkKeys rotated;
        try (MarkKeys keys = unwrapAny(found)) {
            rotated = keys.rotated(RANDOM);
        }
        return opened(rewrapped(found, rotated), rotated);
    }

    private MarkKeys unwrapAny(StoreMark mark) {
        try {
            return unwrap(mark, root);
        } catch (KeyUnavailableException e) {
            return unwrapFormer(mark, e);
        }
    }

    private StoreSealing opened(StoreMark mark, MarkKeys keys) {
        return new EncryptedStore(mark, new StoreKeys(mark.storeId(), keys, paddingStepBytes, RANDOM));
    }

    /** Returns the kinds of the providers, the padding, and whether names are hidden. */
    @Override
    public String toString() {
        return "Encryption[root key from " + root.name() + (former == null ? "" : ", replacing " + former.name())
                + ", padding " + paddingStepBytes + (hidesNames ? ", hiding names]" : "]");
    }
}
