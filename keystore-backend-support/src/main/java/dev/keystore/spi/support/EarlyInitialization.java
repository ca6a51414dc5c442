package dev.keystore.spi.support;

import java.lang.invoke.MethodHandles.Lookup;

/**
 * Initializes classes before they are used.
 *
 * <p>The JVM never initializes a class again whose initialization has failed. If a class of the way of a commit were
 * first used while memory or stack is exhausted, no later commit of the process could succeed (R31). So engine and
 * backends initialize such classes while a store is being opened.
 */
public final class EarlyInitialization {

    private EarlyInitialization() {}

    /**
     * Initializes classes, unless they are already initialized.
     *
     * @param lookup the caller's, which can access the classes
     * @param classes the classes
     */
    public static void of(Lookup lookup, Class<?>... classes) {
        try {
            for (Class<?> needed : classes) {
                Class<?> ignored = lookup.ensureInitialized(needed);
            }
        } catch (IllegalAccessException e) {
            throw new IllegalArgumentException("lookup cannot access one of the classes", e);
        }
    }
}
