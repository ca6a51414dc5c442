package dev.keystore.spring;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.KeyStoreListener;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the entries that were found unreadable since the start, for the health of the database. It is a customizer, so
 * that it knows whether it listens: a database that the application opens itself is not customized.
 */
final class UnreadableEntries implements KeystoreCustomizer {

    private final AtomicLong found = new AtomicLong();
    private volatile boolean registered;

    @Override
    public void customize(SignalKeyDatabase.Builder builder) {
        builder.listener(new KeyStoreListener() {
            @Override
            public void onUnreadable(int entries) {
                found.addAndGet(entries);
            }
        });
        registered = true;
    }

    boolean isRegistered() {
        return registered;
    }

    long found() {
        return found.get();
    }
}
