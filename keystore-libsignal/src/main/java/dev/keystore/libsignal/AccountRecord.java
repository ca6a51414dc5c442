package dev.keystore.libsignal;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import dev.keystore.UnsupportedFormatException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidKeyException;

/**
 * The credentials of a context: the identity of the account and the application data. {@code clear()} keeps both.
 *
 * <p>Format 1 also contained the ids of the next pre-keys. {@link #saveTo} moves them to separate entries, where
 * {@link PreKeyIds} keeps them.
 *
 * @param lastIds the last issued ids, by the name of the pre-keys' type; empty unless read from format 1
 */
record AccountRecord(AccountIdentity identity, byte[] applicationData, Map<String, Integer> lastIds) {

    static final EntryId ENTRY = new EntryId("credentials", "credentials");

    private static final int MAGIC = 0x4b534c53;
    private static final int HEADER_BYTES = Integer.BYTES + 1;
    private static final int FORMAT_WITH_COUNTERS = 1;
    private static final int FORMAT = 2;

    AccountRecord(AccountIdentity identity, byte[] applicationData) {
        this(identity, applicationData, Map.of());
    }

    static AccountRecord generate() {
        return new AccountRecord(AccountIdentity.generate(), new byte[0]);
    }

    /**
     * Reads the credentials of a context, which must exist.
     *
     * @throws IllegalStateException if there are none
     * @throws UnsupportedFormatException if they were written by a newer version or by something else
     * @throws CorruptEntryException if the record is damaged
     */
    static AccountRecord load(KeyReader keys) {
        return find(keys).orElseThrow(() -> noAccount(keys.context()));
    }

    static IllegalStateException noAccount(String context) {
        return new IllegalStateException("Context \"" + context
                + "\" holds no account: it was erased, or never created with SignalAccount.create");
    }

    /**
     * Returns the identity of a context's account, from the entry that transactions read if it exists.
     *
     * @throws IllegalStateException if the context holds no account
     */
    static AccountIdentity loadIdentity(KeyReader keys) {
        return keys.find(AccountIdentity.TYPE, AccountIdentity.ID)
                .orElseGet(() -> load(keys).identity());
    }

    /** Reads the credentials of a context if there are any; otherwise like {@link #load}. */
    static Optional<AccountRecord> find(KeyReader keys) {
        return keys.credentials().map(credentials -> decode(keys.context(), credentials));
    }

    /** Returns whether the entries that transactions read are consistent with this record. */
    boolean isSavedIn(KeyReader keys) {
        return lastIds.isEmpty() && identity.isSavedIn(keys);
    }

    /** Writes this record to the credentials, in the current format, and the entries that transactions read. */
    void saveTo(Transaction tx) {
        tx.saveCredentials(encode());
        tx.put(AccountIdentity.TYPE, AccountIdentity.ID, identity);
        lastIds.forEach((type, id) -> tx.put(PreKeyIds.LAST, type, id));
    }

    /** Returns credentials whose counters are advanced; the same ones if they have none, or are of something else. */
    static byte[] advanced(byte[] credentials, int distance) {
        ByteBuffer found = ByteBuffer.wrap(credentials);
        int counters = HEADER_BYTES + Integer.BYTES;
        if (credentials.length < counters + 3 * Integer.BYTES
                || found.getInt(0) != MAGIC
                || found.get(Integer.BYTES) != FORMAT_WITH_COUNTERS) {
            return credentials;
        }
        ByteBuffer advanced = ByteBuffer.wrap(credentials.clone());
        for (int at = counters; at < counters + 3 * Integer.BYTES; at += Integer.BYTES) {
            advanced.putInt(at, PreKeyIds.advanced(found.getInt(at), distance));
        }
        return advanced.array();
    }

    byte[] encode() {
        byte[] keyPair = identity.keyPair().serialize();
        return ByteBuffer.allocate(HEADER_BYTES + 3 * Integer.BYTES + keyPair.length + applicationData.length)
                .putInt(MAGIC)
                .put((byte) FORMAT)
                .putInt(identity.registrationId())
                .putInt(keyPair.length)
                .put(keyPair)
                .putInt(applicationData.length)
                .put(applicationData)
                .array();
    }

    private static AccountRecord decode(String context, byte[] credentials) {
        ByteBuffer rest = ByteBuffer.wrap(credentials);
        if (credentials.length < HEADER_BYTES || rest.getInt() != MAGIC) {
            throw new UnsupportedFormatException("The credentials of context \"" + context
                    + "\" are not a SignalAccount's record: " + credentials.length + " bytes without its header."
                    + " Something else saved them. Nothing was changed; use another context for the account");
        }
        int format = Byte.toUnsignedInt(rest.get());
        if (format > FORMAT) {
            throw new UnsupportedFormatException("The credentials of context \"" + context
                    + "\" are a SignalAccount's record in format " + format + ", and this version reads up to " + FORMAT
                    + ". Nothing was changed; open the account with the version that wrote it, or a newer one");
        }
        try {
            return decode(format, rest);
        } catch (IllegalArgumentException | BufferUnderflowException | InvalidKeyException e) {
            throw new CorruptEntryException(
                    context, ENTRY, "the SignalAccount's record in format " + format + " cannot be decoded", e);
        }
    }

    /** Decodes the bytes after the header, all of which must be used. */
    private static AccountRecord decode(int format, ByteBuffer rest) throws InvalidKeyException {
        if (format < FORMAT_WITH_COUNTERS) {
            throw new IllegalArgumentException("unknown format");
        }
        int registrationId = rest.getInt();
        Map<String, Integer> lastIds = format == FORMAT_WITH_COUNTERS
                ? Map.ofEntries(
                        lastId(KeyTypes.PRE_KEY, rest),
                        lastId(KeyTypes.SIGNED_PRE_KEY, rest),
                        lastId(KeyTypes.KYBER_PRE_KEY, rest))
                : Map.of();
        IdentityKeyPair keyPair = new IdentityKeyPair(field(rest));
        byte[] applicationData = field(rest);
        if (rest.hasRemaining()) {
            throw new IllegalArgumentException(rest.remaining() + " bytes too long");
        }
        return new AccountRecord(new AccountIdentity(registrationId, keyPair), applicationData, lastIds);
    }

    /** Reads an id of format 1, which contains the id to be issued next. */
    private static Map.Entry<String, Integer> lastId(KeyType<?> type, ByteBuffer rest) {
        int next = rest.getInt();
        if (next < 1 || next > Ids.MAX_KEY_ID) {
            throw new IllegalArgumentException("counter out of range");
        }
        return Map.entry(type.name(), PreKeyIds.before(next));
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

    /** Returns the registration id, but no byte of the identity key pair or of the application data. */
    @Override
    public String toString() {
        return "AccountRecord[registration " + identity.registrationId() + "]";
    }
}
