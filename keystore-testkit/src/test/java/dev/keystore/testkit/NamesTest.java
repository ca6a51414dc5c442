package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class NamesTest {

    @Test
    void names_areDistinctWellFormedAndNotTooLong() {
        for (List<String> names : List.of(
                Names.SPECIAL,
                Names.OF_CASE,
                Names.OF_NORMALISATION,
                Names.OF_ENDS,
                Names.OF_NUMBER,
                Names.OF_HASH_CODE,
                Names.OF_BEGINNING,
                Names.LONG)) {
            assertThat(names).doesNotHaveDuplicates().allSatisfy(name -> {
                assertThat(name).isNotBlank();
                assertThat(name.codePointCount(0, name.length())).isLessThanOrEqualTo(1024);
                assertThat(StandardCharsets.UTF_8.newEncoder().canEncode(name)).isTrue();
            });
        }
        assertThat(Names.OF_HASH_CODE.stream().map(String::hashCode).distinct()).hasSize(1);
        assertThat(Names.LONG).anyMatch(name -> name.length() == 1024).anyMatch(name -> name.length() == 2048);
    }

    @Test
    void show_anyName_isOneShortLine() {
        assertThat(Names.show("a\n\u0000\ud83d\ude00")).isEqualTo("\"a<U+000A><U+0000><U+1F600>\"");
        assertThat(Names.show("x".repeat(1024))).hasSizeLessThan(60);
    }
}
