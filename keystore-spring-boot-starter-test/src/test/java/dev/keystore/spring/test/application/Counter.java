package dev.keystore.spring.test.application;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import org.springframework.stereotype.Component;

/** A component to test: keeps a store from its start on. */
@Component
class Counter {

    private final SignalKeyStore store;

    Counter(SignalKeyDatabase database) {
        store = database.forContext("alice");
    }

    int next() {
        return store.transaction("counter", tx -> {
            int next = tx.find(KeyTypes.SESSION, "counter")
                    .map(value -> Byte.toUnsignedInt(value[0]) + 1)
                    .orElse(1);
            tx.put(KeyTypes.SESSION, "counter", new byte[] {(byte) next});
            tx.saveCredentials(new byte[] {1});
            return next;
        });
    }
}
