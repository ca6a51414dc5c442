package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextMovedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.StaleStoreException;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.RestoreReport;
import dev.keystore.core.RestoreReport.RestoredContext;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreBackup;
import dev.keystore.core.StoreMove;
import dev.keystore.core.StoreRestore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

@DisplayName("An account that is restored from a backup, put back from a copy, or moved")
class RestoredAccountTest {

    @TempDir
    private Path folder;

    private SignalKeyDatabase open(String name) {
        return SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve(name));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static void converse(SignalAccount alice, SignalAccount bob, String text) throws Exception {
        assertThat(bob.decrypt(ALICE, alice.encrypt(BOB, bytes(text))))
                .asString()
                .isEqualTo(text);
        assertThat(alice.decrypt(BOB, bob.encrypt(ALICE, bytes(text))))
                .asString()
                .isEqualTo(text);
    }

    /** Returns the ratchet key of a message, in hexadecimal digits, and its counter. */
    private static String messageKey(CiphertextMessage message) throws Exception {
        SignalMessage whisper = message instanceof PreKeySignalMessage first
                ? first.getWhisperMessage()
                : new SignalMessage(message.serialize());
        return HexFormat.of().formatHex(whisper.getSenderRatchetKey().serialize()) + " " + whisper.getCounter();
    }

    private RestoreReport restore(Path file, String target, List<RestoredContext> contexts) {
        try (SignalKeyDatabase backup = SignalKeyDatabase.builder()
                .url("jdbc:sqlite:" + file)
                .readingBackup()
                .open()) {
            return StoreRestore.from(backup)
                    .to(SignalKeyDatabase.builder().url("jdbc:sqlite:" + folder.resolve(target)))
                    .onContext(contexts::add)
                    .run();
        }
    }

    @Test
    @DisplayName("R84 both parties continue with new sessions, no message key is used twice, and no id is issued twice")
    void restore_conversation_goesOnWithNewSessions() throws Exception {
        Path file = folder.resolve("keys.backup");
        Set<Integer> issued = new HashSet<>();
        Set<Integer> issuedKyber = new HashSet<>();
        Set<Integer> issuedSigned = new HashSet<>();
        Set<String> used = new HashSet<>();
        int identity;
        CiphertextMessage late;
        try (SignalKeyDatabase bobs = open("bob.db")) {
            SignalAccount bob = SignalAccount.create(bobs.forContext("bob"));
            try (SignalKeyDatabase alices = open("alice.db")) {
                SignalAccount alice = SignalAccount.create(alices.forContext("alice"));
                alice.saveApplicationData(bytes("phone number"));
                identity = alice.registrationId();
                alice.startSession(BOB, bob.newPreKeyBundle(1));
                converse(alice, bob, "hello");
                List<PreKeyRecord> preKeys = alice.generatePreKeys(10);
                SignedPreKeyRecord signed = alice.generateSignedPreKey();
                KyberPreKeyRecord lastResort = alice.generateLastResortKyberPreKey();
                List<KyberPreKeyRecord> kyber = alice.generateKyberPreKeys(5);
                issuedKyber.add(lastResort.getId());
                issuedSigned.add(signed.getId());
                preKeys.forEach(key -> issued.add(key.getId()));
                kyber.forEach(key -> issuedKyber.add(key.getId()));

                StoreBackup.of(alices).to(file).run();

                for (int i = 0; i < 5; i++) {
                    CiphertextMessage message = alice.encrypt(BOB, bytes("after the backup " + i));
                    assertThat(used.add(messageKey(message))).isTrue();
                    bob.decrypt(ALICE, message);
                }
                alice.generatePreKeys(100).forEach(key -> issued.add(key.getId()));
                alice.generateKyberPreKeys(100).forEach(key -> issuedKyber.add(key.getId()));
                for (int i = 0; i < 3; i++) {
                    issuedSigned.add(alice.generateSignedPreKey().getId());
                    issuedKyber.add(alice.generateLastResortKyberPreKey().getId());
                }
                late = bob.encrypt(ALICE, bytes("in the session that is lost"));
            }
            assertThat(issuedSigned).hasSize(4);
            assertThat(issued).hasSize(110);
            assertThat(issuedKyber).hasSize(109);

            List<RestoredContext> contexts = new ArrayList<>();
            RestoreReport report = restore(file, "restored.db", contexts);

            assertThat(report.contexts()).isEqualTo(1);
            assertThat(report.dropped())
                    .isEqualTo(Map.of(
                            "session", 1L,
                            "libsignal-session-start", 1L,
                            "pre-key", 10L,
                            "kyber-pre-key", 5L,
                            "libsignal-one-time-kyber-pre-key", 5L));
            assertThat(report.changed()).isEqualTo(Map.of("libsignal-last-key-id", 3L));
            assertThat(contexts).singleElement().satisfies(each -> {
                assertThat(each.context()).isEqualTo("alice");
                assertThat(each.dropped()).isEqualTo(report.dropped());
            });
            try (SignalKeyDatabase alices = open("restored.db")) {
                SignalKeyStore store = alices.forContext("alice");
                SignalAccount alice = SignalAccount.open(store);
                assertThat(alice.registrationId()).isEqualTo(identity);
                assertThat(alice.applicationData()).asString().isEqualTo("phone number");
                assertThat(store.verify()).isEmpty();
                assertThatThrownBy(() -> alice.encrypt(BOB, bytes("no session")))
                        .isInstanceOf(NoSessionException.class);
                assertThatThrownBy(() -> alice.decrypt(BOB, late)).isInstanceOf(NoSessionException.class);

                assertThat(alice.needsUpload()).isTrue();
                PreKeyUpload upload = alice.generateUpload(100);
                upload.preKeys()
                        .forEach(key -> assertThat(issued.add(key.getId())).isTrue());
                upload.kyberPreKeys()
                        .forEach(key -> assertThat(issuedKyber.add(key.getId())).isTrue());
                assertThat(issuedKyber.add(upload.lastResortKyberPreKey().getId()))
                        .isTrue();
                assertThat(issuedSigned.add(upload.signedPreKey().getId())).isTrue();
                assertThat(issuedSigned.add(alice.generateSignedPreKey().getId()))
                        .isTrue();
                assertThat(issuedKyber.add(alice.generateLastResortKyberPreKey().getId()))
                        .isTrue();
                alice.confirmUpload(upload);
                assertThat(alice.needsUpload()).isFalse();

                alice.startSession(BOB, bob.newPreKeyBundle(1));
                CiphertextMessage first = alice.encrypt(BOB, bytes("again"));
                assertThat(first.getType()).isEqualTo(CiphertextMessage.PREKEY_TYPE);
                assertThat(used.add(messageKey(first))).isTrue();
                assertThat(bob.decrypt(ALICE, first)).asString().isEqualTo("again");
                for (int i = 0; i < 5; i++) {
                    CiphertextMessage message = alice.encrypt(BOB, bytes("after the restore " + i));
                    assertThat(used.add(messageKey(message))).isTrue();
                    bob.decrypt(ALICE, message);
                }
                converse(alice, bob, "as before");
                bob.startSession(
                        ALICE,
                        alice.preKeyBundle(
                                1,
                                upload.preKeys().get(0),
                                upload.signedPreKey(),
                                upload.kyberPreKeys().get(0)));
                assertThat(alice.decrypt(BOB, bob.encrypt(ALICE, bytes("with a new pre-key"))))
                        .asString()
                        .isEqualTo("with a new pre-key");
            }
        }
    }

