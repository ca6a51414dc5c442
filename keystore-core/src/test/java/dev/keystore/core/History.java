package dev.keystore.core;

import dev.keystore.core.Model.Cell;
import dev.keystore.core.Model.View;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the threads of a concurrent program saw and did, and what reached the backend, in its order.
 *
 * <p>The check: the batches that reached the backend, one after the other, make a row of states. Each batch is the work
 * of one operation that did not say "nothing was written", reached the backend between that operation's begin and its
 * end, and makes of the state before it what that operation makes of it; everything the operation read is in that state.
 * Each operation that says "done" has its batch, or changes nothing. What the others read, and what an attempt read that
 * ended in a conflict, is in one state at least, no older than what was acknowledged, or seen, before it began, and no
 * newer than what had reached the backend when it ended.
 *
 * <p>On a backend without atomic commits each thread writes its own commits, one thread at a time; there a commit is what
 * its thread wrote until it said "done".
 */
final class History {

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

        @Override
        public String toString() {
            return "[" + begin + ", " + end + "] thread " + thread + " " + outcome + " read " + reads + " wrote "
                    + writes + (kept == null ? "" : " cleared but " + kept) + " by " + what;
        }
    }

    /** A batch; {@code by} is its operation where that is known. */
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

    /** A batch has reached the backend, which writes it once, however often it is sent. */
    synchronized void reached(long at, Batch batch) {
        if (batch.epoch() != 0 && !ids.add(List.of(batch.context(), batch.epoch(), batch.sequence()))) {
            return;
        }
        Set<String> kept = null;
        Map<Cell, String> writes = new LinkedHashMap<>();
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Mutation.Put put) {
                Cell cell = new Cell(batch.context(), put.type(), put.id());
                writes.put(cell, cell.decode(put.value()));
            } else if (mutation instanceof Mutation.Delete delete) {
                writes.put(new Cell(batch.context(), delete.type(), delete.id()), Model.ABSENT);
            } else if (mutation instanceof Mutation.Clear clear) {
                kept = clear.keptTypes();
            }
        }
        batches.add(new Reached(at, batch.context(), kept, writes, true, null));
    }

    /** One entry was written by the calling thread. */
    void touched(Cell cell, String value) {
        touched.get().add(new Touch(tick(), cell, value));
    }

    synchronized void add(int thread, Program.Step step, View view, Outcome outcome, long begin) {
        List<Touch> touches = touched.get();
        Operation operation = new Operation(
                thread, step.toString(), view.context, view.reads, view.writes, view.kept, outcome, begin, tick());
        operations.add(operation);
        if (outcome == Outcome.DONE && !touches.isEmpty()) {
            Map<Cell, String> writes = new LinkedHashMap<>();
            touches.forEach(touch -> writes.put(touch.cell, touch.value));
            batches.add(new Reached(touches.get(0).at, view.context, null, writes, false, operation));
        }
        touches.clear();
    }

    /** Throws what is wrong with the history of a context that holds {@code contents} now. */
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
        IdentityHashMap<Operation, Integer> placed = new IdentityHashMap<>();
        for (int i = 0; i < log.size(); i++) {
            Reached batch = log.get(i);
            if (!assign(i, log, all, states, placed, new HashSet<>())) {
                throw new AssertionError("no operation can have made the batch at " + batch.at + " of " + states.get(i)
                        + (batch.by == null ? "" : ", least of all " + batch.by));
            }
        }
        List<Operation> open = new ArrayList<>(all);
        open.removeIf(placed::containsKey);
        Model.check(
                contents.equals(states.get(states.size() - 1)),
                "the backend holds something else: {}",
                Model.difference(states.get(states.size() - 1), contents));
        for (Operation reader : open) {
            place(reader, log, states, placed);
        }
    }

    /**
     * Finds the operation that made a batch. Two may fit: then one that was taken for another batch gives way where that
     * one has another maker.
     */
    private static boolean assign(
            int number,
            List<Reached> log,
            List<Operation> all,
            List<Map<Cell, String>> states,
            IdentityHashMap<Operation, Integer> placed,
            Set<Operation> tried) {
        Reached batch = log.get(number);
        Map<Cell, String> before = states.get(number);
        Map<Cell, String> after = states.get(number + 1);
        List<Operation> makers = all.stream()
                .filter(operation -> batch.by == null || batch.by.equals(operation))
                .filter(Operation::isWriter)
                .filter(operation -> operation.begin < batch.at && batch.at < operation.end)
                .filter(operation -> operation.fits(before))
                .filter(operation -> operation.applyTo(before).equals(after))
                .filter(operation -> !batch.atomic || (operation.kept == null) == (batch.kept == null))
                .sorted(Comparator.comparingInt((Operation operation) -> operation.reads.isEmpty() ? 1 : 0)
                        .thenComparingLong(Operation::end))
                .toList();
        for (Operation maker : makers) {
            if (tried.add(maker)) {
                Integer other = placed.get(maker);
                if (other == null || assign(other - 1, log, all, states, placed, tried)) {
                    placed.put(maker, number + 1);
                    return true;
                }
            }
        }
        return false;
    }

    /** Finds the earliest state that fits a reader. */
    private static void place(
            Operation reader,
            List<Reached> log,
            List<Map<Cell, String>> states,
            IdentityHashMap<Operation, Integer> placed) {
        int from = 0;
        for (Map.Entry<Operation, Integer> other : placed.entrySet()) {
            if (other.getKey().end < reader.begin && other.getKey().outcome != Outcome.UNKNOWN) {
                from = Math.max(from, other.getValue());
            }
        }
        int until = (int) log.stream().filter(batch -> batch.at < reader.end).count();
        for (int i = from; i <= until; i++) {
            Map<Cell, String> state = states.get(i);
            boolean same =
                    reader.outcome != Outcome.DONE || reader.applyTo(state).equals(state);
            if (reader.fits(state) && same) {
                placed.put(reader, i);
                return;
            }
        }
        throw new AssertionError("no state from " + from + " to " + until + " fits " + reader);
    }
}
