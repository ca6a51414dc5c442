package dev.keystore.libsignal;

import java.time.InstantSource;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * Options of a {@link SignalAccount}, immutable.
 *
 * <pre>{@code
 * AccountOptions options = AccountOptions.builder()
 *         .localAddress(new SignalProtocolAddress("alice", 1))
 *         .build();
 * }</pre>
 *
 * <table>
 *   <caption>Options and defaults</caption>
 *   <tr><th>option</th><th>default</th></tr>
 *   <tr><td>{@code localAddress}</td><td>none</td></tr>
 *   <tr><td>{@code trust}</td><td>{@link TrustPolicy#FIRST_USE}</td></tr>
 *   <tr><td>{@code clock}</td><td>the clock of the system</td></tr>
 * </table>
 */
public final class AccountOptions {

    /** The defaults. */
    public static final AccountOptions DEFAULT = builder().build();

    private final @Nullable SignalProtocolAddress localAddress;
    private final TrustPolicy trust;
    private final InstantSource clock;

    private AccountOptions(Builder builder) {
        localAddress = builder.localAddress;
        trust = builder.trust;
        clock = builder.clock;
    }

    /**
     * Returns a builder that starts from the defaults.
     *
     * @return the builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the address of this account's device.
     *
     * @return the address, or empty if it was not set
     */
    public Optional<SignalProtocolAddress> localAddress() {
        return Optional.ofNullable(localAddress);
    }

    /**
     * Returns what decides whether to trust the identity keys of remote devices.
     *
     * @return the policy
     */
    public TrustPolicy trust() {
        return trust;
    }

    /**
     * Returns the clock that new keys are dated with, and by which ages are measured.
     *
     * @return the clock
     */
    public InstantSource clock() {
        return clock;
    }

    /** Builds {@link AccountOptions}. */
    public static final class Builder {

        private @Nullable SignalProtocolAddress localAddress;
        private TrustPolicy trust = TrustPolicy.FIRST_USE;
        private InstantSource clock = InstantSource.system();

        private Builder() {}

        /**
         * Sets the address of this account's device, under which its contacts know it. libsignal 0.91 and later bind
         * messages to it; earlier versions do not use it. None by default.
         *
         * @param address the address
         * @return this builder
         */
        public Builder localAddress(SignalProtocolAddress address) {
            localAddress = Objects.requireNonNull(address, "address");
            return this;
        }

        /**
         * Sets what decides whether to trust the identity keys of remote devices. {@link TrustPolicy#FIRST_USE} by
         * default.
         *
         * @param policy the policy
         * @return this builder
         */
        public Builder trust(TrustPolicy policy) {
            trust = Objects.requireNonNull(policy, "policy");
            return this;
        }

        /**
         * Sets the clock that new keys are dated with, and by which ages are measured. The clock of the system by
         * default.
         *
         * @param source the clock
         * @return this builder
         */
        public Builder clock(InstantSource source) {
            clock = Objects.requireNonNull(source, "source");
            return this;
        }

        /**
         * Returns the options.
         *
         * @return the options
         */
        public AccountOptions build() {
            return new AccountOptions(this);
        }
    }
}
