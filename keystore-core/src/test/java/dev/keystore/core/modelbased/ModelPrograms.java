package dev.keystore.core.modelbased;

import dev.keystore.core.Threads;
import dev.keystore.core.modelbased.Model.Cell;
import dev.keystore.spi.Backend;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Runs random programs, and compares what the engine does with a model. */
public final class ModelPrograms {

    private static final int REPLAYS = 500;
    private static final int SHRINKING_RUNS = 400;

    /** Creates stores; a program uses one. */
    public interface Stores {

        /** Returns what opens a new store, also again once the backend from before is closed. */
        Supplier<Backend> create() throws Exception;
    }

    /** Null if the programs choose backends in memory. */
    private final Stores stores;

    private ModelPrograms(Stores stores) {
        this.stores = stores;
    }

    /** Returns programs on backends in memory, with and without capabilities, failures and encryption. */
    static ModelPrograms inMemory() {
        return new ModelPrograms(null);
    }

    /** Returns programs on a real backend, with encryption on, and half of them with names hidden. */
    public static ModelPrograms encryptedOn(Stores stores) {
        return new ModelPrograms(stores);
    }

    private DatabaseUnderTest open(Setup setup, OperationHistory history) throws Exception {
        return stores == null
                ? new DatabaseUnderTest(setup, history)
                : new DatabaseUnderTest(setup, history, stores.create());
    }

    private Program program(long seed, boolean concurrent) {
        if (stores != null) {
            return Program.encrypted(seed, concurrent);
        }
        return concurrent ? Program.concurrent(seed) : Program.sequential(seed);
    }

    /** Runs programs of one thread each. */
    public void sequential(int programs) throws Exception {
        Long seed = Long.getLong("model.seed");
        long first = first("sequential", programs, seed);
        for (int i = 0; i < (seed == null ? programs : 1); i++) {
            Program program = program(first + i, false);
            List<String> trace = new ArrayList<>();
            Throwable failure = failure(program, trace);
            if (failure != null) {
                Program shrunken = shrink(program);
                trace.clear();
                Throwable last = failure(shrunken, trace);
                throw new AssertionError(
                        "sequential program " + i + " fails, replay it with -Dmodel.seed=" + (first + i) + ": "
                                + failure + "\nshrunken to "
                                + shrunken.threads().get(0).size() + " steps: " + last + "\n"
                                + shrunken.setup() + "\n" + String.join("\n", trace),
                        failure);
            }
        }
    }

    /** Runs a sequential program, and returns what is wrong, or null. */
    private Throwable failure(Program program, List<String> trace) throws Exception {
        ProgramRunner runner = null;
        try (DatabaseUnderTest database = open(program.setup(), null)) {
            runner = new ProgramRunner(database, null, 0);
            runner.run(program.threads().get(0));
            runner.finish();
            return null;
        } catch (RuntimeException | AssertionError e) {
            return e;
        } finally {
            if (runner != null) {
                trace.addAll(runner.trace);
            }
        }
    }

    /** Leaves out steps, as long as it still fails. */
    private Program shrink(Program program) throws Exception {
        List<Step> steps = program.threads().get(0);
        int runs = 0;
        for (int size = Math.max(1, steps.size() / 2); size > 0; size /= 2) {
            int at = 0;
            while (at + size <= steps.size() && runs++ < SHRINKING_RUNS) {
                List<Step> fewer = new ArrayList<>(steps.subList(0, at));
                fewer.addAll(steps.subList(at + size, steps.size()));
                if (failure(new Program(program.setup(), List.of(fewer)), new ArrayList<>()) == null) {
                    at += size;
                } else {
                    steps = fewer;
                }
            }
        }
        return new Program(program.setup(), List.of(steps));
    }

    /** Runs programs of several threads each. */
    public void concurrent(int programs) throws Exception {
        Long seed = Long.getLong("model.seed");
        long first = first("concurrent", programs, seed);
        for (int i = 0; i < (seed == null ? programs : REPLAYS); i++) {
            Program program = program(seed == null ? first + i : first, true);
            try {
                runConcurrently(program);
            } catch (Exception | AssertionError e) {
                throw new AssertionError(
                        "concurrent program " + i + " fails, replay it with -Dmodel.seed="
                                + (seed == null ? first + i : first) + ": " + e + "\n" + program,
                        e);
            }
        }
    }

    private void runConcurrently(Program program) throws Exception {
        OperationHistory history = new OperationHistory();
        try (DatabaseUnderTest database = open(program.setup(), history)) {
            Threads.together(program.threads().size(), number -> {
                new ProgramRunner(database, history, number)
                        .run(program.threads().get(number));
                return true;
            });
            Map<Cell, String> contents = database.contents();
            for (String context : program.setup().contexts()) {
                Map<Cell, String> own = new HashMap<>(contents);
                own.keySet().removeIf(cell -> !cell.context().equals(context));
                history.check(context, own);
            }
        }
    }

    private static long first(String what, int programs, Long seed) {
        long first = seed == null ? System.nanoTime() : seed;
        System.out.printf("%d %s programs from seed %d%n", seed == null ? programs : 1, what, first);
        return first;
    }
}
