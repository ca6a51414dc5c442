package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation.Clear;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What was acknowledged is there after close and open. */
abstract class ReopenContract extends WritingContract {

    ReopenContract(BackendContractTest test, Way way) {
        super(test, way);
    }

    @BeforeEach
    final void skipWithoutPersistence() {
        skipUnlessPersistent();
    }

    @Test
    @DisplayName("R61 after close and open, what was saved is there and what was deleted is not")
    void reopen_afterSavesAndDeletes_holdsTheOutcome() throws Exception {
        byte[] large = new byte[1 << 20];
        new Random(61).nextBytes(large);
        save(CONTEXT, TYPE, "empty", new byte[0]);
        save(CONTEXT, TYPE, "large", large);
        save("replaced", "old");
        save("replaced", "new");
        save("removed", "old");
        remove("removed");
        reopen();

        assertHolds(CONTEXT, TYPE, "empty", new byte[0]);
        assertHolds(CONTEXT, TYPE, "large", large);
        assertHolds("replaced", "new");
        assertAbsent("removed");
        assertLists(CONTEXT, new EntryId(TYPE, "empty"), new EntryId(TYPE, "large"), new EntryId(TYPE, "replaced"));
    }

    @Test
    @DisplayName("R61 after close and open, ids of any character are the same")
    void reopen_specialIds_holdsThem() throws Exception {
        for (String id : Names.SPECIAL) {
            save(id, "value of " + id);
        }
        reopen();

        for (String id : Names.SPECIAL) {
            assertHolds(id, "value of " + id);
        }
        assertLists(CONTEXT, Names.SPECIAL.stream().map(id -> new EntryId(TYPE, id)).toArray(EntryId[]::new));
    }

    @Test
    @DisplayName("R61 a backend that is opened again and again goes on where it was")
    void reopen_againAndAgain_goesOn() throws Exception {
        for (int i = 0; i < 5; i++) {
            save("id " + i, "value " + i);
            save("common", "value " + i);
            reopen();
            assertHolds("common", "value " + i);
        }
        reopen();
        for (int i = 0; i < 5; i++) {
            assertHolds("id " + i, "value " + i);
        }
    }

    @Test
    @DisplayName("R61 after close and open, each context has its own entries")
    void reopen_severalContexts_holdsThemApart() throws Exception {
        backend().claimed(ContextAwareBackend.class);
        save("alice", TYPE, "id", bytes("of alice"));
        save("bob", TYPE, "id", bytes("of bob"));
        save("carol", TYPE, "id", bytes("of carol"));
        remove("carol", TYPE, "id");
        reopen();

        assertHolds("alice", TYPE, "id", bytes("of alice"));
        assertHolds("bob", TYPE, "id", bytes("of bob"));
        assertLists("carol");
    }

    @Test
    @DisplayName("R61 after close and open, what was cleared stays cleared, and what was kept is there")
    void reopen_afterClear_staysCleared() throws Exception {
        backend().claimed(AtomicCommit.class);
        save("cleared", "value");
        save(CONTEXT, "credentials", "kept", bytes("value"));
        backend().commit(CONTEXT, new Clear(Set.of("credentials")), put("later", "value"));
        reopen();

        assertLists(CONTEXT, new EntryId("credentials", "kept"), new EntryId(TYPE, "later"));
    }
}
