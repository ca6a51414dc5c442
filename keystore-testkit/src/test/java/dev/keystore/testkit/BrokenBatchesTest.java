package dev.keystore.testkit;

import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.spi.PersistenceBackend;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Backends with faulty batches, groups or ownership fail exactly the test that names the fault (R64). */
class BrokenBatchesTest {

    @Test
    @DisplayName("R64 a batch that applies deletes before puts is detected")
    void batch_deletesFirst() {
        Verdict.assertFails(
                () -> new Changing(mutations -> sorted(mutations, Comparator.comparing(Put.class::isInstance))),
                "R12 the last mutation of an id in a batch wins: put, then delete");
    }

    @Test
    @DisplayName("R64 a batch that applies puts before deletes is detected")
    void batch_putsFirst() {
        Verdict.assertFails(
                () -> new Changing(mutations -> sorted(mutations, Comparator.comparing(Delete.class::isInstance))),
                "R12 the last mutation of an id in a batch wins: delete, then put");
    }

    @Test
    @DisplayName("R64 a batch in which the first of several puts wins is detected")
    void batch_firstPutWins() {
        Verdict.assertFails(
                () -> new Changing(mutations -> {
                    List<Mutation> kept = new ArrayList<>();
                    Set<Object> seen = ConcurrentHashMap.newKeySet();
                    for (Mutation mutation : mutations) {
                        if (!(mutation instanceof Put put)) {
                            return mutations;
                        }
                        if (seen.add(put.type() + put.id())) {
                            kept.add(put);
                        }
                    }
                    return kept;
                }),
                "R12 the last mutation of an id in a batch wins: several puts");
    }

    @Test
    @DisplayName("R64 a large batch that keeps the caller's arrays is detected")
    void batch_keepsTheArrays() {
        Verdict.assertFails(
                () -> new Delegating.Atomic() {
                    private final Map<String, byte[]> kept = new ConcurrentHashMap<>();

                    @Override
                    public Optional<byte[]> load(String context, String type, String id) {
                        return super.load(context, type, id)
                                .map(value -> kept.getOrDefault(context + '/' + type + '/' + id, value));
                    }

                    @Override
                    public void commit(Batch batch) {
                        super.commit(batch);
                        kept.clear();
                        if (batch.mutations().size() == 100) {
                            for (Mutation mutation : batch.mutations()) {
                                if (mutation instanceof Put put) {
                                    kept.put(batch.context() + '/' + put.type() + '/' + put.id(), put.value());
                                }
                            }
                        }
                    }
                },
                "R5 changing arrays after a commit or a load does not change the values of a large batch");
    }

    @Test
    @DisplayName("R64 a clear that deletes a kept type is detected")
    void clear_takesAKeptType() {
        Verdict.assertFails(
                () -> new Changing(mutations -> mutations.stream()
                        .map(mutation -> mutation instanceof Clear clear
                                        && clear.keptTypes().size() > 1
                                ? new Clear(Set.of("other"))
                                : mutation)
                        .toList()),
                "R17 Clear deletes all entries except those of the kept types");
    }

    @Test
    @DisplayName("R64 a clear that is applied at the end of its batch is detected")
    void clear_last() {
        Verdict.assertFails(
                () -> new Changing(mutations -> stable(mutations, Comparator.comparing(Clear.class::isInstance))),
                "R17 entries that a batch writes after its Clear survive");
    }

    @Test
    @DisplayName("R64 a clear that is applied at the beginning of its batch is detected")
    void clear_first() {
        Verdict.assertFails(
                () -> new Changing(mutations -> stable(
                        mutations,
                        Comparator.<Mutation, Boolean>comparing(Clear.class::isInstance)
                                .reversed())),
                "R17 entries that a batch writes before its Clear are deleted, except those of the kept types");
    }

