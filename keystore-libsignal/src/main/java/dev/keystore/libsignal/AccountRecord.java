package dev.keystore.libsignal;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.util.KeyHelper;

/**
 * What the credentials of a context hold: the account's own identity, the pre-key ids to be given out next, and bytes of
 * the application's own.
 *
 * <p>Being in the credentials, the counters survive {@code clear()}: an id is not given out again after it.
 */
record AccountRecord(
        int registrationId,
        IdentityKeyPair identity,
        int nextPreKeyId,
        int nextSignedPreKeyId,
        int nextKyberPreKeyId,
        byte[] applicationData) {

    private static final int MAGIC = 0x4b534c53;
    private static final byte FORMAT = 1;
    private static final EntryId ENTRY = new EntryId("credentials", "credentials");

    static AccountRecord generate() {
        return new AccountRecord(
                KeyHelper.generateRegistrationId(false), IdentityKeyPair.generate(), 1, 1, 1, new byte[0]);
    }

    /** Reads the credentials of a context, which must be there. */
    static AccountRecord load(KeyReader keys) {
        byte[] credentials = keys.credentials()
                .orElseThrow(() -> new IllegalStateException("context \"" + keys.context()
                        + "\" holds no account: its credentials were erased, or SignalAccount.of was not called"));
        try {
            return decode(credentials);
        } catch (IllegalArgumentException | BufferUnderflowException | InvalidKeyException e) {
            throw new CorruptEntryException(keys.context(), ENTRY, "not the credentials of a SignalAccount", e);
        }
    }

    AccountRecord withNextPreKeyId(int id) {
        return new AccountRecord(registrationId, identity, id, nextSignedPreKeyId, nextKyberPreKeyId, applicationData);
    }

    AccountRecord withNextSignedPreKeyId(int id) {
        return new AccountRecord(registrationId, identity, nextPreKeyId, id, nextKyberPreKeyId, applicationData);
    }

    AccountRecord withNextKyberPreKeyId(int id) {
        return new AccountRecord(registrationId, identity, nextPreKeyId, nextSignedPreKeyId, id, applicationData);
    }

    AccountRecord withApplicationData(byte[] data) {
        return new AccountRecord(
                registrationId, identity, nextPreKeyId, nextSignedPreKeyId, nextKyberPreKeyId, data.clone());
    }

    byte[] encode() {
        byte[] identityBytes = identity.serialize();
        return ByteBuffer.allocate(5 + 6 * Integer.BYTES + identityBytes.length + applicationData.length)
                .putInt(MAGIC)
                .put(FORMAT)
                .putInt(registrationId)
                .putInt(nextPreKeyId)
                .putInt(nextSignedPreKeyId)
                .putInt(nextKyberPreKeyId)
                .putInt(identityBytes.length)
                .put(identityBytes)
                .putInt(applicationData.length)
                .put(applicationData)
                .array();
    }

    /**
     * Reads what {@link #encode} made, and nothing else: no byte may be left over.
     *
     * @throws IllegalArgumentException if it is something else; the message shows no byte of it
     */
    private static AccountRecord decode(byte[] bytes) throws InvalidKeyException {
        ByteBuffer rest = ByteBuffer.wrap(bytes);
        if (rest.getInt() != MAGIC) {
            throw new IllegalArgumentException("written by something else");
        }
        byte format = rest.get();
        if (format != FORMAT) {
            throw new IllegalArgumentException("in format " + format + ", this version reads " + FORMAT);
        }
        int registrationId = rest.getInt();
        int nextPreKeyId = keyId(rest);
        int nextSignedPreKeyId = keyId(rest);
        int nextKyberPreKeyId = keyId(rest);
        IdentityKeyPair identity = new IdentityKeyPair(field(rest));
        byte[] applicationData = field(rest);
        if (rest.hasRemaining()) {
            throw new IllegalArgumentException(rest.remaining() + " bytes too long");
        }
        return new AccountRecord(
                registrationId, identity, nextPreKeyId, nextSignedPreKeyId, nextKyberPreKeyId, applicationData);
    }

    private static int keyId(ByteBuffer rest) {
        int id = rest.getInt();
        if (id < 1 || id > Ids.MAX_KEY_ID) {
            throw new IllegalArgumentException("counter out of range");
        }
        return id;
    }

    private static byte[] field(ByteBuffer rest) {
        int length = rest.getInt();
        if (length < 0 || length > rest.remaining()) {
            throw new IllegalArgumentException("field does not fit");
        }
        byte[] field = new byte[length];
        rest.get(field);
        return field;
    }

    /** Shows no byte of the identity or the application's data. */
    @Override
    public String toString() {
        return "AccountRecord[registration " + registrationId + "]";
    }
}
