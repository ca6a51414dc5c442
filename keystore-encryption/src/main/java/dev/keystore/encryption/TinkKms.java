package dev.keystore.encryption;

import com.google.crypto.tink.Aead;
import com.google.crypto.tink.KmsClient;
import com.google.crypto.tink.KmsClients;
import dev.keystore.KeyUnavailableException;
import dev.keystore.spi.KeyProvider;
import java.security.GeneralSecurityException;
import java.util.Objects;
import java.util.ServiceConfigurationError;
import org.jspecify.annotations.Nullable;

/**
 * A root key in a key management service that Tink has a client for, such as AWS KMS, Google Cloud KMS or HashiCorp
 * Vault. The root key never leaves the service.
 *
 * <p>Needs {@code com.google.crypto.tink:tink} and the artifact of the service's client, such as
 * {@code com.google.crypto.tink:tink-gcpkms}, which this module does not bring along. Without them, opening a store
 * throws an {@link IllegalStateException} that names them.
 */
public final class TinkKms implements KeyProvider {

    private final String keyUri;

    /** Null if it is found when it is needed, so that a service that cannot be reached is an unavailable key. */
    private final @Nullable KmsClient client;

    private TinkKms(String keyUri, @Nullable KmsClient client) {
        this.keyUri = keyUri;
        this.client = client;
    }

    /**
     * Returns a key, through the client that was registered for it with {@link KmsClients#add}. If there is none, the
     * key is accessed through a client on the class path or module path that Tink finds by
     * {@link java.util.ServiceLoader}, with the default credentials of its service. So a configuration needs no code. A
     * client that has no default credentials, such as that of Vault, is only found if it was registered.
     *
     * @param keyUri the key, such as {@code gcp-kms://projects/…}, {@code aws-kms://arn:…} or
     *     {@code hcvault://host/transit/keys/…}
     * @return the provider
     */
    public static TinkKms key(String keyUri) {
        return new TinkKms(Objects.requireNonNull(keyUri, "keyUri"), null);
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
        return new TinkKms(Objects.requireNonNull(keyUri, "keyUri"), client);
    }

    @Override
    public String name() {
        return "kms";
    }

    @Override
    public byte[] wrap(byte[] key, byte[] associatedData) {
        return call("could not encrypt", () -> Tink.aead(keyUri, client).encrypt(key, associatedData));
    }

    @Override
    public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
        return call(
                "could not decrypt the key of the store",
                () -> Tink.aead(keyUri, client).decrypt(wrapped, associatedData));
    }

    private interface Call {
        byte[] run() throws GeneralSecurityException;
    }

    private byte[] call(String failure, Call call) {
        try {
            return call.run();
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException(
                    "Key " + keyUri + " needs Tink and the client of its service: add com.google.crypto.tink:tink and"
                            + " the artifact of the client, such as com.google.crypto.tink:tink-gcpkms, to the"
                            + " dependencies; class " + e.getMessage() + " is missing",
                    e);
        } catch (GeneralSecurityException | RuntimeException | ServiceConfigurationError e) {
            throw new KeyUnavailableException(
                    "Key " + keyUri + " " + failure + ": " + e.getMessage()
                            + "; check that the client of its service is on the class path, or was added by"
                            + " KmsClients.add if it has no default credentials, as that of Vault; that the service can"
                            + " be reached; and that this is the key that the store was encrypted with",
                    e);
        }
    }

    /** The only class whose code needs Tink. */
    private static final class Tink {

        static Aead aead(String keyUri, @Nullable KmsClient client) throws GeneralSecurityException {
            return (client == null ? found(keyUri) : client).getAead(keyUri);
        }

        @SuppressWarnings("deprecation") // prefers clients that a caller sets up; without code, nobody could
        private static KmsClient found(String keyUri) throws GeneralSecurityException {
            try {
                return KmsClients.get(keyUri);
            } catch (GeneralSecurityException notAdded) {
                return KmsClients.getAutoLoaded(keyUri).withDefaultCredentials();
            }
        }
    }

    /** Returns the URI of the key. */
    @Override
    public String toString() {
        return "TinkKms[" + keyUri + "]";
    }
}
