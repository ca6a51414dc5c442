package dev.keystore;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A trusted-contact token and the time when it was issued.
 *
 * <p>Immutable: the array is copied when it is passed in and when it is returned. {@link #toString} contains no byte of
 * it.
 *
 * @param token the token's bytes
 * @param timestampMillis when it was issued, in milliseconds since 1970-01-01T00:00Z
 */
public record TcToken(byte[] token, long timestampMillis) {

    static final Codec<TcToken> CODEC = new Codec<>() {
        @Override
        public byte[] encode(TcToken token) {
            return Fields.join(List.of(token.token, Fields.ofLong(token.timestampMillis)));
        }

        @Override
        public TcToken decode(byte[] bytes) {
            List<byte[]> fields = Fields.split(bytes, 2);
            return new TcToken(fields.get(0), Fields.toLong(fields.get(1)));
        }
    };

    /**
     * Creates a token. The array is copied.
     *
     * @param token the token's bytes
     * @param timestampMillis when it was issued, in milliseconds since 1970-01-01T00:00Z
     */
    public TcToken {
        token = Objects.requireNonNull(token, "token").clone();
    }

    /**
     * Returns the token's bytes.
     *
     * @return a copy
     */
    @Override
    public byte[] token() {
        return token.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TcToken that
                && Arrays.equals(token, that.token)
                && timestampMillis == that.timestampMillis;
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(token);
    }

    @Override
    public String toString() {
        return "TcToken[" + token.length + " bytes, " + timestampMillis + "]";
    }
}
