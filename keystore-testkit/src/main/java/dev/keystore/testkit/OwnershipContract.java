package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.ContextOwnedException;
import dev.keystore.EntryId;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Assumptions;
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
        assertThat(takeOver()).isGreaterThan(current);
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
        long dave = owned.takeOver("dave");
        long erin = owned.takeOver("erin");
        owned.takeOver("erin");
        owned.commit(new Batch("dave", dave, 1, List.of(put("1", "of dave"))));

        assertHolds("dave", TYPE, "1", bytes("of dave"));
        assertRefused("erin", erin, put("1", "late"));
        assertAbsent("erin", TYPE, "1");
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
    @DisplayName(
            "R53 of several openers that take over at the same time each gets an epoch of its own, the highest counts")
    void takeOver_atTheSameTime_leavesOneOwner() throws Exception {
        List<ContextOwnership> openers = List.of(owned(), beside(), beside());
        Queue<Long> epochs = new ConcurrentLinkedQueue<>();
        Together.run(openers.stream()
                .<Together.Task>map(opener -> () -> {
                    for (int i = 0; i < 5; i++) {
                        epochs.add(opener.takeOver(CONTEXT));
                    }
                })
                .toList());

        assertThat(epochs).doesNotHaveDuplicates().hasSize(15);
        long highest = Collections.max(epochs);
        epochs.stream().filter(epoch -> epoch != highest).forEach(epoch -> assertRefused(epoch, put("1", "late")));
        commit(highest, put("1", "owner"));
        assertHolds("1", "owner");
    }

    @Test
    @DisplayName("R53 once a takeover by another opener has returned, nothing of the former owner is written any more")
    void takeOver_besideCommits_endsThem() throws Exception {
        ContextOwnership newOwner = beside();
        long former = takeOver();
        AtomicInteger acknowledged = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger();
        CountDownLatch committing = new CountDownLatch(10);
        Together.Task commits =
                () -> assertThatExceptionOfType(OwnershipLostException.class).isThrownBy(() -> {
                    for (int i = 1; i < 1_000_000; i++) {
                        commit(former, put("1", Integer.toString(i)));
                        acknowledged.set(i);
                        committing.countDown();
                    }
                });
        Together.Task takesOver = () -> {
            assertThat(committing.await(30, TimeUnit.SECONDS))
                    .as("ten commits of the former owner")
                    .isTrue();
            takeOverWhenFree(newOwner);
            seen.set(loadedNumber());
        };
        Together.run(List.of(commits, takesOver));

        assertThat(loadedNumber())
                .as("number now, and when the takeover returned")
                .isEqualTo(seen.get());
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
    @DisplayName("R54 what is sent again with its ids is not written again, and returns")
    void commit_sentAgain_isNotWrittenAgain() {
        long epoch = takeOver();
        Batch batch = new Batch(CONTEXT, epoch, 1, List.of(put("1", "a"), new Clear(Set.of()), put("2", "a")));
        owned().commit(batch);
        entries().save(CONTEXT, TYPE, "2", bytes("since"));

        owned().commit(batch);

        assertHolds("2", "since");
        owned().commit(new Batch(CONTEXT, epoch, 2, List.of(put("2", "next"))));
        assertHolds("2", "next");
    }

    @Test
    @DisplayName("R54 a group that is sent again is not written again, unless it never was")
    void commit_groupSentAgain_isNotWrittenAgain() {
        GroupCommit grouping = backend().claimed(GroupCommit.class);
        String other = backend().claims(ContextAwareBackend.class) ? "bob" : CONTEXT;
        long epoch = takeOver();
        long ofOther = other.equals(CONTEXT) ? epoch : owned().takeOver(other);
        List<Batch> group = List.of(
                new Batch(CONTEXT, epoch, 1, List.of(put("1", "a"))),
                new Batch(other, ofOther, 2, List.of(put("2", "a"))),
                new Batch(CONTEXT, epoch, 3, List.of(put("3", "a"))));
        grouping.commit(group);
        entries().save(other, TYPE, "2", bytes("since"));

        grouping.commit(group);

        assertHolds(other, TYPE, "2", bytes("since"));
        assertHolds("3", "a");
        grouping.commit(List.of(new Batch(CONTEXT, epoch, 4, List.of(delete("1")))));
        assertAbsent("1");
    }

    @Test
    @DisplayName("R54 a former owner that sends its last commit again learns that it was written, or that it was not")
    void commit_sentAgainAfterTakeover_tellsTheTruth() {
        long former = takeOver();
        Batch written = new Batch(CONTEXT, former, 1, List.of(put("1", "written")));
        Batch unwritten = new Batch(CONTEXT, former, 5, List.of(put("1", "unwritten")));
        owned().commit(written);
        long current = takeOver();

        assertThatCode(() -> owned().commit(written)).doesNotThrowAnyException();
        assertThatExceptionOfType(OwnershipLostException.class).isThrownBy(() -> owned().commit(unwritten));
        assertHolds("1", "written");
        owned().commit(new Batch(CONTEXT, current, 3, List.of(put("1", "of the new owner"))));
        assertThatCode(() -> owned().commit(written)).doesNotThrowAnyException();
        assertThatExceptionOfType(OwnershipLostException.class).isThrownBy(() -> owned().commit(unwritten));
        assertHolds("1", "of the new owner");
    }

    @Test
    @DisplayName(
            "R54 the last commit of each epoch is known until an owner after it has committed and lost the context")
    void lastCommit_ofFormerEpochs_isKnownOrSaidNotToBe() {
        long first = takeOver();
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(0);
        owned().commit(new Batch(CONTEXT, first, 3, List.of(put("1", "3"))));
        owned().commit(new Batch(CONTEXT, first, 5, List.of(put("1", "5"))));
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(5);

        long second = takeOver();
        long third = takeOver();
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(5);
        assertThat(owned().lastCommit(CONTEXT, second)).hasValue(0);
        owned().commit(new Batch(CONTEXT, third, 7, List.of(put("1", "7"))));
        assertThat(owned().lastCommit(CONTEXT, first)).hasValue(5);
        assertThat(owned().lastCommit(CONTEXT, second)).hasValue(0);
        assertThat(owned().lastCommit(CONTEXT, third)).hasValue(7);

        long fourth = takeOver();
        owned().commit(new Batch(CONTEXT, fourth, 9, List.of(put("1", "9"))));
        assertThat(owned().lastCommit(CONTEXT, fourth)).hasValue(9);
        assertThat(owned().lastCommit(CONTEXT, third)).hasValue(7);
        OptionalLong forgotten = owned().lastCommit(CONTEXT, first);
        assertThat(forgotten.orElse(5)).as("known, or said not to be").isEqualTo(5);
    }

    @Test
    @DisplayName("R53 a context whose owner lives is refused to one who asks for that, and the owner is named")
    void takeOverUnlessOwned_ownerLives_isRefused() throws Exception {
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
                .as("by the owner itself")
                .isGreaterThan(epoch);
    }

    @Test
    @DisplayName("R53 a context without an owner, or whose owner was closed, is nobody's")
    void takeOverUnlessOwned_nobodyOwns_takesOver() throws Exception {
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
    @DisplayName("R53 of several that ask at once for a context that nobody owns, one gets it")
    void takeOverUnlessOwned_atTheSameTime_oneGetsIt() throws Exception {
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

    /** Opens the backend once more, as another process would. */
    private ContextOwnership beside() throws Exception {
        skipUnlessPersistent();
        return openBeside().claimed(ContextOwnership.class);
    }

    private ContextOwnership anotherOwner() throws Exception {
        ContextOwnership other = beside();
        Assumptions.assumeTrue(!other.equals(owned()), "opened twice, the backend is the same object");
        return other;
    }

    private long takeOver() {
        return owned().takeOver(CONTEXT);
    }

    /** Takes over beside an owner that never pauses: a takeover that failed for a lock it didn't get is tried again. */
    private static void takeOverWhenFree(ContextOwnership owner) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            try {
                owner.takeOver(CONTEXT);
                return;
            } catch (BackendException e) {
                if (e.kind() != BackendException.Kind.TRANSIENT || System.nanoTime() - deadlineNanos > 0) {
                    throw e;
                }
            }
        }
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
