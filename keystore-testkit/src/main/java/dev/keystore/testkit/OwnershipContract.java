package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.EntryId;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A new owner of a context fences the former ones. */
abstract class OwnershipContract extends Contract {

    private final AtomicLong sequence = new AtomicLong();

    OwnershipContract(BackendContractTest test) {
        super(test);
    }

    @BeforeEach
    final void skipWhatIsNotClaimed() {
        backend().claimed(ContextOwnership.class);
    }

    @Test
    @DisplayName("R53 each takeover raises the epoch of the context, from at least 1")
    void takeOver_again_raisesTheEpoch() {
        long first = takeOver();
        long second = takeOver();

        assertThat(first).isPositive();
        assertThat(second).isGreaterThan(first);
        assertThat(takeOver()).isGreaterThan(second);
    }

    @Test
    @DisplayName("R53 the commit of a former owner is refused, and nothing of it is written")
    void commit_ofFormerEpoch_isRefused() {
        long former = takeOver();
        commit(former, put("1", "former"));
        long current = takeOver();

        assertRefused(former, put("1", "late"), put("2", "late"), new Clear(Set.of()));
        assertHolds("1", "former");
        assertLists(CONTEXT, new EntryId(TYPE, "1"));
        commit(current, put("1", "current"));
        assertRefused(former, delete("1"));
        assertHolds("1", "current");
    }

    @Test
    @DisplayName("R53 a commit with an epoch that the context has not reached is refused")
    void commit_ofEpochToCome_isRefused() {
        long current = takeOver();

        assertRefused(current + 1, put("1", "early"));
        assertRefused(0, put("1", "no epoch"));
        assertAbsent("1");
        assertThat(takeOver()).isEqualTo(current + 1);
    }

    @Test
    @DisplayName("R53 a takeover leaves the entries, and shows up in no listing")
    void takeOver_entries_stay() {
        long first = takeOver();
        assertLists(CONTEXT);
        commit(first, put("1", "value"));
        takeOver();

        assertHolds("1", "value");
        assertLists(CONTEXT, new EntryId(TYPE, "1"));
    }

    @Test
    @DisplayName("R53 a Clear of all does not clear the epoch")
    void clear_all_keepsTheEpoch() {
        long former = takeOver();
        long current = takeOver();
        commit(current, put("1", "value"), new Clear(Set.of()));

        assertRefused(former, put("1", "late"));
        commit(current, put("1", "current"));
        assertHolds("1", "current");
        assertThat(takeOver()).isGreaterThan(current);
    }

    @Test
    @DisplayName("R53 a takeover of one context leaves the owners of the others")
    void takeOver_oneContext_leavesTheOthers() {
        backend().claimed(ContextAwareBackend.class);
        ContextOwnership owned = owned();
        long alice = owned.takeOver("alice");
        long bob = owned.takeOver("bob");
        owned.takeOver("bob");
        owned.commit(new Batch("alice", alice, 1, List.of(put("1", "of alice"))));

        assertHolds("alice", TYPE, "1", bytes("of alice"));
        assertRefused("bob", bob, put("1", "late"));
        assertAbsent("bob", TYPE, "1");
    }

    @Test
    @DisplayName("R53 a group with one batch of a former owner is refused, and nothing of it is written")
    void commit_groupWithOneFormerEpoch_isRefusedWhole() {
        GroupCommit grouping = backend().claimed(GroupCommit.class);
        String other = backend().claims(ContextAwareBackend.class) ? "bob" : CONTEXT;
        long former = owned().takeOver(other);
        owned().takeOver(other);
        long current = takeOver();
        List<Batch> group = List.of(
                new Batch(CONTEXT, current, 1, List.of(put("1", "good"), put("2", "good"))),
                new Batch(other, former, 1, List.of(put("3", "fenced"))),
                new Batch(CONTEXT, current, 2, List.of(put("4", "good"))));

        for (List<Batch> order : List.of(group, List.of(group.get(1), group.get(0)))) {
            assertThatExceptionOfType(OwnershipLostException.class).isThrownBy(() -> grouping.commit(order));
            assertLists(CONTEXT);
            assertAbsent("1");
            assertAbsent(other, TYPE, "3");
        }
        commit(current, put("1", "again"));
        assertHolds("1", "again");
    }

