package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.IdentityKeyStore;

/** The identity of the account and the identity keys of remote devices. */
final class Identities implements IdentityKeyStore, KnownIdentities {

    private final Transaction tx;
    private final TrustPolicy trust;
    private final Supplier<AccountIdentity> own;
    private IdentityStatus status = IdentityStatus.UNCHANGED;

    Identities(Transaction tx, TrustPolicy trust, Supplier<AccountIdentity> own) {
        this.tx = tx;
        this.trust = trust;
        this.own = own;
    }

    @Override
    public IdentityKeyPair getIdentityKeyPair() {
        return own.get().keyPair();
    }

    @Override
    public int getLocalRegistrationId() {
        return own.get().registrationId();
    }

    @Override
    public IdentityChange saveIdentity(SignalProtocolAddress address, IdentityKey identityKey) {
        String id = Ids.of(address);
        byte[] offered = identityKey.serialize();
        Optional<byte[]> known = tx.find(KeyTypes.IDENTITY_KEY, id);
        if (known.isPresent() && Arrays.equals(known.get(), offered)) {
            status = IdentityStatus.UNCHANGED;
            return IdentityChange.NEW_OR_UNCHANGED;
        }
        status = known.isPresent() ? IdentityStatus.CHANGED : IdentityStatus.NEW;
        tx.put(KeyTypes.IDENTITY_KEY, id, offered);
        return known.isPresent() ? IdentityChange.REPLACED_EXISTING : IdentityChange.NEW_OR_UNCHANGED;
    }

    @Override
    public boolean isTrustedIdentity(SignalProtocolAddress address, IdentityKey identityKey, Direction direction) {
        return trust.isTrustedAmong(address, identityKey, direction, this);
    }

    @Override
    public @Nullable IdentityKey of(SignalProtocolAddress address) {
        return getIdentity(address);
    }

    @Override
    public Map<Integer, IdentityKey> ofName(String name) {
        Map<Integer, IdentityKey> keys = new TreeMap<>();
        for (int device : Ids.devices(tx, KeyTypes.IDENTITY_KEY, name)) {
            IdentityKey key = getIdentity(new SignalProtocolAddress(name, device));
            if (key != null) {
                keys.put(device, key);
            }
        }
        return keys;
    }

    /** Returns what was known of the key that was saved last. */
    IdentityStatus status() {
        return status;
    }

    @Override
    public @Nullable IdentityKey getIdentity(SignalProtocolAddress address) {
        String id = Ids.of(address);
        Optional<byte[]> known = tx.find(KeyTypes.IDENTITY_KEY, id);
        if (known.isEmpty()) {
            return null;
        }
        try {
            return new IdentityKey(known.get());
        } catch (InvalidKeyException e) {
            throw Ids.unreadable(tx, KeyTypes.IDENTITY_KEY, id, e);
        }
    }
}
