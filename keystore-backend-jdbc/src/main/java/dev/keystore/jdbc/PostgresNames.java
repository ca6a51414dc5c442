package dev.keystore.jdbc;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Encodes contexts and ids for PostgreSQL, which can't store U+0000, and can't index keys that are too long.
 *
 * <p>U+0000 becomes U+0001 U+0001, and U+0001 becomes U+0001 U+0002; this preserves order and prefixes. If the result
 * is longer than 1,000 bytes, it is truncated, and the SHA-256 of the whole is appended; so it is longer than any
 * result that is not truncated. A truncated id is stored in full in the column {@code long_id}; so is a truncated
 * context, after U+0001 U+0003.
 */
final class PostgresNames {

    private static final int MAXIMUM_BYTES = 1_000;

    /** Separates an id from a context; no pair in the escaped form of either is the same. */
    private static final String CONTEXT_FOLLOWS = "\1\3";

    private PostgresNames() {}

    /** Returns the form of a name in the key of a row. */
    static String key(String name) {
        String escaped = escape(name);
        return isLong(escaped) ? head(escaped) + sha256(escaped) : escaped;
    }

    /** Returns the common beginning of the keys of all names that begin with {@code prefix}. */
    static String keyPrefix(String prefix) {
        return head(escape(prefix));
    }

    /** Returns an id, and its context if that is truncated, if the key of one of them is; otherwise null. */
    static @Nullable String longId(String context, String id) {
        String escapedContext = escape(context);
        String escaped = escape(id);
        if (isLong(escapedContext)) {
            return escaped + CONTEXT_FOLLOWS + escapedContext;
        }
        return isLong(escaped) ? escaped : null;
    }

    /** Returns the id of a row from what {@link #longId} returned, or from its key if that was null. */
    static String id(String selected) {
        int end = endOfId(selected);
        return unescape(end < 0 ? selected : selected.substring(0, end));
    }

    /** Returns the context of a row from what {@link #longId} returned, if it contains one. */
    static Optional<String> longContext(String selected) {
        int end = endOfId(selected);
        return end < 0 ? Optional.empty() : Optional.of(unescape(selected.substring(end + CONTEXT_FOLLOWS.length())));
    }

    /** Returns where the context begins that follows an id, or -1. Each U+0001 is the first of an escaped pair. */
    private static int endOfId(String selected) {
        int pair = selected.indexOf('\1');
        while (pair >= 0 && !selected.startsWith(CONTEXT_FOLLOWS, pair)) {
            pair = selected.indexOf('\1', pair + 2);
        }
        return pair;
    }

    /** Returns whether a key is truncated, so that the name can't be restored from it. */
    static boolean isTruncated(String key) {
        return isLong(key);
    }

    private static boolean isLong(String escaped) {
        return escaped.length() * 3 > MAXIMUM_BYTES && escaped.getBytes(UTF_8).length > MAXIMUM_BYTES;
    }

    private static String escape(String name) {
        if (name.indexOf('\0') < 0 && name.indexOf('\1') < 0) {
            return name;
        }
        return name.replace("\1", "\1\2").replace("\0", "\1\1");
    }

    static String unescape(String escaped) {
        return escaped.indexOf('\1') < 0
                ? escaped
                : escaped.replace("\1\1", "\0").replace("\1\2", "\1");
    }

    /** Returns the longest beginning of at most {@link #MAXIMUM_BYTES} bytes. */
    private static String head(String escaped) {
        int bytes = 0;
        int end = 0;
        while (end < escaped.length()) {
            int codePoint = escaped.codePointAt(end);
            bytes += Character.toString(codePoint).getBytes(UTF_8).length;
            if (bytes > MAXIMUM_BYTES) {
                break;
            }
            end += Character.charCount(codePoint);
        }
        return escaped.substring(0, end);
    }

    private static String sha256(String escaped) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(escaped.getBytes(UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JVM has SHA-256", e);
        }
    }
}
