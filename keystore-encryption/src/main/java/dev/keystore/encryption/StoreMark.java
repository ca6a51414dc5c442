package dev.keystore.encryption;

import dev.keystore.KeyUnavailableException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.StoreSealing.Phase;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The mark of an encrypted store: version, suite, store id, name of the key provider, wrapped store key, phase and
 * whether the store is a backup, whether names are hidden, sealed store keys, CRC32C.
 *
 * <p>The newest store key is wrapped by the root key. It seals itself, its predecessors and the key of hidden names;
 * everything before them in the mark is authenticated with them. So no part of a mark can be changed or exchanged
 * without the root key or the newest store key, even if the provider ignores its associated data. Whoever knew a former
 * root key and has an old copy may know the newest store key, until {@link Encryption#rotate} has added another one.
 */
final class StoreMark {

    private static final byte VERSION = 1;

    /** Added to the number of the phase in the mark of a backup. */
    private static final byte BACKUP = 16;

    private static final byte NAMES_PLAIN = 1;
    private static final byte NAMES_HIDDEN = 2;
    private static final int STORE_ID_BYTES = 16;
    private static final int MAXIMUM_NAME_BYTES = 64;
    private static final int MAXIMUM_WRAPPED_BYTES = 16_384;

    private final byte[] storeId;
    private final String provider;
    private final byte[] wrapped;
    private final State state;
    private final boolean hidesNames;
    private final byte[] sealedKeys;

    /** How far the store is encrypted, and whether it is a backup. */
    private record State(Phase phase, boolean ofBackup) {

        static State of(byte number) {
            for (Phase phase : Phase.values()) {
                for (State state : new State[] {new State(phase, false), new State(phase, true)}) {
                    if (state.number() == number) {
                        return state;
                    }
                }
            }
            throw damaged("it names phase " + number + ", which does not exist");
        }

        /** Returns the stored form. */
        byte number() {
            int number = switch (phase) {
                case ENCRYPTING -> 1;
                case ENCRYPTED -> 2;
                case DECRYPTING -> 3;
            };
            return (byte) (ofBackup ? number + BACKUP : number);
        }

        @Override
        public String toString() {
            return phase + (ofBackup ? ", a backup" : "");
        }
    }

    private StoreMark(
            byte[] storeId, String provider, byte[] wrapped, State state, boolean hidesNames, byte[] sealedKeys) {
        this.storeId = storeId;
        this.provider = provider;
        this.wrapped = wrapped;
        this.state = state;
        this.hidesNames = hidesNames;
        this.sealedKeys = sealedKeys;
    }

    /** Returns the mark of a new store, whose id is random. */
    static StoreMark create(MarkKeys keys, KeyProvider root, SecureRandom random) {
        byte[] storeId = new byte[STORE_ID_BYTES];
        random.nextBytes(storeId);
        return wrap(storeId, new State(Phase.ENCRYPTED, false), keys, root, random);
    }

    /** Returns a mark of the same store with other keys or another root key. */
    StoreMark wrapped(MarkKeys keys, KeyProvider root, SecureRandom random) {
        return wrap(storeId, state, keys, root, random);
    }

    private static StoreMark wrap(byte[] storeId, State state, MarkKeys keys, KeyProvider root, SecureRandom random) {
        String name = root.name();
        if (name.isEmpty() || name.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_NAME_BYTES) {
            throw new IllegalStateException("The name of a key provider must have 1 to " + MAXIMUM_NAME_BYTES
                    + " characters, is \"" + name + "\"");
        }
        byte[] wrapped = Secrets.apply(
                keys.ring().newest().key().getEncoded(), key -> root.wrap(key, associatedData(storeId, name)));
        if (wrapped.length > MAXIMUM_WRAPPED_BYTES) {
            throw new IllegalStateException("Key provider \"" + name + "\" returned " + wrapped.length
                    + " bytes for a wrapped key, more than the limit of " + MAXIMUM_WRAPPED_BYTES);
        }
        byte[] head = head(storeId, name, wrapped, state, keys.hidesNames());
        return new StoreMark(storeId, name, wrapped, state, keys.hidesNames(), seal(keys, head, random));
    }

    /** Returns a mark with the same newest key, wrapped as it is. */
    StoreMark with(Phase phase, MarkKeys keys, SecureRandom random) {
        return with(new State(phase, state.ofBackup()), keys, random);
    }

    /** Returns the mark of a backup of the store, with the same newest key, wrapped as it is. */
    StoreMark ofBackup(MarkKeys keys, SecureRandom random) {
        return with(new State(state.phase(), true), keys, random);
    }

    private StoreMark with(State next, MarkKeys keys, SecureRandom random) {
        byte[] sealed = seal(keys, head(storeId, provider, wrapped, next, hidesNames), random);
        return new StoreMark(storeId, provider, wrapped, next, hidesNames, sealed);
    }

    private static byte[] seal(MarkKeys keys, byte[] head, SecureRandom random) {
        return Secrets.apply(
                keys.encode(),
                encoded -> SealedRecord.seal(keys.ring().newest(), Binding.ofStoreKeys(head), encoded, random));
    }

    /**
     * Reads a mark. Only {@link #unwrap} authenticates it.
     *
     * @throws StoreOpenException if it is damaged
     * @throws UnsupportedFormatException if it was written by a newer version
     */
    static StoreMark parse(byte[] mark) {
        if (mark.length < Integer.BYTES
                || ByteBuffer.wrap(mark).getInt(mark.length - Integer.BYTES) != SealedRecord.checksum(mark)) {
            throw damaged("its checksum does not match");
        }
        try {
            ByteBuffer bytes = ByteBuffer.wrap(mark, 0, mark.length - Integer.BYTES);
            byte version = bytes.get();
            byte suite = bytes.get();
            if (version != VERSION || suite != SealedRecord.XAES_256_GCM) {
                throw new UnsupportedFormatException("The store is encrypted in format " + version + " with suite "
                        + suite + "; this version of Keystore knows only format " + VERSION + " and suite "
                        + SealedRecord.XAES_256_GCM + ": use a newer version");
            }
            byte[] storeId = next(bytes, STORE_ID_BYTES);
            String provider = new String(next(bytes, Byte.toUnsignedInt(bytes.get())), StandardCharsets.UTF_8);
            byte[] wrapped = next(bytes, Short.toUnsignedInt(bytes.getShort()));
            State state = State.of(bytes.get());
            boolean hidesNames = hidesNames(bytes.get());
            return new StoreMark(storeId, provider, wrapped, state, hidesNames, next(bytes, bytes.remaining()));
        } catch (BufferUnderflowException e) {
            throw damaged("it is too short");
        }
    }

    private static boolean hidesNames(byte number) {
        if (number != NAMES_PLAIN && number != NAMES_HIDDEN) {
            throw damaged("it says " + number + " of how names are stored, which means nothing");
        }
        return number == NAMES_HIDDEN;
    }

    private static byte[] next(ByteBuffer bytes, int length) {
        if (length > bytes.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] part = new byte[length];
        bytes.get(part);
        return part;
    }

    private static StoreOpenException damaged(String how) {
        return new StoreOpenException(
                "The mark of the encrypted store is damaged: " + how
                        + "; without it, nothing in the store can be decrypted; " + RootKey.MARK_ALONE,
                null);
    }

    /** Returns whether a provider of this kind wrapped the store key. */
    boolean isWrappedBy(KeyProvider root) {
        return provider.equals(root.name());
    }

    /**
     * Returns the keys of the store, which the caller closes.
     *
     * @throws KeyUnavailableException if the provider has no key or another one
     * @throws StoreOpenException if the mark was tampered with
     */
    MarkKeys unwrap(KeyProvider root) {
        byte[] unwrapped = root.unwrap(wrapped.clone(), associatedData(storeId, provider));
        if (unwrapped.length != AesKey.BYTES) {
            throw RootKey.changed();
        }
        AesKey newest = AesKey.of(unwrapped);
        try {
            return keys(KeyRing.of(SealedRecord.keyId(sealedKeys), newest));
        } catch (RecordRefusedException e) {
            throw new StoreOpenException(
                    "The mark of the encrypted store was tampered with: its root key is the right one, but its other"
                            + " parts are not those that were written with it; find out who has write access; "
                            + RootKey.MARK_ALONE,
                    null);
        } finally {
            newest.destroy();
        }
    }

    private MarkKeys keys(KeyRing ring) throws RecordRefusedException {
        byte[] head = head(storeId, provider, wrapped, state, hidesNames);
        byte[] keys = SealedRecord.open(ring, Binding.ofStoreKeys(head), sealedKeys);
        return Secrets.apply(keys, encoded -> MarkKeys.decode(encoded, hidesNames));
    }

    /**
     * Returns the keys of the store, which the caller closes; empty if they are not sealed with one of {@code ring}.
     */
    Optional<MarkKeys> open(KeyRing ring) {
        try {
            return Optional.of(keys(ring));
        } catch (RecordRefusedException e) {
            return Optional.empty();
        }
    }

    /** Returns the id of the store, not copied. */
    byte[] storeId() {
        return storeId;
    }

    /** Returns how far the store is encrypted. Not authenticated before {@link #unwrap}. */
    Phase phase() {
        return state.phase();
    }

    /** Returns whether the store is a backup. Not authenticated before {@link #unwrap}. */
    boolean isOfBackup() {
        return state.ofBackup();
    }

    /** Returns whether names are hidden. Not authenticated before {@link #unwrap}. */
    boolean hidesNames() {
        return hidesNames;
    }

    /** Returns the name of the provider that wrapped the store key. Not authenticated before {@link #unwrap}. */
    String provider() {
        return provider;
    }

    byte[] toBytes() {
        byte[] head = head(storeId, provider, wrapped, state, hidesNames);
        byte[] mark = Arrays.copyOf(head, head.length + sealedKeys.length + Integer.BYTES);
        System.arraycopy(sealedKeys, 0, mark, head.length, sealedKeys.length);
        ByteBuffer.wrap(mark).putInt(mark.length - Integer.BYTES, SealedRecord.checksum(mark));
        return mark;
    }

    /** Returns what the root key authenticates: all that comes before the wrapped key. */
    private static byte[] associatedData(byte[] storeId, String provider) {
        byte[] name = provider.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(3 + STORE_ID_BYTES + name.length)
                .put(VERSION)
                .put(SealedRecord.XAES_256_GCM)
                .put(storeId)
                .put((byte) name.length)
                .put(name)
                .array();
    }

    private static byte[] head(byte[] storeId, String provider, byte[] wrapped, State state, boolean hidesNames) {
        byte[] before = associatedData(storeId, provider);
        return ByteBuffer.allocate(before.length + Short.BYTES + wrapped.length + 2)
                .put(before)
                .putShort((short) wrapped.length)
                .put(wrapped)
                .put(state.number())
                .put(hidesNames ? NAMES_HIDDEN : NAMES_PLAIN)
                .array();
    }

    /** Returns the id of the store, its phase, whether names are hidden, and the provider of its root key. */
    @Override
    public String toString() {
        return HexFormat.of().formatHex(storeId) + ", " + state + (hidesNames ? ", names hidden" : "")
                + ", root key from " + provider;
    }
}
