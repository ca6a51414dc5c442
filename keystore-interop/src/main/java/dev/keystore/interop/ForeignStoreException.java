package dev.keystore.interop;

import dev.keystore.KeyStoreException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when an import or an export as a whole is not possible: the foreign store cannot be read, was changed
 * meanwhile or has an unknown version, or the target holds something else already.
 *
 * <p>An import wrote nothing. An export may have written a target that does not hold the same entries; the message then
 * says so, and names what to delete. A single file or row that cannot be used does not cause this exception:
 * {@link TransferReport#items} names it.
 */
public final class ForeignStoreException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    ForeignStoreException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
