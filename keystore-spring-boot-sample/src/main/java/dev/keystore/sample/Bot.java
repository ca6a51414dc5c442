package dev.keystore.sample;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import org.springframework.stereotype.Component;

/** Numbers the messages of each peer. The number stands for a session, which each message changes. */
@Component
class Bot {

    private final SignalKeyStore store;

    Bot(SignalKeyDatabase database) {
        store = database.forContext("bot");
    }

    String answer(String peer, String message) {
        return store.transaction("session:" + peer, tx -> {
            int number = tx.find(KeyTypes.SESSION, peer)
                    .map(session -> session[0] + 1)
                    .orElse(1);
            tx.put(KeyTypes.SESSION, peer, new byte[] {(byte) number});
            return "%d: %s".formatted(number, message);
        });
    }
}
