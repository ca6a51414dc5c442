package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation.Put;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A batch of one context is visible as a whole or not at all, to concurrent readers and after an interrupt. */
abstract class AtomicityContract extends Contract {

    private static final int ENTRIES = 200;

    AtomicityContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(AtomicCommit.class);
    }

    @Test
    @DisplayName("R12 a reader that has seen one entry of a batch sees its other entries")
    void load_duringCommits_seesBatchesAsAWhole() throws Exception {
        backend().commit(CONTEXT, put("first", "0"), put("last", "0"));
        Together.Turn writer = turn -> {
            String number = Integer.toString(turn);
            backend().commit(CONTEXT, put("first", number), put("between", "value"), put("last", number));
        };
        Together.race(200, writer, () -> assertNotOlder("first", "last"), () -> assertNotOlder("last", "first"));
    }

    @Test
    @DisplayName("R12 interrupting the committing thread leaves the batch fully written or not written")
    void commit_interrupted_isWrittenOrNot() throws Exception {
        String before = "before";
        backend().commit(CONTEXT, puts(before));
        for (int round = 0; round < 20; round++) {
            String value = "round " + round;
            boolean interruptedBefore = round % 2 == 0;
            AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();
            Batch batch = backend().batch(CONTEXT, puts(value));
            Thread committing = new Thread(() -> {
                if (interruptedBefore) {
                    Thread.currentThread().interrupt();
                }
                try {
                    backend().require(AtomicCommit.class).commit(batch);
                } catch (RuntimeException e) {
                    failure.set(e);
                }
            });
            committing.start();
            committing.interrupt();
            committing.join(TimeUnit.SECONDS.toMillis(30));

            assertThat(committing.isAlive())
                    .as("the committing thread is alive")
                    .isFalse();
            List<String> found = IntStream.range(0, ENTRIES)
                    .mapToObj(i -> loaded("id " + i))
                    .distinct()
                    .toList();
            assertThat(found).as("distinct values of one batch").hasSize(1);
            assertThat(found.get(0)).isIn(possible(failure.get(), before, value));
            before = found.get(0);
        }
        backend().commit(CONTEXT, puts("after"));
        assertHolds("id 0", "after");
    }

    private static List<String> possible(@Nullable RuntimeException failure, String before, String value) {
        if (failure == null) {
            return List.of(value);
        }
        boolean unknown = failure instanceof BackendException e && e.kind() == BackendException.Kind.OUTCOME_UNKNOWN;
        return unknown ? List.of(before, value) : List.of(before);
    }

    private static Put[] puts(String value) {
        return IntStream.range(0, ENTRIES).mapToObj(i -> put("id " + i, value)).toArray(Put[]::new);
    }

    private void assertNotOlder(String first, String second) {
        int seen = Integer.parseInt(loaded(first));
        assertThat(Integer.parseInt(loaded(second)))
                .as("number in \"%s\" after %s was seen in \"%s\"", second, seen, first)
                .isGreaterThanOrEqualTo(seen);
    }

    private String loaded(String id) {
        return new String(entries().load(CONTEXT, TYPE, id).orElseThrow(), StandardCharsets.UTF_8);
    }
}
