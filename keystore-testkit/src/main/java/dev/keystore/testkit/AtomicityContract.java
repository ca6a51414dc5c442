package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation.Put;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A batch of one context is there, or it is not, for whoever looks and whatever happens. */
abstract class AtomicityContract extends Contract {

    private static final int ENTRIES = 200;

    AtomicityContract(BackendContractTest test) {
        super(test);
    }

    @BeforeEach
    final void skipWhatIsNotClaimed() {
        backend().claimed(AtomicCommit.class);
    }

    @Test
    @DisplayName("R12 loads see a batch whole: who has seen one entry of it sees the others")
    void load_besideCommits_seesBatchesWhole() throws Exception {
        AtomicInteger looks = new AtomicInteger();
        AtomicBoolean done = new AtomicBoolean();
        backend().commit(CONTEXT, put("first", "0"), put("last", "0"));
        Together.Task writer = () -> {
            try {
                for (int i = 1; i <= 200 || (looks.get() < 500 && i < 100_000); i++) {
                    String number = Integer.toString(i);
                    backend().commit(CONTEXT, put("first", number), put("between", "value"), put("last", number));
                }
            } finally {
                done.set(true);
            }
        };
        Together.Task forward = () -> {
            while (!done.get()) {
                assertNotOlder("first", "last");
                looks.incrementAndGet();
            }
        };
        Together.Task backward = () -> {
            while (!done.get()) {
                assertNotOlder("last", "first");
                looks.incrementAndGet();
            }
        };
        Together.run(List.of(writer, forward, backward));
    }

    @Test
    @DisplayName("R12 an interrupt of the committing thread leaves the batch whole or unwritten, and the backend in order")
    void commit_interrupted_isWholeOrUnwritten() throws Exception {
        String before = "before";
        backend().commit(CONTEXT, puts(before));
        for (int round = 0; round < 20; round++) {
            String value = "round " + round;
            boolean interruptedAtOnce = round % 2 == 0;
            AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();
            Batch batch = backend().batch(CONTEXT, puts(value));
            Thread committing = new Thread(() -> {
                if (interruptedAtOnce) {
                    Thread.currentThread().interrupt();
                }
                try {
                    backend().claimed(AtomicCommit.class).commit(batch);
                } catch (RuntimeException e) {
                    failure.set(e);
                }
            });
            committing.start();
            committing.interrupt();
            committing.join(TimeUnit.SECONDS.toMillis(30));

            assertThat(committing.isAlive()).as("still committing").isFalse();
            List<String> found = IntStream.range(0, ENTRIES)
                    .mapToObj(i -> loaded("id " + i))
                    .distinct()
                    .toList();
            assertThat(found).as("values of one batch").hasSize(1);
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

    private void assertNotOlder(String sooner, String later) {
        int seen = Integer.parseInt(loaded(sooner));
        assertThat(Integer.parseInt(loaded(later)))
                .as("number in \"%s\" after %s was seen in \"%s\"", later, seen, sooner)
                .isGreaterThanOrEqualTo(seen);
    }

    private String loaded(String id) {
        return new String(entries().load(CONTEXT, TYPE, id).orElseThrow(), StandardCharsets.UTF_8);
    }
}
