package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Fault;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.state.SignalProtocolStore;

@DisplayName("The first decrypt of a pre-key message is one commit or none")
class FirstDecryptTest extends LibsignalTest {

    private static final List<String> CALLS = List.of(
            "loadSession",
            "isTrustedIdentity",
            "loadSignedPreKey",
            "loadKyberPreKey",
            "loadPreKey",
            "getIdentityKeyPair",
            "getLocalRegistrationId",
            "saveIdentity",
            "markKyberPreKeyUsed",
            "removePreKey",
            "storeSession");

    static Stream<Arguments> failures() {
        return CALLS.stream().flatMap(call -> Stream.of(Arguments.of(call, false), Arguments.of(call, true)));
    }

    @Test
    @DisplayName("it makes exactly the eleven calls that the next tests let fail")
    void decrypt_ofPreKeyMessage_makesElevenCalls() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        List<String> calls = new ArrayList<>();

        decrypt(message, (call, done) -> {
            if (!done) {
                calls.add(call);
            }
        });

        assertThat(calls).containsExactlyElementsOf(CALLS);
    }

    @ParameterizedTest(name = "{0}, after it took effect: {1}")
    @MethodSource("failures")
    @DisplayName("R12 R22 a failure of any of its calls writes nothing, and decrypting again succeeds")
    void decrypt_storeCallFails_sameMessageDecryptsAgain(String failing, boolean afterwards) throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        IllegalStateException failure = new IllegalStateException("injected");

        assertThatThrownBy(() -> decrypt(message, (call, done) -> {
                    if (call.equals(failing) && done == afterwards) {
                        throw failure;
                    }
                }))
                .isSameAs(failure);
        assertNothingWritten();
        parties.reopen();
        assertNothingWritten();

        assertDecryptsOnce(message);
    }

    @ParameterizedTest
    @EnumSource(names = {"BEFORE", "MIDWAY"})
    @DisplayName("R12 R41 a failed commit writes nothing, and decrypting again succeeds")
    void decrypt_commitFails_sameMessageDecryptsAgain(Fault.Moment moment) throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        parties.bob();
        parties.faults.on(Call.Operation.COMMIT).fail(moment, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> parties.bob().decrypt(ALICE, message)).isInstanceOf(CommitFailedException.class);
        assertNothingWritten();

        assertDecryptsOnce(message);
    }

    @Test
    @DisplayName("R11 it is one commit of seven entries, which survives a restart")
    void decrypt_succeeds_writesOneCommit() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        parties.bob();
        parties.faults.forgetCalls();

        parties.bob().decrypt(ALICE, message);

        assertThat(parties.faults.calls(Call.Operation.COMMIT))
                .singleElement()
                .satisfies(commit -> assertThat(commit.entries())
                        .extracting(Object::toString)
                        .containsExactlyInAnyOrder(
                                "session/alice.1",
                                "identity-key/alice.1",
                                "pre-key/1",
                                "kyber-pre-key/1",
                                "libsignal-one-time-kyber-pre-key/1",
                                "libsignal-session-start/alice.1",
                                "libsignal-latest-session/start"));
        parties.reopen();
        assertThat(parties.alice().decrypt(BOB, parties.bob().encrypt(ALICE, "back".getBytes(UTF_8))))
                .asString()
                .isEqualTo("back");
    }

    private void assertNothingWritten() {
        assertThat(parties.store("bob").find(KeyTypes.SESSION, "alice.1")).isEmpty();
        assertThat(parties.store("bob").find(KeyTypes.IDENTITY_KEY, "alice.1")).isEmpty();
        assertThat(parties.store("bob").find(KeyTypes.PRE_KEY, "1")).isPresent();
        assertThat(parties.store("bob").find(KeyTypes.KYBER_PRE_KEY, "1")).isPresent();
    }

    private void assertDecryptsOnce(CiphertextMessage message) throws Exception {
        assertThat(parties.bob().decrypt(ALICE, message)).asString().isEqualTo("hello");
        assertThatThrownBy(() -> parties.bob().decrypt(ALICE, message)).isInstanceOf(DuplicateMessageException.class);
    }

    private void decrypt(CiphertextMessage message, Observer observer) throws Exception {
        parties.bob().transaction(ALICE, (signal, tx) -> {
            SignalProtocolStore observed = observe(signal, observer);
            return new SessionCipher(observed, ALICE).decrypt(new PreKeySignalMessage(message.serialize()));
        });
    }

    private static SignalProtocolStore observe(SignalProtocolStore store, Observer observer) {
        return (SignalProtocolStore) Proxy.newProxyInstance(
                FirstDecryptTest.class.getClassLoader(),
                new Class<?>[] {SignalProtocolStore.class},
                (proxy, method, arguments) -> {
                    observer.sees(method.getName(), false);
                    Object result;
                    try {
                        result = method.invoke(store, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                    observer.sees(method.getName(), true);
                    return result;
                });
    }

    private interface Observer {
        void sees(String call, boolean done);
    }
}
