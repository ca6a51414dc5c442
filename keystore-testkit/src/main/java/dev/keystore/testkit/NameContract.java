package dev.keystore.testkit;

import dev.keystore.EntryId;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Ids are exact: no folding, no normalisation, no trimming, no patterns. */
abstract class NameContract extends WritingContract {

    NameContract(BackendContractTest test, Way way) {
        super(test, way);
    }

    @Test
    @DisplayName("R8 ids hold any character: separators, patterns, quotes, NUL, line breaks, emoji")
    void ids_special_areKept() {
        assertApart(Names.SPECIAL);
    }

    @Test
    @DisplayName("R8 ids hold 1,024 characters, and differ by their first and their last")
    void ids_long_areKept() {
        assertApart(Names.LONG);
    }

    @Test
    @DisplayName("R8 ids that differ only in case are different")
    void ids_differingInCase_stayApart() {
        assertApart(Names.OF_CASE);
    }

    @Test
    @DisplayName("R8 ids that differ only in Unicode normalisation are different")
    void ids_differingInNormalisation_stayApart() {
        assertApart(Names.OF_NORMALISATION);
    }

    @Test
    @DisplayName("R8 ids that differ only in blanks, control characters or dots at an end are different")
    void ids_differingAtTheEnds_stayApart() {
        assertApart(Names.OF_ENDS);
    }

    @Test
    @DisplayName("R8 ids that are one number in different spellings are different")
    void ids_equalAsNumbers_stayApart() {
        assertApart(Names.OF_NUMBER);
    }

    @Test
    @DisplayName("R8 ids with one hash code are different")
    void ids_ofOneHashCode_stayApart() {
        assertApart(Names.OF_HASH_CODE);
    }

    @Test
    @DisplayName("R8 an id that begins another, or fits it as a pattern, is a different one")
    void ids_beginningOrFittingOthers_stayApart() {
        assertApart(Names.OF_BEGINNING);
    }

    @Test
    @DisplayName("R16 a delete takes its id literally, never as a prefix or a pattern")
    void delete_idThatFitsOthersAsPattern_removesItAlone() {
        for (String pattern : Names.OF_BEGINNING) {
            for (String id : Names.OF_BEGINNING) {
                save(id, "value of " + id);
            }
            remove(pattern);

            assertAbsent(pattern);
            for (String id : Names.OF_BEGINNING) {
                if (!id.equals(pattern)) {
                    assertHolds(id, "value of " + id);
                }
            }
        }
    }

    private void assertApart(List<String> ids) {
        for (String id : ids) {
            save(id, "value of " + id);
        }
        for (String id : ids) {
            assertHolds(id, "value of " + id);
        }
        assertLists(CONTEXT, ids.stream().map(id -> new EntryId(TYPE, id)).toArray(EntryId[]::new));
    }
}
