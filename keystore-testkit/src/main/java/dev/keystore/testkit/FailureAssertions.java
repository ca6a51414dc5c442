package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.api.ThrowableAssertAlternative;

/** Asserts that a backend reports a failure, and of which kind. */
public final class FailureAssertions {

    private FailureAssertions() {}

    /**
     * Asserts that a call throws a permanent {@link BackendException}.
     *
     * @param call what should fail
     * @return further assertions about the exception
     */
    public static ThrowableAssertAlternative<BackendException> assertPermanent(ThrowingCallable call) {
        return assertKind(Kind.PERMANENT, call);
    }

    /**
     * Asserts that a call throws a transient {@link BackendException}.
     *
     * @param call what should fail
     * @return further assertions about the exception
     */
    public static ThrowableAssertAlternative<BackendException> assertTransient(ThrowingCallable call) {
        return assertKind(Kind.TRANSIENT, call);
    }

    /**
     * Asserts that a call throws a {@link BackendException} of a kind.
     *
     * @param kind the expected kind
     * @param call what should fail
     * @return further assertions about the exception
     */
    public static ThrowableAssertAlternative<BackendException> assertKind(Kind kind, ThrowingCallable call) {
        return assertThatExceptionOfType(BackendException.class)
                .isThrownBy(call)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(kind));
    }
}
