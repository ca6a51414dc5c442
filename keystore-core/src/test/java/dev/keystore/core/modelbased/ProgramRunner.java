package dev.keystore.core.modelbased;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyOperations;
import dev.keystore.KeyReader;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.LockTimeoutException;
import dev.keystore.RollbackFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TransactionConflictException;
import dev.keystore.TransactionOptions;
import dev.keystore.core.modelbased.Model.Cell;
import dev.keystore.core.modelbased.Model.View;
import dev.keystore.core.modelbased.OperationHistory.Outcome;
import dev.keystore.core.modelbased.Steps.InContext;
import dev.keystore.core.modelbased.Steps.Transact;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Runs the steps of one thread. In a sequential program it compares each step with the model at once; in a concurrent
 * program it records each step in the history.
 */
final class ProgramRunner implements Step.Runner {

    private final DatabaseUnderTest database;
    final List<String> trace = new ArrayList<>();
    private final OperationHistory history;
    private final int thread;
    private final boolean exact;
    private final Map<Cell, String> committed = new HashMap<>();
    private int attempt;

    ProgramRunner(DatabaseUnderTest database, OperationHistory history, int thread) {
        this.database = database;
        this.history = history;
        this.thread = thread;
        this.exact = history == null;
    }

    /** Ends a transaction's work after a commit inside it whose outcome is unknown. */
    private static final class InDoubt extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private View view(String context) {
        return new View(context, exact ? committed : null);
    }

    private long tick() {
        return exact ? 0 : history.tick();
    }

    @Override
    public KeyReader pick(KeyOperations on) {
        return (database.values().incrementAndGet() & 1) == 0 ? on : on.readOnly();
    }

    @Override
    public String value(Step.Size size) {
        return switch (size) {
            case UNIQUE -> "v" + database.values().incrementAndGet();
            case LONG -> "v" + database.values().incrementAndGet() + "-".repeat(300);
            case EMPTY -> "";
            case SAME -> "same";
        };
    }

    void run(List<Step> steps) {
        for (Step step : steps) {
            trace.add("  " + step);
            if (step instanceof Transact transact) {
                transact(transact);
            } else if (step instanceof InContext single) {
                single(single.context(), single.step());
            } else {
                step.run(null, null, this);
            }
        }
    }

    @Override
    public DatabaseUnderTest database() {
        return database;
    }

    @Override
    public void commitOutside(String context, Step step) {
        if (attempt == 1 && !single(context, step)) {
            throw new InDoubt();
        }
    }

    /** Runs a step on the store, and returns whether its outcome is known. */
    private boolean single(String context, Step step) {
        View view = view(context);
        int failures = database.failureCount();
        long begin = tick();
        RuntimeException outcome = null;
        try {
            perform(step, database.store(context), view);
        } catch (LoadFailedException
                | CommitFailedException
                | CommitOutcomeUnknownException
                | RollbackFailedException e) {
            outcome = e;
        }
        boolean known =
                !(outcome instanceof CommitOutcomeUnknownException) && !(outcome instanceof RollbackFailedException);
        if (!known) {
            view.intention.run();
        }
        settle(step, view, outcome, begin, failures);
        return known;
    }

    @SuppressWarnings("ReferenceEquality") // the very exception that the work threw
    private void transact(Transact transact) {
        SignalKeyStore store = database.store(transact.context());
        View[] last = new View[1];
        long[] begin = {tick()};
        AtomicInteger attempts = new AtomicInteger();
        int failures = database.failureCount();
        RuntimeException outcome = null;
        RuntimeException[] thrown = new RuntimeException[1];
        try {
            store.transaction(transact.lockKeys(), TransactionOptions.retryOnConflict(transact.maxAttempts()), tx -> {
                if (last[0] != null) {
                    Model.check(!exact || last[0].stale(), "run again without a conflict");
                    settled(transact, last[0], Outcome.NOTHING, begin[0]);
                    begin[0] = tick();
                }
                View view = view(transact.context());
                last[0] = view;
                attempt = attempts.incrementAndGet();
                try {
                    transact.body().forEach(step -> perform(step, tx, view));
                    if (!exact && !view.changesNothing()) {
                        mark(tx, view);
                    }
                } catch (RuntimeException e) {
                    thrown[0] = e;
                    throw e;
                }
                return true;
            });
        } catch (TransactionConflictException e) {
            outcome = e;
            Model.check(attempts.get() == transact.maxAttempts(), "gave up after {} attempts", attempts.get());
        } catch (LockTimeoutException e) {
            outcome = e;
            Model.check(!exact, "no other thread holds a lock: {}", e);
        } catch (LoadFailedException
                | CommitFailedException
                | CommitOutcomeUnknownException
                | RollbackFailedException
                | InDoubt
                | Steps.Planned e) {
            outcome = e;
            Model.check(thrown[0] == null || thrown[0] == e || attempts.get() > 1, "{} came out, not {}", e, thrown[0]);
        }
        if (last[0] != null) {
            settle(transact, last[0], outcome, begin[0], failures);
        }
    }

    /** Adds a write to the transaction that no other one has. */
    private void mark(KeyOperations tx, View view) {
        Cell mark = new Cell(view.context, KeyTypes.KYBER_PRE_KEY.name(), "mark " + thread);
        String value = value(Step.Size.UNIQUE);
        mark.put(tx, value);
        view.write(mark, value);
    }

