package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RowKeyTest {

    /** A group that a copy writes: many contexts with the same ids, and numbers at the ends of both. */
    @Test
    void hashCode_numberedContextsAndIds_seldomCollides() {
        assertThat(IntStream.range(0, 100 * 100)
                        .map(n -> new RowKey("account-" + n / 100, "session", (1_555_000_000_000L + n % 100) + ".1")
                                .hashCode())
                        .distinct()
                        .count())
                .isGreaterThan(9_900);
    }
}
