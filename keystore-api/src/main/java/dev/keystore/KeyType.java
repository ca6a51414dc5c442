package dev.keystore;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A kind of key material: a name, under which entries are stored, and the codec of its values.
 *
 * <p>{@link KeyTypes} holds those of a Signal client. Others are declared once, as a constant:
 *
 * <pre>{@code
 * static final KeyType<byte[]> PUSH_TOKEN = KeyType.ofBytes("push-token");
 * }</pre>
 *
 * <p>Two types are equal if their names and their codecs are. A store refuses, with {@link IllegalArgumentException}, a
 * type whose name it knows with another codec.
 *
 * @param <V> the values
 */
public final class KeyType<V> {

    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");

    private final String name;
    private final Codec<V> codec;

    private KeyType(String name, Codec<V> codec) {
        this.name = name;
        this.codec = codec;
    }

    /**
     * Declares a type.
     *
     * @param name what its entries are stored under: 1 to 64 of the characters {@code a-z 0-9 . _ -}, the first a letter
     *     or digit. {@code credentials} is taken: see {@link KeyReader#credentials()}
     * @param codec how its values are stored; the same instance wherever the type is declared
     * @throws IllegalArgumentException if the name is not of that form
     */
    public static <V> KeyType<V> of(String name, Codec<V> codec) {
        Objects.requireNonNull(codec, "codec");
        if (!NAME.matcher(Objects.requireNonNull(name, "name")).matches()) {
            throw new IllegalArgumentException("name must be 1 to 64 of the characters a-z 0-9 . _ -"
                    + " and begin with a letter or digit, was \"" + name + "\"");
        }
        return new KeyType<>(name, codec);
    }

    /** Declares a type of raw bytes. */
    public static KeyType<byte[]> ofBytes(String name) {
        return of(name, Codec.BYTES);
    }

    /** Returns the name under which entries of this type are stored. */
    public String name() {
        return name;
    }

    /** Returns the codec of the values. */
    public Codec<V> codec() {
        return codec;
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || (other instanceof KeyType<?> type && name.equals(type.name) && codec.equals(type.codec));
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    /** Returns the name. */
    @Override
    public String toString() {
        return name;
    }
}
