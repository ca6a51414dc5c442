package dev.keystore.interop;

import dev.keystore.KeyStoreException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when an import was written to the target, but the target does not return what was written, or could not be
 * read (R91). What was written is still there.
 */
public final class ImportNotVerifiedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    ImportNotVerifiedException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
