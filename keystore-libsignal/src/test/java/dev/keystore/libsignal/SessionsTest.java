package dev.keystore.libsignal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.SessionRecord;

@DisplayName("R8 sessions are found by the exact name")
class SessionsTest extends LibsignalTest {

    private static final List<String> NAMES = List.of(
            "bob",
            "bob.1",
            "bob.1.2",
            "bob.",
            "bo",
            "bobby",
            "BOB",
            "b%b",
            "b_b",
            "b%",
            "%",
            ".",
            "",
            "b:b",
            "bob ",
            "b*",
            "b\u00f6b",
            "+4912345",
            "bob.02",
            "\u0000");

    private SignalKeyStore store;

    @BeforeEach
    void storeSessions() {
        parties.alice();
        store = parties.store("alice");
        store.useTransaction("test", tx -> {
            KeystoreSignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
            for (String name : NAMES) {
                for (int device : new int[] {1, 2, 12, 127}) {
                    signal.storeSession(new SignalProtocolAddress(name, device), new SessionRecord());
                }
            }
            for (String id :
                    List.of("bob.02", "bob.2x", "bob.+3", "bob.-3", "bob. 3", "bob.3.", "bob.\u0663", "bob.0")) {
                tx.put(KeyTypes.SESSION, id, new SessionRecord().serialize());
            }
            tx.put(KeyTypes.IDENTITY_KEY, "bob.5", new byte[] {1});
        });
        parties.reopen();
        store = parties.store("alice");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bob", "bob.1", "bob.1.2", "bob.", "bo", "bobby", "BOB", "b%b", "b_b", "b%", "%", ".", "", "b:b", "bob "
            })
    @DisplayName("the sub-devices of a name exclude those of other names, and device 1")
    void getSubDeviceSessions_returnsDevicesOfThatName(String name) {
        store.useTransaction(
                "test",
                tx -> assertThat(new KeystoreSignalProtocolStore(tx).getSubDeviceSessions(name))
                        .containsExactly(2, 12, 127));
    }

    @Test
    @DisplayName("a name without sessions has no sub-devices, even if another name begins with it")
    void getSubDeviceSessions_unknownName_isEmpty() {
        store.useTransaction("test", tx -> {
            KeystoreSignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
            for (String name : List.of("b", "bob.2", "bobb", "%b", "_ob", "bob.1.", "bob.12")) {
                assertThat(signal.getSubDeviceSessions(name)).as(name).isEmpty();
            }
        });
    }

    @Test
    @DisplayName("deleting all sessions of a name includes device 1 and no session of another name")
    void deleteAllSessions_deletesThatNameOnly() {
        long before = count();

        store.useTransaction("test", tx -> {
            KeystoreSignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
            signal.deleteAllSessions("bob");
            assertThat(signal.getSubDeviceSessions("bob")).isEmpty();
        });
        parties.reopen();
        store = parties.store("alice");

        assertThat(count()).isEqualTo(before - 4);
        store.useTransaction("test", tx -> {
            KeystoreSignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
            assertThat(signal.containsSession(new SignalProtocolAddress("bob", 1)))
                    .isFalse();
            assertThat(signal.containsSession(new SignalProtocolAddress("bob.1", 2)))
                    .isTrue();
            assertThat(signal.getSubDeviceSessions("bob.1")).containsExactly(2, 12, 127);
        });
    }

    @Test
    @DisplayName("R21 a transaction sees the sessions it stored and not those it deleted")
    void getSubDeviceSessions_inTransaction_seesItsOwnWrites() {
        store.useTransaction("test", tx -> {
            KeystoreSignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
            signal.storeSession(new SignalProtocolAddress("bob", 3), new SessionRecord());
            signal.deleteSession(new SignalProtocolAddress("bob", 2));

            assertThat(signal.getSubDeviceSessions("bob")).containsExactly(3, 12, 127);
        });
    }

    @Test
    @DisplayName("existing sessions are returned in the requested order, and a missing one is named")
    void loadExistingSessions_oneMissing_throwsNoSession() throws Exception {
        SignalProtocolAddress first = new SignalProtocolAddress("bob", 12);
        SignalProtocolAddress second = new SignalProtocolAddress("bob.1", 2);
        SignalProtocolAddress missing = new SignalProtocolAddress("bob", 3);

        store.<Boolean, NoSessionException>transaction("test", tx -> {
            KeystoreSignalProtocolStore signal = new KeystoreSignalProtocolStore(tx);
            assertThat(signal.loadExistingSessions(List.of(first, second, first)))
                    .hasSize(3);
            assertThat(signal.loadExistingSessions(List.of())).isEmpty();
            assertThat(signal.loadSession(missing)).isNull();
            assertThatThrownBy(() -> signal.loadExistingSessions(List.of(first, missing)))
                    .isInstanceOfSatisfying(
                            NoSessionException.class,
                            e -> assertThat(e.getAddress()).isEqualTo(missing));
            return true;
        });
    }

    private long count() {
        try (var ids = store.ids(KeyTypes.SESSION, "")) {
            return ids.count();
        }
    }
}
