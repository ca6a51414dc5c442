package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Opening and closing. */
abstract class OpeningContract extends Contract {

    OpeningContract(BackendContractTest test) {
        super(test);
    }

    @Test
    @DisplayName("R28 closing again does nothing")
    void close_again_doesNothing() {
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        entries().close();
        entries().close();
        entries().close();
    }

    @Test
    @DisplayName("R61 closing again loses nothing")
    void close_again_losesNothing() throws Exception {
        skipUnlessPersistent();
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        entries().close();
        entries().close();
        reopen();

        assertHolds("id", "value");
    }

    @Test
    @DisplayName("R3 a closed backend refuses, or answers right: it never says that what is there is absent")
    void load_closed_isNeverAbsent() {
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        entries().close();
        Optional<byte[]> loaded;
        try {
            loaded = entries().load(CONTEXT, TYPE, "id");
        } catch (RuntimeException refusal) {
            return;
        }
        assertThat(loaded).as("loaded from the closed backend").isPresent();
        assertThat(loaded.get()).isEqualTo(bytes("value"));
    }

    @Test
    @DisplayName("R3 a closed backend refuses, or answers right: it never lists nothing where something is")
    void list_closed_isNeverEmpty() {
        entries().save(CONTEXT, TYPE, "id", bytes("value"));
        entries().close();
        List<EntryId> listed;
        try (Stream<EntryId> stream = entries().list(CONTEXT)) {
            listed = stream.toList();
        } catch (RuntimeException refusal) {
            return;
        }
        assertThat(listed).as("listed by the closed backend").containsExactly(new EntryId(TYPE, "id"));
    }

    @Test
    @DisplayName("R53 a second opener is refused, or the two see each other's writes")
    void open_whileOpen_isRefusedOrShares() throws Exception {
        skipUnlessPersistent();
        assertSeen(backend(), backend(), "before");
        BackendUnderTest second;
        try {
            second = openBeside();
        } catch (Exception refusal) {
            assertSeen(backend(), backend(), "after the refusal");
            return;
        }
        try {
            for (int i = 0; i < 3; i++) {
                assertSeen(backend(), second, "from the first " + i);
                assertSeen(second, backend(), "from the second " + i);
            }
        } finally {
            second.close();
        }
        assertSeen(backend(), backend(), "after the second is closed");
    }

    private static void assertSeen(BackendUnderTest writer, BackendUnderTest reader, String value) {
        writer.entries().save(CONTEXT, TYPE, "id", bytes(value));
        assertThat(reader.entries().load(CONTEXT, TYPE, "id"))
                .as("loaded by the one after the other saved \"%s\"", value)
                .hasValueSatisfying(loaded -> assertThat(loaded).isEqualTo(bytes(value)));
    }
}
