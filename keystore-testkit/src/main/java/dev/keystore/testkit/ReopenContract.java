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

/** Acknowledged writes survive closing and reopening. */
abstract class ReopenContract extends WritingContract {

    ReopenContract(BackendFixture fixture, Way way) {
        super(fixture, way);
    }

    @BeforeEach
    final void skipWithoutPersistence() {
        skipUnlessPersistent();
    }

    @Test
    @DisplayName("R61 saved entries survive reopening, and deleted entries stay deleted")
    void reopen_afterSavesAndDeletes_keepsTheResult() throws Exception {
        byte[] large = new byte[1 << 20];
        new Random(61).nextBytes(large);
        save(CONTEXT, TYPE, "empty", new byte[0]);
        save(CONTEXT, TYPE, "large", large.clone());
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
    @DisplayName("R61 ids with any characters survive reopening unchanged")
    void reopen_specialIds_keepsThem() throws Exception {
        for (String id : UnusualNames.SPECIAL) {
            save(id, "value of " + id);
        }
        reopen();

        for (String id : UnusualNames.SPECIAL) {
            assertHolds(id, "value of " + id);
        }
        assertLists(
                CONTEXT,
                UnusualNames.SPECIAL.stream().map(id -> new EntryId(TYPE, id)).toArray(EntryId[]::new));
    }

    @Test
    @DisplayName("R61 a backend that is reopened several times keeps all entries")
    void reopen_severalTimes_keepsAll() throws Exception {
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
    @DisplayName("R61 contexts stay separate after reopening")
    void reopen_severalContexts_keepsThemSeparate() throws Exception {
        backend().require(ContextAwareBackend.class);
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
    @DisplayName("R61 cleared entries stay cleared after reopening, and kept entries survive")
    void reopen_afterClear_staysCleared() throws Exception {
        backend().require(AtomicCommit.class);
        save("cleared", "value");
        save(CONTEXT, "credentials", "kept", bytes("value"));
        backend().commit(CONTEXT, new Clear(Set.of("credentials")));
        save("later", "value");
        reopen();

        assertLists(CONTEXT, new EntryId("credentials", "kept"), new EntryId(TYPE, "later"));
    }
}
