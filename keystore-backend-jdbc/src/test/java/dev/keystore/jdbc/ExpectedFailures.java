package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.KeyStoreException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.api.ThrowableAssertAlternative;

/** Asserts the kind of a backend's failure, and waits for failures to end. */
final class ExpectedFailures {

    private ExpectedFailures() {}

    static ThrowableAssertAlternative<BackendException> assertPermanent(ThrowingCallable call) {
        return assertKind(Kind.PERMANENT, call);
    }

    static ThrowableAssertAlternative<BackendException> assertTransient(ThrowingCallable call) {
        return assertKind(Kind.TRANSIENT, call);
    }

    static ThrowableAssertAlternative<BackendException> assertKind(Kind kind, ThrowingCallable call) {
        return assertThatExceptionOfType(BackendException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(kind));
    }

    /** Repeats work until it succeeds. */
    static void untilItSucceeds(Runnable work) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                work.run();
                return;
            } catch (KeyStoreException e) {
                assertThat(System.nanoTime()).isLessThan(deadlineNanos);
            }
        }
    }
}
