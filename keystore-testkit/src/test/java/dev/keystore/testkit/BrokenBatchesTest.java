package dev.keystore.testkit;

import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Clear;
import dev.keystore.spi.Mutation.Delete;
import dev.keystore.spi.Mutation.Put;
import java.util.ArrayList;
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

/**
 * Backends that break what they claim of batches, groups and owners fail the test that names the fault, alone (R64).
 */
class BrokenBatchesTest {

    @Test
    @DisplayName("deletes done before puts are found")
    void batch_deletesFirst() {
        Verdict.assertFails(
                () -> new Changing(mutations -> sorted(mutations, Comparator.comparing(Put.class::isInstance))),
                "R12 of several mutations of one id in a batch the last counts: put then delete");
    }

    @Test
    @DisplayName("puts done before deletes are found")
    void batch_putsFirst() {
        Verdict.assertFails(
                () -> new Changing(mutations -> sorted(mutations, Comparator.comparing(Delete.class::isInstance))),
                "R12 of several mutations of one id in a batch the last counts: delete then put");
    }

    @Test
    @DisplayName("the first of two puts winning is found")
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
                "R12 of several mutations of one id in a batch the last counts: put, put, put");
    }

    @Test
    @DisplayName("arrays of a large batch kept are found")
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
                "R5 values of a batch of many are copied, in and out: arrays changed later change nothing");
    }

    @Test
    @DisplayName("a clear that takes a kept type is found")
    void clear_takesAKeptType() {
        Verdict.assertFails(
                () -> new Changing(mutations -> mutations.stream()
                        .map(mutation -> mutation instanceof Clear clear
                                        && clear.keptTypes().size() > 1
                                ? new Clear(Set.of("other"))
                                : mutation)
                        .toList()),
                "R17 Clear deletes every entry of every type but the kept ones");
    }

    @Test
    @DisplayName("a clear done at the end of its batch is found")
    void clear_last() {
        Verdict.assertFails(
                () -> new Changing(mutations -> stable(mutations, Comparator.comparing(Clear.class::isInstance))),
                "R17 what a batch writes after its Clear survives it");
    }

    @Test
    @DisplayName("a clear done at the beginning of its batch is found")
    void clear_first() {
        Verdict.assertFails(
                () -> new Changing(mutations -> stable(
                        mutations,
                        Comparator.<Mutation, Boolean>comparing(Clear.class::isInstance)
                                .reversed())),
                "R17 what a batch writes before its Clear is deleted, but for the kept types");
    }

    @Test
    @DisplayName("a clear that takes other contexts along is found")
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
                "R17 Clear touches no other context");
    }

    @Test
    @DisplayName("a batch seen in part is found")
    void batch_seenInPart() {
        Verdict.assertFails(
                () -> new Delegating.Atomic() {
                    private final Looks looks = new Looks();

                    @Override
                    public Optional<byte[]> load(String context, String type, String id) {
                        looks.look();
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
                            looks.awaitSome();
                        }
                    }
                },
                "R12 loads see a batch whole: who has seen one entry of it sees the others");
    }

    @Test
    @DisplayName("a batch torn by an interrupt is found")
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
                "R12 an interrupt of the committing thread leaves the batch whole or unwritten");
    }

    @Test
    @DisplayName("a torn group is found")
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
                "R12 a group that breaks off in the middle leaves nothing, not even for a moment");
    }

    @Test
    @DisplayName("a group torn by a fence is found")
    void group_tornByAFence() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    @Override
                    public void commit(List<Batch> group) {
                        List.copyOf(group).forEach(memory::commit);
                    }
                },
                "R53 a group with one batch of a former owner is refused, and nothing of it is written");
    }

    @Test
    @DisplayName("an epoch to come that is let in is found")
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
    @DisplayName("a takeover of all contexts at once is found")
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
                "R53 a takeover of one context leaves the owners of the others");
    }

    @Test
    @DisplayName("a sequence that is held against a new epoch is found")
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
                "R54 the sequence within an epoch may skip numbers, and begins anew with each epoch",
                "R61 a backend that is opened again and again goes on where it was");
    }

    @Test
    @DisplayName("an owner that lives and is taken for dead is found")
    void owner_takenForDead() {
        Verdict.assertFails(
                () -> new TakenForDead(new MemoryBackend()),
                "R53 a context whose owner lives is refused to one who asks for that, and the owner is named",
                "R53 of several that ask at once for a context that nobody owns, one gets it");
    }

    @Test
    @DisplayName("a commit that is sent again and written again is found")
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
                "R54 what is sent again with its ids is not written again, and returns",
                "R54 a group that is sent again is not written again, unless it never was",
                "R54 the last commit of each epoch is known until an owner after it has committed and lost the context",
                "R54 a former owner that sends its last commit again learns that it was written, or that it was not");
    }

    @Test
    @DisplayName("a former owner's last commit that is forgotten with the next one is found")
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
                "R54 a former owner that sends its last commit again learns that it was written, or that it was not");
    }

    @Test
    @DisplayName("a last commit that is told although it is not known is found")
    void lastCommit_madeUp() {
        Verdict.assertFails(
                () -> new Delegating.Owned() {
                    @Override
                    public OptionalLong lastCommit(String context, long epoch) {
                        return OptionalLong.of(super.lastCommit(context, epoch).orElse(0));
                    }
                },
                "R54 the last commit of each epoch is known until an owner after it has committed and lost the context");
    }

    private static List<Mutation> sorted(List<Mutation> mutations, Comparator<Mutation> order) {
        return mutations.stream().anyMatch(Clear.class::isInstance) ? mutations : stable(mutations, order);
    }

    private static List<Mutation> stable(List<Mutation> mutations, Comparator<Mutation> order) {
        return mutations.stream().sorted(order).toList();
    }

    private static final class TakenForDead extends Delegating.Owned {

        TakenForDead(MemoryBackend memory) {
            super(memory);
        }

        @Override
        Delegating.Owned beside() {
            return new TakenForDead(memory.reopen());
        }

        @Override
        public long takeOverUnlessOwned(String context) {
            return memory.takeOver(context);
        }
    }

    /** Commits something other than what it is given. */
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
