package dev.keystore.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RewriteIncompleteException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendProvider;
import dev.keystore.spi.Batch;
import dev.keystore.spi.PersistenceBackend;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The commands, run in this process: results, exit codes, and what they leave alone. */
@Timeout(60)
class CommandTest {

    @TempDir
    private Path folder;

    private Path file() {
        return folder.resolve("keys.db");
    }

    private String url() {
        return Stores.sqlite(file());
    }

    private Map<String, Long> entries() {
        return Stores.entries(url());
    }

    @Test
    @DisplayName("R53 R55 contexts lists entries, bytes, the owner and its last commit, alongside a running owner")
    void contexts_alongsideOwner_listsThem() {
        Stores.fill(url(), "alice");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore bob = database.forContext("bob");
            bob.put(KeyTypes.SESSION, "alice.1", new byte[10]);

            Ran ran = Ran.of("contexts", url(), "--json");

            assertThat(ran.code()).isZero();
            JsonNode contexts = ran.json().get("contexts");
            assertThat(contexts).hasSize(2);
            assertThat(contexts.get(0).get("context").asText()).isEqualTo("alice");
            assertThat(contexts.get(0).get("entries").asLong()).isEqualTo(27);
            assertThat(contexts.get(0).get("owner").get("alive").asBoolean()).isFalse();
            assertThat(contexts.get(1).get("bytes").asLong()).isEqualTo(10);
            assertThat(contexts.get(1).get("owner").get("alive").asBoolean()).isTrue();
            assertThat(contexts.get(1).get("owner").get("process").asText())
                    .isEqualTo(Long.toString(ProcessHandle.current().pid()));
            assertThat(contexts.get(1).get("lastCommit").asText()).isEqualTo("1:1");
            bob.put(KeyTypes.SESSION, "alice.1", new byte[11]);

            Ran text = Ran.of("contexts", url());
            assertThat(text.out().lines().toList()).hasSize(3).last().asString().contains("(alive)", "1:2", "bob");
        }
    }

    @Test
    @DisplayName("inspect counts by type, shows pre-keys left and the age of signed keys, and says what to do")
    void inspect_saysWhatToDo() {
        Stores.fill(url(), "alice", "bob");

        Ran ran = Ran.of("inspect", url(), "alice", "--json");

        assertThat(ran.code()).isZero();
        assertThat(ran.json().get("encryption").isNull()).isTrue();
        assertThat(ran.json().get("contexts")).hasSize(1);
        JsonNode alice = ran.json().get("contexts").get(0);
        assertThat(alice.get("types").get("session").get("entries").asLong()).isEqualTo(20);
        assertThat(alice.get("preKeysLeft").asLong()).isEqualTo(5);
        assertThat(alice.get("signedKeys").get(0).get("ageDays").asLong()).isEqualTo(40);
        assertThat(alice.get("advice")).hasSize(2);
        assertThat(Ran.of("inspect", url()).out())
                .contains("Context \"alice\": 27 entries", "Context \"bob\"", "signed-pre-key 1: signed, 40 days old")
                .contains("to do: One-time pre-keys left: 5.", "to do: The newest signed pre-key is 40 days old.");
    }

    @Test
    @DisplayName("R43 verify lists a damaged record with what to do, reads all others, and exits with 1")
    void verify_damagedRecord_isAFinding() throws Exception {
        Stores.fill(url(), "alice", "bob");
        assertThat(Ran.of("verify", url()))
                .satisfies(ran -> assertThat(ran.code()).isZero())
                .satisfies(ran -> assertThat(ran.out()).contains("2 contexts, 54 entries", ": intact"));
        Stores.damage(file(), "7");

        Ran ran = Ran.of("verify", url(), "--json");

        assertThat(ran.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(ran.json().get("entries").asLong()).isEqualTo(53);
        JsonNode finding = ran.json().get("findings").get(0);
        assertThat(finding.get("type").asText()).isEqualTo("session");
        assertThat(finding.get("id").asText()).isEqualTo("bob.7");
        assertThat(finding.get("advice").asText()).startsWith("delete it");
        assertThat(Ran.of("contexts", url()).code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(Ran.of("inspect", url()).code()).isEqualTo(ExitCodes.FINDINGS);
        String copy = Stores.sqlite(folder.resolve("copy.db"));
        String encrypting =
                Text.withCommands(new RewriteIncompleteException("Encrypting", 1, List.of("alice")).getMessage());
        assertThat(List.of(Ran.of("copy", url(), copy).out(), encrypting))
                .allSatisfy(text -> assertThat(text)
                        .contains("list them with keystore verify,", "delete them with keystore delete-damaged")
                        .doesNotContain("()"));
        assertThat(List.of(ran.out(), Ran.of("verify", url()).out()))
                .as("R45 no value is shown")
                .noneMatch(text -> text.contains("session of bob"));
    }

    @Test
    @DisplayName("R43 delete-damaged names what is lost, asks, deletes what is damaged, and nothing else")
    void deleteDamaged_deletesOnlyDamaged() throws Exception {
        Stores.fill(url(), "alice", "bob");
        Ran intact = Ran.of("delete-damaged", url(), "alice", "--yes");
        assertThat(intact.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(intact.err()).contains("no entry is damaged; nothing was changed");
        Stores.damage(file(), "7"); // of one of the two
        String damaged = Ran.of("verify", url(), "--json")
                .json()
                .get("findings")
                .get(0)
                .get("context")
                .asText();

        Ran other = Ran.of("delete-damaged", url(), damaged, "session", "bob.8", "--yes");
        assertThat(other.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(other.err()).contains("session/bob.8 does not exist or is not damaged");
        assertThat(Ran.of("delete-damaged", url(), damaged, "session").code()).isEqualTo(ExitCodes.USAGE);
        Ran asked = Ran.of("delete-damaged", url(), damaged);
        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(asked.err()).contains("1 damaged entry", "session/bob.7: the ratchet with one device", "--yes");
        assertThat(Ran.of("verify", url()).code()).isEqualTo(ExitCodes.FINDINGS);

        Ran ran = Ran.of("delete-damaged", url(), damaged, "session", "bob.7", "--yes", "--json");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.json().get("deleted").get(0).get("id").asText()).isEqualTo("bob.7");
        assertThat(ran.json().get("stillDamaged")).isEmpty();
        assertThat(Ran.of("verify", url()).code()).isZero();
        assertThat(entries().values()).containsExactlyInAnyOrder(26L, 27L);
    }

    @Test
    @DisplayName("R43 delete-damaged leaves an entry that was written again while its deletion was confirmed")
    void deleteDamaged_writtenAgainMeanwhile_isLeft() throws Exception {
        Stores.fill(url(), "alice");
        Stores.damage(file(), "7");
        Stores.damage(file(), "8");
        DeleteDamagedCommand command = new DeleteDamagedCommand();
        new CommandLine(command).parseArgs(url(), "alice", "--take-over");
        EntryId repaired = new EntryId("session", "bob.7");
        EntryId damaged = new EntryId("session", "bob.8");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            database.forContext("alice").put(KeyTypes.SESSION, "bob.7", new byte[] {7});
        }

        DeleteDamagedCommand.Deletion deletion = command.delete(List.of(repaired, damaged));

        assertThat(deletion.deleted()).containsExactly(damaged);
        assertThat(deletion.readable()).containsExactly(repaired);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.7")).hasValue(new byte[] {7});
            assertThat(alice.find(KeyTypes.SESSION, "bob.8")).isEmpty();
        }
    }

    @Test
    @DisplayName("R43 verify, inspect and delete-damaged say how many damaged entries they do not name")
    void damaged_moreThanNamed_areCounted() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            Stores.fill(database.forContext("alice"), 1_005);
        }
        damageAllSessions();

        Ran verified = Ran.of("verify", url(), "--json");
        assertThat(verified.json().get("findings")).hasSize(1_000);
        assertThat(verified.json().get("furtherDamagedEntries").asLong()).isEqualTo(5);
        String further = "and 5 further damaged entries of context \"alice\"";
        assertThat(Ran.of("verify", url()).out()).contains(further);
        assertThat(Ran.of("inspect", url()).out()).contains(further);
        assertThat(Ran.of("delete-damaged", url(), "alice").err()).contains("Not among them: 5 further damaged");
        Set<String> named = new LinkedHashSet<>();
        verified.json().get("findings").forEach(each -> named.add(each.get("id").asText()));
        String last = IntStream.range(0, 1_005)
                .mapToObj(i -> "bob." + i)
                .filter(id -> !named.contains(id))
                .findFirst()
                .orElseThrow();

        Ran one = Ran.of("delete-damaged", url(), "alice", "session", last, "--yes", "--json");
        assertThat(one.code()).as(one.toString()).isZero();
        assertThat(one.json().get("deleted").get(0).get("id").asText()).isEqualTo(last);
        Ran most = Ran.of("delete-damaged", url(), "alice", "--yes");
        assertThat(most.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(most.out()).contains("Still damaged: ").doesNotContain("further");
        assertThat(Ran.of("delete-damaged", url(), "alice", "--yes").code()).isZero();
        assertThat(entries()).isEqualTo(Map.of("alice", 7L));
    }

    /** Shortens the value of each session in the file, which nothing has open. */
    private void damageAllSessions() throws Exception {
        try (Connection connection = DriverManager.getConnection(url());
                Statement statement = connection.createStatement()) {
            statement.executeUpdate("UPDATE entry SET value = substr(value, 1, 4) WHERE type = 'session'");
        }
    }

    @Test
    @DisplayName("an empty folder name for further backends, as from an empty KEYSTORE_BACKENDS, adds none")
    void backends_emptyName_addsNone() {
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        ContextsCommand command = new ContextsCommand();
        try {
            new CommandLine(command).parseArgs(url(), "--backends", "");
            command.output().addBackends();

            assertThat(Thread.currentThread().getContextClassLoader()).isSameAs(before);
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    @Test
    @DisplayName("R43 delete-damaged leaves damaged credentials, and says to link the device again")
    void deleteDamaged_leavesCredentials() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            database.forContext("alice").saveCredentials("session of bob 1".getBytes(StandardCharsets.UTF_8));
        }
        Stores.damage(file(), "1");

        Ran ran = Ran.of("delete-damaged", url(), "alice", "--yes");

        assertThat(ran.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(ran.err()).contains("link the device again", "nothing was changed");
    }

    @Test
    @DisplayName("R43 R73 if the data keys of a context are damaged, nothing is deleted, and a restore is advised")
    void deleteDamaged_damagedDataKeys_isRefused() throws Exception {
        Stores.fill(url(), "alice");
        String key = folder.resolve("root.key").toString();
        String backup = folder.resolve("keys.backup").toString();
        Ran.of("key", "generate", key);
        assertThat(Ran.of("encrypt", url(), "--key-file", key).code()).isZero();
        assertThat(Ran.of("backup", url(), backup, "--key-file", key).code()).isZero();
        Stores.damage(file(), "alice", "_keys", "data");
        List<Integer> records = recordLengths(file());

        Ran all = Ran.of("delete-damaged", url(), "alice", "--yes", "--key-file", key);
        Ran one = Ran.of("delete-damaged", url(), "alice", "session", "bob.7", "--yes", "--key-file", key);

        assertThat(List.of(all, one)).allSatisfy(ran -> {
            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).contains("\"alice\"", "data keys", "keystore restore", "nothing was changed");
        });
        assertThat(recordLengths(file())).hasSize(28).isEqualTo(records);
        Ran verified = Ran.of("verify", url(), "--key-file", key, "--json");
        assertThat(verified.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(verified.json().get("findings")).hasSize(28).allSatisfy(finding -> {
            assertThat(finding.get("kind").asText()).isEqualTo("KEYS_UNREADABLE");
            assertThat(finding.get("advice").asText()).contains("delete nothing", "keystore restore");
        });
        assertThat(Ran.of("inspect", url(), "--key-file", key).out())
                .contains("to do: Its data keys cannot be read: delete nothing", "keystore restore")
                .doesNotContain("delete it", "keystore backup");
        String restored = Stores.sqlite(folder.resolve("restored.db"));
        String[] keys = {"--key-file", key, "--target-key-file", key};
        assertThat(List.of(
                        Ran.of(with(
                                keys, "restore", backup, restored, "--context", "alice", "--without-rules", "--yes")),
                        Ran.of("erase", url(), "alice", "--yes", "--key-file", key),
                        Ran.of(with(keys, "move", restored, url(), "--yes")),
                        Ran.of("verify", url(), "--key-file", key)))
                .as("as docs/operating.md says")
                .allSatisfy(ran -> assertThat(ran.code()).as(ran.toString()).isZero());
    }

    private static String[] with(String[] options, String... call) {
        return Stream.concat(Stream.of(call), Stream.of(options)).toArray(String[]::new);
    }

    @Test
    @DisplayName("R43 R82 verify and inspect name a damaged entry for the freshness anchor, and what to do")
    void verify_damagedFreshnessEntry_isAFinding() throws Exception {
        String anchor = "file:" + folder.resolve("anchor");
        SignalKeyDatabase.Builder anchored =
                SignalKeyDatabase.builder().url(url()).property("freshness.anchor", anchor);
        try (SignalKeyDatabase database = anchored.open()) {
            Stores.fill(database.forContext("alice"), 20);
        }
        assertThat(Ran.of("verify", url()).code()).isZero();
        Stores.damage(file(), "alice", "_fresh", "anchor");
        try (SignalKeyDatabase database = anchored.open()) {
            assertThatThrownBy(() -> database.forContext("alice")).hasMessageContaining("_fresh/anchor");
        }

        assertThat(List.of(Ran.of("verify", url()), Ran.of("verify", url(), "alice"), Ran.of("inspect", url())))
                .allSatisfy(ran -> {
                    assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FINDINGS);
                    assertThat(ran.out()).contains("_fresh/anchor", "27 entries", "keystore move");
                });
        Ran deleted = Ran.of("delete-damaged", url(), "alice", "--yes");
        assertThat(deleted.code()).as(deleted.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(deleted.err()).contains("_fresh/anchor", "keystore move").doesNotContain("keystore erase");
        String target = Stores.sqlite(folder.resolve("moved.db"));
        assertThat(Ran.of("move", url(), target, "--yes").code()).isZero();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(target)
                .property("freshness.anchor", anchor)
                .open()) {
            assertThat(database.forExistingContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .isPresent();
        }
    }

    @Test
    @DisplayName("R43 R81 verify and inspect name a damaged id of the store, and what to do")
    void verify_damagedStoreId_isAFinding() throws Exception {
        Stores.fill(url(), "alice");
        Stores.damage(file(), "_store", "_store", "id");
        assertThat(Ran.of("backup", url(), folder.resolve("keys.backup").toString())
                        .code())
                .isEqualTo(ExitCodes.FAILED);
        Path html = folder.resolve("page.html");

        Ran verified = Ran.of("verify", url(), "--json");
        Ran inspected = Ran.of("inspect", url(), "--json");

        assertThat(verified.code()).as(verified.toString()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(verified.json().get("intact").asBoolean()).isFalse();
        assertThat(verified.json().get("damagedEntries").asLong()).isEqualTo(1);
        JsonNode finding = verified.json().get("findings").get(0);
        assertThat(finding.get("context").isNull()).isTrue();
        assertThat(finding.get("reason").asText()).contains("_store/id");
        assertThat(inspected.code()).as(inspected.toString()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(inspected.json().get("damaged").get(0).get("advice")).isEqualTo(finding.get("advice"));
        assertThat(List.of(
                        Ran.of("verify", url()).out(),
                        Ran.of("inspect", url(), "--html", html.toString()).out(),
                        Files.readString(html)))
                .allSatisfy(text -> assertThat(text).contains("_store/id", "keystore copy"));
        String copy = Stores.sqlite(folder.resolve("copy.db"));
        assertThat(Ran.of("copy", url(), copy).code()).isZero();
        assertThat(Ran.of("backup", copy, folder.resolve("keys.backup").toString())
                        .code())
                .isZero();
    }

    @Test
    @DisplayName("R43 verify of a file with a damaged structure reads what can be found")
    void verify_damagedFile_readsWhatItCan() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            Stores.fill(database.forContext("alice"), 400);
        }
        byte[] bytes = Files.readAllBytes(file());
        byte[] zeros = new byte[512];
        System.arraycopy(zeros, 0, bytes, bytes.length - 4_096, zeros.length);
        Files.write(file(), bytes);

        Ran ran = Ran.of("verify", url(), "--json");

        assertThat(ran.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(ran.json().get("intact").asBoolean()).isFalse();
        assertThat(ran.json().get("unlisted").asText()).contains("keys.db");
        assertThat(ran.json().get("entries").asLong()).as("of 407").isBetween(300L, 406L);
        assertThat(ran.out()).contains("could not");
    }

    @Test
    @DisplayName("R90 R94 copy carries contexts to another backend; a dry run changes nothing; both can be repeated")
    void copy_toMapdb_isRepeatable() {
        Stores.fill(url(), "alice", "bob");
        String target = "mapdb:" + folder.resolve("copy");

        Ran dry = Ran.of("copy", url(), target, "--dry-run", "--json");
        assertThat(dry.json().get("entries").asLong()).isEqualTo(54);
        JsonNode digests = dry.json().get("digests");
        assertThat(digests).hasSize(2);
        assertThat(folder.resolve("copy")).doesNotExist();
        Ran one = Ran.of("copy", url(), target, "--context", "bob");
        assertThat(one.code()).isZero();
        Ran all = Ran.of("copy", url(), target, "--json");

        assertThat(all.code()).isZero();
        assertThat(all.json().get("contexts").get("COPIED").asLong()).isEqualTo(1);
        assertThat(all.json().get("contexts").get("ALREADY_THERE").asLong()).isEqualTo(1);
        assertThat(one.out()).containsPattern("27 entries, .* \\([\\d,]+ entries/s\\)");
        String onlyOne = "Use only one of the two stores from now on";
        assertThat(one.out()).contains("To do: " + onlyOne, "keystore move");
        assertThat(all.json().get("toDo").asText()).startsWith(onlyOne);
        assertThat(dry.json().has("toDo")).isFalse();
        for (int i = 0; i < 2; i++) {
            JsonNode types = all.json().get("digests").get(i).get("types");
            assertThat(types).as("R91").isEqualTo(digests.get(i).get("types"));
            assertThat(types.get("session").get("entries").asLong()).isEqualTo(20);
            assertThat(types.get("session").get("sha256").asText()).matches("[0-9a-f]{64}");
        }
        assertThat(Stores.entries(target)).isEqualTo(entries());
        assertThat(Ran.of("copy", url(), target, "--dry-run").out()).contains("already there: 2 contexts");
        assertThat(Ran.of("contexts", target, "--json")
                        .json()
                        .get("contexts")
                        .get(0)
                        .get("owner")
                        .isNull())
                .isTrue();
    }

    @Test
    @DisplayName("R90 a context of which the target holds other entries is not copied, which is a finding")
    void copy_differentTarget_isAFinding() {
        Stores.fill(url(), "alice");
        String target = Stores.sqlite(folder.resolve("copy.db"));
        try (SignalKeyDatabase database = SignalKeyDatabase.open(target)) {
            database.forContext("alice").put(KeyTypes.SESSION, "other", new byte[1]);
        }

        Ran refused = Ran.of("copy", url(), target);

        assertThat(refused.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(refused.out())
                .contains("Not copied: \"alice\"", "which --replace would replace")
                .doesNotContain("replacing()");
        assertThat(Ran.of("copy", url(), target, "--replace").code())
                .as("not confirmed")
                .isEqualTo(ExitCodes.FAILED);
        assertThat(Stores.entries(target)).isEqualTo(Map.of("alice", 1L));
        assertThat(Ran.of("copy", url(), target, "--replace", "--yes").code()).isZero();
        assertThat(Stores.entries(target)).isEqualTo(Map.of("alice", 27L));
    }

    @ParameterizedTest
    @ValueSource(strings = {"verify", "inspect"})
    @DisplayName("a context that does not exist is refused, and named")
    void missingContext_isRefused(String command) {
        Stores.fill(url(), "alice");
        Path html = folder.resolve("page.html");

        Ran ran = command.equals("verify")
                ? Ran.of("verify", url(), "alise", "--json")
                : Ran.of("inspect", url(), "alise", "--json", "--html", html.toString());

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(ran.json().get("message").asText()).contains("no context \"alise\"");
        assertThat(html).doesNotExist();
        assertThat(Ran.of("copy", url(), Stores.sqlite(folder.resolve("new.db")), "--dry-run", "--context", "alise"))
                .satisfies(copy -> assertThat(copy.code()).isEqualTo(ExitCodes.FINDINGS))
                .satisfies(copy ->
                        assertThat(copy.out()).contains("Would not copy: \"alise\": the source holds no entry"));
    }

    @Test
    @DisplayName("R94 a dry run of a copy to a target that holds contexts writes nothing, anchored or not")
    void copy_dryRunWithAnchors_writesNothing() throws Exception {
        Stores.fill(url(), "alice", "bob");
        Path copy = folder.resolve("copy.db");
        Stores.fill(Stores.sqlite(copy), "carol");
        byte[] source = Files.readAllBytes(file());
        byte[] target = Files.readAllBytes(copy);
        String anchor = "freshness.anchor=file:" + folder.resolve("anchor");

        Ran ran = Ran.of(
                "copy", url(), Stores.sqlite(copy), "--dry-run", "--property", anchor, "--target-property", anchor);

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.out()).contains("copied:        2 contexts");
        assertThat(Files.readAllBytes(file())).isEqualTo(source);
        assertThat(Files.readAllBytes(copy)).isEqualTo(target);
        assertThat(folder.resolve("anchor")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"copy", "move"})
    @DisplayName("R82 a copy or a move of an old copy of a store is refused, and says that nothing was changed")
    void copy_staleSource_isRefused(String command) throws Exception {
        String anchor = "file:" + folder.resolve("anchor");
        SignalKeyDatabase.Builder anchored =
                SignalKeyDatabase.builder().url(url()).property("freshness.anchor", anchor);
        try (SignalKeyDatabase database = anchored.open()) {
            Stores.fill(database.forContext("alice"), 1);
        }
        Path old = Files.copy(file(), folder.resolve("old.db"));
        try (SignalKeyDatabase database = anchored.open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", new byte[1]);
        }
        Files.copy(old, file(), StandardCopyOption.REPLACE_EXISTING);
        String target = Stores.sqlite(folder.resolve("copy.db"));

        Ran ran = Ran.of(command, url(), target, "--yes", "--json", "--property", "freshness.anchor=" + anchor);

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(ran.json().get("error").asText()).isEqualTo("StaleStoreException");
        assertThat(ran.json().get("resumable").asBoolean()).isFalse();
        assertThat(Stores.entries(target)).isEmpty();
    }

    @Test
    @DisplayName("R41 a commit with an unknown outcome exits with 4, and says to run the command again")
    void erase_unknownOutcome_isResumable() throws Exception {
        String backends = Stores.services(folder, BackendProvider.class, Unanswering.class);
        String unanswering = "unanswering:";

        Ran ran = Ran.of("erase", unanswering, "default", "--yes", "--json", "--backends", backends);

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(ran.json().get("resumable").asBoolean()).isTrue();
        assertThat(ran.err()).contains("Run the same command again: it finds out what was written");
    }

    /** Opens a backend with one entry, which gives no answer when that is deleted. */
    public static final class Unanswering implements BackendProvider {

        @Override
        public String name() {
            return "unanswering";
        }

        @Override
        public String scheme() {
            return "unanswering";
        }

        @Override
        public Backend open(BackendConfig config) {
            return new UnansweringBackend(new EntryId("session", "bob.1"));
        }
    }

    /** A backend with one entry, whose commits have an unknown outcome. */
    private record UnansweringBackend(EntryId only) implements PersistenceBackend, AtomicCommit {

        @Override
        public Optional<byte[]> load(String type, String id) {
            return new EntryId(type, id).equals(only) ? Optional.of(new byte[1]) : Optional.empty();
        }

        @Override
        public Stream<EntryId> list() {
            return Stream.of(only);
        }

        @Override
        public void commit(Batch batch) {
            throw BackendException.outcomeUnknown("the connection was lost", null);
        }

        @Override
        public void save(String type, String id, byte[] value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void delete(String type, String id) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {}
    }

    @ParameterizedTest
    @ValueSource(strings = {"copy", "move", "erase", "delete-damaged", "compact", "encrypt"})
    @DisplayName("R53 commands that write refuse while an owner is alive, and change nothing")
    void writingCommand_ownerIsAlive_isRefused(String command) {
        Path key = folder.resolve("root.key");
        assertThat(Ran.of("key", "generate", key.toString()).code()).isZero();
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            Stores.fill(alice, 20);

            Ran ran = switch (command) {
                case "copy" -> Ran.of("copy", url(), Stores.sqlite(folder.resolve("copy.db")), "--replace");
                case "move" -> Ran.of("move", url(), Stores.sqlite(folder.resolve("copy.db")), "--yes");
                case "erase" -> Ran.of("erase", url(), "alice", "--yes");
                case "delete-damaged" -> Ran.of("delete-damaged", url(), "alice", "--yes");
                case "compact" -> Ran.of("compact", url());
                default -> Ran.of("encrypt", url(), "--key-file", key.toString());
            };

            assertThat(ran.code()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).contains("in use by process", "--take-over");
            assertThat(folder.resolve("copy.db")).doesNotExist();
            alice.put(KeyTypes.SESSION, "x", new byte[1]);
            assertThat(entries()).isEqualTo(Map.of("alice", 28L));
        }
        try (SignalKeyDatabase plain = SignalKeyDatabase.open(url())) {
            assertThat(plain.forContext("alice").find(KeyTypes.SESSION, "x")).isPresent();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"rotate", "decrypt"})
    @DisplayName("R53 R74 rotate and decrypt refuse while an owner is alive, and change nothing")
    void encryptionCommand_ownerIsAlive_isRefused(String command) {
        String key = folder.resolve("root.key").toString();
        Ran.of("key", "generate", key);
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(url())
                .property("encryption.key", "key-file:" + key)
                .open()) {
            SignalKeyStore alice = database.forContext("alice");
            Stores.fill(alice, 20);
            JsonNode keys =
                    Ran.of("verify", url(), "--key-file", key, "--json").json().get("entriesByKey");

            Ran ran = Ran.of(command, url(), "--key-file", key);

            assertThat(ran.code()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).contains("in use by process", "--take-over");
            assertThat(Ran.of("verify", url(), "--key-file", key, "--json")
                            .json()
                            .get("entriesByKey"))
                    .isEqualTo(keys);
            alice.put(KeyTypes.SESSION, "x", new byte[1]);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"copy", "move"})
    @DisplayName("R53 copy and move refuse while an owner in the target is alive, and change nothing there")
    void copying_ownedTarget_isRefused(String command) {
        Stores.fill(url(), "alice");
        String target = Stores.sqlite(folder.resolve("copy.db"));
        try (SignalKeyDatabase database = SignalKeyDatabase.open(target)) {
            SignalKeyStore alice = database.forContext("alice");

            Ran ran = Ran.of(command, url(), target, "--yes");

            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).contains("\"alice\"", "owned");
            assertThat(Stores.entries(target)).isEmpty();
            alice.put(KeyTypes.SESSION, "x", new byte[1]);
        }
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url())) {
            source.forContext("alice").put(KeyTypes.SESSION, "x", new byte[1]);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"contexts", "inspect", "verify", "copy"})
    @DisplayName("R53 commands that only look leave the owner and the entries as they are")
    void readingCommand_alongsideOwner_leavesIt(String command) {
        String target = Stores.sqlite(folder.resolve("copy.db"));
        Stores.fill(target, "carol");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            Stores.fill(alice, 20);
            Map<String, Long> before = entries();

            Ran ran = command.equals("copy") ? Ran.of("copy", url(), target, "--dry-run") : Ran.of(command, url());

            assertThat(ran.code()).as(ran.toString()).isZero();
            assertThat(entries()).isEqualTo(before);
            assertThat(Stores.entries(target)).isEqualTo(Map.of("carol", 27L));
            alice.put(KeyTypes.SESSION, "x", new byte[1]);
        }
    }

    @Test
    @DisplayName("R53 --take-over fences the owner")
    void takeOver_fencesTheOwner() {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            Stores.fill(alice, 20);
            String target = Stores.sqlite(folder.resolve("copy.db"));

            assertThat(Ran.of("copy", url(), target, "--take-over").code()).isZero();

            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "x", new byte[1]))
                    .isInstanceOf(OwnershipLostException.class);
            assertThat(Stores.entries(target)).isEqualTo(Map.of("alice", 27L));
            assertThat(Ran.of("erase", url(), "alice", "--yes", "--take-over").code())
                    .isZero();
            assertThat(entries()).isEmpty();
        }
    }

    @Test
    @DisplayName("R74 a store is encrypted, rotated to another root key and decrypted again")
    void encryption_thereAndBack() {
        Stores.fill(url(), "alice", "bob");
        String first = folder.resolve("first.key").toString();
        String second = folder.resolve("second.key").toString();
        Ran.of("key", "generate", first);
        Ran.of("key", "generate", second);

        Ran encrypted = Ran.of("encrypt", url(), "--key-file", first, "--json");

        assertThat(encrypted.code()).isZero();
        assertThat(encrypted.json().get("rewritten").asLong()).isEqualTo(54);
        assertThat(Ran.of("contexts", url()).code()).as("without a key").isEqualTo(ExitCodes.FAILED);
        assertThat(Ran.of("contexts", url(), "--key-file", second).err()).contains("keystore contexts:");
        JsonNode inspected =
                Ran.of("inspect", url(), "--key-file", first, "--json").json();
        assertThat(inspected.get("encryption").asText()).isEqualTo("ENCRYPTED");
        assertThat(inspected.get("contexts").get(0).get("entriesByKey")).hasSize(1);
        JsonNode byKey =
                Ran.of("verify", url(), "--key-file", first, "--json").json().get("entriesByKey");
        assertThat(byKey.get("alice")).hasSize(1).allMatch(count -> count.asLong() == 27);
        assertThat(byKey.get("bob")).hasSize(1).allMatch(count -> count.asLong() == 27);
        assertThat(Ran.of("verify", url(), "--key-file", first).out()).contains("Keys in use: 2");

        assertThat(Ran.of("rotate", url(), "--key-file", first, "--new-key-file", second)
                        .code())
                .isZero();
        assertThat(Ran.of("verify", url(), "--key-file", first).code()).isEqualTo(ExitCodes.FAILED);
        assertThat(Ran.of("verify", url(), "--key-file", second).code()).isZero();
        assertThat(Ran.of("verify", url(), "--property", "encryption.key=key-file:" + second)
                        .code())
                .isZero();

        assertThat(Ran.of("decrypt", url(), "--key-file", second).code()).isZero();
        assertThat(entries()).isEqualTo(Map.of("alice", 27L, "bob", 27L));
        assertThat(Ran.of("encrypt", url()).code()).as("without a key").isEqualTo(ExitCodes.USAGE);
    }

    @ParameterizedTest
    @CsvSource({"decrypt, false", "encrypt, true"})
    @DisplayName("R74 a decryption that was interrupted is continued by decrypt, and reversed by encrypt")
    void decrypt_interrupted_isContinued(String command, boolean isEncrypted) {
        Stores.fill(url(), "alice", "bob");
        Path key = folder.resolve("root.key");
        Ran.of("key", "generate", key.toString());
        Ran.of("encrypt", url(), "--key-file", key.toString());
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(url())
                .encryption(Encryption.with(KeyFile.at(key)))
                .open()) {
            assertThatThrownBy(() -> database.encryption().decrypt(progress -> {
                        if (progress.rewritten() > 0) {
                            throw new IllegalStateException("interrupted");
                        }
                    }))
                    .hasMessage("interrupted");
        }

        Ran ran = Ran.of(command, url(), "--key-file", key.toString());

        assertThat(ran.code()).as(ran.toString()).isZero();
        String[] verify = isEncrypted
                ? new String[] {"verify", url(), "--key-file", key.toString()}
                : new String[] {"verify", url()};
        assertThat(Ran.of(verify).out()).contains("2 contexts, 54 entries", ": intact");
    }

    @Test
    @DisplayName("R74 a rotation that has replaced the root key already is continued by the same command")
    void rotate_rootKeyIsReplaced_isContinued() {
        Stores.fill(url(), "alice");
        Path first = folder.resolve("first.key");
        Path second = folder.resolve("second.key");
        Ran.of("key", "generate", first.toString());
        Ran.of("key", "generate", second.toString());
        Ran.of("encrypt", url(), "--key-file", first.toString());
        SignalKeyDatabase.builder()
                .url(url())
                .encryption(Encryption.with(KeyFile.at(second)).replacing(KeyFile.at(first)))
                .open()
                .close();

        Ran ran = Ran.of("rotate", url(), "--key-file", first.toString(), "--new-key-file", second.toString());

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(Ran.of("verify", url(), "--key-file", second.toString()).code())
                .isZero();
    }

    @Test
    @DisplayName("R74 encrypt and rotate that an owner refuses after the mark was written exit with 4, decrypt with 3")
    void encryption_ownerOfAnEmptyContext_saysWhatWasChanged() {
        Stores.fill(url(), "alice");
        String first = folder.resolve("first.key").toString();
        String second = folder.resolve("second.key").toString();
        Ran.of("key", "generate", first);
        Ran.of("key", "generate", second);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            database.forContext("bob"); // holds nothing, so it is not listed

            Ran refused = Ran.of("encrypt", url(), "--key-file", first);

            assertThat(refused.code()).as(refused.toString()).isEqualTo(ExitCodes.INTERRUPTED);
            assertThat(refused.err()).contains("bob", "Run the same command again");
        }
        assertThatThrownBy(() -> SignalKeyDatabase.open(url())).isInstanceOf(KeyUnavailableException.class);
        assertThat(Ran.of("encrypt", url(), "--key-file", first).code()).isZero();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(url())
                .property("encryption.key", "key-file:" + first)
                .open()) {
            database.forContext("bob");

            assertThat(Ran.of("decrypt", url(), "--key-file", first).code()).isEqualTo(ExitCodes.FAILED);
            assertThat(Ran.of("rotate", url(), "--key-file", first).code()).isEqualTo(ExitCodes.FAILED);
            assertThat(Ran.of("verify", url(), "--key-file", first).code()).isZero();
            assertThat(Ran.of("rotate", url(), "--key-file", first, "--new-key-file", second)
                            .code())
                    .isEqualTo(ExitCodes.INTERRUPTED);
        }
        assertThat(Ran.of("rotate", url(), "--key-file", first, "--new-key-file", second)
                        .code())
                .isZero();
    }

    @Test
    @DisplayName("R90 copy to an encrypted target, whose key has a separate option")
    void copy_toEncryptedTarget() {
        Stores.fill(url(), "alice");
        String key = folder.resolve("root.key").toString();
        Ran.of("key", "generate", key);
        String target = Stores.sqlite(folder.resolve("copy.db"));

        assertThat(Ran.of("copy", url(), target, "--target-key-file", key, "--dry-run")
                        .code())
                .isZero();
        assertThat(Ran.of("copy", url(), target, "--target-key-file", key).code())
                .isZero();

        assertThatThrownBy(() -> Stores.entries(target)).isInstanceOf(KeyUnavailableException.class);
        assertThat(Ran.of("verify", target, "--key-file", key).code()).isZero();
        String plain = Stores.sqlite(folder.resolve("plain.db"));
        Ran asked = Ran.of("copy", target, plain, "--key-file", key);
        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(asked.err()).contains("the target will not be", "confirm by --yes");
        assertThat(folder.resolve("plain.db")).doesNotExist();
        assertThat(Ran.of("copy", target, plain, "--key-file", key, "--yes").code())
                .isZero();
        assertThat(Stores.entries(plain)).isEqualTo(entries());
    }

    @Test
    @DisplayName("R70 R74 rotate to a new key file pads values as the property says")
    void rotate_withPadding_padsAgain() throws Exception {
        Path first = folder.resolve("first.key");
        Path second = folder.resolve("second.key");
        Ran.of("key", "generate", first.toString());
        Ran.of("key", "generate", second.toString());
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(url())
                .encryption(Encryption.with(KeyFile.at(first)).padding(256))
                .open()) {
            Stores.fill(database.forContext("alice"), 20);
        }
        assertThat(recordLengths(file())).hasSize(28).allMatch(CommandTest::isPadded);

        Ran ran = Ran.of(
                "rotate",
                url(),
                "--key-file",
                first.toString(),
                "--new-key-file",
                second.toString(),
                "--property",
                "encryption.padding=256");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(recordLengths(file())).hasSize(28).allMatch(CommandTest::isPadded);
        assertThat(Ran.of("verify", url(), "--key-file", second.toString()).code())
                .isZero();
    }

    private static boolean isPadded(int recordLength) {
        int overhead = 54;
        return recordLength % 256 == overhead;
    }

    /** Returns the lengths of all records in an SQLite file, with those of data keys, without the mark. */
    private static List<Integer> recordLengths(Path file) throws Exception {
        List<Integer> lengths = new ArrayList<>();
        try (Connection connection = DriverManager.getConnection(Stores.sqlite(file));
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT length(value) FROM entry WHERE context <> '_store'")) {
            while (rows.next()) {
                lengths.add(rows.getInt(1));
            }
        }
        return lengths;
    }

    @Test
    @DisplayName("R70 copy to a new key file hides the names in the target if the property says so; rotate keeps that")
    void copy_toHiddenNames_hidesThem() throws Exception {
        Stores.fill(url(), "alice in wonderland");
        Path file = folder.resolve("hidden.db");
        String target = Stores.sqlite(file);
        String key = folder.resolve("root.key").toString();
        Ran.of("key", "generate", key);

        Ran copied =
                Ran.of("copy", url(), target, "--target-key-file", key, "--target-property", "encryption.names=hidden");

        assertThat(copied.code()).as(copied.toString()).isZero();
        assertThat(textOf(file())).contains("alice in wonderland", "bob.1", "signed-pre-key");
        assertThat(textOf(file)).doesNotContain("alice in wonderland", "bob.1", "signed-pre-key");
        assertThat(Ran.of("rotate", target, "--key-file", key).code()).isZero();
        assertThat(textOf(file)).doesNotContain("alice in wonderland", "bob.1", "signed-pre-key");
        assertThat(Ran.of("verify", target, "--key-file", key).out()).contains("1 context, 27 entries", ": intact");
        assertThat(Ran.of("contexts", target, "--key-file", key).out()).contains("alice in wonderland");
    }

    private static String textOf(Path file) throws Exception {
        return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    }

    @Test
    @DisplayName("R70 a property of encryption that is unknown or contradicts a key option is refused, not ignored")
    void encryptionProperty_thatCannotBeUsed_isRefused() {
        Stores.fill(url(), "alice");
        String key = folder.resolve("root.key").toString();
        Ran.of("key", "generate", key);
        for (String property : List.of("encryption.pading=256", "encryption.names=hiden", "encryption.padding=0")) {
            Ran ran = Ran.of("encrypt", url(), "--key-file", key, "--property", property);
            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).containsAnyOf("encryption.", "stepBytes").doesNotContain("\tat ");
        }
        for (String[] options : new String[][] {
            {"--property", "encryption.key=key-file:" + key},
            {"--property", "encryption.former-key=key-file:" + key, "--new-key-file", key}
        }) {
            List<String> arguments = new ArrayList<>(List.of("rotate", url(), "--key-file", key));
            arguments.addAll(List.of(options));
            Ran ran = Ran.of(arguments.toArray(String[]::new));
            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.USAGE);
        }
        assertThat(entries()).as("still without encryption").isEqualTo(Map.of("alice", 27L));
    }

    @Test
    @DisplayName("R18 erase names what is lost, asks, and erases with --yes")
    void erase_isConfirmed() {
        Stores.fill(url(), "alice", "bob");

        Ran asked = Ran.of("erase", url(), "alice");

        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(asked.err())
                .contains("loses 27 entries: credentials: 1 pre-key: 5", "session: 20", "--yes")
                .doesNotContain("\\u000a");
        assertThat(entries()).hasSize(2);
        Ran ran = Ran.of("erase", url(), "alice", "--yes", "--json");
        assertThat(ran.json().get("erasedEntries").asLong()).isEqualTo(27);
        assertThat(entries()).isEqualTo(Map.of("bob", 27L));
        assertThat(Ran.of("erase", url(), "alice", "--yes").code()).isEqualTo(ExitCodes.FAILED);
    }

    @Test
    @DisplayName("a prompt has a line for each type; names cannot add lines, and are confirmed without outer spaces")
    void confirmation_linesAndSpaces() {
        assertThat(Confirmation.question(List.of("loses 2 entries:", "  a\nb: 2"), " x\n"))
                .isEqualTo("loses 2 entries:\n  a\\u000ab: 2\nType  x\\u000a to confirm: ");
        assertThat(Confirmation.isConfirmed(" alice", " alice ")).isTrue();
        assertThat(Confirmation.isConfirmed("alice", " alice ")).isTrue();
        assertThat(Confirmation.isConfirmed("alic", " alice ")).isFalse();
        assertThat(Confirmation.isConfirmed("", " alice ")).isFalse();
    }

    @Test
    @DisplayName("R31 an error of the JVM midway exits with 4, and says how to continue: with more memory")
    void copy_outOfMemory_isResumable() throws Exception {
        String backends = Stores.services(folder, BackendProvider.class, Exhausting.class);

        Ran ran = Ran.of("copy", "exhausting:", url(), "--json", "--backends", backends);

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(ran.json().get("error").asText()).isEqualTo("OutOfMemoryError");
        assertThat(ran.json().get("resumable").asBoolean()).isTrue();
        assertThat(ran.err()).contains("Java heap space", "Run the same command again", "-Xmx");
    }

    /** Opens a backend with one entry, for which there is too little memory. */
    public static final class Exhausting implements BackendProvider {

        @Override
        public String name() {
            return "exhausting";
        }

        @Override
        public String scheme() {
            return "exhausting";
        }

        @Override
        public Backend open(BackendConfig config) {
            return new ExhaustingBackend(new EntryId("session", "bob.1"));
        }
    }

    /** A backend with one entry, which is too large. */
    private record ExhaustingBackend(EntryId only) implements PersistenceBackend {

        @Override
        public Optional<byte[]> load(String type, String id) {
            if (new EntryId(type, id).equals(only)) {
                throw new OutOfMemoryError("Java heap space");
            }
            return Optional.empty();
        }

        @Override
        public Stream<EntryId> list() {
            return Stream.of(only);
        }

        @Override
        public void save(String type, String id, byte[] value) {}

        @Override
        public void delete(String type, String id) {}

        @Override
        public void close() {}
    }

    @ParameterizedTest
    @ValueSource(strings = {"copy", "move", "backup", "erase", "erase-moved", "delete-damaged", "encrypt", "compact"})
    @DisplayName(
            "R90 a store that fails to close after the command was done exits with 4, not as if nothing was changed")
    void closeFails_afterTheCommand_isNotNothingChanged(String command) throws Exception {
        Stores.fill(url(), "alice");
        if (command.equals("erase-moved")) {
            Ran.of("move", url(), Stores.sqlite(folder.resolve("there.db")), "--yes");
        }
        if (command.equals("delete-damaged")) {
            Stores.damage(file(), "7");
        }
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        String backends = Stores.services(folder, BackendProvider.class, Failing.class);
        String failing = "failing:" + file();
        Failing.on("close", command.equals("backup") ? 0 : 1); // others look at the store first
        Path other = folder.resolve("other.db");

        Ran ran = switch (command) {
            case "copy", "move" -> Ran.of(command, failing, Stores.sqlite(other), "--yes", "--backends", backends);
            case "backup" -> Ran.of("backup", failing, other.toString(), "--backends", backends);
            case "encrypt" -> Ran.of("encrypt", failing, "--key-file", key.toString(), "--backends", backends);
            case "compact" -> Ran.of("compact", failing, "--backends", backends);
            default -> Ran.of(command.replace("-moved", ""), failing, "alice", "--yes", "--backends", backends);
        };

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(ran.err()).contains("the operation close failed", "was done before", "keystore verify");
        switch (command) {
            case "copy", "move", "backup" ->
                assertThat(Stores.entries(Stores.sqlite(other))).isEqualTo(Map.of("alice", 27L));
            case "erase" -> assertThat(entries()).isEmpty();
            case "erase-moved" -> assertThat(entries()).isEqualTo(Map.of("alice", 0L));
            case "delete-damaged" -> assertThat(entries()).isEqualTo(Map.of("alice", 26L));
            case "encrypt" ->
                assertThat(Ran.of("verify", url(), "--key-file", key.toString()).code())
                        .isZero();
            default -> assertThat(entries()).isEqualTo(Map.of("alice", 27L));
        }
    }

    @Test
    @DisplayName("R94 a dry run, or a command that only looks, exits with 3 if the store fails to close")
    void closeFails_nothingChanged_isCode3() throws Exception {
        Stores.fill(url(), "alice");
        String backends = Stores.services(folder, BackendProvider.class, Failing.class);
        String failing = "failing:" + file();
        Failing.on("close", 0);

        Ran dry =
                Ran.of("copy", failing, Stores.sqlite(folder.resolve("copy.db")), "--dry-run", "--backends", backends);
        Ran looking = Ran.of("verify", failing, "--json", "--backends", backends);

        assertThat(dry.code()).as(dry.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(dry.err()).contains("the operation close failed").doesNotContain("Run the same", "was done before");
        assertThat(looking.code()).as(looking.toString()).isEqualTo(ExitCodes.FAILED);
    }

    @Test
    @DisplayName("R84 a move back that fails after it has written its first mark exits with 4, before that with 3")
    void move_failsAfterItsMark_isCode4() throws Exception {
        Stores.fill(url(), "alice");
        String away = Stores.sqlite(folder.resolve("away.db"));
        assertThat(Ran.of("move", url(), away, "--yes").code()).isZero();
        String backends = Stores.services(folder, BackendProvider.class, Failing.class);
        String failing = "failing:" + file();

        Failing.on("takeOver", 0);
        Ran before = Ran.of("move", away, failing, "--yes", "--backends", backends);
        Failing.on("takeOver", 1);
        Ran after = Ran.of("move", away, failing, "--yes", "--backends", backends);

        assertThat(before.code()).as(before.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(after.code()).as(after.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(Ran.of("contexts", url()).out()).contains("its move to this store has not ended");
        assertThat(Ran.of("move", away, url(), "--yes").code()).isZero();
        assertThat(entries()).isEqualTo(Map.of("alice", 27L));
    }

    /** Opens SQLite files as a backend of which one operation fails. */
    public static final class Failing implements BackendProvider {

        private static volatile String operation = "";
        private static final AtomicInteger left = new AtomicInteger();

        /** Lets an operation fail after it has succeeded a number of times. */
        static void on(String name, int successes) {
            operation = name;
            left.set(successes);
        }

        @Override
        public String name() {
            return "failing";
        }

        @Override
        public String scheme() {
            return "failing";
        }

        @Override
        public Backend open(BackendConfig config) {
            BackendProvider sqlite = ServiceLoader.load(BackendProvider.class).stream()
                    .map(ServiceLoader.Provider::get)
                    .filter(provider -> provider.scheme().equals("jdbc:sqlite"))
                    .findFirst()
                    .orElseThrow();
            String url = config.url().replaceFirst("failing:", "jdbc:sqlite:");
            Backend opened = sqlite.open(new BackendConfig(url, config.properties(), config.mustExist()));
            return (Backend) Proxy.newProxyInstance(
                    Failing.class.getClassLoader(), interfaces(opened.getClass()), (proxy, method, arguments) -> {
                        boolean fails = method.getName().startsWith(operation) && left.getAndDecrement() <= 0;
                        if (!fails || operation.equals("close")) {
                            Object result = invoke(opened, method, arguments);
                            if (!fails) {
                                return result;
                            }
                        }
                        throw BackendException.permanent("the operation " + operation + " failed", null);
                    });
        }

        private static Class<?>[] interfaces(Class<?> backend) {
            Set<Class<?>> found = new LinkedHashSet<>();
            for (Class<?> type = backend; type != Object.class; type = type.getSuperclass()) {
                for (Class<?> each : type.getInterfaces()) {
                    if (each.getPackage().equals(Backend.class.getPackage())) {
                        found.add(each);
                    }
                }
            }
            return found.toArray(Class<?>[]::new);
        }

        private static Object invoke(Backend backend, Method method, Object[] arguments) throws Throwable {
            try {
                return method.invoke(backend, arguments);
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }
    }

    @Test
    @DisplayName("R74 encrypt and rotate that fail after opening has written the mark exit with 4, before that with 3")
    void encryption_openingFails_saysWhetherTheMarkWasWritten() {
        Stores.fill(url(), "alice");
        String first = folder.resolve("first.key").toString();
        String second = folder.resolve("second.key").toString();
        Ran.of("key", "generate", first);
        Ran.of("key", "generate", second);
        String anchor = "freshness.anchor=file:" + folder.resolve("missing").resolve("anchor");

        Ran noKey = Ran.of("encrypt", url(), "--key-file", first + "-no");
        assertThat(noKey.code()).as(noKey.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(entries()).isEqualTo(Map.of("alice", 27L));
        Ran encrypt = Ran.of("encrypt", url(), "--key-file", first, "--property", anchor);
        assertThat(encrypt.code()).as(encrypt.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(encrypt.err()).contains("anchor", "Run the same command again");
        assertThatThrownBy(this::entries).isInstanceOf(KeyUnavailableException.class);
        assertThat(Ran.of("encrypt", url(), "--key-file", first).code()).isZero();

        Ran otherKey = Ran.of("rotate", url(), "--key-file", first, "--new-key-file", second + "-no");
        assertThat(otherKey.code()).as(otherKey.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(Ran.of("verify", url(), "--key-file", first).code()).isZero();
        Ran rotate = Ran.of("rotate", url(), "--key-file", first, "--new-key-file", second, "--property", anchor);
        assertThat(rotate.code()).as(rotate.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(Ran.of("verify", url(), "--key-file", first).code()).isEqualTo(ExitCodes.FAILED);
        assertThat(Ran.of("rotate", url(), "--key-file", first, "--new-key-file", second)
                        .code())
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"contexts", "inspect", "verify", "copy"})
    @DisplayName("an interrupted command that only looks says that nothing was changed, and that it starts over")
    void interrupted_onlyLooking_saysThatNothingWasChanged(String command) {
        Stores.fill(url(), "alice");
        String[] arguments = command.equals("copy")
                ? new String[] {"copy", url(), Stores.sqlite(folder.resolve("copy.db")), "--dry-run"}
                : new String[] {command, url()};
        Thread.currentThread().interrupt();
        try {
            Ran ran = Ran.of(arguments);

            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.INTERRUPTED);
            assertThat(ran.err())
                    .contains("interrupted", "Nothing was changed. Run the same command again: it starts over.")
                    .doesNotContain("What was done");
        } finally {
            Thread.interrupted();
        }
    }

    @Test
    @DisplayName("compact gives space back, and says before and after")
    void compact_saysBeforeAndAfter() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "large", new byte[1_000_000]);
            alice.delete(KeyTypes.SESSION, "large");
            alice.put(KeyTypes.SESSION, "small", new byte[1]);
        }

        Ran ran = Ran.of("compact", url(), "--json");

        assertThat(ran.code()).isZero();
        assertThat(ran.json().get("bytesBefore").asLong()).isGreaterThan(1_000_000);
        assertThat(ran.json().get("bytesAfter").asLong())
                .isLessThan(100_000)
                .isEqualTo(StoreSize.bytes(url()).orElseThrow());
    }

    @Test
    @DisplayName("key generate creates a file that only its owner can read, and replaces none")
    void keyGenerate_isOwnerOnly() throws Exception {
        Path key = folder.resolve("root.key");

        Ran ran = Ran.of("key", "generate", key.toString(), "--json");

        assertThat(ran.json().get("keyFile").asText()).isEqualTo(key.toString());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
                .isEqualTo("rw-------");
        String content = Files.readString(key);
        assertThat(ran.out()).doesNotContain(content.strip().substring(content.indexOf(' ') + 1));
        assertThat(Ran.of("key", "generate", key.toString()).code()).isEqualTo(ExitCodes.FAILED);
        assertThat(Files.readString(key)).isEqualTo(content);
    }

    @Test
    @DisplayName(
            "R58 a store that does not exist is refused and not created; the failure is JSON if that was asked for")
    void missingStore_isRefused() {
        for (String command : List.of("contexts", "inspect", "verify", "compact")) {
            Ran ran = Ran.of(command, url(), "--json");
            assertThat(ran.code()).as(command).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.json().get("error").asText()).isEqualTo("StoreNotFoundException");
        }
        assertThat(file()).doesNotExist();
    }

    @Test
    @DisplayName("wrong usage exits with 2 and points to --help")
    void wrongUsage() {
        for (String[] arguments : new String[][] {
            {"contexts"},
            {"contexts", url(), "--no-such-option"},
            {"no-such-command"},
            {"contexts", url(), "--key-file", "a", "--passphrase-env", "B"},
            {"contexts", url(), "--property", "password=pw-in-argument"},
        }) {
            Ran ran = Ran.of(arguments);
            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.USAGE);
            assertThat(ran.err()).contains("--help").doesNotContain("pw-in-argument");
        }
        Ran json = Ran.of("contexts", url(), "--json", "--property", "password=pw-in-argument");
        assertThat(json.code()).isEqualTo(ExitCodes.USAGE);
        assertThat(json.json().get("message").asText())
                .contains("--password-env")
                .doesNotContain("pw-in-argument");
        assertThat(json.json().get("resumable").asBoolean()).isFalse();
    }

    @Test
    @DisplayName("R45 a password in a URL is never printed, whatever fails")
    void password_isNeverPrinted() throws Exception {
        String secret = "pw-5f1c";
        Path file = folder.resolve("arguments");
        for (String url : List.of(
                "jdbc:postgresql://127.0.0.1:1/x?user=u&password=" + secret,
                "jdbc:postgresql://u:" + secret + "@127.0.0.1:1/x",
                "jdbc:nothing://h/x?password=" + secret,
                "jdbc:sqlite:" + file() + "?password=" + secret)) {
            for (String[] arguments : new String[][] {
                {"contexts", url, "--json"},
                {"contexts", url, "superfluous", url},
                {"inspect", url, "--html", folder.resolve("page.html").toString()},
                {"copy", url, url},
                {"no-such-command", url}
            }) {
                Files.write(file, Arrays.asList(arguments));
                for (Ran ran : List.of(Ran.of(arguments), Ran.of("@" + file))) {
                    assertThat(ran.code()).isGreaterThanOrEqualTo(ExitCodes.USAGE);
                    assertThat(ran.out() + ran.err()).doesNotContain(secret);
                }
            }
        }
        Files.write(file, List.of("contexts", "jdbc:postgresql://127.0.0.1:1/x?user=u&password=" + secret));
        assertThat(Ran.of("@" + file).code()).as("accepted in a file").isEqualTo(ExitCodes.FAILED);
        Files.write(file, List.of("contexts", "\"nothing:a#b'c \\\"d\"", "\"two words\""));
        assertThat(Ran.of("@" + file).err()).contains("'two words'");
        Files.delete(file);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @DisplayName("R76 no option or parameter of any command accepts a password, not even within a URL")
    void password_inAnyArgument_isRefused() {
        String secret = "pw-5f1c";
        List<String> urls = List.of(
                "jdbc:postgresql://h/d?user=u&password=" + secret,
                "jdbc:postgresql://u:" + secret + "@h/d",
                "jdbc:postgresql://h/d?sslPassword=" + secret);
        int refused = 0;
        for (CommandSpec command : leaves(Main.commandLine().getCommandSpec())) {
            for (ArgSpec argument : command.args()) {
                if (argument.arity().max() == 0 || argument.type().isEnum()) {
                    continue;
                }
                for (String url : urls) {
                    Ran ran = Ran.of(call(command, argument, url));
                    assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.USAGE);
                    assertThat(ran.err())
                            .as(argument.toString())
                            .contains("is not accepted as an argument", "--password-env", "--password", "@FILE")
                            .doesNotContain(secret);
                    refused++;
                }
            }
        }
        assertThat(refused).isGreaterThan(200);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @DisplayName("R76 an option for a password or a key names where that is, or asks for it")
    void secretOptions_nameWhereTheSecretIs() {
        List<String> labels = new ArrayList<>();
        for (CommandSpec command : leaves(Main.commandLine().getCommandSpec())) {
            for (OptionSpec option : command.options()) {
                if (option.longestName().matches(".*(password|passphrase|key|secret).*")
                        && option.arity().max() > 0) {
                    assertThat(option.longestName())
                            .isEqualTo(option.paramLabel().equals("FILE") ? keyFile(option) : environment(option));
                    labels.add(option.paramLabel());
                }
            }
        }
        assertThat(labels).contains("FILE", "NAME").hasSizeGreaterThan(20);
    }

    private static String keyFile(OptionSpec option) {
        return option.longestName().replaceFirst("key.*", "key-file");
    }

    private static String environment(OptionSpec option) {
        return option.longestName().replaceFirst("(password|passphrase).*", "$1-env");
    }

    private static List<CommandSpec> leaves(CommandSpec command) {
        List<CommandSpec> found = new ArrayList<>();
        command.subcommands().values().forEach(each -> found.addAll(leaves(each.getCommandSpec())));
        return found.isEmpty() ? List.of(command) : found;
    }

    /** Returns a command line with what it requires, and a value of one of its arguments. */
    private String[] call(CommandSpec command, ArgSpec valued, String url) {
        String value = valued.type() == Map.class ? "freshness.anchor=" + url : url;
        List<String> line = new ArrayList<>(List.of(command.qualifiedName().split(" ")));
        line.remove(0); // the name of the program
        for (PositionalParamSpec parameter : command.positionalParameters()) {
            String other = parameter.type().isEnum() ? "baileys" : "jdbc:sqlite:" + file();
            line.add(parameter.equals(valued) ? value : other);
        }
        for (OptionSpec option : command.options()) {
            if (option.equals(valued) || option.required()) {
                line.add(option.longestName() + "=" + (option.equals(valued) ? value : "alice"));
            }
        }
        return line.toArray(String[]::new);
    }

    @Test
    @DisplayName("R82 the password of an anchor's database comes from where a property says, never from the property")
    void anchorPassword_isReadFromTheEnvironment() throws Exception {
        Stores.fill(url(), "alice");
        String backends = Stores.services(folder, BackendProvider.class, Recording.class);
        String anchor = "freshness.anchor=recording:";
        String[] erase = {"erase", url(), "alice", "--yes", "--backends", backends, "--property", anchor, "--property"};
        Path file = Files.writeString(folder.resolve("password"), " a password \r\n");

        assertThat(Ran.of(with(erase, "freshness.anchor.password=file:" + file)).err())
                .contains("AtomicCommit");
        assertThat(Recording.opened.properties()).isEqualTo(Map.of("password", " a password "));
        Ran.of(with(erase, "freshness.anchor.password=env:PATH"));
        assertThat(Recording.opened.properties()).isEqualTo(Map.of("password", System.getenv("PATH")));

        Ran refused = Ran.of(with(erase, "freshness.anchor.password=pw-in-argument"));
        assertThat(refused.code()).as(refused.toString()).isEqualTo(ExitCodes.USAGE);
        assertThat(refused.err()).contains("freshness.anchor.password").doesNotContain("pw-in-argument");
        assertThat(Ran.of(with(erase, "freshness.anchor.password=env:NO_SUCH_VARIABLE")))
                .satisfies(ran -> assertThat(ran.code()).isEqualTo(ExitCodes.FAILED))
                .satisfies(ran -> assertThat(ran.err()).contains("NO_SUCH_VARIABLE is not set"));
        assertThat(entries()).isEqualTo(Map.of("alice", 27L));
    }

    private static String[] with(String[] arguments, String last) {
        String[] all = Arrays.copyOf(arguments, arguments.length + 1);
        all[arguments.length] = last;
        return all;
    }

    /** Opens a backend that no anchor can use, and keeps what it was opened with. */
    public static final class Recording implements BackendProvider {

        private static volatile BackendConfig opened;

        @Override
        public String name() {
            return "recording";
        }

        @Override
        public String scheme() {
            return "recording";
        }

        @Override
        public Backend open(BackendConfig config) {
            opened = config;
            return new ExhaustingBackend(new EntryId("session", "bob.1"));
        }
    }

    @Test
    @DisplayName("names that could command a terminal are shown as escapes, and are intact in JSON")
    void controlCharacters_areEscaped() {
        String name = "\u001b[2Jevil\r\n\u202e";
        Stores.fill(url(), name);

        assertThat(Ran.of("contexts", url()).out()).contains("\\u001b[2Jevil\\u000d\\u000a\\u202e");
        assertThat(Ran.of("contexts", url(), "--json").out().strip()).doesNotContain("\u001b", "\r", "\u202e");
        assertThat(Ran.of("contexts", url(), "--json")
                        .json()
                        .get("contexts")
                        .get(0)
                        .get("context")
                        .asText())
                .isEqualTo(name);
    }

    @Test
    @DisplayName("R53 a MapDB folder that its owner has open is refused with the reason")
    void mapdb_inUse_isRefused() {
        String mapdb = "mapdb:" + folder.resolve("keys");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(mapdb)) {
            Stores.fill(database.forContext("alice"), 1);
            Ran ran = Ran.of("contexts", mapdb);
            assertThat(ran.code()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).contains("open");
        }
        assertThat(Ran.of("verify", mapdb).code()).isZero();
    }

    @Test
    @DisplayName("a script for completion in the shell is generated")
    void completion_isGenerated() {
        Ran ran = Ran.of("generate-completion");
        assertThat(ran.code()).isZero();
        assertThat(ran.out()).contains("_complete_keystore", "--passphrase-env", "verify");
    }

    @Test
    @DisplayName("the script for completion completes commands and options in Bash")
    void completion_inBash_completes() throws Exception {
        Path bash = Path.of("/bin/bash");
        Assumptions.assumeTrue(Files.isExecutable(bash), "Bash is missing");
        Path script = Files.writeString(
                folder.resolve("keystore-completion"),
                Ran.of("generate-completion").out());

        assertThat(completed(bash, script, "keystore", "ver")).containsExactly("verify");
        assertThat(completed(bash, script, "keystore", "verify", "--pass"))
                .containsExactlyInAnyOrder("--passphrase", "--passphrase-env", "--password", "--password-env");
        assertThat(completed(bash, script, "keystore", "key", "gen")).containsExactly("generate");
        assertThat(completed(bash, script, "keystore", "import", "bail"))
                .containsExactlyInAnyOrder("baileys", "baileys-sqlite", "baileys-ex");
    }

    /** Returns what a shell offers for the last word. */
    private static List<String> completed(Path bash, Path script, String... words) throws Exception {
        String body = "source \"$1\" || exit 1; complete -p keystore >/dev/null || exit 2; shift;"
                + " COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMP_LINE=\"$*\"; COMP_POINT=${#COMP_LINE};"
                + " _complete_keystore keystore \"${COMP_WORDS[COMP_CWORD]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
        List<String> command =
                new ArrayList<>(List.of(bash.toString(), "--norc", "-c", body, "bash", script.toString()));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        process.getOutputStream().close();
        String shown = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(shown).isZero();
        return shown.lines().map(String::strip).toList();
    }

    @Test
    @DisplayName("only the command that is called is described to the parser, and all of them if none is")
    void parser_knowsTheCommandThatIsCalled() {
        assertThat(Main.commandLine("verify", "--help").getSubcommands()).containsOnlyKeys("verify");
        assertThat(Main.commandLine("--help").getSubcommands())
                .containsKeys("verify", "copy", "help", "generate-completion")
                .hasSize(18);
        assertThat(Ran.of("verfy").err()).contains("Unmatched argument");
        assertThat(Ran.of("help", "verify").out()).contains("Usage: keystore verify");
    }

    @Test
    @DisplayName("each command has its help, with the exit codes")
    void help_ofEachCommand() {
        for (String command : List.of(
                "contexts",
                "inspect",
                "verify",
                "backup",
                "restore",
                "move",
                "copy",
                "encrypt",
                "rotate",
                "decrypt",
                "delete-damaged",
                "erase",
                "compact")) {
            Ran ran = Ran.of(command, "--help");
            assertThat(ran.code()).isZero();
            assertThat(ran.out())
                    .contains("Usage: keystore " + command, "--json", "Exit codes:")
                    .contains("--key-file", "--passphrase-env", "--property", "--yes");
        }
        for (String[] command : new String[][] {{"key", "generate"}, {"import"}, {"export"}}) {
            String[] help = Arrays.copyOf(command, command.length + 1);
            help[command.length] = "--help";
            Ran ran = Ran.of(help);
            assertThat(ran.code()).isZero();
            assertThat(ran.out()).contains("Usage: keystore " + String.join(" ", command), "--json", "Exit codes:");
        }
        assertThat(new String(Ran.of("--version").out().getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
                .startsWith("keystore ");
    }
}
