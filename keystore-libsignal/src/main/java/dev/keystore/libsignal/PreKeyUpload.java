package dev.keystore.libsignal;

import java.util.List;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * Pre-keys whose public parts replace those of the same kind that the server holds of an account. A kind whose list is
 * empty keeps what the server has.
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

    List<Integer> ids(PreKeyKind kind) {
        return switch (kind) {
            case ONE_TIME -> preKeys.stream().map(PreKeyRecord::getId).toList();
            case SIGNED -> List.of(signedPreKey.getId());
            case ONE_TIME_KYBER ->
                kyberPreKeys.stream().map(KyberPreKeyRecord::getId).toList();
            case LAST_RESORT_KYBER -> List.of(lastResortKyberPreKey.getId());
        };
    }

    /** Returns the ids of the pre-keys, but no byte of them. */
    @Override
    public String toString() {
        return "PreKeyUpload[pre-keys "
                + ids(PreKeyKind.ONE_TIME) + ", signed " + signedPreKey.getId() + ", Kyber "
                + ids(PreKeyKind.ONE_TIME_KYBER) + ", last-resort "
                + lastResortKyberPreKey.getId() + "]";
    }
}
