package dev.keystore.sample;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.math.BigInteger;
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
            BigInteger last =
                    tx.find(KeyTypes.SESSION, peer).map(BigInteger::new).orElse(BigInteger.ZERO);
            BigInteger number = last.add(BigInteger.ONE);
            tx.put(KeyTypes.SESSION, peer, number.toByteArray());
            return "%d: %s".formatted(number, message);
        });
    }
}
