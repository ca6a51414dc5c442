package dev.keystore.core.modelbased;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.core.Threads;
import dev.keystore.core.modelbased.Model.Cell;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Compares the engine with a model: random programs of everything that a user can do and most of what can fail.
 *
 * <p>Each program has a seed. {@code -Dmodel.seed=17} runs only the program with that seed; a concurrent program runs
 * 500 times, because its threads may interleave differently each time. {@code -Dmodel.programs=1000} sets the number of
 * programs of the long tests.
 */
@Timeout(1_200)
class ModelTest {

    private static final int REPLAYS = 500;
    private static final int SHRINKING_RUNS = 400;

    @Test
    @DisplayName("R12 R13 R41 a store behaves like a map under any sequence of operations and failures")
    void sequential_sample_equalsMap() {
        sequential(400);
    }

    @Test
    @DisplayName("R12 R13 R21 concurrent commits are strictly serializable")
    void concurrent_sample_isStrictlySerializable() throws Exception {
        concurrent(300);
    }

    @Test
    @Tag("long")
    void sequential_many_equalsMap() {
        sequential(Integer.getInteger("model.programs", 20_000));
    }

    @Test
    @Tag("long")
    void concurrent_many_isStrictlySerializable() throws Exception {
        concurrent(Integer.getInteger("model.programs", 20_000));
    }

    private static void sequential(int programs) {
        Long seed = Long.getLong("model.seed");
        long first = first("sequential", programs, seed);
        for (int i = 0; i < (seed == null ? programs : 1); i++) {
            Program program = Program.sequential(first + i);
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
    private static Throwable failure(Program program, List<String> trace) {
        ProgramRunner runner = null;
        try (DatabaseUnderTest database = new DatabaseUnderTest(program.setup(), null)) {
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
    private static Program shrink(Program program) {
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

    private static void concurrent(int programs) throws Exception {
        Long seed = Long.getLong("model.seed");
        long first = first("concurrent", programs, seed);
        for (int i = 0; i < (seed == null ? programs : REPLAYS); i++) {
            Program program = Program.concurrent(seed == null ? first + i : first);
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

    private static void runConcurrently(Program program) throws Exception {
        OperationHistory history = new OperationHistory();
        try (DatabaseUnderTest database = new DatabaseUnderTest(program.setup(), history)) {
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

    @Test
    void program_ofOneSeed_isTheSame() {
        assertThat(Program.sequential(17)).isEqualTo(Program.sequential(17)).isNotEqualTo(Program.sequential(18));
        assertThat(Program.concurrent(17)).isEqualTo(Program.concurrent(17)).isNotEqualTo(Program.concurrent(18));
    }
}
