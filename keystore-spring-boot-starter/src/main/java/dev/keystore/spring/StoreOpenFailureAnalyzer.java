package dev.keystore.spring;

import dev.keystore.ContextNotFoundException;
import dev.keystore.KeyUnavailableException;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says at the end of the log of a failed start why the store could not be opened, and which property to look at. */
final class StoreOpenFailureAnalyzer extends AbstractFailureAnalyzer<StoreOpenException> {

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, StoreOpenException cause) {
        if (cause instanceof ContextNotFoundException) {
            return null; // the application asked for a context
        }
        return new FailureAnalysis(String.valueOf(cause.getMessage()), action(cause), cause);
    }

    private static String action(StoreOpenException failure) {
        if (failure instanceof KeyUnavailableException) {
            return "Check the root key: one of keystore.encryption.key-file, passphrase-env, passphrase-file and key,"
                    + " or a bean of the type KeyProvider. Nothing was created or changed.";
        }
        if (failure instanceof StoreNotFoundException) {
            return "Check keystore.url. To create a new store, unset keystore.must-exist.";
        }
        return "Correct what the description says, or check keystore.url. No entry was changed.";
    }
}
