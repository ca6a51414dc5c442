package dev.keystore.core;

import dev.keystore.EntryKeyMissingException;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.util.Arrays;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The keys of an encrypted store that are in force, and what their phase means for values. */
final class KeysInForce {

    private final AtomicReference<StoreSealing> sealing;
    private final Runnable refresh;
    private final Set<DataKeys> afterErase = ConcurrentHashMap.newKeySet();

    /**
     * Creates it.
     *
     * @param refresh reads the mark of the store again, and {@linkplain #replace replaces} the keys if another process
     *     has changed it
     */
    KeysInForce(StoreSealing sealing, Runnable refresh) {
        this.sealing = new AtomicReference<>(sealing);
        this.refresh = refresh;
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
     * Returns what a function makes of the keys and of what the store holds as keys of a context. If these need another
     * key of the store, another process may have rotated it: then both are read again.
     *
     * @param stored what the store held
     * @param load reads it again; null if there is nothing by now
     * @throws EntryKeyMissingException if the key is not one of the store
     */
    <T> T open(byte[] stored, Supplier<byte @Nullable []> load, BiFunction<StoreSealing, byte[], T> opening) {
        byte[] latest = stored;
        while (true) {
            StoreSealing before = sealing();
            byte[] tried = latest;
            try {
                return apply(now -> opening.apply(now, tried));
            } catch (EntryKeyMissingException e) {
                refresh.run();
                byte[] again = load.get();
                if (again == null || (before.equals(sealing()) && Arrays.equals(again, tried))) {
                    throw e;
                }
                latest = again;
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
