package dev.keystore.core.modelbased;

import dev.keystore.core.StoredValues;
import dev.keystore.core.modelbased.Model.Cell;
import dev.keystore.core.modelbased.Model.View;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What the threads of a concurrent program read and wrote, and the batches that reached the backend, in order.
 *
 * <p>The check: applied one after the other, the batches yield a sequence of states. Each batch belongs to one
 * operation that did not report "nothing was written". It reached the backend between the beginning and the end of that
 * operation, has the same effect on the state before it as that operation, and everything that the operation read is in
 * that state. Each operation that reports success has a batch or changes nothing. Whatever else was read, also by
 * attempts that ended in a conflict, is in at least one state that is no older than what was acknowledged or read
 * before the operation began, and no newer than what had reached the backend when it ended.
 *
 * <p>On a backend without atomic commits, each thread writes its own commits, one thread at a time. There, a commit is
 * what its thread wrote until it reported success.
 */
final class OperationHistory {

    enum Outcome {
        DONE,
        NOTHING,
        UNKNOWN
    }

    private record Operation(
            int thread,
            String what,
            String context,
            Map<Cell, String> reads,
            Map<Cell, String> writes,
            Set<String> kept,
            Outcome outcome,
            long begin,
            long end) {

        boolean isWriter() {
            return outcome != Outcome.NOTHING && (kept != null || !writes.isEmpty());
        }

        boolean fits(Map<Cell, String> state) {
            return reads.entrySet().stream()
                    .allMatch(read -> Model.fits(state.getOrDefault(read.getKey(), Model.ABSENT), read.getValue()));
        }

        Map<Cell, String> applyTo(Map<Cell, String> state) {
            return Model.apply(state, context, kept, writes);
        }

        /** Returns whether its reads match a state and, if it succeeded, its writes do not change that state. */
        boolean changesNothingOf(Map<Cell, String> state) {
            return fits(state) && (outcome != Outcome.DONE || applyTo(state).equals(state));
        }

        @Override
        public String toString() {
            return "[" + begin + ", " + end + "] thread " + thread + " " + outcome + " read " + reads + " wrote "
                    + writes + (kept == null ? "" : " cleared but " + kept) + " by " + what;
        }
    }

    /** A batch; {@code by} is its operation if that is known. */
    private record Reached(
            long at, String context, Set<String> kept, Map<Cell, String> writes, boolean atomic, Operation by) {}

    private record Touch(long at, Cell cell, String value) {}

    private final AtomicLong clock = new AtomicLong();
    private final List<Operation> operations = new ArrayList<>();
    private final List<Reached> batches = new ArrayList<>();
    private final Set<List<Object>> ids = new HashSet<>();
    private final ThreadLocal<List<Touch>> touched = ThreadLocal.withInitial(ArrayList::new);

    long tick() {
        return clock.incrementAndGet();
    }

