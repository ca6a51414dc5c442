package dev.keystore.libsignal;

import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.IdentityKeyStore.Direction;

/** Trusts the first key of a name for all of its devices, and afterwards only that key. */
final class OneIdentityPerName implements TrustPolicy {

    @Override
    public boolean isTrusted(
            SignalProtocolAddress address, @Nullable IdentityKey known, IdentityKey offered, Direction direction) {
        return known == null || known.equals(offered);
    }

    @Override
    public boolean isTrustedAmong(
            SignalProtocolAddress address, IdentityKey offered, Direction direction, KnownIdentities known) {
        return known.ofName(address.getName()).values().stream().allMatch(offered::equals);
    }
}
