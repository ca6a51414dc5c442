package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidKeyException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.IdentityKeyStore;

/** The identity of the account and the identity keys of remote devices. */
final class Identities implements IdentityKeyStore {

    private final Transaction tx;
    private final TrustPolicy trust;
    private final Supplier<AccountIdentity> own;

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
            return IdentityChange.NEW_OR_UNCHANGED;
        }
        tx.put(KeyTypes.IDENTITY_KEY, id, offered);
        return known.isPresent() ? IdentityChange.REPLACED_EXISTING : IdentityChange.NEW_OR_UNCHANGED;
    }

    @Override
    public boolean isTrustedIdentity(SignalProtocolAddress address, IdentityKey identityKey, Direction direction) {
        return trust.isTrusted(address, getIdentity(address), identityKey, direction);
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