    @Override
    public void perform(Step step, KeyOperations on, View view) {
        int failures = database.failureCount();
        try {
            step.run(on, view, this);
        } catch (EntryExistsException e) {
            view.saw(Cell.of(e.context(), e.entry()), Model.PRESENT);
        } catch (CorruptEntryException e) {
            view.sawDamaged(Cell.of(e.context(), e.entry()));
        } catch (TransactionConflictException e) {
            Model.check(on.inTransaction(), "a single operation ended in a conflict: {}", e);
            Model.check(!exact || view.stale(), "a conflict, but nothing has changed: {}", e);
            throw e;
        } catch (LoadFailedException e) {
            Model.check(!exact || database.failureCount() > failures, "a failure, but the backend had none: {}", e);
            throw e;
        }
    }

    private void settled(Step step, View view, Outcome outcome, long begin) {
        if (!exact) {
            history.add(thread, step.toString(), view, outcome, begin);
        }
    }

    private void settle(Step step, View view, RuntimeException outcome, long begin, int failures) {
        trace.add("    " + (outcome == null ? "done" : outcome) + " read " + view.reads + " wrote " + view.writes
                + (view.kept == null ? "" : " cleared"));
        boolean unknown = outcome instanceof CommitOutcomeUnknownException;
        settled(step, view, outcome == null ? Outcome.DONE : unknown ? Outcome.UNKNOWN : Outcome.NOTHING, begin);
        if (!exact) {
            Model.check(
                    !(outcome instanceof RollbackFailedException) || database.failureCount() > 1,
                    "one failure was not rolled back: {}",
                    outcome);
            return;
        }
        boolean excused = database.failureCount() > failures || isRefusedSinceOpening(outcome);
        Map<Cell, String> contents = database.contents();
        if (outcome == null) {
            Model.check(view.changesNothing() || !view.stale(), "committed despite a conflict");
            take(view.applyTo(committed));
        } else if (outcome instanceof TransactionConflictException) {
            Model.check(view.stale(), "a conflict, but nothing has changed");
        } else if (!(outcome instanceof Steps.Planned)) {
            Model.check(excused, "a failure, but the backend had none: {}", outcome);
            Map<Cell, String> after = view.applyTo(committed);
            if (unknown) {
                Model.check(
                        contents.equals(committed) || contents.equals(after),
                        "part of a commit is there: {}",
                        Model.difference(after, contents));
                take(contents);
            } else if (outcome instanceof RollbackFailedException failed) {
                takeInDoubt(failed.entries(), view.context, after, contents);
            }
        }
        Model.check(
                contents.equals(committed),
                "the backend holds something else: {}",
                Model.difference(committed, contents));
    }

    /** Returns whether the backend failed for good when it was asked whether the context was moved, at its opening. */
    private boolean isRefusedSinceOpening(RuntimeException outcome) {
        return outcome instanceof CommitFailedException
                && outcome.getCause() instanceof StoreOpenException
                && database.failureCount() > 0;
    }

    private void take(Map<Cell, String> state) {
        Map<Cell, String> copy = Map.copyOf(state);
        committed.clear();
        committed.putAll(copy);
    }

    private void takeInDoubt(
            List<EntryId> entries, String context, Map<Cell, String> after, Map<Cell, String> contents) {
        for (EntryId entry : entries) {
            Cell cell = Cell.of(context, entry);
            String held = contents.getOrDefault(cell, Model.ABSENT);
            Model.check(
                    held.equals(Model.DAMAGED)
                            || held.equals(committed.getOrDefault(cell, Model.ABSENT))
                            || held.equals(after.getOrDefault(cell, Model.ABSENT)),
                    "{} in doubt holds {}",
                    cell,
                    held);
            if (held.equals(Model.ABSENT)) {
                committed.remove(cell);
            } else {
                committed.put(cell, held);
            }
        }
    }

    /** Reopens the database, and compares all entries with the model. */
    void finish() {
        trace.add("  at the end");
        database.reopen(1_000_000);
        for (String context : database.setup().contexts()) {
            SignalKeyStore store = database.store(context);
            Map<Cell, String> found = new HashMap<>();
            for (String type : Model.TYPES) {
                try (Stream<String> ids = store.ids(Model.type(type), "")) {
                    ids.forEach(id -> put(found, new Cell(context, type, id), store));
                }
            }
            put(found, Cell.credentialsOf(context), store);
            Map<Cell, String> expected = new HashMap<>(committed);
            expected.keySet().removeIf(cell -> !cell.context().equals(context));
            Model.check(
                    found.equals(expected),
                    "a reopened database reads something else: {}",
                    Model.difference(expected, found));
            Model.check(
                    store.verify().size()
                            == expected.values().stream()
                                    .filter(Model.DAMAGED::equals)
                                    .count(),
                    "verify finds {}",
                    store.verify());
        }
    }

    private static void put(Map<Cell, String> found, Cell cell, SignalKeyStore store) {
        String value;
        try {
            value = cell.find(store);
        } catch (CorruptEntryException e) {
            value = Model.DAMAGED;
        }
        if (!Objects.equals(value, Model.ABSENT)) {
            found.put(cell, value);
        }
    }
}
