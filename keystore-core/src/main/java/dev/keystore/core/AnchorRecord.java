package dev.keystore.core;

import dev.keystore.ContextPosition;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What a freshness anchor holds of one context: how far it had come when the anchor was raised the last few times.
 *
 * @param points the newest one first, at least one
 */
record AnchorRecord(List<Point> points) {

    private static final byte VERSION = 1;
    private static final int MAXIMUM_POINTS = 6;
    private static final ContextPosition NO_POSITION = new ContextPosition(0, 0);

    /**
     * How far a context had come.
     *
     * @param token the token in force from then on
     * @param position the position of the context, or a lower one; 0:0 if its backend keeps none
     * @param commits how many commits it had, since it has an anchor
     * @param at when the anchor was raised
     */
    record Point(UUID token, ContextPosition position, long commits, Instant at) {

        static final int BYTES = 6 * Long.BYTES;
    }

    /** What a comparison with a context has found. */
    enum Verdict {
        /** The context is as new as the anchor, or newer. */
        FRESH,
        /** The context lacks commits. */
        STALE,
        /** Another copy of the context was written to, and so was this one. */
        WRITTEN_COPY
    }

    AnchorRecord {
        points = List.copyOf(points);
    }

    /** Returns the record with a point before the points of another one. */
    static AnchorRecord raised(
            @Nullable AnchorRecord former, UUID token, Optional<ContextPosition> position, long commits, Instant at) {
        List<Point> points = new ArrayList<>();
        points.add(new Point(token, position.orElse(NO_POSITION), commits, at));
        if (former != null) {
            points.addAll(former.points);
        }
        return new AnchorRecord(points.subList(0, Math.min(points.size(), MAXIMUM_POINTS)));
    }

    Point newest() {
        return points.get(0);
    }

    /**
     * Compares a context with this record.
     *
     * @param entry the entry of the context, or null if it has none
     * @param found the position of the context, if its backend keeps one
     */
    Verdict compare(@Nullable FreshnessEntry entry, Optional<ContextPosition> found) {
        if (entry == null) {
            return Verdict.STALE;
        }
        ContextPosition position = found.orElse(NO_POSITION);
        if (entry.accepts(newest().token())) {
            return position.compareTo(newest().position()) < 0 ? Verdict.STALE : Verdict.FRESH;
        }
        // The commit that the anchor left the token of the entry with is not in this copy: so if it has as many, it
        // has others.
        return position.compareTo(left(entry).position()) >= 0 ? Verdict.WRITTEN_COPY : Verdict.STALE;
    }

    /** Returns the point at which the anchor left the tokens of an entry; the newest one if that is not known. */
    private Point left(FreshnessEntry entry) {
        Point left = newest();
        for (Point point : points) {
            if (entry.accepts(point.token())) {
                return left;
            }
            left = point;
        }
        return newest();
    }

    /** Returns the index of the first known point that is ahead of a context. */
    private int firstAhead(@Nullable FreshnessEntry entry, Optional<ContextPosition> found) {
        ContextPosition position = found.orElse(NO_POSITION);
        for (int i = 0; i < points.size(); i++) {
            Point point = points.get(i);
            if (entry != null && entry.accepts(point.token()) && position.compareTo(point.position()) >= 0) {
                return Math.max(0, i - 1);
            }
        }
        return points.size() - 1;
    }

    /** Returns since when a context lacks commits, as far as that is known. */
    Instant staleSince(@Nullable FreshnessEntry entry, Optional<ContextPosition> found) {
        return points.get(firstAhead(entry, found)).at();
    }

    /** Returns how many commits a context lacks at least. */
    long missingCommits(@Nullable FreshnessEntry entry, Optional<ContextPosition> found) {
        if (entry == null) {
            return newest().commits();
        }
        int ahead = firstAhead(entry, found);
        if (ahead + 1 < points.size()) {
            Point reached = points.get(ahead + 1);
            ContextPosition position = found.orElse(NO_POSITION);
            if (entry.accepts(reached.token())
                    && position.epoch() == reached.position().epoch()) {
                long since =
                        Math.max(0, position.sequence() - reached.position().sequence());
                return Math.max(1, newest().commits() - reached.commits() - since);
            }
        }
        return Math.max(1, newest().commits() - entry.commits() - FreshnessEntry.COMMITS_PER_RAISE);
    }

    byte[] encode() {
        ByteBuffer bytes = ByteBuffer.allocate(2 + points.size() * Point.BYTES + Integer.BYTES);
        bytes.put(VERSION).put((byte) points.size());
        for (Point point : points) {
            bytes.putLong(point.token.getMostSignificantBits())
                    .putLong(point.token.getLeastSignificantBits())
                    .putLong(point.position.epoch())
                    .putLong(point.position.sequence())
                    .putLong(point.commits)
                    .putLong(point.at.toEpochMilli());
        }
        return bytes.putInt(checksum(bytes.array())).array();
    }

    /**
     * Reads a record.
     *
     * @throws IllegalArgumentException if it is damaged; the message is the reason
     */
    static AnchorRecord decode(byte[] record) {
        int size = record.length - 2 - Integer.BYTES;
        if (size < Point.BYTES || size % Point.BYTES != 0 || record[1] != size / Point.BYTES) {
            throw new IllegalArgumentException("it has " + record.length + " bytes, which is no possible length");
        }
        ByteBuffer bytes = ByteBuffer.wrap(record);
        if (bytes.getInt(record.length - Integer.BYTES) != checksum(record)) {
            throw new IllegalArgumentException("its checksum does not match");
        }
        if (bytes.get() != VERSION) {
            throw new IllegalArgumentException(
                    "its format version is " + record[0] + ", only " + VERSION + " is known");
        }
        List<Point> points = new ArrayList<>();
        for (int left = bytes.get(); left > 0; left--) {
            points.add(new Point(
                    new UUID(bytes.getLong(), bytes.getLong()),
                    new ContextPosition(bytes.getLong(), bytes.getLong()),
                    bytes.getLong(),
                    Instant.ofEpochMilli(bytes.getLong())));
        }
        return new AnchorRecord(points);
    }

    private static int checksum(byte[] record) {
        CRC32C checksum = new CRC32C();
        checksum.update(record, 0, record.length - Integer.BYTES);
        return (int) checksum.getValue();
    }
}
