package dev.keystore.libsignal;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.ServiceId;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.fingerprint.Fingerprint;
import org.signal.libsignal.protocol.fingerprint.NumericFingerprintGenerator;
import org.signal.libsignal.protocol.state.SessionRecord;

/**
 * The identity keys of an account's contacts.
 *
 * <pre>{@code
 * try {
 *     account.startSession(bob, bundle);
 * } catch (UntrustedIdentityException e) {
 *     if (user.confirms(account.identities().fingerprint(bob, bundle.getIdentityKey()))) {
 *         account.identities().trust(bob, bundle.getIdentityKey());
 *         account.startSession(bob, bundle);
 *     }
 * }
 * }</pre>
 */
public final class AccountIdentities {

    /** The version and the iterations of fingerprints in Signal's clients. */
    private static final int FINGERPRINT_VERSION = 2;

    private static final int FINGERPRINT_ITERATIONS = 5200;

    private final AccountStore store;
    private final Messages messages;
    private final AccountOptions options;

    AccountIdentities(AccountStore store, Messages messages, AccountOptions options) {
        this.store = store;
        this.messages = messages;
        this.options = options;
    }

    /**
     * Returns the identity key that is saved for a device.
     *
     * @param remote the address of the device
     * @return the key, or empty if none is saved
     */
    public Optional<IdentityKey> find(SignalProtocolAddress remote) {
        return store.transaction(
                Set.of(LockKeys.ofDevice(remote)),
                AccountStore.RETRY,
                tx -> Optional.ofNullable(messages.in(tx).getIdentity(remote)));
    }

    /**
     * Returns the identity keys that are saved for the devices of a name, including device 1.
     *
     * @param name the name
     * @return the keys, by device
     */
    public Map<Integer, IdentityKey> ofName(String name) {
        Objects.requireNonNull(name, "name");
        return store.transaction(
                Set.of(LockKeys.ACCOUNT),
                AccountStore.RETRY,
                tx -> messages.in(tx).knownIdentities().ofName(name));
    }

    /**
     * Trusts an identity key of a device, in one commit: it replaces the saved one. A session with this identity can be
     * used at once. A session with another identity is archived, so that a new one has to be started before the next
     * message is encrypted.
     *
     * @param remote the address of the device
     * @param identity the key
     * @return what was known of the key before
     */
    public IdentityStatus trust(SignalProtocolAddress remote, IdentityKey identity) {
        Objects.requireNonNull(identity, "identity");
        return store.transaction(
                Set.of(LockKeys.ofDevice(remote)),
                AccountStore.RETRY,
                tx -> trust(messages.replacingDamaged(tx), remote, identity));
    }

    /**
     * Trusts an identity key of all known devices of a name, in one commit; otherwise like
     * {@link #trust(SignalProtocolAddress, IdentityKey)}. For protocols in which the devices of a user share one
     * identity.
     *
     * @param name the name
     * @param identity the key
     */
    public void trust(String name, IdentityKey identity) {
        Objects.requireNonNull(identity, "identity");
        Set<SignalProtocolAddress> devices = ofName(name).keySet().stream()
                .map(device -> new SignalProtocolAddress(name, device))
                .collect(Collectors.toSet());
        if (devices.isEmpty()) {
            return;
        }
        Set<String> lockKeys = devices.stream().map(LockKeys::ofDevice).collect(Collectors.toSet());
        store.transaction(lockKeys, AccountStore.RETRY, tx -> {
            KeystoreSignalProtocolStore signal = messages.replacingDamaged(tx);
            devices.forEach(device -> trust(signal, device, identity));
            return Boolean.TRUE;
        });
    }

    private static IdentityStatus trust(
            KeystoreSignalProtocolStore signal, SignalProtocolAddress remote, IdentityKey identity) {
        SessionRecord session = signal.loadSession(remote);
        if (session != null && !isWith(session, identity)) {
            session.archiveCurrentState();
            signal.storeSession(remote, session);
        }
        signal.saveIdentity(remote, identity);
        return signal.identityStatus();
    }

    /** Returns whether a session is with an identity, or has no current state that could be with another. */
    private static boolean isWith(SessionRecord session, IdentityKey identity) {
        return !session.hasSenderChain() || identity.equals(session.getRemoteIdentityKey());
    }

    /**
     * Returns the fingerprint of this account and the saved identity of a contact, for users to compare.
     *
     * @param remote the address of a device of the contact
     * @return the fingerprint, or empty if no identity is saved for the device
     * @throws IllegalStateException if {@link AccountOptions.Builder#localAddress} was not set
     */
    public Optional<Fingerprint> fingerprint(SignalProtocolAddress remote) {
        return find(remote).map(identity -> fingerprint(remote, identity));
    }

    /**
     * Returns the fingerprint of this account and an identity of a contact that need not be saved, for users to
     * compare.
     *
     * <p>It is that of Signal's clients: version 2, 5,200 iterations, over the binary service ids of both parties. A
     * name that is not a service id is used as it is, in UTF-8.
     *
     * @param remote the address of a device of the contact
     * @param identity the identity key of the contact
     * @return the fingerprint
     * @throws IllegalStateException if {@link AccountOptions.Builder#localAddress} was not set
     */
    public Fingerprint fingerprint(SignalProtocolAddress remote, IdentityKey identity) {
        Objects.requireNonNull(remote, "remote");
        Objects.requireNonNull(identity, "identity");
        SignalProtocolAddress local = options.localAddress()
                .orElseThrow(() -> new IllegalStateException(
                        "A fingerprint needs the account's address; set AccountOptions.Builder.localAddress"));
        return new NumericFingerprintGenerator(FINGERPRINT_ITERATIONS)
                .createFor(
                        FINGERPRINT_VERSION,
                        stableId(local),
                        store.identity().keyPair().getPublicKey(),
                        stableId(remote),
                        identity);
    }

    private static byte[] stableId(SignalProtocolAddress address) {
        try {
            return ServiceId.parseFromString(address.getName()).toServiceIdBinary();
        } catch (ServiceId.InvalidServiceIdException e) {
            return address.getName().getBytes(StandardCharsets.UTF_8);
        }
    }
}
