package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LatestRecordTest {

    private static final List<Byte> ABSENT = List.of();

    /** What each load finds. */
    private final Deque<List<Byte>> stored = new ArrayDeque<>();

    private byte @Nullable [] load() {
        List<Byte> record = stored.remove();
        return record.equals(ABSENT) ? null : new byte[] {record.get(0)};
    }

    private @Nullable String open(byte... loaded) {
        return LatestRecord.open(loaded, this::load, LatestRecordTest::opened);
    }

    /** Returns the text of a record; those below 10 cannot be read. */
    private static String opened(byte[] record) {
        if (record[0] < 10) {
            throw new IllegalArgumentException("unreadable " + record[0]);
        }
        return Arrays.toString(record);
    }

    @Test
    @DisplayName("a record that can be read is not loaded again")
    void open_readable_isNotLoadedAgain() {
        assertThat(open((byte) 11)).isEqualTo("[11]");
    }

    @Test
    @DisplayName("a record that cannot be read is loaded again, as long as it is another one")
    void open_replaced_returnsTheLatest() {
        stored.addAll(List.of(List.of((byte) 2), List.of((byte) 12)));
        assertThat(open((byte) 1)).isEqualTo("[12]");
        assertThat(stored).isEmpty();
    }

    @Test
    @DisplayName("a record that cannot be read and was deleted meanwhile is absent")
    void open_deleted_isNull() {
        stored.add(ABSENT);
        assertThat(open((byte) 1)).isNull();
        assertThat(LatestRecord.open(null, this::load, LatestRecordTest::opened))
                .isNull();
    }

    @Test
    @DisplayName("a record that is still the same counts as unreadable")
    void open_sameRecord_isUnreadable() {
        stored.addAll(List.of(List.of((byte) 2), List.of((byte) 2), List.of((byte) 2)));
        assertThatThrownBy(() -> open((byte) 1)).hasMessage("unreadable 2");
        assertThat(LatestRecord.open(
                        new byte[] {2},
                        this::load,
                        LatestRecordTest::opened,
                        (record, failure) -> record[0] + ": " + failure.getMessage()))
                .isEqualTo("2: unreadable 2");
    }
}
