package dev.keystore.jdbc;

import org.jspecify.annotations.Nullable;

/** The range of strings that begin with a prefix, ordered by code points, which is the order of their UTF-8. */
final class Prefix {

    private Prefix() {}

    /** Returns the smallest string above all that begin with {@code prefix}, or null if there is none. */
    static @Nullable String end(String prefix) {
        int length = prefix.length();
        while (length > 0) {
            int last = prefix.codePointBefore(length);
            length -= Character.charCount(last);
            if (last < Character.MAX_CODE_POINT) {
                return prefix.substring(0, length) + Character.toString(next(last));
            }
        }
        return null;
    }

    private static int next(int codePoint) {
        return codePoint + 1 == Character.MIN_SURROGATE ? Character.MAX_SURROGATE + 1 : codePoint + 1;
    }
}
