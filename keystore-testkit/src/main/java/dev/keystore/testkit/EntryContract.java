package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Single entries are saved, loaded and deleted. */
abstract class EntryContract extends WritingContract {

    EntryContract(BackendFixture fixture, Way way) {
        super(fixture, way);
    }

    @Test
    @DisplayName("R8 a value is stored byte for byte: an empty one, all 256 byte values, 1 MiB")
    void bytes_anyValue_areKept() {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        byte[] large = new byte[1 << 20];
        new Random(8).nextBytes(large);
        save(CONTEXT, TYPE, "empty", new byte[0]);
        save(CONTEXT, TYPE, "all", all.clone());
        save(CONTEXT, TYPE, "large", large.clone());
        save(CONTEXT, TYPE, "zeros", new byte[3]);

        assertHolds(CONTEXT, TYPE, "empty", new byte[0]);
        assertHolds(CONTEXT, TYPE, "all", all);
        assertHolds(CONTEXT, TYPE, "large", large);
        assertHolds(CONTEXT, TYPE, "zeros", new byte[3]);
    }

    @Test
    @DisplayName("R8 saving an entry again replaces its whole value, whether the new one is shorter or longer")
    void save_existing_replaces() {
        for (String value : List.of("middle", "", "much longer than before", "s")) {
            save("id", value);
            assertHolds("id", value);
        }
        assertLists(CONTEXT, new EntryId(TYPE, "id"));
    }

    @Test
    @DisplayName("R8 an entry that was never saved is absent")
    void load_neverSaved_isAbsent() {
        assertAbsent("id");
        save("id", "value");
        assertAbsent("other");
        assertAbsent(CONTEXT, "other", "id");
    }

    @Test
    @DisplayName("R8 a delete removes only its own entry, which can then be saved again")
    void delete_existing_removesItAlone() {
        save("a", "1");
        save("b", "2");
        save(CONTEXT, "other", "a", bytes("3"));
        remove("a");

        assertAbsent("a");
        assertHolds("b", "2");
        assertHolds(CONTEXT, "other", "a", bytes("3"));
        assertLists(CONTEXT, new EntryId(TYPE, "b"), new EntryId("other", "a"));
        save("a", "4");
        assertHolds("a", "4");
    }

    @Test
    @DisplayName("R8 one delete removes an entry that was saved several times")
    void delete_savedSeveralTimes_removesAllOfIt() {
        save("id", "1");
        save("id", "2");
        save("id", "2");
        remove("id");

        assertAbsent("id");
        assertLists(CONTEXT);
    }

    @Test
    @DisplayName("R14 deleting an absent entry succeeds and changes nothing")
    void delete_absent_isNoError() {
        remove("never");
        save("id", "value");
        remove("never");
        remove(CONTEXT, "other", "id");
        remove("id");
        remove("id");

        assertAbsent("id");
        assertLists(CONTEXT);
    }

    @Test
    @DisplayName("R8 entries stay distinct when type and id are equal only after concatenation")
    void typeAndId_concatenated_stayDistinct() {
        List<EntryId> alike = List.of(
                new EntryId("a", "b.c"),
                new EntryId("a.b", "c"),
                new EntryId("a", "b-c"),
                new EntryId("a-b", "c"),
                new EntryId("a", "b_c"),
                new EntryId("a_b", "c"),
                new EntryId("a", "bc"),
                new EntryId("ab", "c"),
                new EntryId("a", "a"),
                new EntryId("aa", "a"),
                new EntryId("a.b", "a.b"),
                new EntryId("a-b", "a.b"),
                new EntryId("x".repeat(64), "1"),
                new EntryId("x".repeat(63) + "y", "1"),
                new EntryId("0", "1"));
        for (EntryId entry : alike) {
            save(CONTEXT, entry.type(), entry.id(), bytes(entry.toString()));
        }
        for (EntryId entry : alike) {
            assertHolds(CONTEXT, entry.type(), entry.id(), bytes(entry.toString()));
        }
        assertLists(CONTEXT, alike.toArray(EntryId[]::new));
    }

    @Test
    @DisplayName("R5 changing an array after saving it does not change the stored value")
    void save_arrayChangedLater_changesNothing() {
        byte[] value = bytes("value");
        save(CONTEXT, TYPE, "id", value);
        Arrays.fill(value, (byte) 0);

        assertHolds("id", "value");
    }

    @Test
    @DisplayName("R5 a save does not modify the array that it is given")
    void save_array_isNotModified() {
        byte[] value = bytes("value");
        save(CONTEXT, TYPE, "id", value);

        assertThat(value).isEqualTo(bytes("value"));
    }

    @Test
    @DisplayName("R5 changing a loaded array does not change the stored value")
    void load_arrayChangedLater_changesNothing() {
        save("id", "value");
        byte[] loaded = entries().load(CONTEXT, TYPE, "id").orElseThrow();
        Arrays.fill(loaded, (byte) 0);

        assertHolds("id", "value");
    }
}
