package dev.keystore.jdbc;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Contexts and ids as PostgreSQL can hold and index them: without U+0000, and no longer than fits into an index row with
 * the rest of the key.
 *
 * <p>U+0000 is U+0001 U+0001 there, and U+0001 is U+0001 U+0002, which keeps both order and prefixes. A name that is then
 * longer than 1,000 bytes is cut, and the SHA-256 of all of it follows; it is longer than any that is not cut.
 */
final class PostgresNames {

    private static final int MAXIMUM_BYTES = 1_000;

    private PostgresNames() {}

    /** Returns a name as the key of a row holds it. */
    static String key(String name) {
        String escaped = escape(name);
        return isLong(escaped) ? head(escaped) + sha256(escaped) : escaped;
    }

    /** Returns the beginning of the keys of all names that begin with {@code prefix}. */
    static String keyPrefix(String prefix) {
        return head(escape(prefix));
    }

    /** Returns an id that its key does not tell, escaped; null if the key does. */
    static @Nullable String longId(String id) {
        String escaped = escape(id);
        return isLong(escaped) ? escaped : null;
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

    /** Returns the longest beginning that is at most {@link #MAXIMUM_BYTES} long. */
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
