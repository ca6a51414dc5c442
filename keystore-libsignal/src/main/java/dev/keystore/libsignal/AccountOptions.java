package dev.keystore.libsignal;

import dev.keystore.spi.KeyStoreListener;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
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
 *   <tr><td>{@code preKeyBatch}</td><td>100 pre-keys</td></tr>
 *   <tr><td>{@code preKeyFloor}</td><td>10 pre-keys</td></tr>
 *   <tr><td>{@code onPreKeysLow}</td><td>none</td></tr>
 *   <tr><td>{@code listener}</td><td>none</td></tr>
 *   <tr><td>{@code rotateAfter}</td><td>30 days</td></tr>
 *   <tr><td>{@code keepFormerFor}</td><td>30 days</td></tr>
 *   <tr><td>{@code staleAfter}</td><td>90 days</td></tr>
 *   <tr><td>{@code staleKept}</td><td>200 pre-keys</td></tr>
 * </table>
 */
public final class AccountOptions {

    /** The defaults. */
    public static final AccountOptions DEFAULT = builder().build();

    private final @Nullable SignalProtocolAddress localAddress;
    private final TrustPolicy trust;
    private final InstantSource clock;
    private final int preKeyBatch;
    private final int preKeyFloor;
    private final @Nullable Consumer<PreKeyCounts> onPreKeysLow;
    private final @Nullable KeyStoreListener listener;
    private final Duration rotateAfter;
    private final Duration keepFormerFor;
    private final Duration staleAfter;
    private final int staleKept;

