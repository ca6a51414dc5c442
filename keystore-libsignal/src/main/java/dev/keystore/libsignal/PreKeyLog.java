package dev.keystore.libsignal;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What is known about the uploads of one kind of pre-keys. It is an entry apart from the counter of ids, so that a
 * failed upload is retried with the same keys.
 *
 * <p>Ids are compared by how long ago they were issued, in terms of the last issued id, because they continue at 1
 * after the last one. A restore advances the counter; all that is recorded here then only appears to be older.
 *
 * @param uploadedUpTo the newest uploaded id; those issued later are still to be uploaded
 * @param handedOut ids that must not be uploaded, because a contact received them directly, oldest first
 * @param replaced when uploads replaced earlier ones, oldest first
 */
record PreKeyLog(int uploadedUpTo, List<HandedOut> handedOut, List<Replaced> replaced) {

    /** The logs, by the name of the kind. */
    static final KeyType<PreKeyLog> TYPE = KeyType.of("libsignal-uploaded-pre-keys", new LogCodec());

    /**
     * The newest id that an upload has replaced, in four bytes, by the name of the kind. It repeats what the log of
     * one-time pre-keys says for {@code OneTimePreKeys} of {@code keystore-core}, which counts those left: that module
     * does not know the codec of the log, and a type is read with one codec.
     */
    static final KeyType<byte[]> REPLACED_UP_TO = KeyType.ofBytes("libsignal-replaced-pre-keys");

    private static final int MAX_REPLACED = 128;

    /**
     * The time of an upload.
     *
     * @param upTo the newest id that the server has had no key of since then, apart from those handed out
     * @param since the time, in milliseconds since the epoch
     */
    record Replaced(int upTo, long since) {}

    /**
     * Ids that were issued one after the other for bundles, on one day.
     *
     * @param first the first id
     * @param count how many
     * @param since when the last one was issued, in milliseconds since the epoch
     */
    record HandedOut(int first, int count, long since) {

        private static final long DAY = Duration.ofDays(1).toMillis();

        boolean contains(int id) {
            return age(first, id) < count;
        }

        private boolean continuesAt(int id, Instant now) {
            return age(first, id) == count && since / DAY == now.toEpochMilli() / DAY;
        }
    }

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
        return age(id, last) < age(uploadedUpTo, last) && !isHandedOut(id);
    }

    private boolean isHandedOut(int id) {
        return handedOut.stream().anyMatch(each -> each.contains(id));
    }

    /** Returns whether a contact received a key directly, at a time or earlier. */
    boolean isHandedOut(int id, Instant latest) {
        return handedOut.stream().anyMatch(each -> each.since <= latest.toEpochMilli() && each.contains(id));
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
    PreKeyLog withHandedOut(int id, Instant now) {
        List<HandedOut> ids = new ArrayList<>(handedOut);
        HandedOut last = ids.isEmpty() ? null : ids.get(ids.size() - 1);
        if (last != null && last.continuesAt(id, now)) {
            ids.set(ids.size() - 1, new HandedOut(last.first, last.count + 1, now.toEpochMilli()));
        } else {
            ids.add(new HandedOut(id, 1, now.toEpochMilli()));
        }
        return new PreKeyLog(uploadedUpTo, ids, replaced);
    }

    /** Records an upload of keys up to an id, unless it was recorded before. */
    PreKeyLog withUpload(int id, int last, Instant now) {
        if (age(id, last) >= age(uploadedUpTo, last)) {
            return this;
        }
        List<Replaced> times = new ArrayList<>(replaced);
        times.add(new Replaced(uploadedUpTo, now.toEpochMilli()));
        return new PreKeyLog(id, handedOut, thinned(times));
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

    /**
     * Drops what no longer matters once all that was replaced up to a time has been swept.
     *
     * @param ids the ids whose keys still exist
     */
    PreKeyLog sweptUpTo(Instant latest, Collection<Integer> ids) {
        List<HandedOut> left = handedOut.stream()
                .filter(each -> ids.stream().anyMatch(each::contains))
                .toList();
        List<Replaced> times = replacedBy(latest)
                .map(newest -> replaced.subList(replaced.indexOf(newest), replaced.size()))
                .orElse(replaced);
        return new PreKeyLog(uploadedUpTo, left, times);
    }

    private static final class LogCodec implements Codec<PreKeyLog> {

        private static final int ITEM = 2 * Integer.BYTES + Long.BYTES;

        @Override
        public byte[] encode(PreKeyLog log) {
            ByteBuffer bytes = ByteBuffer.allocate(3 * Integer.BYTES
                    + ITEM * log.handedOut.size()
                    + (Integer.BYTES + Long.BYTES) * log.replaced.size());
            bytes.putInt(log.uploadedUpTo).putInt(log.handedOut.size()).putInt(log.replaced.size());
            log.handedOut.forEach(
                    each -> bytes.putInt(each.first).putInt(each.count).putLong(each.since));
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
                if (handedOut < 0 || replaced < 0 || bytes.remaining() != (long) ITEM * handedOut + 12L * replaced) {
                    throw new IllegalArgumentException("counts do not fit " + encoded.length + " bytes");
                }
                List<HandedOut> ids = new ArrayList<>(handedOut);
                for (int i = 0; i < handedOut; i++) {
                    ids.add(new HandedOut(bytes.getInt(), bytes.getInt(), bytes.getLong()));
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
