package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.ContextOwnedException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.ContextOwnership;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** An exclusive takeover succeeds only if the context has no other owner that is alive. */
abstract class ExclusiveTakeoverContract extends OwnershipContract {

    ExclusiveTakeoverContract(BackendFixture fixture) {
        super(fixture);
    }

    @Test
    @DisplayName("R53 takeOverUnlessOwned refuses a context whose owner is alive, and names that owner")
    void takeOverUnlessOwned_ownerIsAlive_isRefused() throws Exception {
        ContextOwnership other = anotherOwner();
        long epoch = takeOver();

        assertThatExceptionOfType(ContextOwnedException.class)
                .isThrownBy(() -> other.takeOverUnlessOwned(CONTEXT))
                .satisfies(refusal -> {
                    assertThat(refusal.context()).isEqualTo(CONTEXT);
                    assertThat(refusal.host()).isNotBlank();
                    assertThat(refusal.process())
                            .isEqualTo(Long.toString(ProcessHandle.current().pid()));
                    assertThat(refusal.since()).isBeforeOrEqualTo(Instant.now());
                });
        commit(epoch, put("1", "still the owner"));
        assertThat(owned().takeOverUnlessOwned(CONTEXT))
                .as("epoch after a takeover by the owner itself")
                .isGreaterThan(epoch);
    }

    @Test
    @DisplayName("R53 takeOverUnlessOwned takes over a context that has no owner or whose owner is closed")
    void takeOverUnlessOwned_noOwner_takesOver() throws Exception {
        ContextOwnership other = anotherOwner();
        long first = owned().takeOverUnlessOwned(CONTEXT);
        assertThat(first).isPositive();
        reopen();

        long second = other.takeOverUnlessOwned(CONTEXT);

        assertThat(second).isGreaterThan(first);
        assertRefused(first, put("1", "late"));
        other.commit(new Batch(CONTEXT, second, 1, List.of(put("1", "new owner"))));
        assertHolds("1", "new owner");
    }

    @Test
    @DisplayName("R53 of several concurrent takeOverUnlessOwned calls for a free context, exactly one succeeds")
    void takeOverUnlessOwned_concurrently_oneSucceeds() throws Exception {
        List<ContextOwnership> openers = List.of(owned(), anotherOwner(), anotherOwner(), anotherOwner());
        AtomicInteger owners = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        Together.run(openers.stream()
                .<Together.Task>map(opener -> () -> {
                    try {
                        opener.takeOverUnlessOwned(CONTEXT);
                        owners.incrementAndGet();
                    } catch (ContextOwnedException e) {
                        refused.incrementAndGet();
                    }
                })
                .toList());

        assertThat(owners).hasValue(1);
        assertThat(refused).hasValue(3);
    }

    @Test
    @DisplayName(
            "R74 takeOverAllUnlessOwned is refused while another owner is alive, even if its contexts hold nothing")
    void takeOverAllUnlessOwned_ownerIsAlive_isRefused() throws Exception {
        ContextOwnership other = anotherOwner();
        long epoch = takeOver();

        assertThatExceptionOfType(ContextOwnedException.class)
                .isThrownBy(other::takeOverAllUnlessOwned)
                .satisfies(refusal -> {
                    assertThat(refusal.context()).isEqualTo(CONTEXT);
                    assertThat(refusal.process())
                            .isEqualTo(Long.toString(ProcessHandle.current().pid()));
                });
        commit(epoch, put("1", "still the owner"));
        assertHolds("1", "still the owner");
        assertThatCode(owned()::takeOverAllUnlessOwned)
                .as("the only owner itself")
                .doesNotThrowAnyException();
        commit(epoch, put("1", "the same epoch"));
        assertHolds("1", "the same epoch");
    }

    @Test
    @DisplayName("R74 takeOverAllUnlessOwned fences owners that are closed, and changes no entry")
    void takeOverAllUnlessOwned_ownerIsClosed_isFenced() throws Exception {
        BackendUnderTest other = openedAnother();
        ContextOwnership owner = other.require(ContextOwnership.class);
        Assumptions.assumeTrue(!owner.equals(owned()), "opening the backend twice returned the same object");
        long former = owner.takeOver(CONTEXT);
        commit(former, put("1", "former"));
        other.close();

        owned().takeOverAllUnlessOwned();

        assertRefused(former, put("1", "late"));
        assertHolds("1", "former");
        long current = takeOver();
        assertThat(current).isGreaterThan(former);
        commit(current, put("1", "current"));
        assertHolds("1", "current");
    }

    @Test
    @DisplayName("R53 takeOverEach takes over each of several contexts, and is refused if the owner of one is alive")
    void takeOverEach_takesOverAll() throws Exception {
        ContextOwnership other = anotherOwner();
        Map<String, Long> former = other.takeOverEach(List.of("b", CONTEXT), false);
        assertThat(former).containsOnlyKeys("b", CONTEXT);

        Map<String, Long> epochs = owned().takeOverEach(List.of("c", CONTEXT, "b"), false);

        assertThat(epochs).containsOnlyKeys("b", "c", CONTEXT);
        for (String context : epochs.keySet()) {
            long epoch = former.getOrDefault(context, 0L);
            assertThat(epochs.getOrDefault(context, 0L)).isGreaterThan(epoch);
            assertRefused(context, epoch, put("1", "late"));
            commit(context, epochs.getOrDefault(context, 0L), put("1", "current"));
        }
        assertHolds("1", "current");
        assertThatExceptionOfType(ContextOwnedException.class)
                .isThrownBy(() -> other.takeOverEach(List.of("d", "b"), true))
                .satisfies(refusal -> assertThat(refusal.context()).isEqualTo("b"));
        commit("b", epochs.getOrDefault("b", 0L), put("1", "still the owner"));
        assertThat(owned().takeOverEach(List.of("b", CONTEXT), true))
                .as("epochs after a takeover by the owner itself")
                .allSatisfy((context, epoch) -> assertThat(epoch).isGreaterThan(epochs.getOrDefault(context, 0L)));
    }

    @Test
    @DisplayName("R53 the owner of a context can be looked up, and is alive until it is closed")
    void owner_isReportedWithoutTakingOver() throws Exception {
        ContextOwnership other = anotherOwner();
        assertThat(other.owner(CONTEXT)).isEmpty();
        long epoch = takeOver();
        owned().commit(new Batch(CONTEXT, epoch, 7, List.of(put("1", "a"))));

        ContextOwner owner = other.owner(CONTEXT).orElseThrow();
        assertThat(owner.alive()).isTrue();
        assertThat(owner.host()).isNotBlank();
        assertThat(owner.process())
                .isEqualTo(Long.toString(ProcessHandle.current().pid()));
        assertThat(owner.since()).isBeforeOrEqualTo(Instant.now());
        assertThat(owned().owner(CONTEXT)).contains(owner);
        owned().commit(new Batch(CONTEXT, epoch, 8, List.of(put("1", "still the owner"))));
        reopen();

        assertThat(other.owner(CONTEXT)).get().satisfies(closed -> {
            assertThat(closed.alive()).isFalse();
        });
        assertThat(owned().owner(CONTEXT)).contains(other.owner(CONTEXT).orElseThrow());
    }
}