    private AccountOptions(Builder builder) {
        localAddress = builder.localAddress;
        trust = builder.trust;
        clock = builder.clock;
        preKeyBatch = builder.preKeyBatch;
        preKeyFloor = builder.preKeyFloor;
        onPreKeysLow = builder.onPreKeysLow;
        listener = builder.listener;
        rotateAfter = builder.rotateAfter;
        keepFormerFor = builder.keepFormerFor;
        staleAfter = builder.staleAfter;
        staleKept = builder.staleKept;
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

    /**
     * Returns how many one-time pre-keys of a kind are generated at once when too few are left.
     *
     * @return the number
     */
    public int preKeyBatch() {
        return preKeyBatch;
    }

    /**
     * Returns the number of one-time pre-keys of a kind below which too few are left.
     *
     * @return the number
     */
    public int preKeyFloor() {
        return preKeyFloor;
    }

    /**
     * Returns the listener that is called when too few one-time pre-keys are left.
     *
     * @return the listener, or empty if there is none
     */
    public Optional<Consumer<PreKeyCounts>> onPreKeysLow() {
        return Optional.ofNullable(onPreKeysLow);
    }

    /**
     * Returns the listener to which the numbers of pre-keys left are reported.
     *
     * @return the listener, or empty if there is none
     */
    public Optional<KeyStoreListener> listener() {
        return Optional.ofNullable(listener);
    }

    /**
     * Returns the age at which the current signed pre-key and last-resort Kyber pre-key are replaced.
     *
     * @return the age
     */
    public Duration rotateAfter() {
        return rotateAfter;
    }

    /**
     * Returns how long a former signed or last-resort Kyber pre-key is kept after the upload that replaced it.
     *
     * @return the duration
     */
    public Duration keepFormerFor() {
        return keepFormerFor;
    }

    /**
     * Returns how long a one-time pre-key is kept after an upload replaced it on the server, or after it went into a
     * {@linkplain SignalAccount#newPreKeyBundle bundle}.
     *
     * @return the duration
     */
    public Duration staleAfter() {
        return staleAfter;
    }

    /**
     * Returns how many one-time pre-keys of a kind are kept, the newest, however old they are.
     *
     * @return the number
     */
    public int staleKept() {
        return staleKept;
    }

    /** Builds {@link AccountOptions}. */
    public static final class Builder {

        private @Nullable SignalProtocolAddress localAddress;
        private TrustPolicy trust = TrustPolicy.FIRST_USE;
        private InstantSource clock = InstantSource.system();
        private int preKeyBatch = 100;
        private int preKeyFloor = 10;
        private @Nullable Consumer<PreKeyCounts> onPreKeysLow;
        private @Nullable KeyStoreListener listener;
        private Duration rotateAfter = Duration.ofDays(30);
        private Duration keepFormerFor = Duration.ofDays(30);
        private Duration staleAfter = Duration.ofDays(90);
        private int staleKept = 200;

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
         * Sets how many one-time pre-keys of a kind are generated at once when too few are left. 100 by default.
         *
         * @param count the number, at least 1
         * @return this builder
         * @throws IllegalArgumentException if {@code count} is less than 1
         */
        public Builder preKeyBatch(int count) {
            preKeyBatch = atLeast(1, count, "count");
            return this;
        }

        /**
         * Sets the number of one-time pre-keys of a kind below which too few are left. 10 by default.
         *
         * @param count the number, at least 0
         * @return this builder
         * @throws IllegalArgumentException if {@code count} is negative
         */
        public Builder preKeyFloor(int count) {
            preKeyFloor = atLeast(0, count, "count");
            return this;
        }

        /**
         * Sets a listener that is called after {@link SignalAccount#decrypt} or {@link SignalAccount#transaction} has
         * used a pre-key, if fewer one-time pre-keys of a kind are left than the floor. Those that an upload has
         * replaced are not counted. It is called on the thread that decrypted, outside of the transaction, for each
         * such message. What it throws goes to that thread's handler of uncaught exceptions. None by default.
         *
         * @param listener the listener
         * @return this builder
         */
        public Builder onPreKeysLow(Consumer<PreKeyCounts> listener) {
            onPreKeysLow = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Sets a listener, for example {@code KeystoreMetrics}, to which the numbers of pre-keys left are reported
         * ({@link KeyStoreListener#onPreKeysCounted}) (R100): after {@link SignalAccount#decrypt} or
         * {@link SignalAccount#transaction} has used a pre-key, and after pre-keys were generated, replenished or
         * uploaded. They are counted in a separate transaction on the calling thread, which waits only for other
         * counts. What that or the listener throws goes to the thread's handler of uncaught exceptions. None by
         * default.
         *
         * @param listener the listener
         * @return this builder
         */
        public Builder listener(KeyStoreListener listener) {
            this.listener = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Sets the age at which the current signed pre-key and last-resort Kyber pre-key are replaced. 30 days by
         * default.
         *
         * @param age the age, positive
         * @return this builder
         * @throws IllegalArgumentException if {@code age} is not positive
         */
        public Builder rotateAfter(Duration age) {
            rotateAfter = positive(age, "age");
            return this;
        }

        /**
         * Sets how long a former signed or last-resort Kyber pre-key is kept after the upload that replaced it. 30 days
         * by default. Messages that were sent with it and arrive later cannot be decrypted.
         *
         * @param duration the duration, positive
         * @return this builder
         * @throws IllegalArgumentException if {@code duration} is not positive
         */
        public Builder keepFormerFor(Duration duration) {
            keepFormerFor = positive(duration, "duration");
            return this;
        }

        /**
         * Sets how long a one-time pre-key is kept after an upload replaced it on the server, or after it went into a
         * {@linkplain SignalAccount#newPreKeyBundle bundle}. 90 days by default.
         *
         * @param duration the duration, positive
         * @return this builder
         * @throws IllegalArgumentException if {@code duration} is not positive
         */
        public Builder staleAfter(Duration duration) {
            staleAfter = positive(duration, "duration");
            return this;
        }

        /**
         * Sets how many one-time pre-keys of a kind are kept, the newest, however old they are. 200 by default.
         *
         * @param count the number, at least 0
         * @return this builder
         * @throws IllegalArgumentException if {@code count} is negative
         */
        public Builder staleKept(int count) {
            staleKept = atLeast(0, count, "count");
            return this;
        }

        private static int atLeast(int min, int value, String name) {
            if (value < min) {
                throw new IllegalArgumentException(name + " must be at least " + min + ", was " + value);
            }
            return value;
        }

        private static Duration positive(Duration duration, String name) {
            if (Objects.requireNonNull(duration, name).isNegative() || duration.isZero()) {
                throw new IllegalArgumentException(name + " must be positive, was " + duration);
            }
            return duration;
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