    @Test
    @DisplayName("R64 a clear that also clears other contexts is detected")
    void clear_takesOtherContexts() {
        Verdict.assertFails(
                () -> new Delegating.Atomic() {
                    private final Set<String> contexts = ConcurrentHashMap.newKeySet();

                    @Override
                    public void commit(Batch batch) {
                        contexts.add(batch.context());
                        super.commit(batch);
                        for (Mutation mutation : batch.mutations()) {
                            if (mutation instanceof Clear) {
                                contexts.stream()
                                        .filter(other -> !other.equals(batch.context()))
                                        .filter(other -> other.startsWith(batch.context()))
                                        .forEach(other -> memory.commit(new Batch(other, 0, 1, List.of(mutation))));
                            }
                        }
                    }
                },
                "R17 Clear leaves other contexts unchanged");
    }

    @Test
    @DisplayName("R64 a batch that is partly visible is detected")
    void batch_seenInPart() {
        Verdict.assertFails(
                () -> new Delegating.Atomic() {
                    private final ReaderSignal signal = new ReaderSignal();

                    @Override
                    public Optional<byte[]> load(String context, String type, String id) {
                        signal.hasRead();
                        return super.load(context, type, id);
                    }

                    @Override
                    public void commit(Batch batch) {
                        if (!batch.toString().contains("/between")) {
                            super.commit(batch);
                            return;
                        }
                        for (Mutation mutation : batch.mutations()) {
                            memory.commit(new Batch(batch.context(), 0, 1, List.of(mutation)));
                            signal.awaitReads();
                        }
                    }
                },
                "R12 a reader that has seen one entry of a batch sees its other entries");
    }

    @Test
    @DisplayName("R64 a batch that is torn by an interrupt is detected")
    void batch_tornByAnInterrupt() {
        Verdict.assertFails(
                () -> new Delegating.Atomic() {
                    @Override
                    public void commit(Batch batch) {
                        if (Thread.interrupted()) {
                            List<Mutation> half = batch.mutations()
                                    .subList(0, batch.mutations().size() / 2);
                            memory.commit(new Batch(batch.context(), 0, 1, half));
                            throw BackendException.permanent("interrupted", null);
                        }
                        super.commit(batch);
                    }
                },
                "R12 interrupting the committing thread leaves the batch fully written or not written");
    }

    @Test
    @DisplayName("R64 a torn group is detected")
    void group_torn() {
        Verdict.assertFails(
                () -> new Delegating.Grouping() {
                    @Override
                    public void commit(List<Batch> group) {
                        for (Batch batch : group) {
                            memory.commit(batch);
                        }
                    }
                },
                "R12 a group that fails halfway leaves nothing behind, not even temporarily");
    }

