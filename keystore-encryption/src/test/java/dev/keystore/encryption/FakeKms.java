package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.crypto.tink.Aead;
import com.google.crypto.tink.KmsClient;
import dev.keystore.KeyUnavailableException;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * A service with a key for each URI and credentials, as Tink's clients have it. Tink's service loader finds it for
 * {@code loaded-kms://}.
 */
public final class FakeKms implements KmsClient {

    private final String scheme;
    private final String credentials;

    /** Called by {@link java.util.ServiceLoader}. */
    public FakeKms() {
        this("loaded-kms://", "none");
    }

    FakeKms(String scheme, String credentials) {
        this.scheme = scheme;
        this.credentials = credentials;
    }

    @Override
    public boolean doesSupport(String keyUri) {
        return keyUri.startsWith(scheme);
    }

    @Override
    public KmsClient withCredentials(String credentialPath) {
        return new FakeKms(scheme, credentialPath);
    }

    @Override
    public KmsClient withDefaultCredentials() {
        return new FakeKms(scheme, "default");
    }

    @Override
    public Aead getAead(String keyUri) {
        byte[] keyOfUri = Arrays.copyOf((credentials + " " + keyUri).getBytes(UTF_8), 32);
        return new Aead() {
            @Override
            public byte[] encrypt(byte[] plaintext, byte[] associatedData) {
                try (RootKey root = new RootKey(keyOfUri.clone())) {
                    return root.wrap(plaintext, associatedData, new SecureRandom());
                }
            }

            @Override
            public byte[] decrypt(byte[] ciphertext, byte[] associatedData) throws GeneralSecurityException {
                try (RootKey root = new RootKey(keyOfUri.clone())) {
                    return root.unwrap(ciphertext, associatedData, "fake");
                } catch (KeyUnavailableException e) {
                    throw new GeneralSecurityException("decryption failed");
                }
            }
        };
    }
}