    @Test
    @DisplayName("R53 of takeovers at the same time each gets an epoch of its own, and the highest owns the context")
    void takeOver_atTheSameTime_leavesOneOwner() throws Exception {
        ConcurrentLinkedQueue<Long> epochs = new ConcurrentLinkedQueue<>();
        Together.run(Collections.nCopies(8, () -> epochs.add(takeOver())));

        assertThat(epochs).doesNotHaveDuplicates().hasSize(8);
        long highest = Collections.max(epochs);
        epochs.stream().filter(epoch -> epoch != highest).forEach(epoch -> assertRefused(epoch, put("1", "late")));
        commit(highest, put("1", "owner"));
        assertHolds("1", "owner");
    }

    @Test
    @DisplayName("R53 once a takeover has returned, nothing of a former owner is written any more")
    void takeOver_besideCommits_endsThem() throws Exception {
        long former = takeOver();
        AtomicInteger acknowledged = new AtomicInteger();
        CountDownLatch committing = new CountDownLatch(10);
        AtomicInteger seen = new AtomicInteger();
        Together.Task formerOwner = () -> assertThatExceptionOfType(OwnershipLostException.class).isThrownBy(() -> {
            for (int i = 1; i < 1_000_000; i++) {
                commit(former, put("1", Integer.toString(i)));
                acknowledged.set(i);
                committing.countDown();
            }
        });
        Together.Task newOwner = () -> {
            assertThat(committing.await(30, TimeUnit.SECONDS)).as("ten commits of the former owner").isTrue();
            takeOver();
            seen.set(loadedNumber());
        };
        Together.run(List.of(formerOwner, newOwner));

        assertThat(loadedNumber()).as("number now, and when the takeover returned").isEqualTo(seen.get());
        assertThat(acknowledged.get()).as("last one acknowledged").isEqualTo(seen.get());
    }

    @Test
    @DisplayName("R54 the sequence within an epoch may skip numbers, and begins anew with each epoch")
    void commit_sequenceWithGaps_isWritten() {
        long first = takeOver();
        owned().commit(new Batch(CONTEXT, first, 1, List.of(put("1", "1"))));
        owned().commit(new Batch(CONTEXT, first, 5_000_000_000L, List.of(put("1", "2"))));
        owned().commit(new Batch(CONTEXT, takeOver(), 1, List.of(put("1", "3"))));

        assertHolds("1", "3");
    }

    @Test
    @DisplayName("R61 the epoch is there after close and open, and goes on rising")
    void takeOver_afterReopen_goesOn() throws Exception {
        long former = takeOver();
        long current = takeOver();
        reopen();
        commit(current, put("1", "same owner"));
        assertRefused(former, put("1", "late"));

        assertThat(takeOver()).isGreaterThan(current);
        assertRefused(current, put("1", "late"));
        assertHolds("1", "same owner");
    }

    private ContextOwnership owned() {
        return backend().claimed(ContextOwnership.class);
    }

    private long takeOver() {
        return owned().takeOver(CONTEXT);
    }

    private void commit(long epoch, Mutation... mutations) {
        commit(CONTEXT, epoch, mutations);
    }

    private void commit(String context, long epoch, Mutation... mutations) {
        owned().commit(new Batch(context, epoch, sequence.incrementAndGet(), List.of(mutations)));
    }

    private void assertRefused(long epoch, Mutation... mutations) {
        assertRefused(CONTEXT, epoch, mutations);
    }

    private void assertRefused(String context, long epoch, Mutation... mutations) {
        assertThatExceptionOfType(OwnershipLostException.class)
                .isThrownBy(() -> commit(context, epoch, mutations))
                .satisfies(refusal -> assertThat(refusal.context()).isEqualTo(context));
    }

    private int loadedNumber() {
        byte[] value = entries().load(CONTEXT, TYPE, "1").orElseThrow();
        return Integer.parseInt(new String(value, StandardCharsets.UTF_8));
    }
}