    /** Records a batch that reached the backend, once, even if it is sent several times. */
    synchronized void reached(long at, Batch batch, StoredValues values) {
        if (batch.epoch() != 0 && !ids.add(List.of(batch.context(), batch.epoch(), batch.sequence()))) {
            return;
        }
        Set<String> kept = null;
        Map<Cell, String> writes = new LinkedHashMap<>();
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Mutation.Put put) {
                Cell cell = new Cell(batch.context(), put.type(), put.id());
                if (!cell.isReserved()) {
                    writes.put(cell, cell.decode(values, put.value()));
                }
            } else if (mutation instanceof Mutation.Delete delete) {
                writes.put(new Cell(batch.context(), delete.type(), delete.id()), Model.ABSENT);
            } else if (mutation instanceof Mutation.Clear clear) {
                kept = clear.keptTypes().stream()
                        .filter(type -> !type.startsWith("_"))
                        .collect(Collectors.toSet());
            }
        }
        batches.add(new Reached(at, batch.context(), kept, writes, true, null));
    }

    /** Records that the calling thread wrote an entry. */
    void touched(Cell cell, String value) {
        touched.get().add(new Touch(tick(), cell, value));
    }

    synchronized void add(int thread, String step, View view, Outcome outcome, long begin) {
        List<Touch> touches = touched.get();
        Operation operation =
                new Operation(thread, step, view.context, view.reads, view.writes, view.kept, outcome, begin, tick());
        operations.add(operation);
        if (outcome == Outcome.DONE && !touches.isEmpty()) {
            Map<Cell, String> writes = new LinkedHashMap<>();
            touches.forEach(touch -> writes.put(touch.cell, touch.value));
            batches.add(new Reached(touches.get(0).at, view.context, null, writes, false, operation));
        }
        touches.clear();
    }

    /** Checks the history of a context whose final contents are {@code contents}. */
    synchronized void check(String context, Map<Cell, String> contents) {
        List<Reached> log = batches.stream()
                .filter(batch -> batch.context.equals(context))
                .sorted(Comparator.comparingLong(Reached::at))
                .toList();
        List<Operation> all = operations.stream()
                .filter(operation -> operation.context.equals(context))
                .sorted(Comparator.comparingLong(Operation::begin))
                .toList();
        try {
            check(log, all, contents);
        } catch (AssertionError e) {
            StringBuilder text = new StringBuilder(String.valueOf(e.getMessage()));
            text.append("\nreached the backend:");
            log.forEach(batch -> text.append("\n ")
                    .append(batch.at)
                    .append(' ')
                    .append(batch.writes)
                    .append(batch.kept == null ? "" : " cleared"));
            text.append("\noperations:");
            all.forEach(operation -> text.append("\n ").append(operation));
            throw new AssertionError(text.toString(), e);
        }
    }

    private static void check(List<Reached> log, List<Operation> all, Map<Cell, String> contents) {
        List<Map<Cell, String>> states = new ArrayList<>();
        states.add(Map.of());
        for (Reached batch : log) {
            Map<Cell, String> before = states.get(states.size() - 1);
            if (batch.atomic) {
                batch.writes.forEach((cell, value) -> Model.check(
                        !value.equals(Model.ABSENT) || before.containsKey(cell), "{} is absent and was deleted", cell));
            }
            states.add(Model.apply(before, batch.context, batch.kept, batch.writes));
        }
        Map<Cell, String> last = states.get(states.size() - 1);
        Model.check(contents.equals(last), "the backend holds something else: {}", Model.difference(last, contents));
        String failure = new Explanation(log, all, states).failure(0);
        Model.check(failure == null, "{}", failure);
    }

    /**
     * Assigns an operation to each batch, and a state to each other operation.
     *
     * <p>Several operations may fit a batch: for example two deletes of one entry, one of which found nothing to
     * delete. Then each is tried until the reads of all operations match.
     */
    private static final class Explanation {

        private static final int TRIES = 100_000;

        private final List<Reached> log;
        private final List<Operation> all;
        private final List<Map<Cell, String>> states;
        private final IdentityHashMap<Operation, Integer> placed = new IdentityHashMap<>();
        private int tries;

        Explanation(List<Reached> log, List<Operation> all, List<Map<Cell, String>> states) {
            this.log = log;
            this.all = all;
            this.states = states;
        }

        /**
         * Explains the batches from a number on, then the readers; returns what cannot be explained, or {@code null}.
         */
        String failure(int number) {
            if (number == log.size()) {
                return misread();
            }
            String failure = "no operation explains batch " + log.get(number) + " of " + states.get(number);
            for (Operation maker : makers(number)) {
                placed.put(maker, number + 1);
                failure = failure(number + 1);
                if (failure == null || tries++ > TRIES) {
                    return failure;
                }
                placed.remove(maker);
            }
            return failure;
        }

        private List<Operation> makers(int number) {
            Reached batch = log.get(number);
            Map<Cell, String> before = states.get(number);
            Map<Cell, String> after = states.get(number + 1);
            return all.stream()
                    .filter(operation -> !placed.containsKey(operation))
                    .filter(operation -> batch.by == null || batch.by.equals(operation))
                    .filter(Operation::isWriter)
                    .filter(operation -> operation.begin < batch.at && batch.at < operation.end)
                    .filter(operation -> operation.fits(before))
                    .filter(operation -> operation.applyTo(before).equals(after))
                    .filter(operation -> !batch.atomic || (operation.kept == null) == (batch.kept == null))
                    .sorted(Comparator.comparingInt((Operation operation) -> operation.reads.isEmpty() ? 1 : 0)
                            .thenComparingLong(Operation::end))
                    .toList();
        }

        /** Assigns the earliest matching state to each operation without a batch. */
        private String misread() {
            IdentityHashMap<Operation, Integer> known = new IdentityHashMap<>(placed);
            for (Operation reader : all) {
                if (!known.containsKey(reader)) {
                    int from = earliest(reader, known);
                    int until = (int)
                            log.stream().filter(batch -> batch.at < reader.end).count();
                    OptionalInt state = IntStream.rangeClosed(from, until)
                            .filter(i -> reader.changesNothingOf(states.get(i)))
                            .findFirst();
                    if (state.isEmpty()) {
                        return "no state from " + from + " to " + until + " fits " + reader;
                    }
                    known.put(reader, state.getAsInt());
                }
            }
            return null;
        }

        private static int earliest(Operation reader, IdentityHashMap<Operation, Integer> known) {
            int from = 0;
            for (Map.Entry<Operation, Integer> other : known.entrySet()) {
                if (other.getKey().end < reader.begin && other.getKey().outcome != Outcome.UNKNOWN) {
                    from = Math.max(from, other.getValue());
                }
            }
            return from;
        }
    }
}
