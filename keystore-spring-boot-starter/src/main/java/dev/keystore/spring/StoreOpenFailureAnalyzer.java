package dev.keystore.spring;

import dev.keystore.ContextMovedException;
import dev.keystore.ContextNotFoundException;
import dev.keystore.ContextOwnedException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyUnavailableException;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/**
 * Says at the end of the log of a failed start why the store, or a context of it, could not be opened, and which
 * property to look at.
 */
final class StoreOpenFailureAnalyzer extends AbstractFailureAnalyzer<KeyStoreException> {

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, KeyStoreException cause) {
        String action = action(cause);
        return action == null ? null : new FailureAnalysis(String.valueOf(cause.getMessage()), action, cause);
    }

    /** Returns what to do, or null if it is not about opening, or the application asked for a context by name. */
    private static @Nullable String action(KeyStoreException failure) {
        if (failure instanceof KeyUnavailableException) {
            return "Check the root key: one of keystore.encryption.key-file, passphrase-env, passphrase-file and key,"
                    + " or a bean of the type KeyProvider. Nothing was created or changed.";
        }
        if (failure instanceof StoreNotFoundException) {
            return "Check keystore.url. To create a new store, unset keystore.must-exist.";
        }
        if (failure instanceof ContextOwnedException) {
            return "If this application was started twice, end one of the two. To take the context over from its owner"
                    + " instead, unset keystore.refuse-owned. Nothing was changed.";
        }
        if (failure instanceof StaleStoreException) {
            return "Check that keystore.url is the newest copy of the store, and keystore.freshness.anchor the anchor"
                    + " that belongs to it. Nothing was changed.";
        }
        boolean opening = failure instanceof StoreOpenException || failure instanceof ContextMovedException;
        return opening && !(failure instanceof ContextNotFoundException)
                ? "Correct what the description says, or check keystore.url. No entry was changed."
                : null;
    }
}
