package dev.keystore;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * A trusted-contact token, and the times when it was issued and last sent.
 *
 * <p>Immutable: the array is copied when it is passed in and when it is returned. {@link #toString} contains no byte of
 * it.
 *
 * @param token the token's bytes; empty if only times are known
 * @param timestampSeconds when the contact issued it, in seconds since 1970-01-01T00:00Z; empty if that is unknown
 * @param senderTimestampSeconds when this account last issued one to the contact, in seconds since 1970-01-01T00:00Z;
 *     empty if it never did
 */
public record TcToken(byte[] token, OptionalLong timestampSeconds, OptionalLong senderTimestampSeconds) {

    static final Codec<TcToken> CODEC = new Codec<>() {
        @Override
        public byte[] encode(TcToken token) {
            return Fields.join(
                    List.of(token.token, bytes(token.timestampSeconds), bytes(token.senderTimestampSeconds)));
        }

        @Override
        public TcToken decode(byte[] bytes) {
            List<byte[]> fields = Fields.split(bytes, 3);
            return new TcToken(fields.get(0), seconds(fields.get(1)), seconds(fields.get(2)));
        }

        private static byte[] bytes(OptionalLong seconds) {
            return seconds.isPresent() ? Fields.ofLong(seconds.getAsLong()) : new byte[0];
        }

        private static OptionalLong seconds(byte[] field) {
            return field.length == 0 ? OptionalLong.empty() : OptionalLong.of(Fields.toLong(field));
        }
    };

    /**
     * Creates a token. The array is copied.
     *
     * @param token the token's bytes
     * @param timestampSeconds when the contact issued it, in seconds since 1970-01-01T00:00Z
     * @param senderTimestampSeconds when this account last issued one to the contact, in seconds since
     *     1970-01-01T00:00Z
     */
    public TcToken {
        token = Objects.requireNonNull(token, "token").clone();
        Objects.requireNonNull(timestampSeconds, "timestampSeconds");
        Objects.requireNonNull(senderTimestampSeconds, "senderTimestampSeconds");
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
                && timestampSeconds.equals(that.timestampSeconds)
                && senderTimestampSeconds.equals(that.senderTimestampSeconds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(token);
    }

    @Override
    public String toString() {
        return "TcToken[" + token.length + " bytes, " + timestampSeconds + ", " + senderTimestampSeconds + "]";
    }
}
