package dev.keystore.libsignal;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What is known about the uploads of one kind of pre-keys. It is an entry apart from the counter of ids, so that a
 * failed upload is retried with the same keys.
 *
 * <p>Ids are compared by how long ago they were issued, in terms of the last issued id, because they continue at 1
 * after the last one. A restore advances the counter; all that is recorded here then only appears to be older.
 *
 * @param uploadedUpTo the newest uploaded id; those issued later are still to be uploaded
 * @param handedOut ids issued later that must not be uploaded, because a contact received them directly
 * @param replaced when uploads replaced earlier ones, oldest first
 */
record PreKeyLog(int uploadedUpTo, List<Integer> handedOut, List<Replaced> replaced) {

    /** The logs, by the name of the kind. */
    static final KeyType<PreKeyLog> TYPE = KeyType.of("libsignal-uploaded-pre-keys", new LogCodec());

    private static final int MAX_REPLACED = 128;

    /**
     * The time of an upload.
     *
     * @param upTo the newest id that the server has had no key of since then, apart from those handed out
     * @param since the time, in milliseconds since the epoch
     */
    record Replaced(int upTo, long since) {}

    PreKeyLog {
        handedOut = List.copyOf(handedOut);
        replaced = List.copyOf(replaced);
    }

    /** Creates a log in which all ids up to one count as uploaded. */
    PreKeyLog(int uploadedUpTo) {
        this(uploadedUpTo, List.of(), List.of());
    }

    /** Returns how many ids ago an id was issued. */
    static int age(int id, int last) {
        return Math.floorMod(last - id, Ids.MAX_KEY_ID);
    }

    boolean isPending(int id, int last) {
        return age(id, last) < age(uploadedUpTo, last) && !handedOut.contains(id);
    }

    /** Returns whether an upload has replaced a key, {@code age} before {@code now} or earlier. */
    boolean isReplaced(int id, int last, Instant latest) {
        return replacedBy(latest)
                .filter(found -> age(id, last) >= age(found.upTo, last))
                .isPresent();
    }

    /** Returns the newest upload that was not later than a time. */
    private Optional<Replaced> replacedBy(Instant latest) {
        return replaced.stream()
                .filter(each -> each.since <= latest.toEpochMilli())
                .reduce((earlier, later) -> later);
    }

    /** Records that a contact receives a new key directly. */
    PreKeyLog withHandedOut(int id, @Nullable Integer lastBefore) {
        if (lastBefore != null && lastBefore == uploadedUpTo) {
            return new PreKeyLog(id, handedOut, replaced);
        }
        List<Integer> ids = new ArrayList<>(handedOut);
        ids.add(id);
        return new PreKeyLog(uploadedUpTo, ids, replaced);
    }

    /** Records an upload of keys up to an id, unless it was recorded before. */
    PreKeyLog withUpload(int id, int last, Instant now) {
        if (age(id, last) >= age(uploadedUpTo, last)) {
            return this;
        }
        List<Replaced> times = new ArrayList<>(replaced);
        times.add(new Replaced(uploadedUpTo, now.toEpochMilli()));
        return new PreKeyLog(
                id,
                handedOut.stream()
                        .filter(each -> age(each, last) < age(id, last))
                        .toList(),
                thinned(times));
    }

    /** Drops every other time if there are many. Keys then count as replaced later than they were. */
    private static List<Replaced> thinned(List<Replaced> times) {
        if (times.size() <= MAX_REPLACED) {
            return times;
        }
        return IntStream.range(0, times.size())
                .filter(i -> i % 2 == 0)
                .mapToObj(times::get)
                .toList();
    }

    /** Drops what no longer matters once all that was replaced up to a time has been swept. */
    PreKeyLog sweptUpTo(Instant latest) {
        Optional<Replaced> newest = replacedBy(latest);
        return newest.isEmpty()
                ? this
                : new PreKeyLog(
                        uploadedUpTo, handedOut, replaced.subList(replaced.indexOf(newest.get()), replaced.size()));
    }

    private static final class LogCodec implements Codec<PreKeyLog> {

        @Override
        public byte[] encode(PreKeyLog log) {
            ByteBuffer bytes = ByteBuffer.allocate(
                    3 * Integer.BYTES + Integer.BYTES * log.handedOut.size() + 12 * log.replaced.size());
            bytes.putInt(log.uploadedUpTo).putInt(log.handedOut.size()).putInt(log.replaced.size());
            log.handedOut.forEach(bytes::putInt);
            log.replaced.forEach(each -> bytes.putInt(each.upTo).putLong(each.since));
            return bytes.array();
        }

        @Override
        public PreKeyLog decode(byte[] encoded) {
            ByteBuffer bytes = ByteBuffer.wrap(encoded);
            try {
                int uploadedUpTo = bytes.getInt();
                int handedOut = bytes.getInt();
                int replaced = bytes.getInt();
                if (handedOut < 0 || replaced < 0 || bytes.remaining() != 4L * handedOut + 12L * replaced) {
                    throw new IllegalArgumentException("counts do not fit " + encoded.length + " bytes");
                }
                List<Integer> ids = new ArrayList<>(handedOut);
                for (int i = 0; i < handedOut; i++) {
                    ids.add(bytes.getInt());
                }
                List<Replaced> times = new ArrayList<>(replaced);
                for (int i = 0; i < replaced; i++) {
                    times.add(new Replaced(bytes.getInt(), bytes.getLong()));
                }
                return new PreKeyLog(uploadedUpTo, ids, times);
            } catch (BufferUnderflowException e) {
                throw new IllegalArgumentException("too short", e);
            }
        }
    }
}
