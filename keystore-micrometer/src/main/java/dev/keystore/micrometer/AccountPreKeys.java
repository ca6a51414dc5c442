package dev.keystore.micrometer;

import dev.keystore.spi.KeyStoreListener;
import java.util.function.ToDoubleFunction;

/** The pre-keys of one account that were left when they were last counted. Thread-safe. */
final class AccountPreKeys implements KeyStoreListener {

    /**
     * The numbers by kind.
     *
     * @param oneTimeKyber {@code NaN} of an account that has had none so far: it needs none
     */
    record Counts(double oneTime, double signed, double oneTimeKyber, double lastResortKyber) {}

    private static final Counts UNKNOWN = new Counts(Double.NaN, Double.NaN, Double.NaN, Double.NaN);

    private volatile Counts counts = UNKNOWN;

    @Override
    public synchronized void onPreKeysCounted(int oneTime, int signed, int oneTimeKyber, int lastResortKyber) {
        boolean usesOneTimeKyber = oneTimeKyber > 0 || !Double.isNaN(counts.oneTimeKyber);
        counts = new Counts(oneTime, signed, usesOneTimeKyber ? oneTimeKyber : Double.NaN, lastResortKyber);
    }

    /** Returns a number, or {@code NaN} if it was not counted yet. */
    double left(ToDoubleFunction<Counts> kind) {
        return kind.applyAsDouble(counts);
    }
}
