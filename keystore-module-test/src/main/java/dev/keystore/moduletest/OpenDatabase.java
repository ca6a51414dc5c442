package dev.keystore.moduletest;

import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.PersistenceBackend;
import java.util.List;

/**
 * Opens the database of a URL twice: first it writes, then it reads the written entries. Its second argument, if there
 * is one, is the property that encrypts the database.
 */
final class OpenDatabase {

    private OpenDatabase() {}

    public static void main(String[] arguments) {
        try (SignalKeyDatabase database = open(arguments)) {
            SignalKeyStore store = database.forContext(PersistenceBackend.DEFAULT_CONTEXT);
            store.put(KeyTypes.PRE_KEY, "17", new KeyPair(new byte[33], new byte[32]));
            KeyPair taken = store.transaction("session:bob.1", tx -> {
                tx.put(KeyTypes.SESSION, "bob.1", new byte[] {1});
                return tx.take(KeyTypes.PRE_KEY, "17").orElseThrow();
            });
            System.out.println("took " + taken);
        }
        try (SignalKeyDatabase database = open(arguments)) {
            SignalKeyStore store = database.forContext(PersistenceBackend.DEFAULT_CONTEXT);
            List<String> sessions = List.copyOf(
                    store.get(KeyTypes.SESSION, List.of("bob.1", "bob.2")).keySet());
            System.out.println(
                    OpenDatabase.class.getModule() + " with " + SignalKeyDatabase.class.getModule() + " reads "
                            + sessions + ", pre-key left: "
                            + store.find(KeyTypes.PRE_KEY, "17").isPresent());
        }
    }

    private static SignalKeyDatabase open(String[] arguments) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(arguments[0]);
        return arguments.length == 1
                ? builder.open()
                : builder.property("encryption.key", arguments[1]).open();
    }
}
