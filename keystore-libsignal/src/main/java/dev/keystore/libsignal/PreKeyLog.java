package dev.keystore.libsignal;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import dev.keystore.Transaction;
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
 * What is known about the uploads of one kind of pre-keys. It is an entry apart from the counter of ids: a key is
 * issued once, is part of an upload later, and is known to be on the server later still, or never.
 *
 * <p>Ids are compared by how long ago they were issued, in terms of the last issued id, because they continue at 1
 * after the last one. A restore advances the counter; all that is recorded here then only appears to be older.
 *
 * @param uploadedUpTo the newest id of a confirmed upload
 * @param offeredUpTo the newest id of any upload; of one-time pre-keys that are issued later, no upload has been
 *     returned. Between the two are those of uploads whose outcome is not known: the server may have handed them out
 * @param handedOut ids that must not be uploaded, because a contact received them directly, oldest first
 * @param replaced when uploads replaced earlier ones, oldest first
 */
record PreKeyLog(int uploadedUpTo, int offeredUpTo, List<HandedOut> handedOut, List<Replaced> replaced) {

    /** The logs, by the name of the kind. */
    static final KeyType<PreKeyLog> TYPE = KeyType.of("libsignal-uploaded-pre-keys", new LogCodec());

    /**
     * The newest id that an upload has replaced, or 0, and the first id and the length of each range of
     * {@linkplain HandedOut ids handed out}, each in four bytes, by the name of the kind. It repeats what the log of
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
        this(uploadedUpTo, uploadedUpTo, List.of(), List.of());
    }

    /** Returns how many ids ago an id was issued. */
    static int age(int id, int last) {
        return Math.floorMod(last - id, Ids.MAX_KEY_ID);
    }

    /** Writes a log, and what {@code keystore-core} reads of it. */
    void save(Transaction tx, PreKeyKind kind) {
        tx.put(TYPE, kind.name(), this);
        if (kind.isOneTime()) {
            int newest = replaced.isEmpty() ? 0 : replaced.get(replaced.size() - 1).upTo;
            ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * (1 + 2 * handedOut.size()))
                    .putInt(newest);
            handedOut.forEach(each -> bytes.putInt(each.first).putInt(each.count));
            tx.put(REPLACED_UP_TO, kind.name(), bytes.array());
        }
    }

    /** Returns whether a key is in no upload so far, and is to be. */
    boolean isPending(int id, int last) {
        return age(id, last) < age(offeredUpTo, last) && !isHandedOut(id);
    }

    /** Returns whether no confirmed upload is as new as a key. */
    boolean isUnconfirmed(int id, int last) {
        return age(id, last) < age(uploadedUpTo, last);
    }

    /** Returns whether a key is in an upload whose outcome is not known. */
    boolean isInDoubt(int id, int last) {
        return isUnconfirmed(id, last) && !isPending(id, last) && !isHandedOut(id);
    }

    /** Returns whether a contact received a key directly. */
    boolean isHandedOut(int id) {
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
        return new PreKeyLog(uploadedUpTo, offeredUpTo, ids, replaced);
    }

    /** Records that keys up to an id are part of an upload from now on. */
    PreKeyLog withOffer(int newest, int last) {
        return new PreKeyLog(uploadedUpTo, newer(newest, offeredUpTo, last), handedOut, replaced);
    }

    /** Records that the server has none of the keys from one id to another, unless it is known to, or others follow. */
    PreKeyLog withFailure(int oldest, int newest, int last) {
        return newest == offeredUpTo && isUnconfirmed(newest, last)
                ? new PreKeyLog(uploadedUpTo, PreKeyIds.before(oldest), handedOut, replaced)
                : this;
    }

    /** Records that the server has the keys from one id to another, and no older ones, unless that is known. */
    PreKeyLog withUpload(int oldest, int newest, int last, Instant now) {
        if (!isUnconfirmed(newest, last)) {
            return this;
        }
        List<Replaced> times = new ArrayList<>(replaced);
        times.add(new Replaced(PreKeyIds.before(oldest), now.toEpochMilli()));
        return new PreKeyLog(newest, newer(newest, offeredUpTo, last), handedOut, thinned(times));
    }

    private static int newer(int id, int other, int last) {
        return age(id, last) < age(other, last) ? id : other;
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
        return new PreKeyLog(uploadedUpTo, offeredUpTo, left, times);
    }

    private static final class LogCodec implements Codec<PreKeyLog> {

        private static final int ITEM = 2 * Integer.BYTES + Long.BYTES;

        @Override
        public byte[] encode(PreKeyLog log) {
            boolean hasOffer = log.offeredUpTo != log.uploadedUpTo;
            ByteBuffer bytes = ByteBuffer.allocate((hasOffer ? 4 : 3) * Integer.BYTES
                    + ITEM * log.handedOut.size()
                    + (Integer.BYTES + Long.BYTES) * log.replaced.size());
            bytes.putInt(log.uploadedUpTo).putInt(log.handedOut.size()).putInt(log.replaced.size());
            log.handedOut.forEach(
                    each -> bytes.putInt(each.first).putInt(each.count).putLong(each.since));
            log.replaced.forEach(each -> bytes.putInt(each.upTo).putLong(each.since));
            if (hasOffer) {
                bytes.putInt(log.offeredUpTo);
            }
            return bytes.array();
        }

        @Override
        public PreKeyLog decode(byte[] encoded) {
            ByteBuffer bytes = ByteBuffer.wrap(encoded);
            try {
                int uploadedUpTo = bytes.getInt();
                int handedOut = bytes.getInt();
                int replaced = bytes.getInt();
                long rest = bytes.remaining() - (long) ITEM * handedOut - 12L * replaced;
                if (handedOut < 0 || replaced < 0 || (rest != 0 && rest != Integer.BYTES)) {
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
                int offeredUpTo = rest == 0 ? uploadedUpTo : bytes.getInt();
                if (rest != 0 && offeredUpTo == uploadedUpTo) {
                    throw new IllegalArgumentException("the newest id is repeated");
                }
                return new PreKeyLog(uploadedUpTo, offeredUpTo, ids, times);
            } catch (BufferUnderflowException e) {
                throw new IllegalArgumentException("too short", e);
            }
        }
    }
}
