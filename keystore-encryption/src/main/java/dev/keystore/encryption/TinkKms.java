package dev.keystore.encryption;

import com.google.crypto.tink.Aead;
import com.google.crypto.tink.KmsClient;
import com.google.crypto.tink.KmsClients;
import dev.keystore.KeyUnavailableException;
import dev.keystore.spi.KeyProvider;
import java.security.GeneralSecurityException;
import java.util.Objects;

/**
 * A root key in a key management service that Tink has a client for, such as AWS KMS, Google Cloud KMS or HashiCorp
 * Vault. The root key never leaves the service.
 *
 * <p>Needs {@code com.google.crypto.tink:tink} and the artifact of the service's client, which this module does not
 * bring along.
 */
public final class TinkKms implements KeyProvider {

    private final String keyUri;
    private final ClientSource source;

    /** Finds the client when it is needed, so that a service that cannot be reached is an unavailable key. */
    private interface ClientSource {
        KmsClient get() throws GeneralSecurityException;
    }

    private TinkKms(String keyUri, ClientSource source) {
        this.keyUri = keyUri;
        this.source = source;
    }

    /**
     * Returns a key, through the client that was registered for it with {@link KmsClients#add}.
     *
     * @param keyUri the key, such as {@code gcp-kms://projects/…}, {@code aws-kms://arn:…} or
     *     {@code hcvault://host/transit/keys/…}
     * @return the provider
     */
    public static TinkKms key(String keyUri) {
        Objects.requireNonNull(keyUri, "keyUri");
        return new TinkKms(keyUri, () -> KmsClients.get(keyUri));
    }

    /**
     * Returns a key, through a client that is already set up.
     *
     * @param keyUri the key
     * @param client the client
     * @return the provider
     */
    public static TinkKms key(String keyUri, KmsClient client) {
        Objects.requireNonNull(client, "client");
        return new TinkKms(Objects.requireNonNull(keyUri, "keyUri"), () -> client);
    }

    @Override
    public String name() {
        return "kms";
    }

    @Override
    public byte[] wrap(byte[] key, byte[] associatedData) {
        try {
            return aead().encrypt(key, associatedData);
        } catch (GeneralSecurityException | RuntimeException e) {
            throw unavailable("could not encrypt", e);
        }
    }

    @Override
    public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
        try {
            return aead().decrypt(wrapped, associatedData);
        } catch (GeneralSecurityException | RuntimeException e) {
            throw unavailable("could not decrypt the key of the store", e);
        }
    }

    private Aead aead() throws GeneralSecurityException {
        return source.get().getAead(keyUri);
    }

    private KeyUnavailableException unavailable(String what, Exception e) {
        return new KeyUnavailableException(
                "Key " + keyUri + " " + what + ": " + e.getMessage()
                        + "; check that the service can be reached, and that this is the key that the store was"
                        + " encrypted with",
                e);
    }

    /** Returns the URI of the key. */
    @Override
    public String toString() {
        return "TinkKms[" + keyUri + "]";
    }
}
