package dev.keystore.spring;

import dev.keystore.spi.KeyStoreListener;
import java.util.concurrent.atomic.AtomicLong;

/** Counts the entries that were found unreadable since the start, for the health of the database. */
final class UnreadableEntries implements KeyStoreListener {

    private final AtomicLong found = new AtomicLong();

    @Override
    public void onUnreadable(int entries) {
        found.addAndGet(entries);
    }

    long found() {
        return found.get();
    }
}
