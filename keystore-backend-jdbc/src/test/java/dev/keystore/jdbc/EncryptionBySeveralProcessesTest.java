package dev.keystore.jdbc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.keystore.ContextOwnedException;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreEncryption;
import dev.keystore.core.StoreInspection;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.StoreSealing.Phase;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a process writes to an encrypted store while, or after, another one changes its encryption. */
@Timeout(120)
final class EncryptionBySeveralProcessesTest {

    private static final Consumer<EncryptionProgress> NO_LISTENER = progress -> {};

    private enum Server {
        SQLITE,
        POSTGRESQL
    }

    private enum Job {
        ENCRYPT,
        ROTATE,
        DECRYPT;

        void run(SignalKeyDatabase database, Consumer<EncryptionProgress> listener) {
            StoreEncryption encryption = database.encryption();
            switch (this) {
                case ENCRYPT -> encryption.encrypt(listener);
                case ROTATE -> encryption.rotate(listener);
                case DECRYPT -> encryption.decrypt(listener);
            }
        }
    }

    @TempDir
    Path folder;

    private Encryption encryption;
    private String url = "";

    @BeforeEach
    void createKey() throws IOException {
        encryption = Encryption.with(KeyFile.create(folder.resolve("root.key")));
    }

    private void use(Server engine) {
        url = engine == Server.SQLITE
                ? "jdbc:sqlite:" + folder.resolve("keys.db")
                : PostgresFixture.url(PostgresFixture.newSchema());
    }

    private SignalKeyDatabase plain() {
        return SignalKeyDatabase.open(url);
    }

    private SignalKeyDatabase encrypted() {
        return encrypted(UnaryOperator.identity());
    }

    private SignalKeyDatabase encrypted(UnaryOperator<SignalKeyDatabase.Builder> options) {
        return options.apply(SignalKeyDatabase.builder().url(url).encryption(encryption))
                .open();
    }

    /** Returns a listener that does something after each commit, when the contexts have been listed. */
    private static Consumer<EncryptionProgress> onceRewriting(Runnable action) {
        return progress -> {
            if (progress.rewritten() > 0) {
                action.run();
            }
        };
    }

    private static SignalKeyDatabase filled(SignalKeyDatabase database) {
        put(database, "alice", "1");
        return database;
    }

    private static void put(SignalKeyDatabase database, String context, String value) {
        database.forContext(context).put(KeyTypes.SESSION, "x", value.getBytes(UTF_8));
    }

