package dev.keystore.core;

import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import java.nio.ByteBuffer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Counts the one-time pre-keys of a context that are left. Stored pre-keys that a later upload has replaced on the
 * server, or that one contact received directly, are not left; a client keeps them for late messages.
 *
 * <p>{@code keystore-libsignal}, on which this module does not depend, records the newest id that was replaced, and the
 * ranges of ids that contacts received. Of a context that it has not written, all stored pre-keys are left.
 */
public final class OneTimePreKeys {

    /** An entry of this type marks a Kyber pre-key of {@code keystore-libsignal} that is used once, by its id. */
    public static final KeyType<byte[]> KYBER_MARK = KeyType.ofBytes("libsignal-one-time-kyber-pre-key");

    /**
     * The newest id of a kind that an upload has replaced, or 0, and the first id and the length of each range of ids
     * that contacts received, each in four bytes.
     */
    private static final KeyType<byte[]> REPLACED_UP_TO = KeyType.ofBytes("libsignal-replaced-pre-keys");

    /** Ids are issued from 1 to this one, and then from 1 again. */
    private static final int MAX_ID = 0xFFFFFE;

    private OneTimePreKeys() {}

    /**
     * Counts the one-time pre-keys that are left.
     *
     * @param context the context
     * @param maximum the number up to which they are counted
     * @return the number, at most {@code maximum}
     * @throws dev.keystore.UnreadableEntryException if what is recorded of uploads is damaged
     * @throws dev.keystore.LoadFailedException if the backend failed
     */
    public static long count(KeyReader context, long maximum) {
        return count(context, KeyTypes.PRE_KEY, left(context), maximum);
    }

    /**
     * Counts the one-time Kyber pre-keys that are left, as far as {@code keystore-libsignal} has marked them.
     *
     * @param context the context
     * @param maximum the number up to which they are counted
     * @return the number, at most {@code maximum}
     * @throws dev.keystore.UnreadableEntryException if what is recorded of uploads is damaged
     * @throws dev.keystore.LoadFailedException if the backend failed
     */
    public static long countKyber(KeyReader context, long maximum) {
        return count(context, KYBER_MARK, kyberLeft(context), maximum);
    }

    private static long count(KeyReader context, KeyType<?> type, Predicate<String> left, long maximum) {
        try (Stream<String> ids = context.ids(type, "")) {
            return ids.filter(left).limit(maximum).count();
        }
    }

    /** Returns what tells by its id whether a one-time pre-key is left. */
    static Predicate<String> left(KeyReader context) {
        return left(context, "ONE_TIME");
    }

    /** Returns what tells by its id whether a one-time Kyber pre-key is left. */
    static Predicate<String> kyberLeft(KeyReader context) {
        return left(context, "ONE_TIME_KYBER");
    }

    private static Predicate<String> left(KeyReader context, String kind) {
        return context.find(REPLACED_UP_TO, kind)
                .filter(record -> record.length % (2 * Integer.BYTES) == Integer.BYTES)
                .<Predicate<String>>map(record -> id -> isLeft(id, ByteBuffer.wrap(record)))
                .orElse(id -> true);
    }

    private static boolean isLeft(String id, ByteBuffer record) {
        int number;
        try {
            number = Integer.parseInt(id);
        } catch (NumberFormatException e) {
            return true; // not issued by keystore-libsignal
        }
        int replaced = record.getInt();
        if (replaced != 0 && !isLater(number, replaced)) {
            return false;
        }
        while (record.hasRemaining()) {
            if (Math.floorMod(number - record.getInt(), MAX_ID) < record.getInt()) {
                return false;
            }
        }
        return true;
    }

    /** Returns whether an id was issued after another one, at most half of all ids ago. */
    private static boolean isLater(int id, int other) {
        int distance = Math.floorMod(id - other, MAX_ID);
        return distance > 0 && distance < MAX_ID / 2;
    }
}