    @Test
    @DisplayName("R84 a message with a one-time pre-key of before the backup is refused, one with a kept one is read")
    void restore_preKeysInTransit_signedOnesAreKept() throws Exception {
        Path file = folder.resolve("keys.backup");
        try (SignalKeyDatabase bobs = open("bob.db")) {
            SignalAccount bob = SignalAccount.create(bobs.forContext("bob"));
            SignalAccount carol = SignalAccount.create(bobs.forContext("carol"));
            try (SignalKeyDatabase alices = open("alice.db")) {
                SignalAccount alice = SignalAccount.create(alices.forContext("alice"));
                bob.startSession(ALICE, alice.newPreKeyBundle(1));
                carol.startSession(
                        ALICE,
                        alice.preKeyBundle(
                                1, null, alice.generateSignedPreKey(), alice.generateLastResortKyberPreKey()));
                StoreBackup.of(alices).to(file).run();
            }
            restore(file, "restored.db", new ArrayList<>());
            try (SignalKeyDatabase alices = open("restored.db")) {
                SignalAccount alice = SignalAccount.open(alices.forContext("alice"));
                CiphertextMessage fromBob = bob.encrypt(ALICE, bytes("one-time"));
                CiphertextMessage fromCarol = carol.encrypt(ALICE, bytes("last resort"));

                assertThatThrownBy(() -> alice.decrypt(BOB, fromBob)).isInstanceOf(InvalidKeyIdException.class);
                assertThat(alice.decrypt(new SignalProtocolAddress("carol", 1), fromCarol))
                        .asString()
                        .isEqualTo("last resort");
            }
        }
    }

