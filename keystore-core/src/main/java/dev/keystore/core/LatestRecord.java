package dev.keystore.core;

import dev.keystore.UnreadableEntryException;
import java.util.Arrays;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Opens records that may be replaced meanwhile: since a record was loaded, a commit may have erased it with its keys,
 * or {@link StoreEncryption} may have rewritten it and dropped its key. A record that cannot be opened is therefore
 * loaded again, and counts as unreadable only if it is still the same.
 */
final class LatestRecord {

    private LatestRecord() {}

    /**
     * Returns what a function makes of a record, or of the one that has replaced it.
     *
     * @param loaded the record; null if it does not exist
     * @param load loads it again
     * @param opening throws {@link UnreadableEntryException} or {@link IllegalArgumentException} if it cannot read the
     *     record; these are thrown if that is what is stored
     * @return null if there is no record, or none any more
     */
    static <T extends @Nullable Object> @Nullable T open(
            byte @Nullable [] loaded, Supplier<byte @Nullable []> load, Function<byte[], T> opening) {
        return open(loaded, load, opening, new BiFunction<>() {
            @Override
            public T apply(byte[] record, RuntimeException failure) {
                throw failure;
            }
        });
    }

    /**
     * As the method above, but returns what {@code unreadable} makes of a stored record that cannot be read, and of
     * what {@code opening} threw.
     */
    static <T extends @Nullable Object> @Nullable T open(
            byte @Nullable [] loaded,
            Supplier<byte @Nullable []> load,
            Function<byte[], T> opening,
            BiFunction<byte[], RuntimeException, T> unreadable) {
        byte[] record = loaded;
        while (record != null) {
            try {
                return opening.apply(record);
            } catch (UnreadableEntryException | IllegalArgumentException e) {
                byte[] stored = load.get();
                if (Arrays.equals(record, stored)) {
                    return unreadable.apply(record, e);
                }
                record = stored;
            }
        }
        return null;
    }
}
