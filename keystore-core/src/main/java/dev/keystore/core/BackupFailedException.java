package dev.keystore.core;

import dev.keystore.KeyStoreException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when a {@link StoreBackup} could not be written or verified. There is no backup under its name, or the former
 * one if it was to be replaced; unless the message says that it was written, and may lose its name with the power. The
 * source is unchanged.
 */
public final class BackupFailedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates an exception.
     *
     * @param message which backup failed, why, and what to do
     * @param cause the underlying failure, or {@code null}
     */
    public BackupFailedException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