    @Test
    @DisplayName("R84 what was uploaded stays so, what was not is not uploaded any more, and no id is issued twice")
    void restore_uploads_continueBehindTheCounters() throws Exception {
        Path file = folder.resolve("keys.backup");
        Set<Integer> issued = new HashSet<>();
        int uploadedUpTo;
        try (SignalKeyDatabase alices = open("alice.db")) {
            SignalAccount alice = SignalAccount.create(alices.forContext("alice"));
            PreKeyUpload first = alice.preKeys().replenish().orElseThrow();
            alice.confirmUpload(first);
            PreKeyUpload pending = alice.preKeys().replenish(0, 0).orElseThrow();
            uploadedUpTo = alice.preKeys().uploadedUpTo(PreKeyKind.ONE_TIME).orElseThrow();
            StoreBackup.of(alices).to(file).run();
            alice.confirmUpload(pending);
            PreKeyUpload later = alice.preKeys().replenish(0, 0).orElseThrow();
            alice.confirmUpload(later);
            for (PreKeyUpload upload : List.of(first, pending, later)) {
                upload.preKeys().forEach(key -> issued.add(key.getId()));
            }
        }
        assertThat(issued).hasSize(300);

        restore(file, "restored.db", new ArrayList<>());

        try (SignalKeyDatabase alices = open("restored.db")) {
            SignalAccount alice = SignalAccount.open(alices.forContext("alice"));
            assertThat(alice.preKeys().uploadedUpTo(PreKeyKind.ONE_TIME)).hasValue(uploadedUpTo);
            assertThat(alice.preKeys().counts().preKeys()).isZero();
            PreKeyUpload upload = alice.preKeys().replenish().orElseThrow();
            assertThat(upload.preKeys()).hasSize(100).allMatch(key -> issued.add(key.getId()));
            assertThat(upload.kyberPreKeys()).hasSize(100);
            assertThat(alice.needsUpload()).isTrue();
            alice.uploadFailed(upload);
            assertThat(alice.preKeys().replenish(0, 0).orElseThrow().preKeys())
                    .extracting(PreKeyRecord::getId)
                    .containsExactlyElementsOf(
                            upload.preKeys().stream().map(PreKeyRecord::getId).toList());

            alice.confirmUpload(upload);

            assertThat(alice.needsUpload()).isFalse();
            assertThat(alice.preKeys().pendingUpload()).isEmpty();
            assertThat(alice.preKeys().counts()).isEqualTo(new PreKeyCounts(100, 2, 100, 2));
        }
    }

    @Test
    @DisplayName("R82 an old copy of the file that is put back is refused with an anchor, the newest file is not")
    void oldCopy_putBack_isRefused() throws Exception {
        Path file = folder.resolve("alice.db");
        Path anchorFolder = Files.createDirectory(folder.resolve("anchor"));
        SignalKeyDatabase.Builder anchored = SignalKeyDatabase.builder()
                .url("jdbc:sqlite:" + file)
                .property("freshness.anchor", "file:" + anchorFolder.resolve("alice.anchor"));
        try (SignalKeyDatabase bobs = open("bob.db")) {
            SignalAccount bob = SignalAccount.create(bobs.forContext("bob"));
            try (SignalKeyDatabase alices = anchored.open()) {
                SignalAccount alice = SignalAccount.create(alices.forContext("alice"));
                alice.startSession(BOB, bob.newPreKeyBundle(1));
                converse(alice, bob, "hello");
            }
            Path old = Files.copy(file, folder.resolve("old.db"));
            try (SignalKeyDatabase alices = anchored.open()) {
                converse(SignalAccount.open(alices.forContext("alice")), bob, "after the copy");
            }
            Path newest = Files.copy(file, folder.resolve("newest.db"));
            Files.copy(old, file, StandardCopyOption.REPLACE_EXISTING);

            try (SignalKeyDatabase alices = anchored.open()) {
                assertThatThrownBy(() -> alices.forContext("alice"))
                        .isInstanceOf(StaleStoreException.class)
                        .hasMessageContaining("restore");
            }

            Files.copy(newest, file, StandardCopyOption.REPLACE_EXISTING);
            try (SignalKeyDatabase alices = anchored.open()) {
                converse(SignalAccount.open(alices.forContext("alice")), bob, "as before");
            }
        }
    }

    @Test
    @DisplayName(
            "R84 an account that is moved continues in its sessions, and the old place refuses and names the new one")
    void move_conversation_goesOn() throws Exception {
        try (SignalKeyDatabase bobs = open("bob.db");
                SignalKeyDatabase alices = open("alice.db");
                SignalKeyDatabase next = SignalKeyDatabase.open("mapdb:" + folder.resolve("next"))) {
            SignalAccount bob = SignalAccount.create(bobs.forContext("bob"));
            SignalAccount former = SignalAccount.create(alices.forContext("alice"));
            former.startSession(BOB, bob.newPreKeyBundle(1));
            converse(former, bob, "hello");
            int last = former.generatePreKeys(1).get(0).getId();

            assertThat(StoreMove.from(alices).to(next, "the new place").run().contexts(Outcome.COPIED))
                    .isEqualTo(1);

            assertThatThrownBy(() -> former.encrypt(BOB, bytes("from the old place")))
                    .isInstanceOf(ContextMovedException.class)
                    .hasMessageContaining("moved to the new place");
            try (SignalKeyDatabase again = open("alice.db")) {
                assertThatThrownBy(() -> again.forContext("alice"))
                        .isInstanceOf(ContextMovedException.class)
                        .hasMessageContaining("moved to the new place");
            }
            SignalAccount alice = SignalAccount.open(next.forContext("alice"));
            assertThat(alice.needsUpload()).isFalse();
            assertThat(alice.encrypt(BOB, bytes("no new session")).getType()).isEqualTo(CiphertextMessage.WHISPER_TYPE);
            converse(alice, bob, "as it was");
            assertThat(alice.generatePreKeys(1).get(0).getId()).isNotEqualTo(last);
            assertThat(next.forContext("alice").find(KeyTypes.PRE_KEY, Integer.toString(last)))
                    .isPresent();
        }
    }
}