    private static void assertHolds(SignalKeyDatabase database, String... contexts) {
        try (Stream<String> found = database.contexts()) {
            assertThat(found).containsExactlyInAnyOrder(contexts);
        }
        for (String context : contexts) {
            SignalKeyStore store = database.forContext(context);
            assertThat(store.find(KeyTypes.SESSION, "x"))
                    .as(context)
                    .hasValueSatisfying(
                            value -> assertThat(value).asString(UTF_8).isEqualTo("1"));
            assertThat(store.verify()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 after a rotation by another process, contexts that are opened use its keys")
    void rotated(Server engine) {
        use(engine);
        try (SignalKeyDatabase job = filled(encrypted());
                SignalKeyDatabase other = encrypted()) {
            Job.ROTATE.run(job, NO_LISTENER);

            put(other, "bob", "1");
            assertHolds(other, "alice", "bob");
        }
        try (SignalKeyDatabase reopened = encrypted()) {
            assertHolds(reopened, "alice", "bob");
        }
    }

    private static void assertIntact(StoreInspection inspection, String context) {
        ContextInspection found = inspection.inspect(context);
        assertThat(found.isIntact()).as(found.damaged().toString()).isTrue();
        assertThat(found.entries()).isOne();
        assertThat(found.entriesByKey()).hasSize(1).doesNotContainKeys("plain", "unreadable");
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 after a rotation by another process, a database that owns no context lists and inspects them")
    void rotated_isInspected(Server engine) {
        use(engine);
        encryption = encryption.hidingNames();
        try (SignalKeyDatabase job = filled(encrypted());
                SignalKeyDatabase listing = encrypted();
                SignalKeyDatabase inspecting = encrypted();
                StoreInspection reading = SignalKeyDatabase.builder()
                        .url(url)
                        .encryption(encryption)
                        .openToInspect()) {
            Job.ROTATE.run(job, NO_LISTENER);

            try (Stream<String> contexts = listing.contexts()) {
                assertThat(contexts).containsExactly("alice");
            }
            assertIntact(inspecting.inspection(), "alice");
            assertThat(reading.<Boolean>read(
                            "alice",
                            reader -> reader.find(KeyTypes.SESSION, "x").isPresent()))
                    .isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R72 R74 what another process has encrypted or decrypted is not reported as damage")
    void changedByOther_isNotInspected(Server engine) {
        use(engine);
        filled(plain()).close();
        try (SignalKeyDatabase opened = plain();
                SignalKeyDatabase job = encrypted(SignalKeyDatabase.Builder::encryptExisting)) {
            Job.ENCRYPT.run(job, NO_LISTENER);

            assertThatThrownBy(() -> opened.inspection().inspect("alice"))
                    .isInstanceOf(KeyUnavailableException.class)
                    .hasMessageContaining("by another process");

            try (SignalKeyDatabase other = encrypted()) {
                Job.DECRYPT.run(job, NO_LISTENER);

                assertThatThrownBy(() -> other.inspection().inspect("alice"))
                        .isExactlyInstanceOf(StoreOpenException.class)
                        .hasMessageContaining("without a root key");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 after a decryption by another process, contexts are refused, and nothing is written to them")
    void decrypted(Server engine) {
        use(engine);
        try (SignalKeyDatabase job = filled(encrypted());
                SignalKeyDatabase other = encrypted()) {
            Job.DECRYPT.run(job, NO_LISTENER);

            assertThatThrownBy(() -> put(other, "bob", "1"))
                    .isExactlyInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("without a root key");
            put(job, "carol", "1");
        }
        try (SignalKeyDatabase reopened = plain()) {
            assertHolds(reopened, "alice", "carol");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R72 after an encryption by another process, contexts of a plain one are refused, and not written to")
    void encrypted(Server engine) {
        use(engine);
        filled(plain()).close();
        try (SignalKeyDatabase other = plain();
                SignalKeyDatabase job = encrypted(SignalKeyDatabase.Builder::encryptExisting)) {
            assertThatThrownBy(() -> put(other, "carol", "1")).isInstanceOf(KeyUnavailableException.class);

            Job.ENCRYPT.run(job, NO_LISTENER);

            assertThatThrownBy(() -> put(other, "bob", "1"))
                    .isInstanceOf(KeyUnavailableException.class)
                    .hasMessageContaining("by another process");
        }
        try (SignalKeyDatabase reopened = encrypted()) {
            assertHolds(reopened, "alice");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 a job is refused while another process owns a context, even an empty one; nothing was changed")
    void ownerIsAlive(Server engine) {
        for (Job job : Job.values()) {
            use(engine);
            if (engine == Server.SQLITE) {
                url += job;
            }
            UnaryOperator<SignalKeyDatabase.Builder> options =
                    job == Job.ENCRYPT ? SignalKeyDatabase.Builder::encryptExisting : UnaryOperator.identity();
            filled(job == Job.ENCRYPT ? plain() : encrypted()).close();
            try (SignalKeyDatabase other = job == Job.ENCRYPT ? plain() : encrypted()) {
                SignalKeyStore bob = other.forContext("bob");
                try (SignalKeyDatabase database = encrypted(options)) {
                    Phase before = database.encryption().phase();

                    assertThatThrownBy(() -> job.run(database, NO_LISTENER))
                            .isInstanceOfSatisfying(
                                    ContextOwnedException.class,
                                    e -> assertThat(e.context()).isEqualTo("bob"));

                    assertThat(database.encryption().phase()).isEqualTo(before);
                    bob.put(KeyTypes.SESSION, "x", "1".getBytes(UTF_8));
                }
            }
            try (SignalKeyDatabase reopened = encrypted(options)) {
                job.run(reopened, NO_LISTENER);
                assertHolds(reopened, "alice", "bob");
            }
            try (SignalKeyDatabase reopened = job == Job.DECRYPT ? plain() : encrypted()) {
                assertHolds(reopened, "alice", "bob");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 a context that another process opens during a rotation is written with the new keys")
    void openedDuringRotation(Server engine) {
        use(engine);
        try (SignalKeyDatabase job = filled(encrypted());
                SignalKeyDatabase other = encrypted()) {
            Job.ROTATE.run(job, onceRewriting(() -> put(other, "bob", "1")));

            assertThat(job.encryption().entriesByKey("bob")).hasSize(1);
        }
        try (SignalKeyDatabase reopened = encrypted()) {
            assertHolds(reopened, "alice", "bob");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName(
            "R74 a context opened during a decryption is refused, unless decryption was accepted: then it is plain")
    void openedDuringDecryption(Server engine) {
        use(engine);
        try (SignalKeyDatabase job = filled(encrypted());
                SignalKeyDatabase other = encrypted();
                SignalKeyDatabase accepting = encrypted(SignalKeyDatabase.Builder::decryptExisting)) {
            Job.DECRYPT.run(job, onceRewriting(() -> {
                assertThatThrownBy(() -> put(other, "bob", "1"))
                        .isInstanceOf(StoreOpenException.class)
                        .hasMessageContaining("decryptExisting()");
                put(accepting, "carol", "1");
            }));
            put(accepting, "dave", "1");
        }
        try (SignalKeyDatabase reopened = plain()) {
            assertHolds(reopened, "alice", "carol", "dave");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 while the root key is replaced, a process that has the former one commits and opens contexts")
    void rootKeyReplaced(Server engine) throws IOException {
        use(engine);
        Encryption former = encryption;
        try (SignalKeyDatabase other = filled(encrypted())) {
            KeyFile next = KeyFile.create(folder.resolve("next.key"));
            encryption = Encryption.with(next).replacing(KeyFile.at(folder.resolve("root.key")));
            try (SignalKeyDatabase restarted = encrypted();
                    SignalKeyDatabase second = encrypted()) {
                put(other, "alice", "1");
                put(other, "bob", "1");
                put(restarted, "carol", "1");
                put(second, "dave", "1");
            }

            encryption = former;
            assertThatThrownBy(this::encrypted).isInstanceOf(KeyUnavailableException.class);
            encryption = Encryption.with(next);
            try (SignalKeyDatabase job = encrypted()) {
                assertThatThrownBy(() -> Job.ROTATE.run(job, NO_LISTENER)).isInstanceOf(ContextOwnedException.class);
            }
        }
        try (SignalKeyDatabase reopened = encrypted()) {
            assertHolds(reopened, "alice", "bob", "carol", "dave");
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R72 a new store is not created as an encrypted one while a plain process has opened a context")
    void createdWithPlainOwner(Server engine) {
        use(engine);
        try (SignalKeyDatabase other = plain()) {
            SignalKeyStore alice = other.forContext("alice");

            assertThatThrownBy(this::encrypted).isInstanceOf(ContextOwnedException.class);

            alice.put(KeyTypes.SESSION, "x", "1".getBytes(UTF_8));
        }
        try (SignalKeyDatabase reopened = plain()) {
            assertHolds(reopened, "alice");
        }
    }

    @Test
    @DisplayName("R53 R74 an owner that lost its connection is fenced by a job, in the contexts without entries too")
    void ownerLostItsConnection() {
        String schema = PostgresFixture.newSchema();
        url = PostgresFixture.url(schema);
        try (SignalKeyDatabase job = filled(encrypted())) {
            url = url.replace("ApplicationName=", "ApplicationName=lost_");
            try (SignalKeyDatabase other = encrypted()) {
                SignalKeyStore bob = other.forContext("bob");
                PostgresFixture.terminateAll("lost_" + schema);
                PostgresFixture.untilItSucceeds(() -> Job.ROTATE.run(job, NO_LISTENER));

                PostgresFixture.untilItSucceeds(() -> assertOwnershipLost(bob)); // once it has connections again

                other.takeOver("bob").put(KeyTypes.SESSION, "x", "1".getBytes(UTF_8));
            }
        }
        try (SignalKeyDatabase reopened = encrypted()) {
            assertHolds(reopened, "alice", "bob");
        }
    }

    private static void assertOwnershipLost(SignalKeyStore store) {
        try {
            store.put(KeyTypes.SESSION, "x", "2".getBytes(UTF_8));
            fail("was written");
        } catch (OwnershipLostException e) {
            assertThat(e.context()).isEqualTo("bob");
        }
    }
}
