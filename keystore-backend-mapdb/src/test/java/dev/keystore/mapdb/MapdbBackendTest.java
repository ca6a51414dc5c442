package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MapdbBackendTest {

    private static final int MANY = 1_300;

    @TempDir
    Path folder;

    private MapdbBackend backend;

    @BeforeEach
    void open() {
        backend = Mapdb.open(folder.resolve("store"));
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    @DisplayName("R8 bytes are kept exactly: empty, all 256 values, 1 MiB")
    void values() {
        byte[] all = new byte[256];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        byte[] large = new byte[1 << 20];
        large[large.length - 1] = 7;

        backend.save("alice", "session", "empty", new byte[0]);
        backend.save("alice", "session", "all", all);
        backend.save("alice", "session", "large", large);

        assertThat(backend.load("alice", "session", "empty")).contains(new byte[0]);
        assertThat(backend.load("alice", "session", "all")).contains(all);
        assertThat(backend.load("alice", "session", "large")).contains(large);
        assertThat(backend.load("alice", "session", "absent")).isEmpty();
        assertThat(backend.loadAll("alice", "session", List.of("large", "absent", "empty")))
                .containsOnlyKeys("large", "empty")
                .containsEntry("large", large)
                .containsEntry("empty", new byte[0]);
    }

    @Test
    @DisplayName("R8 ids hold any Unicode, U+0000 included, and two different ids never meet")
    void ids() {
        List<String> ids = List.of(
                "a",
                "A",
                "a\0",
                "a\0b",
                "a\0c",
                "\0",
                " a",
                "a ",
                "a/b",
                "a:b",
                "a%",
                "a_",
                "a.",
                "a\\",
                "a'",
                "a\"",
                "?",
                ":id",
                "<id>",
                "\u00e9",
                "e\u0301",
                "\ud7ff",
                "\ue000",
                "\ufeff",
                "\uffff",
                "\ud83d\ude00",
                "\udbff\udfff",
                "\udbff\udfff".repeat(1024),
                "x".repeat(1024),
                "1",
                "01",
                "1.0",
                "0x1");

        for (int i = 0; i < ids.size(); i++) {
            backend.save("alice", "session", ids.get(i), new byte[] {(byte) i});
        }

        for (int i = 0; i < ids.size(); i++) {
            assertThat(backend.load("alice", "session", ids.get(i)))
                    .as(ids.get(i))
                    .contains(new byte[] {(byte) i});
        }
        assertThat(backend.list("alice").map(EntryId::id)).containsExactlyInAnyOrderElementsOf(ids);
        assertThat(backend.loadAll("alice", "session", ids)).containsOnlyKeys(ids);
        for (String prefix : ids) {
            assertThat(backend.scan("alice", "session", prefix))
                    .as(prefix)
                    .containsExactlyInAnyOrderElementsOf(
                            ids.stream().filter(id -> id.startsWith(prefix)).toList());
        }
        assertThat(backend.scan("alice", "session", "")).containsExactlyInAnyOrderElementsOf(ids);
    }

    @Test
    @DisplayName("R50 contexts are apart, whatever they are called")
    void contexts() {
        List<String> contexts = List.of("alice", "Alice", "alice\0", "alice\0b", "ali", "%", "\ud83d\ude00");
        for (int i = 0; i < contexts.size(); i++) {
            backend.save(contexts.get(i), "session", "bob", new byte[] {(byte) i});
        }

        backend.commit(new Batch("ali", 0, 1, List.of(new Clear(Set.of()))));

        assertThat(backend.load("ali", "session", "bob")).isEmpty();
        for (int i = 0; i < contexts.size(); i++) {
            if (!contexts.get(i).equals("ali")) {
                assertThat(backend.load(contexts.get(i), "session", "bob")).contains(new byte[] {(byte) i});
                assertThat(backend.list(contexts.get(i))).containsExactly(new EntryId("session", "bob"));
            }
        }
    }

    @Test
    @DisplayName("R10 R12 a group is written in its order: of several mutations of one id the last counts")
    void order() {
        backend.save("alice", "session", "gone", new byte[] {1});
        backend.save("alice", "session", "cleared", new byte[] {1});
        backend.save("alice", "credentials", "credentials", new byte[] {1});

        backend.commit(List.of(
                new Batch(
                        "alice",
                        0,
                        1,
                        List.of(
                                new Put("session", "twice", new byte[] {1}),
                                new Delete("session", "gone"),
                                new Put("session", "dropped", new byte[] {1}),
                                new Put("session", "twice", new byte[] {2}))),
                new Batch("bob", 0, 1, List.of(new Put("session", "twice", new byte[] {3}))),
                new Batch(
                        "alice",
                        0,
                        2,
                        List.of(
                                new Delete("session", "dropped"),
                                new Delete("session", "back"),
                                new Put("session", "back", new byte[] {4})))));

        assertThat(ids("alice")).containsExactlyInAnyOrder("twice", "back", "cleared", "credentials");
        assertThat(backend.load("alice", "session", "twice")).contains(new byte[] {2});
        assertThat(backend.load("bob", "session", "twice")).contains(new byte[] {3});

        backend.commit(new Batch(
                "alice",
                0,
                3,
                List.of(
                        new Put("session", "before", new byte[] {5}),
                        new Clear(Set.of("credentials", "identity-key")),
                        new Put("session", "after", new byte[] {6}))));

        assertThat(ids("alice")).containsExactlyInAnyOrder("after", "credentials");
        assertThat(ids("bob")).containsExactly("twice");

        backend.commit(List.of(
                new Batch("bob", 0, 2, List.of(new Clear(Set.of("identity-key", "credentials")))),
                new Batch("alice", 0, 4, List.of(new Clear(Set.of("credentials"))))));

        assertThat(ids("alice")).containsExactly("credentials");
        assertThat(ids("bob")).isEmpty();

        backend.commit(new Batch("alice", 0, 5, List.of(new Clear(Set.of()))));

        assertThat(ids("alice")).isEmpty();
    }

    @Test
    @DisplayName("R60 lists and scans give each entry once, over many pages, while others write and load")
    void pages() {
        commit(
                "alice",
                "session",
                IntStream.range(0, MANY).mapToObj(i -> "bob." + i).toList());
        commit(
                "alice",
                "pre-key",
                IntStream.range(0, 600).mapToObj(i -> "bob." + i).toList());
        commit("alicf", "session", List.of("bob.0"));

        List<EntryId> listed = new ArrayList<>();
        try (Stream<EntryId> stream = backend.list("alice")) {
            stream.forEach(entry -> {
                listed.add(entry);
                backend.delete("alice", entry.type(), entry.id());
                assertThat(backend.load("alice", entry.type(), entry.id())).isEmpty();
            });
        }

        assertThat(listed).hasSize(MANY + 600).doesNotHaveDuplicates();
        assertThat(backend.list("alice")).isEmpty();
        assertThat(backend.list("alicf")).hasSize(1);
    }

    @Test
    @DisplayName("R60 a scan by prefix takes the prefix literally and finds nothing beside it")
    void scan() {
        commit("alice", "session", List.of("bob", "bob.1", "bob.2", "bob/1", "boc", "bo", "b%b", "b_b", "Bob.1"));
        commit("alice", "sessions", List.of("bob.3"));
        commit("alicf", "session", List.of("bob.4"));
        commit(
                "alice",
                "pre-key",
                IntStream.range(0, MANY).mapToObj(i -> "x" + i).toList());
        commit("alice", "pre-key", List.of("w", "y"));

        assertThat(backend.scan("alice", "session", "bob.")).containsExactlyInAnyOrder("bob.1", "bob.2");
        assertThat(backend.scan("alice", "session", "b%")).containsExactly("b%b");
        assertThat(backend.scan("alice", "session", "b_")).containsExactly("b_b");
        assertThat(backend.scan("alice", "session", "c")).isEmpty();
        assertThat(backend.scan("alice", "pre-key", "x")).hasSize(MANY).doesNotHaveDuplicates();
        assertThat(backend.scan("alice", "pre-key", "")).hasSize(MANY + 2).doesNotHaveDuplicates();
    }

    @Test
    @DisplayName("R60 streams that are left unread and unclosed keep nobody from reading")
    void unclosedStreams() {
        commit(
                "alice",
                "session",
                IntStream.range(0, MANY).mapToObj(i -> "bob." + i).toList());
        List<Iterator<EntryId>> begun = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            Iterator<EntryId> iterator = backend.list("alice").iterator();
            assertThat(iterator.next().type()).isEqualTo("session");
            begun.add(iterator);
        }

        assertThat(backend.load("alice", "session", "bob.7")).isPresent();
        begun.forEach(iterator -> assertThat(iterator.hasNext()).isTrue());
    }

    @Test
    @DisplayName("R1 many ids are loaded at once, those that exist")
    void loadAll() {
        List<String> ids = IntStream.range(0, MANY).mapToObj(i -> "bob." + i).toList();
        commit("alice", "session", ids.subList(0, MANY - 10));

        assertThat(backend.loadAll("alice", "session", ids)).containsOnlyKeys(ids.subList(0, MANY - 10));
        assertThat(backend.loadAll("bob", "session", ids)).isEmpty();
    }

    @Test
    @DisplayName("R28 R61 what was acknowledged is there after close and open; a closed backend refuses")
    void reopen() {
        backend.save("alice", "session", "bob", new byte[] {1});
        Iterator<EntryId> begun = backend.list("alice").iterator();
        backend.close();
        assertThatCode(backend::close).doesNotThrowAnyException();

        assertThatIllegalStateException().isThrownBy(() -> backend.load("alice", "session", "bob"));
        assertThatIllegalStateException().isThrownBy(() -> backend.loadAll("alice", "session", List.of("bob")));
        assertThatIllegalStateException().isThrownBy(() -> backend.save("alice", "session", "bob", new byte[1]));
        assertThatIllegalStateException().isThrownBy(() -> backend.delete("alice", "session", "bob"));
        assertThatIllegalStateException().isThrownBy(() -> backend.list("alice"));
        assertThatIllegalStateException().isThrownBy(() -> backend.scan("alice", "session", ""));
        assertThat(begun).isNotNull();

        backend = Mapdb.open(folder.resolve("store"));
        assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {1});
    }

    private void commit(String context, String type, List<String> ids) {
        backend.commit(
                new Batch(context, 0, 1, ids.stream().map(id -> put(type, id)).toList()));
    }

    private static Mutation put(String type, String id) {
        return new Put(type, id, new byte[] {1});
    }

    private List<String> ids(String context) {
        return backend.list(context).map(EntryId::id).toList();
    }
}
