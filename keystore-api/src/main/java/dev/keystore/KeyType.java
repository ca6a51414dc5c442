package dev.keystore;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A type of key material: the name under which its entries are stored, and the codec of their values.
 *
 * <p>{@link KeyTypes} contains the types of a Signal client. Declare further types once, as a constant:
 *
 * <pre>{@code
 * static final KeyType<byte[]> PUSH_TOKEN = KeyType.ofBytes("push-token");
 * }</pre>
 *
 * <p>Two types are equal if their names and their codecs are equal. A store throws {@link IllegalArgumentException} if
 * a name is used with two different codecs.
 *
 * @param <V> the type of the values
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
     * Returns a type with the given name and codec.
     *
     * @param <V> the type of the values
     * @param name the name under which entries are stored: 1 to 64 of the characters {@code a-z 0-9 . _ -}, beginning
     *     with a letter or digit; {@code credentials} is reserved, see {@link KeyReader#credentials()}
     * @param codec the codec of the values; pass the same instance wherever the type is declared
     * @return the type
     * @throws IllegalArgumentException if the name does not have that form
     */
    public static <V> KeyType<V> of(String name, Codec<V> codec) {
        Objects.requireNonNull(codec, "codec");
        if (!NAME.matcher(Objects.requireNonNull(name, "name")).matches()) {
            throw new IllegalArgumentException("name must be 1 to 64 of the characters a-z 0-9 . _ -"
                    + " and begin with a letter or digit, was \"" + name + "\"");
        }
        return new KeyType<>(name, codec);
    }

    /**
     * Returns a type of raw bytes.
     *
     * @param name the name under which entries are stored, as for {@link #of}
     * @return the type
     * @throws IllegalArgumentException if the name does not have that form
     */
    public static KeyType<byte[]> ofBytes(String name) {
        return of(name, Codec.BYTES);
    }

    /**
     * Returns the name under which entries of this type are stored.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * Returns the codec of the values.
     *
     * @return the codec
     */
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
