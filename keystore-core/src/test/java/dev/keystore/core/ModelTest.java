package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.core.Model.Cell;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The engine against a model: programs made by chance, of everything that a user can do and most that can go wrong.
 *
 * <p>Each program has a seed. {@code -Dmodel.seed=17} runs the program of that seed alone, a concurrent one 500 times over,
 * since its threads may meet otherwise each time. {@code -Dmodel.programs=1000} sets how many the long tests run.
 */
@Timeout(1_200)
class ModelTest {

    private static final int REPLAYS = 500;
    private static final int SHRINKING_RUNS = 400;

    @Test
    @DisplayName("a store is a map, whatever is done to it in a row, and whatever fails")
    void sequential_sample_equalsMap() {
        sequential(400);
    }

    @Test
    @DisplayName("what is committed at once is as if done in a row, each commit between its begin and its end")
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
        Run run = null;
        try (World world = new World(program.setup(), null)) {
            run = new Run(world, null, 0);
            run.run(program.threads().get(0));
            run.finish();
            return null;
        } catch (RuntimeException | AssertionError e) {
            return e;
        } finally {
            if (run != null) {
                trace.addAll(run.trace);
            }
        }
    }

    /** Leaves out steps, as long as it still fails. */
    private static Program shrink(Program program) {
        List<Program.Step> steps = program.threads().get(0);
        int runs = 0;
        for (int size = Math.max(1, steps.size() / 2); size > 0; size /= 2) {
            int at = 0;
            while (at + size <= steps.size() && runs++ < SHRINKING_RUNS) {
                List<Program.Step> fewer = new ArrayList<>(steps.subList(0, at));
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
        History history = new History();
        try (World world = new World(program.setup(), history)) {
            Threads.together(program.threads().size(), number -> {
                new Run(world, history, number).run(program.threads().get(number));
                return true;
            });
            Map<Cell, String> contents = world.contents();
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
