package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextPosition;
import dev.keystore.core.AnchorRecord.Verdict;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class AnchorRecordTest {

    private static final UUID FIRST = new UUID(1, 1);
    private static final UUID SECOND = new UUID(2, 2);
    private static final UUID THIRD = new UUID(3, 3);
    private static final UUID FOREIGN = new UUID(4, 4);
    private static final Instant START = Instant.ofEpochMilli(1_000);

    private static Optional<ContextPosition> at(long epoch, long sequence) {
        return Optional.of(new ContextPosition(epoch, sequence));
    }

    /** The anchor held FIRST from (1, 1) to (1, 10), then SECOND from (2, 1) to (2, 5). */
    private static AnchorRecord record() {
        AnchorRecord record = AnchorRecord.raised(null, FIRST, at(1, 1), 1, START);
        record = AnchorRecord.raised(record, FIRST, at(1, 10), 10, START.plusSeconds(1));
        record = AnchorRecord.raised(record, SECOND, at(2, 1), 11, START.plusSeconds(2));
        return AnchorRecord.raised(record, SECOND, at(2, 5), 15, START.plusSeconds(3));
    }

    private static FreshnessEntry entry(UUID current, UUID next) {
        return new FreshnessEntry(current, next, 1);
    }

    @Test
    @DisplayName("R82 a context with the token of the anchor is fresh from the position of the anchor on")
    void compare_sameToken_byPosition() {
        FreshnessEntry entry = entry(FIRST, SECOND);
        assertThat(record().compare(entry, at(2, 5))).isEqualTo(Verdict.FRESH);
        assertThat(record().compare(entry, at(2, 6))).isEqualTo(Verdict.FRESH);
        assertThat(record().compare(entry, at(3, 1))).isEqualTo(Verdict.FRESH);
        assertThat(record().compare(entry, at(2, 4))).isEqualTo(Verdict.STALE);
        assertThat(record().compare(entry(SECOND, THIRD), at(3, 1))).isEqualTo(Verdict.FRESH);
        assertThat(record().missingCommits(entry, at(2, 4))).isEqualTo(1);
        assertThat(record().staleSince(entry, at(2, 4))).isEqualTo(START.plusSeconds(3));
    }

    @Test
    @DisplayName("R82 R83 a context with a former token is old, or was written to if it is as far as the anchor was")
    void compare_formerToken_byPositionOfTheChange() {
        FreshnessEntry entry = entry(FreshnessEntry.NONE, FIRST);
        assertThat(record().compare(entry, at(1, 10))).isEqualTo(Verdict.STALE);
        assertThat(record().missingCommits(entry, at(1, 10))).isEqualTo(5);
        assertThat(record().missingCommits(entry, at(1, 7))).isEqualTo(8);
        assertThat(record().staleSince(entry, at(1, 10))).isEqualTo(START.plusSeconds(2));
        assertThat(record().staleSince(entry, at(1, 7))).isEqualTo(START.plusSeconds(1));
        assertThat(record().compare(entry, at(2, 1))).isEqualTo(Verdict.WRITTEN_COPY);
        assertThat(record().compare(entry(FIRST, FOREIGN), at(2, 1))).isEqualTo(Verdict.WRITTEN_COPY);
    }

    @Test
    @DisplayName("R82 missing commits are counted past two raises of one moment to one position")
    void missingCommits_equalPoints_areExact() {
        AnchorRecord record = AnchorRecord.raised(null, FIRST, at(1, 3), 3, START);
        record = AnchorRecord.raised(record, SECOND, at(2, 5), 8, START);
        record = AnchorRecord.raised(record, SECOND, at(2, 5), 8, START);
        record = AnchorRecord.raised(record, THIRD, at(3, 1), 9, START);
        assertThat(record.missingCommits(entry(FreshnessEntry.NONE, FIRST), at(1, 3)))
                .isEqualTo(6);
    }

    @Test
    @DisplayName("R82 R83 a context with unknown tokens, or without any, is never fresh")
    void compare_unknownToken_isRefused() {
        assertThat(record().compare(null, at(9, 9))).isEqualTo(Verdict.STALE);
        assertThat(record().missingCommits(null, Optional.empty())).isEqualTo(15);
        assertThat(record().compare(entry(FOREIGN, THIRD), at(1, 1))).isEqualTo(Verdict.STALE);
        assertThat(record().compare(entry(FOREIGN, THIRD), at(9, 9))).isEqualTo(Verdict.WRITTEN_COPY);
        assertThat(record().missingCommits(entry(FOREIGN, THIRD), at(1, 1))).isPositive();
        assertThat(record().compare(entry(FIRST, SECOND), Optional.empty())).isEqualTo(Verdict.STALE);
    }

    @Test
    @DisplayName("R82 a record keeps the last 6 points, in less than 300 bytes, and each changed bit is detected")
    void encode_isBoundedAndChecked() {
        AnchorRecord record = record();
        for (int i = 0; i < 10; i++) {
            record = AnchorRecord.raised(record, THIRD, at(3, i), 20 + i, START.plusSeconds(i));
        }
        byte[] encoded = record.encode();
        assertThat(encoded).hasSizeLessThan(300);
        assertThat(AnchorRecord.decode(encoded)).isEqualTo(record);
        assertThat(record.points()).hasSize(6);
        for (int bit = 0; bit < 8 * encoded.length; bit++) {
            byte[] damaged = encoded.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            assertThatThrownBy(() -> AnchorRecord.decode(damaged)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> AnchorRecord.decode(new byte[3])).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("R82 the entry of a context is found again, and each changed byte is detected")
    void entry_isChecked() {
        FreshnessEntry entry = new FreshnessEntry(FIRST, SECOND, 42);
        byte[] record = entry.put("alice").value();
        assertThat(FreshnessEntry.of("alice", record)).isEqualTo(entry);
        assertThatThrownBy(() -> FreshnessEntry.of("bob", record)).isInstanceOf(IllegalArgumentException.class);
        for (int at = 0; at < record.length; at++) {
            byte[] damaged = record.clone();
            damaged[at] ^= 4;
            assertThatThrownBy(() -> FreshnessEntry.of("alice", damaged)).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
