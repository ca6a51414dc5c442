package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextAwareBackend;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Contexts are separate. */
abstract class ContextContract extends WritingContract {

    private static final List<String> SEPARATORS = List.of("", ".", "-", "_", "/", ":", "|", "\u0000", " ", "%");

    ContextContract(BackendFixture fixture, Way way) {
        super(fixture, way);
    }

    @BeforeEach
    final void skipWithoutContexts() {
        backend().require(ContextAwareBackend.class);
    }

    @Test
    @DisplayName("R50 the same type and id in two contexts are two entries")
    void entries_ofTwoContexts_areTwo() {
        save("alice", TYPE, "id", bytes("of alice"));
        assertAbsent("bob", TYPE, "id");
        save("bob", TYPE, "id", bytes("of bob"));

        assertHolds("alice", TYPE, "id", bytes("of alice"));
        assertHolds("bob", TYPE, "id", bytes("of bob"));
    }

    @Test
    @DisplayName("R50 a delete leaves other contexts unchanged")
    void delete_inOneContext_leavesTheOther() {
        save("alice", TYPE, "id", bytes("of alice"));
        save("bob", TYPE, "id", bytes("of bob"));
        remove("alice", TYPE, "id");

        assertAbsent("alice", TYPE, "id");
        assertHolds("bob", TYPE, "id", bytes("of bob"));
    }

    @Test
    @DisplayName("R50 a listing contains only entries of its context")
    void list_oneContext_showsNoOther() {
        save("alice", TYPE, "1", bytes("of alice"));
        save("bob", TYPE, "1", bytes("of bob"));
        save("bob", TYPE, "2", bytes("of bob"));

        assertLists("alice", new EntryId(TYPE, "1"));
        assertLists("bob", new EntryId(TYPE, "1"), new EntryId(TYPE, "2"));
        assertLists("carol");
    }

    @Test
    @DisplayName("R50 context names are compared exactly: characters, case, normalization, spaces and prefixes")
    void contexts_ofAnyName_staySeparate() {
        List<String> contexts = UnusualNames.ofContexts();
        for (String context : contexts) {
            save(context, TYPE, "id", bytes("of " + context));
        }
        for (String context : contexts) {
            assertHolds(context, TYPE, "id", bytes("of " + context));
            assertLists(context, new EntryId(TYPE, "id"));
        }
    }

    @Test
    @DisplayName("R50 entries stay distinct when context, type and id are equal only after concatenation")
    void contextTypeAndId_concatenated_stayDistinct() {
        for (String separator : SEPARATORS) {
            List<List<String>> alike = new ArrayList<>();
            alike.add(List.of("a" + separator + "b", "c", "d"));
            alike.add(List.of("a", "b", "c" + separator + "d"));
            if (List.of("", ".", "-", "_").contains(separator)) {
                alike.add(List.of("a", "b" + separator + "c", "d"));
            }
            for (List<String> name : alike) {
                save(name.get(0), name.get(1), name.get(2), bytes(name.toString()));
            }
            for (List<String> name : alike) {
                assertHolds(name.get(0), name.get(1), name.get(2), bytes(name.toString()));
            }
        }
    }
}
