package dev.keystore.core;

import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/** The keys of an encrypted store that are in force, and what their phase means for values. */
final class KeysInForce {

    private final AtomicReference<StoreSealing> sealing;
    private final Set<DataKeys> afterErase = ConcurrentHashMap.newKeySet();

    KeysInForce(StoreSealing sealing) {
        this.sealing = new AtomicReference<>(sealing);
    }

    StoreSealing sealing() {
        return Objects.requireNonNull(sealing.get());
    }

    /** Returns what a function makes of the keys, of their successors if they are retired meanwhile. */
    <T> T apply(Function<StoreSealing, T> function) {
        while (true) {
            StoreSealing now = sealing();
            try {
                return function.apply(now);
            } catch (IllegalStateException e) {
                if (now.equals(sealing())) {
                    throw e;
                }
            }
        }
    }

    /**
     * Returns the keys of a context that is being erased. Until they come into use, or are discarded, they are closed
     * with the store.
     */
    DataKeys afterErase(DataKeys created) {
        afterErase.add(created);
        return created;
    }

    /** Records that keys of a context are, or may be, in use, and are closed by the context. */
    void use(DataKeys keys) {
        afterErase.remove(keys);
    }

    /** Closes keys that were created for an erase, unless they are, or may be, in use. */
    void discard(DataKeys keys) {
        if (afterErase.remove(keys)) {
            keys.close();
        }
    }

    /** Closes the keys of contexts whose erase has not ended. */
    void closeUnused() {
        afterErase.forEach(DataKeys::close);
    }

    /**
     * Replaces the keys, unless others have replaced them; other threads may still be using the former ones.
     *
     * @return whether {@code next} are in force now
     */
    boolean replace(StoreSealing former, StoreSealing next) {
        return sealing.compareAndSet(former, next);
    }

    /** Returns whether values that are written now are sealed. */
    boolean sealsValues() {
        return sealing().phase() != Phase.DECRYPTING;
    }

    /** Returns whether values that are not sealed are accepted. */
    boolean hasPlainValues() {
        return sealing().phase() != Phase.ENCRYPTED;
    }
}
