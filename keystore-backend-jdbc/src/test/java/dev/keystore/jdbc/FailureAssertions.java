package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.api.ThrowableAssertAlternative;

/** Asserts what kind of failure a backend reports. */
final class FailureAssertions {

    private FailureAssertions() {}

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
}
