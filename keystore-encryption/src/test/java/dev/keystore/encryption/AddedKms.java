package dev.keystore.encryption;

import com.google.crypto.tink.Aead;
import com.google.crypto.tink.KmsClient;

/**
 * A client that only code can set up, such as that of HashiCorp Vault. Tink's service loader finds one that is not set
 * up.
 */
public final class AddedKms implements KmsClient {

    private final FakeKms kms;

    /** Called by {@link java.util.ServiceLoader}. */
    public AddedKms() {
        this(new FakeKms("added-kms://", "none"));
    }

    AddedKms(FakeKms kms) {
        this.kms = kms;
    }

    @Override
    public boolean doesSupport(String keyUri) {
        return kms.doesSupport(keyUri);
    }

    @Override
    public KmsClient withCredentials(String credentialPath) {
        throw new UnsupportedOperationException("no credentials from a file");
    }

    @Override
    public KmsClient withDefaultCredentials() {
        throw new UnsupportedOperationException("no default credentials");
    }

    @Override
    public Aead getAead(String keyUri) {
        return kms.getAead(keyUri);
    }
}
