package dev.keystore.testkit;

import dev.keystore.EntryId;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Ids are compared exactly: no case folding, no normalization, no trimming, no patterns. */
abstract class NameContract extends WritingContract {

    NameContract(BackendFixture fixture, Way way) {
        super(fixture, way);
    }

    @Test
    @DisplayName("R8 an id may contain any character: separators, patterns, quotes, NUL, line breaks, emoji")
    void ids_special_areKept() {
        assertDistinct(UnusualNames.SPECIAL);
    }

    @Test
    @DisplayName("R8 ids may have 1,024 characters and differ only in the first or the last one")
    void ids_long_areKept() {
        assertDistinct(UnusualNames.LONG);
    }

    @Test
    @DisplayName("R8 ids that differ only in case are different")
    void ids_differingInCase_areDistinct() {
        assertDistinct(UnusualNames.OF_CASE);
    }

    @Test
    @DisplayName("R8 ids that differ only in Unicode normalization are different")
    void ids_differingInNormalization_areDistinct() {
        assertDistinct(UnusualNames.OF_NORMALIZATION);
    }

    @Test
    @DisplayName("R8 ids that differ only in leading or trailing spaces, control characters or dots are different")
    void ids_differingAtTheEnds_areDistinct() {
        assertDistinct(UnusualNames.OF_ENDS);
    }

    @Test
    @DisplayName("R8 ids that spell the same number differently are different")
    void ids_equalAsNumbers_areDistinct() {
        assertDistinct(UnusualNames.OF_NUMBER);
    }

    @Test
    @DisplayName("R8 ids with the same hash code are different")
    void ids_ofEqualHashCode_areDistinct() {
        assertDistinct(UnusualNames.OF_HASH_CODE);
    }

    @Test
    @DisplayName("R8 an id that is a prefix of another, or matches it as a pattern, is different")
    void ids_thatArePrefixesOrPatterns_areDistinct() {
        assertDistinct(UnusualNames.OF_PREFIX);
    }

    @Test
    @DisplayName("R16 a delete matches its id exactly, never as a prefix or a pattern")
    void delete_idThatIsAPattern_removesOnlyItself() {
        for (String id : UnusualNames.OF_PREFIX) {
            save(id, "value of " + id);
        }
        for (String pattern : UnusualNames.OF_PREFIX) {
            remove(pattern);

            assertAbsent(pattern);
            for (String id : UnusualNames.OF_PREFIX) {
                if (!id.equals(pattern)) {
                    assertHolds(id, "value of " + id);
                }
            }
            save(pattern, "value of " + pattern);
        }
    }

    private void assertDistinct(List<String> ids) {
        for (String id : ids) {
            save(id, "value of " + id);
        }
        for (String id : ids) {
            assertHolds(id, "value of " + id);
        }
        assertLists(CONTEXT, ids.stream().map(id -> new EntryId(TYPE, id)).toArray(EntryId[]::new));
    }
}
