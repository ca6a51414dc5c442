package dev.keystore.jdbc;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.SignalKeyDatabase;

/**
 * A process that counts in a context, takes it over again whenever it is lost, and prints each acknowledged number with
 * the note that it recorded.
 */
final class Contender {

    private Contender() {}

    /** The arguments are a URL and the first note. */
    public static void main(String[] arguments) {
        int note = Integer.parseInt(arguments[1]);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(arguments[0])) {
            while (true) {
                try {
                    SignalKeyStore store = database.takeOver(Counting.CONTEXT);
                    while (true) {
                        int number = Counting.count(store, ++note);
                        System.out.println(number + " " + note);
                    }
                } catch (OwnershipLostException e) {
                    System.out.println("lost");
                } catch (CommitOutcomeUnknownException e) {
                    System.out.println("unknown");
                } catch (TransactionConflictException
                        | CommitFailedException
                        | LoadFailedException
                        | StoreOpenException e) {
                    System.out.println(e.getClass().getSimpleName());
                }
            }
        }
    }
}
