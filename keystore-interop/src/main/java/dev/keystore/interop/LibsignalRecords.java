package dev.keystore.interop;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/**
 * Checks records that libsignal has serialized, which are kept as they are. libsignal itself loads records that it
 * cannot use, so loading one says little.
 *
 * <p>Fields that are not known are left alone: a newer libsignal may have added them.
 */
final class LibsignalRecords {

    private static final int ROOT_KEY_BYTES = 32;
    private static final int SIGNATURE_BYTES = 64;
    private static final int OLDEST_SESSION_VERSION = 3;
    private static final int NEWEST_SESSION_VERSION = 4;

    /** Sizes of KYBER_1024 without the byte that precedes each key and says its type. */
    private static final int KYBER_PUBLIC_BYTES = 1_568;

    private static final int KYBER_SECRET_BYTES = 3_168;
    private static final int KYBER_PUBLIC_IN_SECRET = 1_536;
    private static final byte KYBER_TYPE = 8;
    private static final int HASH_BYTES = 32;

    private LibsignalRecords() {}

    /** Checks a {@code RecordStructure}: a session as {@code current_session} = 1, former ones as 2. */
    static void checkSession(byte[] record) throws DamagedException {
        Protobuf fields = new Protobuf(record);
        boolean found = false;
        while (fields.next()) {
            if (fields.field() == 1 || fields.field() == 2) {
                checkState(new Protobuf(fields.bytes()));
                found = true;
            } else {
                fields.skip();
            }
        }
        if (!found) {
            throw new DamagedException("it holds no session");
        }
    }

    /** Checks a {@code SessionStructure}. */
    private static void checkState(Protobuf state) throws DamagedException {
        long version = 0;
        int found = 0;
        while (state.next()) {
            switch (state.field()) {
                case 1 -> version = state.number();
                case 2, 3 -> {
                    checkPublic(state.bytes());
                    found++;
                }
                case 4 -> {
                    checkLength(state.bytes(), ROOT_KEY_BYTES);
                    found++;
                }
                case 6, 7 -> checkChain(new Protobuf(state.bytes()));
                default -> state.skip();
            }
        }
        if (version < OLDEST_SESSION_VERSION || version > NEWEST_SESSION_VERSION) {
            throw new DamagedException("it holds a session of version " + version + "; known are 3 and 4");
        }
        if (found != 3) {
            throw new DamagedException("it holds a session without its identity keys and root key");
        }
    }

    /** Checks a {@code Chain}, whose key is empty if it was closed. */
    private static void checkChain(Protobuf chain) throws DamagedException {
        while (chain.next()) {
            switch (chain.field()) {
                case 1 -> checkPublic(chain.bytes());
                case 3 -> {
                    Protobuf key = new Protobuf(chain.bytes());
                    while (key.next()) {
                        if (key.field() == 2) {
                            checkLengthOrEmpty(key.bytes());
                        } else {
                            key.skip();
                        }
                    }
                }
                default -> chain.skip();
            }
        }
    }

    /** Checks a {@code SenderKeyRecordStructure}: its states are the field 1. */
    static void checkSenderKey(byte[] record) throws DamagedException {
        Protobuf fields = new Protobuf(record);
        boolean found = false;
        while (fields.next()) {
            if (fields.field() == 1) {
                checkSenderKeyState(new Protobuf(fields.bytes()));
                found = true;
            } else {
                fields.skip();
            }
        }
        if (!found) {
            throw new DamagedException("it holds no sender key");
        }
    }

    private static void checkSenderKeyState(Protobuf state) throws DamagedException {
        int found = 0;
        while (state.next()) {
            if (state.field() == 2 || state.field() == 3) {
                boolean isChain = state.field() == 2;
                Protobuf key = new Protobuf(state.bytes());
                while (key.next()) {
                    if (isChain && key.field() == 2) {
                        checkLength(key.bytes(), Curve.KEY_BYTES);
                        found++;
                    } else if (!isChain && key.field() == 1) {
                        checkPublic(key.bytes());
                        found++;
                    } else if (!isChain && key.field() == 2) {
                        checkLengthOrEmpty(key.bytes());
                    } else {
                        key.skip();
                    }
                }
            } else {
                state.skip();
            }
        }
        if (found != 2) {
            throw new DamagedException("it holds a sender key without its chain key and signing key");
        }
    }

    /**
     * Checks a Kyber pre-key: its id = 1, public key = 2, secret key = 3 and signature = 4. The secret key of Kyber
     * contains the public one and its hash.
     */
    static void checkKyberPreKey(long id, byte[] record) throws DamagedException {
        Protobuf fields = new Protobuf(record);
        long found = 0;
        byte[] publicKey = {};
        byte[] secretKey = {};
        byte[] signature = {};
        while (fields.next()) {
            switch (fields.field()) {
                case 1 -> found = fields.number();
                case 2 -> publicKey = fields.bytes();
                case 3 -> secretKey = fields.bytes();
                case 4 -> signature = fields.bytes();
                default -> fields.skip();
            }
        }
        if (found != id) {
            throw new DamagedException("its record holds the pre-key with another id");
        }
        checkLength(publicKey, KYBER_PUBLIC_BYTES + 1);
        checkLength(secretKey, KYBER_SECRET_BYTES + 1);
        checkLength(signature, SIGNATURE_BYTES);
        byte[] bare = Arrays.copyOfRange(publicKey, 1, publicKey.length);
        int hash = 1 + KYBER_PUBLIC_IN_SECRET + KYBER_PUBLIC_BYTES;
        if (publicKey[0] != KYBER_TYPE
                || secretKey[0] != KYBER_TYPE
                || !Arrays.equals(bare, Arrays.copyOfRange(secretKey, 1 + KYBER_PUBLIC_IN_SECRET, hash))
                || !Arrays.equals(sha3(bare), Arrays.copyOfRange(secretKey, hash, hash + HASH_BYTES))) {
            throw new DamagedException("its public key does not belong to the secret one");
        }
    }

    private static byte[] sha3(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA3-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA3-256 is missing: the Java runtime needs a provider of it", e);
        }
    }

    private static void checkPublic(byte[] key) throws DamagedException {
        checkLength(key, Curve.KEY_BYTES + 1);
        Curve.withoutType(key);
    }

    private static void checkLengthOrEmpty(byte[] key) throws DamagedException {
        if (key.length > 0) {
            checkLength(key, Curve.KEY_BYTES);
        }
    }

    private static void checkLength(byte[] key, int length) throws DamagedException {
        if (key.length != length) {
            throw new DamagedException("a field of its record has " + key.length + " bytes in place of " + length);
        }
    }
}
