package dev.keystore.libsignal;

import java.util.List;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * New pre-keys whose public parts replace all that the server holds of an account.
 *
 * @param preKeys the one-time pre-keys
 * @param signedPreKey the signed pre-key
 * @param kyberPreKeys the one-time Kyber pre-keys
 * @param lastResortKyberPreKey the last-resort Kyber pre-key
 */
public record PreKeyUpload(
        List<PreKeyRecord> preKeys,
        SignedPreKeyRecord signedPreKey,
        List<KyberPreKeyRecord> kyberPreKeys,
        KyberPreKeyRecord lastResortKyberPreKey) {

    /**
     * Creates an upload. The lists are copied.
     *
     * @param preKeys the one-time pre-keys
     * @param signedPreKey the signed pre-key
     * @param kyberPreKeys the one-time Kyber pre-keys
     * @param lastResortKyberPreKey the last-resort Kyber pre-key
     */
    public PreKeyUpload {
        preKeys = List.copyOf(preKeys);
        kyberPreKeys = List.copyOf(kyberPreKeys);
    }

    /** Returns the ids of the pre-keys, but no byte of them. */
    @Override
    public String toString() {
        return "PreKeyUpload[pre-keys "
                + preKeys.stream().map(PreKeyRecord::getId).toList() + ", signed " + signedPreKey.getId() + ", Kyber "
                + kyberPreKeys.stream().map(KyberPreKeyRecord::getId).toList() + ", last-resort "
                + lastResortKyberPreKey.getId() + "]";
    }
}
