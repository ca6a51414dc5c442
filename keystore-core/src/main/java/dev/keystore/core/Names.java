package dev.keystore.core;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;

/** Checks the strings that callers pass as contexts, ids, id prefixes and lock keys (R8). */
final class Names {

    private static final int MAXIMUM_CHARACTERS = 1_024;

    private Names() {}

    /**
     * Checks a context or an id.
     *
     * @return {@code name}
     * @throws IllegalArgumentException if it is blank, longer than 1,024 characters or not well-formed Unicode
     */
    static String check(String argument, String name) {
        if (name.isBlank()) {
            throw new IllegalArgumentException(argument + " must not be blank");
        }
        if (name.length() > MAXIMUM_CHARACTERS && name.codePointCount(0, name.length()) > MAXIMUM_CHARACTERS) {
            throw new IllegalArgumentException(argument + " must have at most " + MAXIMUM_CHARACTERS
                    + " characters, has " + name.codePointCount(0, name.length()));
        }
        checkWellFormed(argument, name);
        return name;
    }

    /** Checks an id prefix. It may be empty, which matches every id, or longer than any id. */
    static void checkPrefix(String idPrefix) {
        checkWellFormed("idPrefix", idPrefix);
    }

    private static void checkWellFormed(String argument, String name) {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
            throw new IllegalArgumentException(argument + " must be well-formed Unicode, has an unpaired surrogate");
        }
    }

    /**
     * Checks the lock keys of a transaction. They are never stored, so any string that is not blank is accepted.
     *
     * @return a copy of the set
     * @throws IllegalArgumentException if the set is empty or contains a blank key
     */
    static Set<String> checkLockKeys(Set<String> lockKeys) {
        Set<String> checked = new HashSet<>();
        for (String lockKey : Objects.requireNonNull(lockKeys, "lockKeys")) {
            if (Objects.requireNonNull(lockKey, "lockKeys must not contain null")
                    .isBlank()) {
                throw new IllegalArgumentException("lockKey must not be blank");
            }
            checked.add(lockKey);
        }
        if (checked.isEmpty()) {
            throw new IllegalArgumentException("lockKeys must contain at least one key");
        }
        return checked;
    }
}
