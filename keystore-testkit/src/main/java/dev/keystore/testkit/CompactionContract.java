package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Put;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A compaction leaves the current values, and no byte of a former one in any file. */
abstract class CompactionContract extends Contract {

    private static final String FORMER = "<a former value>";
    private static final String CURRENT = "<a current value>";
    private static final int ENTRIES = 120;
    private static final int COMPACTIONS = 4;

    private final Map<String, byte[]> expected = new HashMap<>();

    CompactionContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(Compaction.class);
    }

    private void compact() {
        backend().require(Compaction.class).compact();
    }

    @Test
    @DisplayName("R74 a compaction changes no entry, and entries that are deleted stay absent")
    void compact_keepsEntries() throws Exception {
        compact();
        replaceAndDelete();
        compact();
        assertExpected();
        compact();
        assertExpected();
        if (isPersistent()) {
            reopen();
            assertExpected();
        }
    }

    @Test
    @DisplayName("R74 after a compaction, no file holds a byte of a value that was replaced, deleted or cleared before")
    void compact_leavesNoFormerValue() throws Exception {
        replaceAndDelete();
        compact();
        requireSearchable();
        assertThat(filesWith(FORMER)).as("files with a former value").isEmpty();
        replaceAndDelete();
        save("another id", value(CURRENT, ENTRIES));
        compact();
        assertThat(filesWith(FORMER))
                .as("files with a former value, after the second compaction")
                .isEmpty();
        for (int i = 0; i < ENTRIES; i++) {
            save("later " + i, value(CURRENT, i));
        }
        assertThat(filesWith(FORMER))
                .as("files with a former value, after commits that followed the compaction")
                .isEmpty();
        assertExpected();
    }

    @Test
    @DisplayName("R74 commits and loads continue during compactions: none is lost, and no load is stale")
    void compact_duringCommits_losesNone() throws Exception {
        replaceAndDelete();
        AtomicBoolean over = new AtomicBoolean();
        List<Together.Task> tasks = new ArrayList<>();
        for (int thread = 0; thread < 2; thread++) {
            String id = "of thread " + thread;
            AtomicInteger acknowledged = new AtomicInteger();
            tasks.add(() -> {
                for (int number = 1; !over.get(); number++) {
                    byte[] value = bytes(number + " " + CURRENT.repeat(number % 200));
                    retried(() -> save(id, value));
                    acknowledged.set(number);
                }
            });
            tasks.add(() -> {
                while (!over.get()) {
                    assertNotStale(id, acknowledged.get());
                }
            });
        }
        tasks.add(() -> {
            try {
                for (int i = 0; i < COMPACTIONS; i++) {
                    compact();
                }
            } finally {
                over.set(true);
            }
        });
        Together.run(tasks);
        assertExpected();
        if (isPersistent()) {
            reopen();
            assertExpected();
        }
    }

    private void assertNotStale(String id, int acknowledged) {
        String value = entries()
                .load(CONTEXT, TYPE, id)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .orElse("0 ");
        assertThat(Integer.parseInt(value.substring(0, value.indexOf(' '))))
                .as("number in %s, loaded after %s was acknowledged", id, acknowledged)
                .isGreaterThanOrEqualTo(acknowledged);
    }

    /** Repeats a write that failed as transient, as the engine does. */
    private static void retried(Runnable write) {
        for (int attempt = 1; ; attempt++) {
            try {
                write.run();
                return;
            } catch (BackendException e) {
                if (e.kind() != Kind.TRANSIENT || attempt == 5) {
                    throw e;
                }
            }
        }
    }

    @Test
    @DisplayName(
            "R27 R74 an interrupt during a compaction changes no entry, keeps the flag, and leaves a usable backend")
    void compact_interrupted_changesNothing() {
        replaceAndDelete();
        Thread.currentThread().interrupt();
        try {
            compact();
        } catch (OperationInterruptedException | BackendException e) {
            assertThat(e).as("what the interrupted call threw").isInstanceOf(OperationInterruptedException.class);
        } finally {
            assertThat(Thread.interrupted()).as("interrupt flag").isTrue();
        }
        assertExpected();
        save("another id", value(CURRENT, 1));
        compact();
        assertExpected();
    }

    @Test
    @DisplayName("R28 a closed backend refuses to be compacted, or loses nothing by it")
    void compact_closed_losesNothing() throws Exception {
        Compaction compaction = backend().require(Compaction.class);
        replaceAndDelete();
        backend().close();
        try {
            compaction.compact();
        } catch (IllegalStateException refusal) {
            // As every method of a closed backend.
        }
        if (isPersistent()) {
            reopen();
            assertExpected();
        }
    }

    /** Saves entries of many sizes, replaces one third of them and deletes another one, and clears a context. */
    private void replaceAndDelete() {
        List<Put> puts = new ArrayList<>();
        for (int i = 0; i < ENTRIES; i++) {
            String id = "id " + i;
            byte[] value = value(i % 3 == 2 ? CURRENT : FORMER, i);
            puts.add(new Put(TYPE, id, value));
            expected.put(id, value);
        }
        backend().putAll(CONTEXT, puts);
        for (int i = 0; i < ENTRIES; i++) {
            if (i % 3 == 0) {
                save("id " + i, value(CURRENT, ENTRIES - i));
            } else if (i % 3 == 1) {
                entries().delete(CONTEXT, TYPE, "id " + i);
                expected.remove("id " + i);
            }
        }
        if (backend().supports(AtomicCommit.class) && backend().supports(ContextAwareBackend.class)) {
            backend().putAll("cleared", puts);
            backend().commit("cleared", new Clear(Set.of()));
        }
    }

    private void save(String id, byte[] value) {
        entries().save(CONTEXT, TYPE, id, value);
        synchronized (expected) {
            expected.put(id, value);
        }
    }

    /** Returns a text, repeated, so that each part of the value contains it. */
    private static byte[] value(String text, int number) {
        return bytes(text.repeat(1 + number * number / 10));
    }

    private void assertExpected() {
        expected.forEach((id, value) -> assertHolds(CONTEXT, TYPE, id, value));
        try (Stream<EntryId> listed = entries().list(CONTEXT)) {
            assertThat(listed.map(EntryId::id)).as("listed").containsExactlyInAnyOrderElementsOf(expected.keySet());
        }
    }

    /** Skips the test if the backend has files, and they do not contain values as they are. */
    private void requireSearchable() throws Exception {
        Assumptions.assumeTrue(
                files().isEmpty() || !filesWith(CURRENT).isEmpty(),
                "the files of the backend do not contain values as they are, so they cannot be searched");
    }

    private List<Path> filesWith(String text) throws Exception {
        List<Path> found = new ArrayList<>();
        for (Path file : files()) {
            if (contains(file, text)) {
                found.add(file);
            }
        }
        return found;
    }

    private static boolean contains(Path file, String text) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text);
    }
}
