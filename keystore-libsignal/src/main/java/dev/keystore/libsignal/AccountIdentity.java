package dev.keystore.libsignal;

import dev.keystore.Codec;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.UnreadableEntryException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.util.KeyHelper;

/**
 * The part of an account that changes only when it is registered again: its registration id and its identity key pair.
 *
 * <p>It is stored twice: in the credentials, because {@code clear()} keeps them, and in a separate entry, because that
 * entry hardly ever changes. The first message of a session reads the entry in its transaction and therefore does not
 * conflict with saves of application data, which is in the credentials as well (R24). {@code erase()} removes both, so
 * that a concurrent message still conflicts. After {@code clear()}, the entry is absent until {@link SignalAccount}
 * restores it, and the identity is read from the credentials meanwhile.
 */
record AccountIdentity(int registrationId, IdentityKeyPair keyPair) {

    static final String ID = "identity";

    /** The largest registration id: it has 14 bits. */
    private static final int MAX_REGISTRATION_ID = 0x3FFF;

    static final KeyType<AccountIdentity> TYPE = KeyType.of("libsignal-account", new Codec<>() {
        @Override
        public byte[] encode(AccountIdentity identity) {
            byte[] keyPair = identity.keyPair.serialize();
            return ByteBuffer.allocate(Integer.BYTES + keyPair.length)
                    .putInt(identity.registrationId)
                    .put(keyPair)
                    .array();
        }

        @Override
        public AccountIdentity decode(byte[] bytes) {
            if (bytes.length < Integer.BYTES) {
                throw new IllegalArgumentException("an identity must be longer than 4 bytes, found " + bytes.length);
            }
            try {
                return new AccountIdentity(
                        ByteBuffer.wrap(bytes).getInt(),
                        new IdentityKeyPair(Arrays.copyOfRange(bytes, Integer.BYTES, bytes.length)));
            } catch (InvalidKeyException e) {
                throw new IllegalArgumentException("libsignal does not accept the identity key pair", e);
            }
        }
    });

    /**
     * Creates an identity that was generated elsewhere.
     *
     * @throws IllegalArgumentException if the registration id is out of range
     */
    static AccountIdentity of(IdentityKeyPair keyPair, int registrationId) {
        Objects.requireNonNull(keyPair, "identity");
        if (registrationId < 1 || registrationId > MAX_REGISTRATION_ID) {
            throw new IllegalArgumentException(
                    "registrationId must be from 1 to " + MAX_REGISTRATION_ID + ", was " + registrationId);
        }
        return new AccountIdentity(registrationId, keyPair);
    }

    static AccountIdentity generate() {
        return new AccountIdentity(KeyHelper.generateRegistrationId(false), IdentityKeyPair.generate());
    }

    /** Returns whether the entry that transactions read holds this identity. An entry that cannot be read does not. */
    boolean isSavedIn(KeyReader keys) {
        try {
            return keys.find(TYPE, ID).filter(this::equals).isPresent();
        } catch (UnreadableEntryException e) {
            return false;
        }
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof AccountIdentity identity
                && registrationId == identity.registrationId
                && Arrays.equals(keyPair.serialize(), identity.keyPair.serialize());
    }

    @Override
    public int hashCode() {
        return registrationId;
    }

    /** Returns the registration id, but no byte of the key pair. */
    @Override
    public String toString() {
        return "AccountIdentity[registration " + registrationId + "]";
    }
}
