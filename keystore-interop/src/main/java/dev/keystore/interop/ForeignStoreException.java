package dev.keystore.interop;

import dev.keystore.KeyStoreException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown if an import or an export cannot be carried out as a whole: the foreign store cannot be read, was changed
 * meanwhile or is of a version that is not known, or the target holds something else already. Nothing was written.
 *
 * <p>A single file or row that cannot be used is no reason for this exception: {@link TransferReport#items} names it.
 */
public final class ForeignStoreException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    ForeignStoreException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
