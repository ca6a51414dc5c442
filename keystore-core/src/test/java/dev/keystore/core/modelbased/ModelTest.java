package dev.keystore.core.modelbased;

import static org.assertj.core.api.Assertions.assertThat;

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

    @Test
    @DisplayName("R12 R13 R41 a store behaves like a map under any sequence of operations and failures")
    void sequential_sample_equalsMap() throws Exception {
        ModelPrograms.inMemory().sequential(400);
    }

    @Test
    @DisplayName("R12 R13 R21 concurrent commits are strictly serializable")
    void concurrent_sample_isStrictlySerializable() throws Exception {
        ModelPrograms.inMemory().concurrent(300);
    }

    @Test
    @Tag("long")
    void sequential_many_equalsMap() throws Exception {
        ModelPrograms.inMemory().sequential(Integer.getInteger("model.programs", 20_000));
    }

    @Test
    @Tag("long")
    void concurrent_many_isStrictlySerializable() throws Exception {
        ModelPrograms.inMemory().concurrent(Integer.getInteger("model.programs", 20_000));
    }

    @Test
    void program_ofOneSeed_isTheSame() {
        assertThat(Program.sequential(17)).isEqualTo(Program.sequential(17)).isNotEqualTo(Program.sequential(18));
        assertThat(Program.concurrent(17)).isEqualTo(Program.concurrent(17)).isNotEqualTo(Program.concurrent(18));
    }
}
