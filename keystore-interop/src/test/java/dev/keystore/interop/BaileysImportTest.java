package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TcToken;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import dev.keystore.interop.TransferReport.Outcome;
import dev.keystore.spi.KeyStoreListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class BaileysImportTest {

    static final List<String> REAL = Samples.REAL;

    @TempDir
    Path temporary;

    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    @BeforeEach
    void open() {
        database = Samples.database(temporary);
        alice = database.forContext("alice");
    }

    @AfterEach
    void close() {
        database.close();
    }

    private TransferReport importFrom(Path folder) {
        return AccountImport.from(BaileysFolder.at(folder)).to(alice);
    }

    @ParameterizedTest
    @FieldSource("REAL")
    @DisplayName("R91 R92 what the real library was given is in the store, each value and id, and every file is named")
    void realFolder_isImported(String name) throws Exception {
        Path folder = Samples.copy(name, temporary);
        Map<String, byte[]> before = Samples.files(folder);

        TransferReport report = importFrom(folder);

        assertThat(report.isComplete()).as("%s", report.items()).isTrue();
        assertThat(report.items()).extracting(TransferItem::name).containsExactlyElementsOf(before.keySet());
        assertThat(report.outcome()).isEqualTo(Outcome.WRITTEN);
        assertThat(alice.credentials().orElseThrow()).isEqualTo(before.get("creds.json"));
        JsonNode truth = Samples.truth(name);
        assertThat(Samples.tree(alice.credentials().orElseThrow())).isEqualTo(truth.get("creds"));
        int entries = 0;
        for (Map.Entry<String, JsonNode> type : truth.get("keys").properties()) {
            for (Map.Entry<String, JsonNode> entry : type.getValue().properties()) {
                assertHolds(type.getKey(), entry.getKey(), entry.getValue());
                entries++;
            }
        }
        assertThat(entries).as("entries of the truth").isGreaterThan(15);
        assertThat(report.types().values().stream()
                        .mapToLong(EntryDigest::entries)
                        .sum())
                .isEqualTo(before.size());
        Map<String, byte[]> after = Samples.files(folder);
        assertThat(after.keySet()).isEqualTo(before.keySet());
        after.forEach((file, bytes) -> assertThat(bytes).isEqualTo(before.get(file)));
    }

    private void assertHolds(String type, String id, JsonNode value) throws IOException {
        switch (type) {
            case "session" ->
                assertThat(Samples.tree(alice.find(KeyTypes.SESSION, id).orElseThrow()))
                        .isEqualTo(value);
            case "identity-key" ->
                assertThat(alice.find(KeyTypes.IDENTITY_KEY, id).orElseThrow()).isEqualTo(buffer(value));
            case "sender-key" ->
                assertThat(alice.find(KeyTypes.SENDER_KEY, id).orElseThrow()).isEqualTo(buffer(value));
            case "pre-key" ->
                assertThat(alice.find(KeyTypes.PRE_KEY, id))
                        .hasValue(new KeyPair(buffer(value.get("public")), buffer(value.get("private"))));
            case "sender-key-memory" -> {
                Map<String, Boolean> flags =
                        alice.find(KeyTypes.SENDER_KEY_MEMORY, id).orElseThrow();
                assertThat(flags).hasSize(value.size());
                value.properties()
                        .forEach(flag -> assertThat(flags)
                                .containsEntry(flag.getKey(), flag.getValue().asBoolean()));
            }
            case "lid-mapping" ->
                assertThat(alice.find(KeyTypes.LID_MAPPING, id)).hasValue(value.textValue());
            case "device-list" -> {
                List<String> devices = alice.find(KeyTypes.DEVICE_LIST, id).orElseThrow();
                assertThat(devices).hasSize(value.size());
                for (int i = 0; i < devices.size(); i++) {
                    assertThat(devices.get(i)).isEqualTo(value.get(i).textValue());
                }
            }
            case "tctoken" ->
                assertThat(alice.find(KeyTypes.TC_TOKEN, id))
                        .hasValue(new TcToken(
                                buffer(value.get("token")),
                                seconds(value.get("timestamp")),
                                seconds(value.get("senderTimestamp"))));
            case "app-state-sync-key" ->
                assertThat(alice.find(KeyTypes.APP_STATE_SYNC_KEY, id)).hasValueSatisfying(message -> {
                    assertThat(message).startsWith(0x0a, 32).contains(buffer(value.get("keyData")));
                    assertThat(message.length).isGreaterThan(40);
                });
            case "app-state-sync-version" -> {
                AppStateSyncVersion state =
                        alice.find(KeyTypes.APP_STATE_SYNC_VERSION, id).orElseThrow();
                assertThat(state.version()).isEqualTo(value.get("version").longValue());
                assertThat(state.hash()).isEqualTo(buffer(value.get("hash")));
                assertThat(state.valueMacs()).hasSize(value.get("indexValueMap").size());
            }
            default -> throw new AssertionError("the truth has another type: " + type);
        }
    }

    private static byte[] buffer(JsonNode node) {
        return Base64.getDecoder()
                .decode(node.isTextual() ? node.textValue() : node.get("data").textValue());
    }

    private static OptionalLong seconds(JsonNode node) {
        return node == null ? OptionalLong.empty() : OptionalLong.of(node.asLong());
    }

    @Test
    @DisplayName("R92 a temporary, a backup, an empty, a cut, an unknown file, a link and a folder are each named")
    void oddFiles_areNamed() throws Exception {
        Path folder = Samples.copy("7.0.0-rc14/bot-a", temporary);
        Path session = folder.resolve("session-15550100002.7.json");
        Files.write(folder.resolve("session-1.0.json.tmp"), new byte[] {'{'});
        Files.write(folder.resolve("creds.json.bak"), "{}".getBytes(UTF_8));
        Files.move(session, folder.resolve("session-15550100002.7.json.bak"));
        Files.copy(folder.resolve("pre-key-3.json"), folder.resolve("pre-key-3.json.bak"));
        Files.write(folder.resolve("pre-key-3.json"), new byte[0]);
        Files.write(folder.resolve("pre-key-4.json"), new byte[0]);
        byte[] version = Files.readAllBytes(folder.resolve("app-state-sync-version-regular.json"));
        Files.write(folder.resolve("app-state-sync-version-regular.json"), Arrays.copyOf(version, 100));
        Files.write(folder.resolve("wallpaper-1.json"), "{\"a\":1}".getBytes(UTF_8));
        Files.createSymbolicLink(folder.resolve("session-9.0.json"), Path.of("/etc/hostname"));
        Files.createDirectory(folder.resolve("session-8.0.json"));

        TransferReport report = importFrom(folder);

        assertFate(report, "session-1.0.json.tmp", Fate.NOT_NEEDED, "temporary");
        assertFate(report, "creds.json.bak", Fate.NOT_NEEDED, ".bak file");
        assertFate(report, "session-15550100002.7.json.bak", Fate.CARRIED, "missing");
        assertFate(report, "pre-key-3.json", Fate.DAMAGED, "it is empty; see its .bak file");
        assertFate(report, "pre-key-3.json.bak", Fate.CARRIED, "damaged");
        assertFate(report, "pre-key-4.json", Fate.DAMAGED, "it is empty; a first message that uses it");
        assertFate(report, "app-state-sync-version-regular.json", Fate.DAMAGED, "it is cut");
        assertFate(report, "wallpaper-1.json", Fate.UNKNOWN, "not known");
        assertFate(report, "session-9.0.json", Fate.UNKNOWN, "link");
        assertFate(report, "session-8.0.json", Fate.UNKNOWN, "not a file");
        assertThat(report.items())
                .hasSize(Samples.trees(Path.of("src/test/resources/baileys/7.0.0-rc14/bot-a"))
                                .size()
                        + 6);
        assertThat(report.isComplete()).isFalse();
        assertThat(alice.find(KeyTypes.SESSION, "15550100002.7")).isPresent();
        assertThat(alice.find(KeyTypes.PRE_KEY, "3")).isPresent();
        assertThat(alice.find(KeyTypes.PRE_KEY, "4")).isEmpty();
        assertThat(alice.find(KeyTypes.PRE_KEY, "5")).isPresent();
    }

    private static void assertFate(TransferReport report, String name, Fate fate, String reason) {
        assertThat(report.items().stream().filter(item -> item.name().equals(name)))
                .as(name)
                .singleElement()
                .satisfies(item -> {
                    assertThat(item.fate()).as("%s", item).isEqualTo(fate);
                    assertThat(item.reason()).contains(reason);
                });
    }

    @Test
    @DisplayName("R92 files of unknown type are kept as a separate type on request")
    void unknownFile_isKeptIfAsked() throws Exception {
        Path folder = Samples.copy("7.0.0-rc14/bot-a", temporary);
        Files.write(folder.resolve("wallpaper-1.json"), "{\"a\":1}".getBytes(UTF_8));

        TransferReport report =
                AccountImport.from(BaileysFolder.at(folder)).keepingUnknown().to(alice);

        assertThat(report.isComplete()).isTrue();
        assertThat(alice.find(BaileysFolder.UNKNOWN_FILE, "wallpaper-1.json").orElseThrow())
                .isEqualTo("{\"a\":1}".getBytes(UTF_8));
    }

    @Test
    @DisplayName("R92 a folder that changes while it is read is refused, and nothing is written")
    void changingFolder_isRefused() throws Exception {
        for (String change : List.of("other", "same size", "added", "removed")) {
            Path parent = Files.createDirectories(temporary.resolve(change));
            Path folder = Samples.copy("7.0.0-rc14/bot-a", parent);
            byte[] session = Files.readAllBytes(folder.resolve("session-15550100002.7.json"));
            session[session.length / 2] ^= 1;
            AccountImport changing = AccountImport.from(BaileysFolder.at(folder))
                    .listener(progress -> {
                        if (progress.items() == progress.allItems()) {
                            change(folder, change, session);
                        }
                    });

            assertThatExceptionOfType(ForeignStoreException.class)
                    .as(change)
                    .isThrownBy(() -> changing.to(alice))
                    .withMessageContaining("it was changed while it was read");
            assertThat(Samples.isEmpty(alice)).as(change).isTrue();
        }
    }

    private static void change(Path folder, String change, byte[] session) {
        try {
            Path file = folder.resolve("session-15550100002.7.json");
            switch (change) {
                case "other" -> Files.write(file, new byte[] {'{', '}'});
                case "same size" -> {
                    var time = Files.getLastModifiedTime(file);
                    Files.write(file, session);
                    Files.setLastModifiedTime(file, time);
                }
                case "added" -> Files.write(folder.resolve("pre-key-99.json"), session);
                default -> Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    @DisplayName("R94 a dry run reports the same, and changes nothing")
    void dryRun_changesNothing() throws Exception {
        Path folder = Samples.copy("7.0.0-rc14/bot-b", temporary);
        Files.write(folder.resolve("pre-key-4.json"), new byte[0]);

        TransferReport dry = AccountImport.from(BaileysFolder.at(folder)).dryRun(alice);

        assertThat(Samples.isEmpty(alice)).isTrue();
        TransferReport real = importFrom(folder);
        assertThat(dry.dryRun()).isTrue();
        assertThat(real.dryRun()).isFalse();
        assertThat(dry.items()).isEqualTo(real.items());
        assertThat(dry.types()).isEqualTo(real.types());
        assertThat(dry.outcome()).isEqualTo(real.outcome());
    }

    @Test
    @DisplayName(
            "a second import finds the same entries, and one into a context with others is refused or replaces them")
    void targetInUse() throws Exception {
        Path folder = Samples.copy("7.0.0-rc14/bot-a", temporary);
        importFrom(folder);

        assertThat(importFrom(folder).outcome()).isEqualTo(Outcome.ALREADY_THERE);

        alice.put(KeyTypes.KYBER_PRE_KEY, "1", new byte[] {1});
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> importFrom(folder))
                .withMessageContaining("\"alice\"")
                .withMessageContaining("the context holds other entries");
        assertThat(alice.find(KeyTypes.KYBER_PRE_KEY, "1")).isPresent();

        TransferReport report =
                AccountImport.from(BaileysFolder.at(folder)).replacing().to(alice);
        assertThat(report.outcome()).isEqualTo(Outcome.REPLACED);
        assertThat(alice.find(KeyTypes.KYBER_PRE_KEY, "1")).isEmpty();
        assertThat(alice.find(KeyTypes.PRE_KEY, "5")).isPresent();
    }

    @Test
    @DisplayName("a folder that does not exist, and one that holds nothing, write nothing")
    void nothingToImport() throws Exception {
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> importFrom(temporary.resolve("missing")))
                .withMessageContaining("it does not exist");
        Path empty = Files.createDirectory(temporary.resolve("empty"));
        assertThat(importFrom(empty).outcome()).isEqualTo(Outcome.NOTHING_FOUND);
        assertThat(Samples.isEmpty(alice)).isTrue();
    }

    @Test
    @DisplayName("R91 an entry that appears in the context during the commit's verification is reported")
    void differentTarget_isReported() throws Exception {
        Path folder = Samples.copy("7.0.0-rc14/bot-a", temporary);
        Contents contents = Samples.read(BaileysFolder.at(folder));
        importFrom(folder);
        assertThat(Difference.between(contents, alice)).isNull();

        alice.put(KeyTypes.SESSION, "extra.1", new byte[] {1});
        assertThat(Difference.between(contents, alice)).contains("3 entries of type session were found in place of 2");
        alice.delete(KeyTypes.SESSION, "extra.1");
        alice.put(KeyTypes.SESSION, "15550100002.7", new byte[] {1});
        assertThat(Difference.between(contents, alice)).contains("session/15550100002.7 differs");
        assertThat(new TreeSet<>(contents.digests().keySet())).contains("credentials", "session");
    }

    @Test
    @DisplayName("R91 an account is imported in one commit")
    void account_isOneCommit() throws Exception {
        Path folder = Samples.copy("7.0.0-rc14/bot-a", temporary);
        AtomicInteger commits = new AtomicInteger();
        KeyStoreListener listener = new KeyStoreListener() {
            @Override
            public void onCommit(long nanos, CommitResult result) {
                commits.incrementAndGet();
            }
        };
        try (SignalKeyDatabase counted = SignalKeyDatabase.builder()
                .url("jdbc:sqlite:" + temporary.resolve("counted.db"))
                .listener(listener)
                .open()) {
            SignalKeyStore bob = counted.forContext("bob");
            int before = commits.get();
            AccountImport.from(BaileysFolder.at(folder)).to(bob);
            assertThat(commits.get() - before).isEqualTo(1);
        }
    }
}
