package dev.keystore.interop;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.XECPrivateKeySpec;
import java.security.spec.XECPublicKeySpec;
import java.util.Arrays;
import javax.crypto.KeyAgreement;

/** Checks pairs of keys of Curve25519, so that a damaged one is not taken for a key. */
final class Curve {

    static final int KEY_BYTES = 32;

    /** The byte that precedes a public key in its serialized form. */
    static final byte TYPE = 5;

    private static final BigInteger BASE_POINT = BigInteger.valueOf(9);

    private Curve() {}

    /** Checks that a public key, with or without its type, belongs to the private one. */
    static void checkPair(byte[] publicKey, byte[] privateKey) throws DamagedException {
        if (privateKey.length != KEY_BYTES) {
            throw new DamagedException("a private key in it has " + privateKey.length + " bytes in place of 32");
        }
        if (!Arrays.equals(withoutType(publicKey), publicOf(privateKey))) {
            throw new DamagedException("a public key in it does not belong to the private one");
        }
    }

    /** Checks that a public key has its type, as records of libsignal need it. */
    static void checkTyped(byte[] publicKey) throws DamagedException {
        if (publicKey.length != KEY_BYTES + 1 || publicKey[0] != TYPE) {
            throw new DamagedException("a public key in it is not 33 bytes with the type 5");
        }
    }

    static byte[] withoutType(byte[] publicKey) throws DamagedException {
        if (publicKey.length == KEY_BYTES) {
            return publicKey;
        }
        if (publicKey.length != KEY_BYTES + 1 || publicKey[0] != TYPE) {
            throw new DamagedException("a public key in it is not 32 bytes, or 33 with the type 5");
        }
        return Arrays.copyOfRange(publicKey, 1, publicKey.length);
    }

    /** Returns a public key, with or without its type, with it. */
    static byte[] withType(byte[] publicKey) throws DamagedException {
        byte[] key = withoutType(publicKey);
        byte[] typed = new byte[key.length + 1];
        typed[0] = TYPE;
        System.arraycopy(key, 0, typed, 1, key.length);
        return typed;
    }

    /** Returns the public key, 32 bytes without its type. */
    static byte[] publicOf(byte[] privateKey) {
        try {
            KeyFactory keys = KeyFactory.getInstance("X25519");
            PrivateKey own = keys.generatePrivate(new XECPrivateKeySpec(NamedParameterSpec.X25519, privateKey));
            PublicKey base = keys.generatePublic(new XECPublicKeySpec(NamedParameterSpec.X25519, BASE_POINT));
            KeyAgreement agreement = KeyAgreement.getInstance("X25519");
            agreement.init(own);
            agreement.doPhase(base, true);
            return agreement.generateSecret();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("X25519 is missing: the Java runtime needs its module jdk.crypto.ec", e);
        }
    }
}
