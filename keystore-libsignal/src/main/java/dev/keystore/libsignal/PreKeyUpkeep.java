package dev.keystore.libsignal;

import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

/**
 * The life of an account's pre-keys: how many are left, which are to be uploaded, and when they are replaced and
 * deleted.
 *
 * <p>Call {@link #replenish(int, int)} regularly, for example once a day and when the
 * {@linkplain AccountOptions.Builder#onPreKeysLow listener} is called:
 *
 * <pre>{@code
 * Optional<PreKeyUpload> upload = account.preKeys().replenish(server.preKeyCount(), server.kyberPreKeyCount());
 * if (upload.isPresent()) {
 *     server.upload(upload.get());
 *     account.confirmUpload(upload.get());
 * }
 * }</pre>
 *
 * <p>An upload replaces the one-time pre-keys that the server has, for each kind whose list is not empty. An empty list
 * keeps them.
 *
 * <p>A one-time pre-key is part of one upload only. If an upload is not confirmed, the server may have it, and may have
 * handed out some of its keys; uploaded again, these would be handed out twice. So the next upload holds new ones,
 * unless the server says that it has enough. If an upload has certainly failed, {@link SignalAccount#uploadFailed} says
 * so, and the next one holds the same keys. A key is deleted only after its successor was uploaded and confirmed.
 *
 * <p>Each method is one transaction, like the methods of {@link SignalAccount}.
 */
public final class PreKeyUpkeep {

    private final AccountStore store;

    PreKeyUpkeep(AccountStore store) {
        this.store = store;
    }

    /**
     * Returns how many pre-keys are left, by kind. One-time pre-keys that an upload has replaced, or that went into a
     * bundle, are not among them.
     *
     * @return the counts
     */
    public PreKeyCounts counts() {
        return store.counts();
    }

    /**
     * Returns the newest id of a kind whose upload was confirmed, or that existed before uploads were first recorded.
     * Pre-keys with later ids are still to be uploaded, except those in bundles, or are part of an upload that was not
     * confirmed.
     *
     * @param kind the kind of pre-keys
     * @return the id, or empty if no upload was recorded since the account was created or cleared, or its identity
     *     changed
     */
    public OptionalInt uploadedUpTo(PreKeyKind kind) {
        Objects.requireNonNull(kind, "kind");
        return store.upkeep(keys -> keys.uploadedUpTo(kind));
    }

    /**
     * Replenishes like {@link #replenish(int, int)}, by how many one-time pre-keys are left here. That is enough if
     * nearly all that the server hands out are used. Otherwise more are left here than there. While the outcome of an
     * upload is not known, each call generates a batch.
     *
     * @return what is to be uploaded, or empty if nothing is
     * @throws IllegalStateException if the account was erased, or too few ids are free; nothing was written
     */
    public Optional<PreKeyUpload> replenish() {
        return store.reportedUpkeep(keys -> keys.replenish(OptionalInt.empty(), OptionalInt.empty()));
    }

    /**
     * Does in one commit what is due, and returns what is to be uploaded:
     *
     * <ul>
     *   <li>generates a batch of one-time pre-keys if the server and the uploads to come have fewer than the floor, and
     *       of one-time Kyber pre-keys likewise,
     *   <li>generates a signed pre-key and a last-resort Kyber pre-key if there is none, or the current one is older
     *       than {@link AccountOptions#rotateAfter}, or was uploaded before the account was restored from a backup,
     *   <li>deletes former ones that an upload replaced {@link AccountOptions#keepFormerFor} ago, and one-time pre-keys
     *       that an upload replaced, or that went into a bundle, {@link AccountOptions#staleAfter} ago, except the
     *       newest {@link AccountOptions#staleKept}.
     * </ul>
     *
     * <p>The upload holds the one-time pre-keys that no upload held before, and the current signed pre-key and
     * last-resort Kyber pre-key even if the server has them. Pre-keys that were generated before the first call count
     * as uploaded, those of bundles included. After a restore or a change of identity, and at first if there are no
     * one-time pre-keys, nobody can use what the server has, so the numbers are ignored
     * ({@link SignalAccount#needsUpload}).
     *
     * @param onServer the number of one-time pre-keys that the server has left
     * @param kyberOnServer the number of one-time Kyber pre-keys that the server has left
     * @return what is to be uploaded, or empty if nothing is
     * @throws IllegalStateException if the account was erased, or too few ids are free; nothing was written
     */
    public Optional<PreKeyUpload> replenish(int onServer, int kyberOnServer) {
        return store.reportedUpkeep(keys -> keys.replenish(OptionalInt.of(onServer), OptionalInt.of(kyberOnServer)));
    }

    /**
     * Returns what is to be uploaded like {@link #replenish(int, int)}, without generating or deleting anything: for
     * example what {@link SignalAccount#generatePreKeys} has generated. The one-time pre-keys are part of this upload,
     * and of no other one.
     *
     * @return what is to be uploaded, or empty if nothing is
     */
    public Optional<PreKeyUpload> pendingUpload() {
        return store.upkeep(PreKeyLifecycle::pendingUpload);
    }

    /**
     * Returns the current signed pre-key, the one generated last.
     *
     * @return the pre-key, or empty if there is none
     */
    public Optional<SignedPreKeyRecord> currentSignedPreKey() {
        return store.upkeep(PreKeyLifecycle::currentSigned);
    }

    /**
     * Returns the current last-resort Kyber pre-key, the one generated last.
     *
     * @return the pre-key, or empty if there is none
     */
    public Optional<KyberPreKeyRecord> currentLastResortKyberPreKey() {
        return store.upkeep(PreKeyLifecycle::currentLastResort);
    }
}
