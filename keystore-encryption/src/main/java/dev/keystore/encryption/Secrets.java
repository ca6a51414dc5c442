package dev.keystore.encryption;

import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Function;

/** Overwrites secrets after use (R76). */
final class Secrets {

    private Secrets() {}

    /** Passes a secret on, then overwrites it. */
    static void use(byte[] secret, Consumer<byte[]> use) {
        try {
            use.accept(secret);
        } finally {
            Arrays.fill(secret, (byte) 0);
        }
    }

    /** Returns what a function makes of a secret, after the secret is overwritten. */
    static <R> R apply(byte[] secret, Function<byte[], R> function) {
        try {
            return function.apply(secret);
        } finally {
            Arrays.fill(secret, (byte) 0);
        }
    }
}
