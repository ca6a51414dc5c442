package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.EntryId;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation.Clear;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A takeover of a context fences its former owners. */
abstract class FencingContract extends OwnershipContract {

    FencingContract(BackendFixture fixture) {
        super(fixture);
    }

    @Test
    @DisplayName("R53 each takeover raises the context's epoch, starting at 1 or more")
    void takeOver_again_raisesTheEpoch() {
        long first = takeOver();
        long second = takeOver();

        assertThat(first).isPositive();
        assertThat(second).isGreaterThan(first);
        assertThat(takeOver()).isGreaterThan(second);
    }

    @Test
    @DisplayName("R53 a commit by a former owner is refused, and none of it is written")
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
    void commit_ofFutureEpoch_isRefused() {
        long current = takeOver();

        assertRefused(current + 1, put("1", "early"));
        assertRefused(0, put("1", "no epoch"));
        assertAbsent("1");
        assertThat(takeOver()).isGreaterThan(current);
    }

    @Test
    @DisplayName("R53 a takeover leaves the entries unchanged and appears in no listing")
    void takeOver_entries_areUnchanged() {
        long first = takeOver();
        assertLists(CONTEXT);
        commit(first, put("1", "value"));
        takeOver();

        assertHolds("1", "value");
        assertLists(CONTEXT, new EntryId(TYPE, "1"));
    }

    @Test
    @DisplayName("R53 Clear does not reset the epoch")
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
    @DisplayName("R53 a takeover of one context does not affect the owners of other contexts")
    void takeOver_oneContext_doesNotAffectOthers() {
        backend().require(ContextAwareBackend.class);
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
    @DisplayName("R53 a group with one batch of a former owner is refused, and none of it is written")
    void commit_groupWithOneFormerEpoch_isRefusedWhole() {
        GroupCommit grouping = backend().require(GroupCommit.class);
        String other = backend().supports(ContextAwareBackend.class) ? "bob" : CONTEXT;
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
    @DisplayName("R53 concurrent takeovers get different epochs, and the highest one owns the context")
    void takeOver_concurrently_leavesOneOwner() throws Exception {
        List<ContextOwnership> openers = List.of(owned(), openedAgain(), openedAgain());
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
    @DisplayName("R53 after a takeover by another opener has returned, no commit of the former owner is written")
    void takeOver_duringCommits_endsThem() throws Exception {
        ContextOwnership newOwner = openedAgain();
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
                    .as("the former owner has made ten commits")
                    .isTrue();
            takeOverWhenFree(newOwner);
            seen.set(loadedNumber());
        };
        Together.run(List.of(commits, takesOver));

        assertThat(loadedNumber())
                .as("number now, compared with when the takeover returned")
                .isEqualTo(seen.get());
        assertThat(acknowledged.get()).as("last acknowledged number").isEqualTo(seen.get());
    }

    @Test
    @DisplayName("R61 the epoch survives reopening and keeps rising")
    void takeOver_afterReopen_raisesTheEpoch() throws Exception {
        long former = takeOver();
        long current = takeOver();
        commit(current, put("1", "before"));
        reopen();
        commit(current, put("1", "same owner"));
        assertRefused(former, put("1", "late"));

        assertThat(takeOver()).isGreaterThan(current);
        assertRefused(current, put("1", "late"));
        assertHolds("1", "same owner");
    }

    @Test
    @DisplayName("R53 R55 a context that holds nothing never gets the same epoch twice, whichever of its owners close")
    void takeOver_afterOwnersOfEmptyContextClosed_epochIsNew() throws Exception {
        long former = takeOver();
        BackendUnderTest second = openedAnother();
        long later = second.require(ContextOwnership.class).takeOver(CONTEXT);
        second.close();
        assertRefused(former, put("1", "late"));
        BackendUnderTest third = openedAnother();
        long exclusive = third.require(ContextOwnership.class).takeOverUnlessOwned(CONTEXT);
        third.close();
        ContextOwnership fourth = openedAgain();
        long current = fourth.takeOver(CONTEXT);

        assertThat(List.of(former, later, exclusive, current)).isSorted().doesNotHaveDuplicates();
        for (long ended : List.of(former, later, exclusive)) {
            assertRefused(ended, put("1", "late"));
        }
        fourth.commit(new Batch(CONTEXT, current, 1, List.of(put("1", "current"))));
        assertHolds("1", "current");
    }

    @Test
    @DisplayName(
            "R54 R55 after an owner of an empty context was closed, a former owner's last commit is known or unknown,"
                    + " but not denied")
    void lastCommit_afterOwnerOfEmptyContextClosed_isNotDenied() throws Exception {
        long former = takeOver();
        Batch emptied = new Batch(CONTEXT, former, 7, List.of(put("1", "value"), delete("1")));
        owned().commit(emptied);
        BackendUnderTest second = openedAnother();
        second.require(ContextOwnership.class).takeOver(CONTEXT);
        second.close();
        assertThat(owned().lastCommit(CONTEXT, former).orElse(7)).isEqualTo(7);
        long current = openedAgain().takeOver(CONTEXT);

        assertThat(owned().lastCommit(CONTEXT, former).orElse(7))
                .as("the last commit, if it is still known")
                .isEqualTo(7);
        assertThat(owned().lastCommit(CONTEXT, current)).hasValue(0);
    }

    @Test
    @DisplayName("R53 closing a former owner does not affect the current one, whether or not the context holds entries")
    void close_formerOwner_doesNotAffectTheCurrentOne() throws Exception {
        BackendUnderTest former = openedAnother();
        former.require(ContextOwnership.class).takeOver(CONTEXT);
        long current = takeOver();
        former.close();

        commit(current, put("1", "current"));
        assertHolds("1", "current");
        assertThat(takeOver()).isGreaterThan(current);
    }

    /** Takes over from an owner that commits continuously: a takeover that cannot get a lock is retried. */
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

    private int loadedNumber() {
        byte[] value = entries().load(CONTEXT, TYPE, "1").orElseThrow();
        return Integer.parseInt(new String(value, StandardCharsets.UTF_8));
    }
}
