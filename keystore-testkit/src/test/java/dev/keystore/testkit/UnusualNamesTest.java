package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class UnusualNamesTest {

    @Test
    void names_areDistinctWellFormedAndNotTooLong() {
        for (List<String> names : List.of(
                UnusualNames.SPECIAL,
                UnusualNames.OF_CASE,
                UnusualNames.OF_NORMALIZATION,
                UnusualNames.OF_ENDS,
                UnusualNames.OF_NUMBER,
                UnusualNames.OF_HASH_CODE,
                UnusualNames.OF_PREFIX,
                UnusualNames.LONG)) {
            assertThat(names).doesNotHaveDuplicates().allSatisfy(name -> {
                assertThat(name).isNotBlank();
                assertThat(name.codePointCount(0, name.length())).isLessThanOrEqualTo(1024);
                assertThat(StandardCharsets.UTF_8.newEncoder().canEncode(name)).isTrue();
            });
        }
        assertThat(UnusualNames.OF_HASH_CODE.stream().map(String::hashCode).distinct())
                .hasSize(1);
        assertThat(UnusualNames.LONG).anyMatch(name -> name.length() == 1024).anyMatch(name -> name.length() == 2048);
    }

    @Test
    void show_anyName_isOneShortLine() {
        assertThat(UnusualNames.show("a\n\u0000\ud83d\ude00")).isEqualTo("\"a<U+000A><U+0000><U+1F600>\"");
        assertThat(UnusualNames.show("x".repeat(1024))).hasSizeLessThan(60);
    }
}
