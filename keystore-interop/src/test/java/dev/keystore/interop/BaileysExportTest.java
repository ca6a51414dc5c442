package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class BaileysExportTest {

    static final List<String> REAL = Samples.REAL;

    @TempDir
    Path temporary;

    @ParameterizedTest
    @FieldSource("REAL")
    @DisplayName("R93 an imported folder is exported with the same files, equal except for order and spacing of JSON")
    void folder_importedAndExported_isTheSame(String name) throws Exception {
        Path folder = Samples.copy(name, temporary);
        Files.write(folder.resolve("wallpaper-1.json"), "{\"a\":1}".getBytes(UTF_8));
        Path exported = temporary.resolve("exported");
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            TransferReport in = AccountImport.from(BaileysFolder.at(folder))
                    .keepingUnknown()
                    .to(alice);

            TransferReport out = AccountExport.from(alice).to(BaileysFolder.at(exported));

            assertThat(out.isComplete()).as("%s", out.items()).isTrue();
            assertThat(out.types()).isEqualTo(in.types());
            assertThat(Samples.trees(exported)).isEqualTo(Samples.trees(folder));
            SignalKeyStore bob = database.forContext("bob");
            AccountImport.from(BaileysFolder.at(exported)).keepingUnknown().to(bob);
            Contents contents = Samples.read(BaileysFolder.at(folder));
            bob.delete(BaileysFolder.UNKNOWN_FILE, "wallpaper-1.json");
            assertThat(Difference.between(contents, bob)).isNull();
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(exported)))
                .isEqualTo("rwx------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(exported.resolve("creds.json"))))
                .isEqualTo("rw-------");
        assertThat(temporary.toFile().list()).noneMatch(left -> left.contains(".part-"));
    }

    @Test
    @DisplayName("R92 what Baileys has no place for is named, and the rest is exported")
    void entriesWithoutPlace_areNamed() throws Exception {
        Path exported = temporary.resolve("exported");
        Account bot = Account.of(Samples.copy("7.0.0-rc14/bot-a", temporary));
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.KYBER_PRE_KEY, "1", new byte[] {1});
            alice.put(KeyTypes.LID_MAPPING, "a/b", "1");
            alice.put(KeyTypes.LID_MAPPING, "x".repeat(300), "1");
            alice.put(KeyTypes.LID_MAPPING, "1", "2");
            alice.put(KeyTypes.APP_STATE_SYNC_KEY, "AAAA", new byte[] {9, 9});
            alice.put(KeyTypes.SESSION, "bob.1", bot.session("15550100002"));
            alice.put(KeyTypes.SESSION, "cut.1", new byte[] {10, 2});
            alice.saveCredentials(new byte[] {1});

            TransferReport dry = AccountExport.from(alice).dryRun(BaileysFolder.at(exported));
            assertThat(exported).doesNotExist();
            TransferReport report = AccountExport.from(alice).to(BaileysFolder.at(exported));

            assertThat(dry.items()).isEqualTo(report.items());
            assertThat(report.items(Fate.NOT_CARRIED))
                    .extracting(TransferItem::type)
                    .containsExactlyInAnyOrder(
                            "kyber-pre-key",
                            "lid-mapping",
                            "lid-mapping",
                            "app-state-sync-key",
                            "session",
                            "credentials");
            assertThat(report.items(Fate.NOT_CARRIED))
                    .allSatisfy(item -> assertThat(item.reason()).contains("; "));
            assertThat(Samples.files(exported).keySet()).containsExactly("lid-mapping-1.json", "session-bob.1.json");
        }
    }

    @Test
    @DisplayName("R93 sessions and sender keys that Baileys cannot read are not exported; protobuf is, with the reason")
    void otherForms_areNotExported() throws Exception {
        Path exported = temporary.resolve("exported");
        Account bot = Account.of(Samples.copy("7.0.0-rc14/bot-a", temporary));
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SENDER_KEY, "g@g.us::go::1", Samples.goSenderKey());
            alice.put(
                    KeyTypes.SENDER_KEY,
                    "g@g.us::ex::1",
                    bot.convertSenderKey(bot.senderKey("15550100001"), SessionFormat.BAILEYS_EX));
            alice.put(KeyTypes.SESSION, "go.1", Samples.goSession());
            alice.put(KeyTypes.SESSION, "ex.1", Samples.exSession());
            alice.put(KeyTypes.SESSION, "protobuf.1", bot.convert(bot.session("15550100002"), SessionFormat.LIBSIGNAL));
            alice.put(KeyTypes.SESSION, "baileys.1", bot.session("15550100002"));

            TransferReport report = AccountExport.from(alice).to(BaileysFolder.at(exported));

            assertThat(report.items(Fate.NOT_CARRIED))
                    .extracting(TransferItem::id)
                    .containsExactlyInAnyOrder("g@g.us::go::1", "g@g.us::ex::1", "go.1", "ex.1");
            assertThat(report.items(Fate.NOT_CARRIED))
                    .filteredOn(item -> item.type().equals("sender-key"))
                    .allSatisfy(item -> assertThat(item.reason()).contains("unless it is converted"));
            assertThat(report.items(Fate.CARRIED))
                    .extracting(TransferItem::id, TransferItem::reason)
                    .containsExactlyInAnyOrder(
                            tuple("baileys.1", ""),
                            tuple(
                                    "protobuf.1",
                                    "it is in the form of libsignal, which Baileys cannot read up to 7.0.0-rc14 unless"
                                            + " it is converted"));
            assertThat(Samples.files(exported).keySet())
                    .containsExactly("session-baileys.1.json", "session-protobuf.1.json");
        }
    }

    @Test
    @DisplayName("an export to a folder that holds files is refused, and leaves it as it is")
    void existingTarget_isRefused() throws Exception {
        Path folder = Samples.copy("6.7.21/bot-a", temporary);
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.LID_MAPPING, "1", "2");
            int before = Samples.files(folder).size();
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> AccountExport.from(alice).to(BaileysFolder.at(folder)))
                    .withMessageContaining("it exists");
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> AccountExport.from(alice).dryRun(BaileysFolder.at(folder)));
            assertThat(Samples.files(folder)).hasSize(before);
        }
    }
}