    @Test
    @DisplayName("R64 a group that is torn by a fenced batch is detected")
    void group_tornByAFence() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    @Override
                    public void commit(List<Batch> group) {
                        List.copyOf(group).forEach(memory::commit);
                    }
                },
                "R53 a group with one batch of a former owner is refused, and none of it is written");
    }

    @Test
    @DisplayName("R64 a commit with a future epoch that is accepted is detected")
    void epoch_toComeLetIn() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    private final Map<String, Long> epochs = new ConcurrentHashMap<>();

                    @Override
                    public long takeOver(String context) {
                        long epoch = super.takeOver(context);
                        epochs.merge(context, epoch, Math::max);
                        return epoch;
                    }

                    @Override
                    public void commit(List<Batch> group) {
                        super.commit(group.stream().map(this::cut).toList());
                    }

                    private Batch cut(Batch batch) {
                        long current = epochs.getOrDefault(batch.context(), 0L);
                        return new Batch(
                                batch.context(), Math.min(batch.epoch(), current), batch.sequence(), batch.mutations());
                    }
                },
                "R53 a commit with an epoch that the context has not reached is refused");
    }

    @Test
    @DisplayName("R64 a takeover that affects another context is detected")
    void epoch_ofAllContexts() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    @Override
                    public long takeOver(String context) {
                        if (context.equals("erin")) {
                            super.takeOver("dave");
                        }
                        return super.takeOver(context);
                    }
                },
                "R53 a takeover of one context does not affect the owners of other contexts");
    }

    @Test
    @DisplayName("R64 a sequence that is compared across epochs is detected")
    void sequence_heldAgainstANewEpoch() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    private final Map<String, Long> last = new HashMap<>();

                    @Override
                    public synchronized void commit(List<Batch> group) {
                        Batch first = group.get(0);
                        if (first.sequence() > last.getOrDefault(first.context(), 0L)) {
                            super.commit(group);
                            last.put(first.context(), first.sequence());
                        }
                    }
                },
                "R54 sequence numbers may have gaps within an epoch and restart with each epoch",
                "R61 a backend that is reopened several times keeps all entries");
    }

    @Test
    @DisplayName("R64 an owner that is alive but treated as dead is detected")
    void owner_takenForDead() {
        Verdict.assertFails(
                () -> new AssumesOwnersDead(new MemoryBackend()),
                "R53 takeOverUnlessOwned refuses a context whose owner is alive, and names that owner",
                "R53 of several concurrent takeOverUnlessOwned calls for a free context, exactly one succeeds",
                "R53 takeOverEach takes over each of several contexts, and is refused if the owner of one is alive",
                "R53 the owner of a context can be looked up, and is alive until it is closed");
    }

    @Test
    @DisplayName("R64 owners that are not fenced with all others are detected")
    void owners_notFenced() {
        Verdict.assertFails(
                () -> new FencesNobody(new MemoryBackend()),
                "R74 takeOverAllUnlessOwned is refused while another owner is alive, even if its contexts hold nothing",
                "R74 takeOverAllUnlessOwned fences owners that are closed, and changes no entry");
    }

    @Test
    @DisplayName("R64 a takeover of several contexts that leaves some to their owners is detected")
    void takeOverEach_ofTheFirst() {
        Verdict.assertFails(
                () -> new TakesOverTheFirst(new MemoryBackend()),
                "R53 takeOverEach takes over each of several contexts, and is refused if the owner of one is alive");
    }

    @Test
    @DisplayName("R64 an owner that is not found because its contexts hold nothing is detected")
    void owners_ofEmptyContextsNotFound() {
        Verdict.assertFails(
                () -> new FindsOwnersByEntries(new MemoryBackend()),
                "R74 takeOverAllUnlessOwned is refused while another owner is alive,"
                        + " even if its contexts hold nothing");
    }

    @Test
    @DisplayName("R64 a repeated commit that is written twice is detected")
    void commit_writtenAgain() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    private final AtomicLong sequence = new AtomicLong();

                    @Override
                    public void commit(List<Batch> group) {
                        super.commit(group.stream()
                                .map(batch -> new Batch(
                                        batch.context(), batch.epoch(), sequence.incrementAndGet(), batch.mutations()))
                                .toList());
                    }
                },
                "R54 a batch that is committed again with the same epoch and sequence is not written twice",
                "R54 a group that is committed again is not written twice",
                "R54 the last commit of an epoch is known until a later owner has committed and lost the context",
                "R54 R55 after an owner of an empty context was closed, a former owner's last commit is known or"
                        + " unknown, but not denied",
                "R54 a former owner that repeats its last commit learns whether it was written");
    }

    @Test
    @DisplayName("R64 forgetting a former owner's last commit after the next one is detected")
    void lastCommit_forgotten() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    private long latest;

                    @Override
                    public synchronized void commit(List<Batch> group) {
                        if (group.stream().allMatch(batch -> batch.epoch() < latest)) {
                            throw new OwnershipLostException(
                                    group.get(0).context(), group.get(0).epoch());
                        }
                        super.commit(group);
                        latest = Math.max(latest, group.get(0).epoch());
                    }
                },
                "R54 a former owner that repeats its last commit learns whether it was written");
    }

    @Test
    @DisplayName("R64 reporting an unknown last commit as known is detected")
    void lastCommit_madeUp() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    @Override
                    public OptionalLong lastCommit(String context, long epoch) {
                        return OptionalLong.of(super.lastCommit(context, epoch).orElse(0));
                    }
                },
                "R54 the last commit of an epoch is known until a later owner has committed and lost the context");
    }

    @Test
    @DisplayName("R64 epochs that restart once the owner of an empty context is closed are detected")
    void takeOver_epochsRestart() {
        Verdict.assertFails(
                ForgetsEpochs::new,
                "R53 R55 a context that holds nothing never gets the same epoch twice, whichever of its owners close",
                "R53 closing a former owner does not affect the current one, whether or not the context holds entries",
                "R54 R55 after an owner of an empty context was closed, a former owner's last commit is known or"
                        + " unknown, but not denied");
    }

    /** Forgets all epochs when it is closed, if the default context is empty then. */
    private static final class ForgetsEpochs extends Delegating.Owned {

        private long latest;
        private long forgotten;

        @Override
        public long takeOver(String context) {
            latest = super.takeOver(context);
            return latest - forgotten;
        }

        @Override
        public long takeOverUnlessOwned(String context) {
            latest = super.takeOverUnlessOwned(context);
            return latest - forgotten;
        }

        @Override
        public void commit(List<Batch> group) {
            super.commit(group.stream()
                    .map(batch ->
                            new Batch(batch.context(), batch.epoch() + forgotten, batch.sequence(), batch.mutations()))
                    .toList());
        }

        @Override
        public OptionalLong lastCommit(String context, long epoch) {
            return super.lastCommit(context, epoch + forgotten);
        }

        @Override
        public void close() {
            if (memory.list(PersistenceBackend.DEFAULT_CONTEXT).findAny().isEmpty()) {
                forgotten = latest;
            }
        }
    }

    private static List<Mutation> sorted(List<Mutation> mutations, Comparator<Mutation> order) {
        return mutations.stream().anyMatch(Clear.class::isInstance) ? mutations : stable(mutations, order);
    }

    private static List<Mutation> stable(List<Mutation> mutations, Comparator<Mutation> order) {
        return mutations.stream().sorted(order).toList();
    }

    private static final class AssumesOwnersDead extends Delegating.Owned {

        AssumesOwnersDead(MemoryBackend memory) {
            super(memory);
        }

        @Override
        Delegating.Owned openedAgain() {
            return new AssumesOwnersDead(memory.reopen());
        }

        @Override
        public long takeOverUnlessOwned(String context) {
            return memory.takeOver(context);
        }

        @Override
        public Optional<ContextOwner> owner(String context) {
            return super.owner(context)
                    .map(owner -> new ContextOwner(owner.host(), owner.process(), owner.since(), false, owner.epoch()));
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    private static final class FencesNobody extends Delegating.Owned {

        FencesNobody(MemoryBackend memory) {
            super(memory);
        }

        @Override
        Delegating.Owned openedAgain() {
            return new FencesNobody(memory.reopen());
        }

        @Override
        public void takeOverAllUnlessOwned() {}

        @Override
        public void close() {
            memory.close();
        }
    }

    private static final class TakesOverTheFirst extends Delegating.Owned {

        TakesOverTheFirst(MemoryBackend memory) {
            super(memory);
        }

        @Override
        Delegating.Owned openedAgain() {
            return new TakesOverTheFirst(memory.reopen());
        }

        @Override
        public Map<String, Long> takeOverEach(Collection<String> contexts, boolean unlessOwned) {
            Map<String, Long> epochs =
                    super.takeOverEach(contexts.stream().limit(1).toList(), unlessOwned);
            contexts.forEach(context -> epochs.putIfAbsent(context, 1L));
            return epochs;
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    private static final class FindsOwnersByEntries extends Delegating.Owned {

        FindsOwnersByEntries(MemoryBackend memory) {
            super(memory);
        }

        @Override
        Delegating.Owned openedAgain() {
            return new FindsOwnersByEntries(memory.reopen());
        }

        @Override
        public void takeOverAllUnlessOwned() {
            memory.contexts().toList().forEach(memory::takeOverUnlessOwned);
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    /** Alters the mutations of each batch. */
    private static final class Changing extends Delegating.Atomic {

        private final UnaryOperator<List<Mutation>> change;

        Changing(UnaryOperator<List<Mutation>> change) {
            this.change = change;
        }

        @Override
        public void commit(Batch batch) {
            super.commit(new Batch(batch.context(), batch.epoch(), batch.sequence(), change.apply(batch.mutations())));
        }
    }
}
