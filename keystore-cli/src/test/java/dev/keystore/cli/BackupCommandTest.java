package dev.keystore.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.ContextMovedException;
import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.CopyIncompleteException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.core.StoreMove;
import dev.keystore.spi.RestoreRules;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The commands {@code backup}, {@code restore} and {@code move}, run in this process. */
@Timeout(60)
class BackupCommandTest {

    @TempDir
    private Path folder;

    private String url() {
        return Stores.sqlite(folder.resolve("keys.db"));
    }

    private String file() {
        return folder.resolve("keys.backup").toString();
    }

    private String target() {
        return Stores.sqlite(folder.resolve("new.db"));
    }

    @Test
    @DisplayName("R80 R84 backup alongside an owner, contexts, inspect, verify, restore: says what was dropped")
    void backup_isVerifiedAndRestored() {
        Stores.fill(url(), "alice");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore bob = database.forContext("bob");
            Stores.fill(bob, 3);

            Ran backup = Ran.of("backup", url(), file(), "--json");

            assertThat(backup.code()).as(backup.toString()).isZero();
            assertThat(backup.json().get("contexts").asLong()).isEqualTo(2);
            assertThat(backup.json().get("file").asText()).isEqualTo(file());
            bob.put(KeyTypes.SESSION, "x", new byte[1]); // still the owner
        }
        String backupUrl = "jdbc:sqlite:" + file();
        assertThat(Ran.of("verify", backupUrl).out()).contains("2 contexts, 37 entries", "intact");
        assertThat(Ran.of("inspect", backupUrl).code()).isZero();
        assertThat(Ran.of("contexts", backupUrl, "--json").json().get("contexts"))
                .hasSize(2);
        assertThat(Ran.of("copy", backupUrl, target(), "--yes").err()).contains("is a backup", "keystore restore");

        Ran restored = Ran.of("restore", file(), target(), "--without-rules", "--yes", "--json");

        assertThat(restored.code()).as(restored.toString()).isZero();
        JsonNode alice = restored.json().get("contexts").get(0);
        assertThat(alice.get("context").asText()).isEqualTo("alice");
        assertThat(alice.get("entries").asLong()).isEqualTo(2);
        assertThat(alice.get("dropped").get("session").asLong()).isEqualTo(20);
        assertThat(restored.json().get("dropped").get("pre-key").asLong()).isEqualTo(10);
        assertThat(restored.json().get("toDo").asText()).contains("upload new pre-keys");
        assertThat(Ran.of("contexts", target()).code()).isZero();
        assertThat(Stores.entries(target())).isEqualTo(Map.of("alice", 2L, "bob", 2L));
        String text = "mapdb:" + folder.resolve("text");
        assertThat(Ran.of("restore", file(), text, "--without-rules", "--yes").out())
                .contains("Context \"alice\": 2 entries restored; dropped: pre-key: 5, session: 20")
                .contains("To do: Each client must upload new pre-keys");
    }

    @Test
    @DisplayName("R80 an incremental backup replaces the file by a complete one; without the option it is left")
    void incremental_replaces() throws Exception {
        Stores.fill(url(), "alice", "bob");
        assertThat(Ran.of("backup", url(), file(), "--incremental").code()).isZero();
        byte[] before = Files.readAllBytes(Path.of(file()));
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            database.forContext("bob").put(KeyTypes.SESSION, "x", new byte[1]);
        }

        Ran refused = Ran.of("backup", url(), file());

        assertThat(refused.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(refused.err()).contains("exists", "--incremental");
        assertThat(Files.readAllBytes(Path.of(file()))).isEqualTo(before);
        Ran next = Ran.of("backup", url(), file(), "--incremental", "--json");
        assertThat(next.code()).as(next.toString()).isZero();
        assertThat(next.json().get("unchanged").asLong()).isEqualTo(1);
        assertThat(Stores.entries("jdbc:sqlite:" + file())).isEqualTo(Map.of("alice", 27L, "bob", 28L));
        Ran live = Ran.of("backup", url(), folder.resolve("keys.db").toString(), "--incremental");
        assertThat(live.code()).as("a live store is not replaced").isEqualTo(ExitCodes.FAILED);
        assertThat(Ran.of("backup", url()).code()).isEqualTo(ExitCodes.USAGE);
        assertThat(Ran.of("backup", target(), file() + "2").code()).isEqualTo(ExitCodes.FAILED);
        assertThat(folder.resolve("new.db")).doesNotExist();
    }

    @Test
    @DisplayName("R80 an incremental backup reads a context again that is damaged in the earlier one")
    void incremental_earlierIsDamaged_readsTheSource() throws Exception {
        Stores.fill(url(), "alice", "bob");
        assertThat(Ran.of("backup", url(), file()).code()).isZero();
        Stores.damage(Path.of(file()), "7"); // of one of the two
        assertThat(Ran.of("verify", "jdbc:sqlite:" + file()).code()).isEqualTo(ExitCodes.FINDINGS);

        Ran ran = Ran.of("backup", url(), file(), "--incremental", "--json");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.json().get("contexts").asLong()).isEqualTo(2);
        assertThat(ran.json().get("unchanged").asLong()).isEqualTo(1);
        assertThat(Ran.of("verify", "jdbc:sqlite:" + file()).out()).contains("2 contexts, 54 entries", ": intact");
    }

    @Test
    @DisplayName("R80 R82 an old copy of the store does not replace a newer backup, with and without an anchor")
    void incremental_ofOldCopy_isRefused() throws Exception {
        String anchor = "freshness.anchor=file:" + folder.resolve("keys.anchor");
        Path live = folder.resolve("keys.db");
        putAnchored(anchor, 1);
        Files.copy(live, folder.resolve("old.db"));
        putAnchored(anchor, 2);
        assertThat(Ran.of("backup", url(), file(), "--property", anchor).code()).isZero();
        byte[] newer = Files.readAllBytes(Path.of(file()));
        Files.copy(folder.resolve("old.db"), live, StandardCopyOption.REPLACE_EXISTING);

        Ran anchored = Ran.of("backup", url(), file(), "--incremental", "--property", anchor);
        Ran plain = Ran.of("backup", url(), file(), "--incremental", "--json");

        assertThat(anchored.code()).as(anchored.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(anchored.err()).contains("\"alice\"", "older than its freshness anchor");
        assertThat(plain.code()).as(plain.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(plain.json().get("message").asText()).contains("older than the earlier backup", "keystore restore");
        assertThat(Files.readAllBytes(Path.of(file()))).isEqualTo(newer);
    }

    /** Writes to the store as a client with an anchor does. */
    private void putAnchored(String anchor, int value) {
        try (SignalKeyDatabase database = anchored(anchor).open()) {
            database.forContext("alice").put(KeyTypes.IDENTITY_KEY, "bob.1", new byte[] {(byte) value});
        }
    }

    private SignalKeyDatabase.Builder anchored(String anchor) {
        String[] property = anchor.split("=", 2);
        return SignalKeyDatabase.builder().url(url()).property(property[0], property[1]);
    }

    @Test
    @DisplayName("R82 R84 after a move with an anchor, a copy of the source from before it is refused")
    void move_withAnchor_raisesIt() throws Exception {
        String anchor = "freshness.anchor=file:" + folder.resolve("keys.anchor");
        Path live = folder.resolve("keys.db");
        putAnchored(anchor, 1);
        Files.copy(live, folder.resolve("old.db"));

        Ran moved = Ran.of("move", url(), target(), "--yes", "--property", anchor);

        assertThat(moved.code()).as(moved.toString()).isZero();
        Files.copy(folder.resolve("old.db"), live, StandardCopyOption.REPLACE_EXISTING);
        Files.deleteIfExists(folder.resolve("keys.db-wal"));
        try (SignalKeyDatabase old = anchored(anchor).open()) {
            assertThatThrownBy(() -> old.forContext("alice")).isInstanceOf(StaleStoreException.class);
        }
    }

    @Test
    @DisplayName("R84 restore names the contexts that a move leaves out, with exit code 1 if they are nowhere else")
    void restore_contextsOfMoves_areNamed() {
        Stores.fill(url(), "alice", "bob", "carol");
        assertThat(Ran.of("move", url(), target(), "--context", "bob", "--yes").code())
                .isZero();
        assertThat(Ran.of("backup", url(), file()).code()).isZero();

        Ran moved = Ran.of("restore", file(), target() + "2", "--without-rules", "--yes");

        assertThat(moved.code()).as(moved.toString()).isZero();
        assertThat(moved.out()).contains("Left out: \"bob\": it was moved to " + target());
        String mapdb = "mapdb:" + folder.resolve("lost");
        try (SignalKeyDatabase source = SignalKeyDatabase.open(mapdb);
                SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            beginMove(source, database, "dave");
        }
        assertThat(Ran.of("backup", url(), file(), "--incremental").code()).isZero();
        Ran arriving = Ran.of("restore", file(), target() + "3", "--without-rules", "--yes");
        assertThat(arriving.code()).as(arriving.toString()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(arriving.out())
                .contains("Left out: \"bob\"", "Left out: \"dave\"", "its move", "had not ended", "--context")
                .contains("In the new store, verified: 2 contexts");
        Ran json = Ran.of("restore", file(), target() + "4", "--without-rules", "--yes", "--json");
        assertThat(json.json().get("leftOut")).hasSize(2);
        assertThat(json.json().get("leftOut").findValuesAsText("context")).containsExactlyInAnyOrder("bob", "dave");
        assertThat(Ran.of("restore", file(), target() + "5", "--without-rules", "--yes", "--context", "dave")
                        .code())
                .isZero();
    }

    @Test
    @DisplayName("R84 restore exits with 1 if all contexts of the backup had been moved away")
    void restore_allMovedAway_isAFinding() {
        Stores.fill(url(), "alice");
        assertThat(Ran.of("move", url(), target(), "--yes").code()).isZero();
        assertThat(Ran.of("backup", url(), file()).code()).isZero();

        Ran ran = Ran.of("restore", file(), target() + "2", "--without-rules", "--yes");

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(ran.out()).contains("Left out: \"alice\": it was moved to " + target(), "verified: 0 contexts");
    }

    /** Begins a move that does not end, since the context is changed meanwhile. */
    private static void beginMove(SignalKeyDatabase source, SignalKeyDatabase target, String context) {
        SignalKeyStore store = source.forContext(context);
        store.put(KeyTypes.SESSION, "bob.1", new byte[1]);
        StoreMove move = StoreMove.from(source).to(target, "here");
        move.listener(progress -> CompletableFuture.runAsync(() -> store.put(KeyTypes.SESSION, "bob.1", new byte[2]))
                .join());
        assertThatThrownBy(move::run).isInstanceOf(CopyIncompleteException.class);
    }

    @Test
    @DisplayName("R84 restore is refused without the rules that advance counters, and accepted with them in --backends")
    void restore_withoutRules_isRefused() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyType.ofBytes("libsignal-last-key-id"), "pre-key", new byte[] {1});
            SignalKeyStore bob = database.forContext("bob");
            bob.saveCredentials("{\"nextPreKeyId\":7}".getBytes(StandardCharsets.UTF_8));
            SignalKeyStore carol = database.forContext("carol");
            carol.saveCredentials("KSLS\0".getBytes(StandardCharsets.US_ASCII));
        }
        assertThat(Ran.of("backup", url(), file()).code()).isZero();

        Ran counters = Ran.of("restore", file(), target(), "--yes", "--without-rules", "--json");

        assertThat(counters.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(counters.json().get("message").asText())
                .contains("\"alice\"", "keystore-libsignal", "--backends FOLDER", "Nothing was changed");
        assertThat(Ran.of("restore", file(), target(), "--yes", "--without-rules", "--context", "carol")
                        .err())
                .contains("\"carol\"", "keystore-libsignal");
        Ran credentials = Ran.of("restore", file(), target(), "--yes", "--context", "bob");
        assertThat(credentials.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(credentials.err()).contains("\"bob\"", "--backends FOLDER", "--without-rules");
        assertThat(folder.resolve("new.db")).doesNotExist();

        Ran restored = Ran.of("restore", file(), target(), "--yes", "--json", "--backends", rules(Advancing.class));

        assertThat(restored.code()).as(restored.toString()).isZero();
        assertThat(restored.json()
                        .get("contexts")
                        .get(0)
                        .get("changed")
                        .get("libsignal-last-key-id")
                        .asLong())
                .isEqualTo(1);
    }

    @Test
    @DisplayName("R84 a restore that fails before its first context, when the target is marked, exits with 4")
    void restore_failsAfterItsMark_isResumable() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            database.forContext("alice").put(KeyType.ofBytes("libsignal-last-key-id"), "pre-key", new byte[] {1});
        }
        assertThat(Ran.of("backup", url(), file()).code()).isZero();
        String twice = rules(Advancing.class, AlsoAdvancing.class);

        Ran failed = Ran.of("restore", file(), target(), "--yes", "--json", "--backends", twice);

        assertThat(failed.code()).as(failed.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(failed.json().get("message").asText()).contains("Two rules");
        assertThat(failed.json().get("resumable").asBoolean()).isTrue();
        assertThatThrownBy(() -> SignalKeyDatabase.open(target())).isInstanceOf(StoreOpenException.class);
        assertThat(Ran.of("restore", file(), target(), "--yes", "--backends", rules(Advancing.class))
                        .code())
                .isZero();
    }

    @Test
    @DisplayName("R84 restore: rules whose jars are missing, and a context that does not exist, change nothing")
    void restore_notPossible_changesNothing() throws Exception {
        Stores.fill(url(), "alice");
        assertThat(Ran.of("backup", url(), file()).code()).isZero();

        Ran broken = Ran.of("restore", file(), target(), "--yes", "--backends", rules(Incomplete.class));

        assertThat(broken.code()).as(broken.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(broken.err())
                .contains("could not be loaded", "Incomplete", "org/example/Missing", "nothing was changed")
                .doesNotContain("What was done stays", "\tat ");
        Ran unknown = Ran.of("restore", file(), target(), "--yes", "--without-rules", "--context", "alise");
        assertThat(unknown.code()).as(unknown.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(unknown.err()).contains("\"alise\"");
        byte[] bytes = Files.readAllBytes(Path.of(file()));
        Arrays.fill(bytes, bytes.length - 4_096, bytes.length - 2_048, (byte) 0);
        Files.write(Path.of(file()), bytes);
        Ran damaged = Ran.of("restore", file(), target(), "--yes", "--backends", rules(Advancing.class));
        assertThat(damaged.code()).as(damaged.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(folder.resolve("new.db")).doesNotExist();
    }

    /** Rules that need a class which is missing. */
    public static final class Incomplete extends Advancing {

        public Incomplete() {
            throw new NoClassDefFoundError("org/example/Missing");
        }
    }

    @Test
    @DisplayName("R84 R43 restore restores the other contexts if the keys or the credentials of one are damaged")
    void restore_unreadableContext_restoresTheOthers() throws Exception {
        String key = folder.resolve("root.key").toString();
        Ran.of("key", "generate", key);
        String plain = Stores.sqlite(folder.resolve("plain.db"));
        Stores.fill(plain, "alice", "bob", "carol");
        String[] copy = {
            "copy", plain, url(), "--target-key-file", key, "--target-property", "encryption.names=hidden",
        };
        assertThat(Ran.of(copy).code()).isZero();
        assertThat(Ran.of("backup", url(), file(), "--key-file", key).code()).isZero();
        change(
                file(),
                "UPDATE entry SET value = substr(value, 1, 9) WHERE type = '_keys' AND context ="
                        + " (SELECT min(context) FROM entry WHERE context <> '_store')");
        String[] restore = {
            "restore",
            file(),
            target(),
            "--key-file",
            key,
            "--target-key-file",
            key,
            "--without-rules",
            "--yes",
            "--json"
        };

        Ran ran = Ran.of(restore);

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(ran.json().get("contexts")).hasSize(2);
        assertThat(ran.json().get("notRestored")).hasSize(1);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(plain)) {
            database.forContext("carol").put(KeyType.ofBytes("libsignal-account"), "1", new byte[1]);
        }
        String plainBackup = folder.resolve("plain.backup").toString();
        assertThat(Ran.of("backup", plain, plainBackup).code()).isZero();
        change(
                plainBackup,
                "UPDATE entry SET value = substr(value, 1, 9) WHERE type = 'credentials' AND context = 'bob'");
        String[] all = {"restore", plainBackup, target() + "2", "--without-rules", "--yes", "--json"};
        assertThat(Ran.of(all).err()).as("checked after the damaged one").contains("\"carol\"", "keystore-libsignal");
        String[] two = Stream.concat(Stream.of(all), Stream.of("--context", "alice", "--context", "bob"))
                .toArray(String[]::new);
        Ran other = Ran.of(two);
        assertThat(other.code()).as(other.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(other.json().get("notRestored").get(0).get("context").asText())
                .isEqualTo("bob");
    }

    private static void change(String file, String sql) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.executeUpdate(sql);
        }
    }

    private String rules(Class<?>... rules) throws IOException {
        return Stores.services(folder, RestoreRules.class, rules);
    }

    /** Other rules for the same entries. */
    public static final class AlsoAdvancing extends Advancing {}

    /** Rules as those of {@code keystore-libsignal}, which the command does not contain. */
    public static class Advancing implements RestoreRules {

        @Override
        public boolean applyTo(EntryId entry) {
            return entry.type().equals("libsignal-last-key-id") || entry.type().equals("credentials");
        }

        @Override
        public boolean keeps(EntryId entry, BackedUp context) {
            return true;
        }

        @Override
        public byte[] restored(EntryId entry, byte[] value, BackedUp context) {
            return entry.type().equals("credentials") ? value : new byte[] {2};
        }
    }

    @Test
    @DisplayName("R84 a restore asks, refuses a target that holds contexts, and names a context that is damaged")
    void restore_refusals() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            for (String name : new String[] {"alice", "bob"}) {
                byte[] value = ("session of bob " + name).getBytes(StandardCharsets.UTF_8);
                database.forContext(name).put(KeyTypes.IDENTITY_KEY, "peer", value);
            }
        }
        assertThat(Ran.of("backup", url(), file()).code()).isZero();
        Stores.damage(Path.of(file()), "bob");

        Ran asked = Ran.of("restore", file(), target());
        Ran live = Ran.of("restore", file(), url(), "--yes");
        Ran partly = Ran.of("restore", file(), target(), "--yes", "--json");

        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(asked.err()).contains("--yes");
        assertThat(live.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(live.err()).contains("holds context \"alice\"");
        assertThat(partly.code()).as(partly.toString()).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(partly.json().get("contexts")).hasSize(1);
        assertThat(partly.json().get("notRestored").get(0).get("context").asText())
                .isEqualTo("bob");
        assertThat(partly.json().get("toDo").asText()).contains("--context");
        assertThatThrownBy(() -> SignalKeyDatabase.open(target())).isInstanceOf(StoreOpenException.class);
        assertThat(Ran.of("restore", file(), target(), "--yes", "--context", "alice")
                        .code())
                .isZero();
        assertThat(Stores.entries(target())).isEqualTo(Map.of("alice", 1L));
    }

    @Test
    @DisplayName("R80 R84 an encrypted store: its backup needs the key, and is not restored into a plain store")
    void encrypted_staysEncrypted() {
        Stores.fill(url(), "alice");
        String key = folder.resolve("root.key").toString();
        Ran.of("key", "generate", key);
        assertThat(Ran.of("encrypt", url(), "--key-file", key).code()).isZero();

        assertThat(Ran.of("backup", url(), file(), "--key-file", key).code()).isZero();

        assertThat(Ran.of("verify", "jdbc:sqlite:" + file()).code()).isEqualTo(ExitCodes.FAILED);
        assertThat(Ran.of("verify", "jdbc:sqlite:" + file(), "--key-file", key).code())
                .isZero();
        Ran plain = Ran.of("restore", file(), target(), "--key-file", key, "--without-rules", "--yes");
        assertThat(plain.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(plain.err()).contains("--target-key-file");
        assertThat(folder.resolve("new.db")).doesNotExist();
        String[] restore = {
            "restore", file(), target(), "--key-file", key, "--target-key-file", key, "--without-rules", "--yes"
        };
        assertThat(Ran.of(restore).code()).isZero();
        assertThatThrownBy(() -> Stores.entries(target())).isInstanceOf(KeyUnavailableException.class);
        assertThat(Ran.of("move", url(), target() + "2", "--key-file", key, "--yes")
                        .err())
                .contains("--target-key-file");
    }

    @Test
    @DisplayName("R84 after a move the source refuses, and the target holds all; a second run finds it done")
    void move_sourceRefuses() {
        Stores.fill(url(), "alice", "bob");
        String mapdb = "mapdb:" + folder.resolve("moved");

        Ran asked = Ran.of("move", url(), mapdb);
        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(folder.resolve("moved")).doesNotExist();
        Ran moved = Ran.of("move", url(), mapdb, "--context", "alice", "--yes", "--json");

        assertThat(moved.code()).as(moved.toString()).isZero();
        assertThat(moved.json().get("contexts").get("COPIED").asLong()).isEqualTo(1);
        assertThat(moved.json().get("notMoved")).isEmpty();
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url())) {
            assertThatThrownBy(() -> source.forContext("alice"))
                    .isInstanceOf(ContextMovedException.class)
                    .hasMessageContaining(mapdb);
            assertThat(source.forContext("bob").find(KeyTypes.SESSION, "bob.1")).isPresent();
        }
        assertThat(Stores.entries(mapdb)).isEqualTo(Map.of("alice", 27L));
        assertThat(Ran.of("move", url(), mapdb, "--yes").out())
                .contains("In the target, verified: 1 context, and moved before, not verified again: 1.");
        assertThat(Stores.entries(mapdb)).isEqualTo(Map.of("alice", 27L, "bob", 27L));
        Ran elsewhere = Ran.of("move", url(), target(), "--yes");
        assertThat(elsewhere.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(elsewhere.out()).contains("Not moved: \"alice\"", "was moved to");
    }

    @Test
    @DisplayName("R84 move says to delete the source only if all of it was moved")
    void move_ofSome_doesNotSayToDeleteTheSource() {
        Stores.fill(url(), "alice", "bob", "carol");
        String other = Stores.sqlite(folder.resolve("other.db"));
        Stores.fill(other, "bob");
        Ran.of("erase", other, "bob", "--yes");

        Ran nothing = Ran.of("move", other, target(), "--yes");
        Ran one = Ran.of("move", url(), target(), "--context", "alice", "--yes");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(target())) {
            database.forContext("bob").put(KeyTypes.SESSION, "bob.1", new byte[1]);
        }
        Ran two = Ran.of("move", url(), target(), "--yes", "--json");
        Ran.of("erase", target(), "bob", "--yes");
        Ran all = Ran.of("move", url(), target(), "--yes");

        assertThat(nothing.code()).as(nothing.toString()).isZero();
        assertThat(nothing.out()).contains("0 contexts").doesNotContain("delete", "refuses", "To do");
        assertThat(one.code()).as(one.toString()).isZero();
        assertThat(one.out())
                .contains("keystore backup", "keystore erase SOURCE CONTEXT")
                .doesNotContain("delete");
        assertThat(two.code()).as(two.toString()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(two.json().get("toDo").asText()).contains("keystore erase").doesNotContain("delete");
        assertThat(all.code()).as(all.toString()).isZero();
        assertThat(all.out()).contains("The source refuses them.", "keystore backup", "delete the source");
    }

    @Test
    @DisplayName("R94 R84 dry runs of copy and move say what the commands then do, of moved contexts too")
    void dryRuns_sayWhatIsDone() throws Exception {
        Stores.fill(url(), "alice", "bob");
        String mapdb = "mapdb:" + folder.resolve("moved");

        Ran would = Ran.of("move", url(), mapdb, "--context", "alice", "--dry-run");

        assertThat(would.code()).as(would.toString()).isZero();
        assertThat(would.out()).contains("copied:        1 context", "Would be in the target: 27 entries");
        assertThat(folder.resolve("moved")).doesNotExist();
        assertThat(Ran.of("move", url(), mapdb, "--context", "alice", "--yes").code())
                .isZero();
        for (String command : new String[] {"copy", "move"}) {
            for (String to : new String[] {target(), mapdb}) {
                JsonNode said =
                        Ran.of(command, url(), to, "--dry-run", "--json").json();
                assertThat(said.get("dryRun").asBoolean()).isTrue();
                if (command.equals("copy") || to.equals(mapdb)) {
                    JsonNode done =
                            Ran.of(command, url(), to, "--yes", "--json").json();
                    assertThat(said.get("contexts")).as(command + to).isEqualTo(done.get("contexts"));
                    assertThat(said.get("digests")).as(command + to).isEqualTo(done.get("digests"));
                }
            }
        }
        Ran other = Ran.of("copy", url(), target() + "2", "--dry-run");
        assertThat(other.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(other.out())
                .contains("Would not copy: \"alice\"", "was moved to")
                .contains("copied:        1 context", "refused:       1 context");
        assertThat(folder.resolve("new.db2")).doesNotExist();
    }

    @Test
    @DisplayName("R84 contexts and inspect say that a context was moved away, and give no advice on its keys")
    void movedContext_isShown() throws Exception {
        Stores.fill(url(), "alice");
        String mapdb = "mapdb:" + folder.resolve("moved");
        assertThat(Ran.of("move", url(), mapdb, "--yes").code()).isZero();

        assertThat(Ran.of("contexts", url()).out()).contains("alice  (moved to " + mapdb + ")");
        JsonNode move = Ran.of("contexts", url(), "--json")
                .json()
                .get("contexts")
                .get(0)
                .get("move");
        assertThat(move.get("state").asText()).isEqualTo("MOVED");
        assertThat(move.get("target").asText()).isEqualTo(mapdb);
        Ran inspect =
                Ran.of("inspect", url(), "--html", folder.resolve("page.html").toString());
        assertThat(inspect.out())
                .contains("cannot be opened: moved to " + mapdb)
                .doesNotContain("to do:");
        assertThat(Files.readString(folder.resolve("page.html"))).contains("It cannot be opened: moved to mapdb:");
        assertThat(Ran.of("inspect", url(), "--json")
                        .json()
                        .get("contexts")
                        .get(0)
                        .get("move"))
                .isEqualTo(move);
        assertThat(Ran.of("contexts", mapdb, "--json")
                        .json()
                        .get("contexts")
                        .get(0)
                        .get("move")
                        .isNull())
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"copy", "move"})
    @DisplayName("R84 R90 a target that is the source by another path is refused, and nothing is changed")
    void sameStore_isRefused(String command) throws Exception {
        Stores.fill(url(), "alice");
        Path link = Files.createSymbolicLink(folder.resolve("link.db"), folder.resolve("keys.db"));

        Ran ran = Ran.of(command, url(), Stores.sqlite(link), "--yes", "--json");

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(ran.json().get("message").asText()).contains("same store by another path", "nothing was changed");
        assertThat(Ran.of("contexts", url(), "--json")
                        .json()
                        .get("contexts")
                        .get(0)
                        .get("lastCommit")
                        .asText())
                .isEqualTo("1:1");
    }

    @Test
    @DisplayName("R84 erase frees a context whose move has not ended, and warns before that")
    void erase_arrivingContext() {
        String mapdb = "mapdb:" + folder.resolve("lost");
        try (SignalKeyDatabase source = SignalKeyDatabase.open(mapdb);
                SignalKeyDatabase target = SignalKeyDatabase.open(url())) {
            beginMove(source, target, "alice");
            assertThat(Ran.of("erase", url(), "alice", "--take-over", "--yes").code())
                    .as("the move is running")
                    .isEqualTo(ExitCodes.FAILED);
        }

        assertThat(Ran.of("contexts", url()).out()).contains("alice  (its move to this store has not ended)");
        assertThat(Ran.of("inspect", url()).out())
                .contains("cannot be opened: its move to this store has not ended")
                .contains("to do: Its move to this store has not ended: run keystore move again.");
        Ran asked = Ran.of("erase", url(), "alice");
        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(asked.err()).contains("move of this context to this store has not ended");
        assertThat(Ran.of("erase", url(), "alice", "--yes").out()).contains("Erased: 1 entry");

        try (SignalKeyDatabase target = SignalKeyDatabase.open(url())) {
            target.forContext("alice").put(KeyTypes.SESSION, "bob.1", new byte[3]);
        }
    }

    @Test
    @DisplayName("R84 erase also frees a context that was to be moved back, of which the store holds no entry")
    void erase_arrivingWithoutEntries() throws Exception {
        Stores.fill(url(), "alice");
        assertThat(Ran.of("move", url(), target(), "--yes").code()).isZero();
        assertThat(Ran.of("erase", url(), "alice", "--yes").code()).isZero();
        Stores.damage(folder.resolve("new.db"), "7");
        Ran back = Ran.of("move", target(), url(), "--yes");
        assertThat(back.code()).as(back.toString()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(back.out()).contains("entries of the source that cannot be read", "keystore erase");
        assertThat(Ran.of("contexts", url()).out()).contains("alice  (its move to this store has not ended)");

        Ran asked = Ran.of("erase", url(), "alice");
        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(asked.err()).contains("has not ended", "Context \"alice\" loses 0 entries.", "--yes");
        Ran erased = Ran.of("erase", url(), "alice", "--yes");

        assertThat(erased.code()).as(erased.toString()).isZero();
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            database.forContext("alice").put(KeyTypes.SESSION, "bob.1", new byte[3]);
        }
    }

    @Test
    @DisplayName("R84 erase of a move's leftover does not erase the account if the move ends while it is confirmed")
    void erase_moveEndsMeanwhile_erasesNothing() {
        String mapdb = "mapdb:" + folder.resolve("other");
        try (SignalKeyDatabase source = SignalKeyDatabase.open(mapdb);
                SignalKeyDatabase target = SignalKeyDatabase.open(url())) {
            beginMove(source, target, "alice");
        }
        ContextInspection arriving = inspected();
        assertThat(Ran.of("move", mapdb, url(), "--yes").code()).isZero();
        assertEraseIsRefused(arriving);

        assertThat(Ran.of("move", url(), target(), "--yes").code()).isZero();
        ContextInspection moved = inspected();
        assertThat(Ran.of("move", target(), url(), "--yes").code()).isZero();
        assertEraseIsRefused(moved);
    }

    private ContextInspection inspected() {
        try (StoreInspection store = SignalKeyDatabase.builder().url(url()).openToInspect()) {
            return store.inspect("alice");
        }
    }

    private void assertEraseIsRefused(ContextInspection found) {
        for (String option : List.of("--yes", "--take-over")) {
            EraseCommand command = new EraseCommand();
            new CommandLine(command).parseArgs(url(), "alice", option);

            assertThatThrownBy(() -> command.erase(found))
                    .isInstanceOf(Refusal.class)
                    .hasMessageContainingAll("has ended since", "Nothing was changed");
        }
        assertThat(Stores.entries(url())).isEqualTo(Map.of("alice", 1L));
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            database.forExistingContext("alice");
        }
    }

    @Test
    @DisplayName("R84 a move keeps the absolute path of its target, without the options of the URL")
    void move_relativeTarget_isKeptAsAbsolute() {
        Stores.fill(url(), "alice");
        Path relative = Path.of("").toAbsolutePath().relativize(folder.resolve("moved.db"));

        Ran moved = Ran.of("move", url(), "jdbc:sqlite:" + relative, "--yes");

        assertThat(moved.code()).as(moved.toString()).isZero();
        String kept = Ran.of("contexts", url(), "--json")
                .json()
                .get("contexts")
                .get(0)
                .get("move")
                .get("target")
                .asText();
        assertThat(Path.of(kept.replace("jdbc:sqlite:", ""))).isAbsolute().isRegularFile();
        assertThat(Urls.lasting("mapdb:folder?a=it's b"))
                .isEqualTo("mapdb:" + Path.of("folder").toAbsolutePath() + "?…");
        assertThat(Urls.lasting("jdbc:postgresql://u:p@h/d?password=it's b")).isEqualTo("jdbc:postgresql://…@h/d?…");
        assertThat(Urls.lasting("jdbc:sqlite::memory:")).isEqualTo("jdbc:sqlite::memory:");
        String argument = "--property=a=jdbc:x:y?password=it's b";
        assertThat(Urls.withoutSecrets("in jdbc:x:y?password=it's b at", List.of(argument)))
                .isEqualTo("in jdbc:x:y?… at");
    }

    @Test
    @DisplayName("R80 a name that could not be opened as a store is refused for a backup")
    void backup_questionMarkInTheName_isRefused() {
        Stores.fill(url(), "alice");

        for (Ran ran : List.of(
                Ran.of("backup", url(), folder.resolve("a?b").toString()),
                Ran.of("restore", folder.resolve("a?b").toString(), target()))) {
            assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
            assertThat(ran.err()).contains("question mark", "choose another name");
        }
        assertThat(folder.resolve("a")).doesNotExist();
    }

    @Test
    @DisplayName("R76 the passphrase of a target is a new one, and asked for twice, only if it is not encrypted yet")
    void targetPassphrase_ofAnEncryptedTarget_isNoNewOne() {
        Stores.fill(url(), "alice");
        Stores.fill(target(), "bob");
        assertThat(Ran.of("encrypt", target(), "--passphrase-env", "PATH").code())
                .isZero();

        for (String command : List.of("copy", "move")) {
            String[] call = {command, url(), target(), "--target-passphrase", "--yes"};
            assertThat(Ran.of(call).err()).contains("\"Passphrase of the target:\"");
            call[2] += "2";
            assertThat(Ran.of(call).err()).contains("\"New passphrase of the target:\"");
        }
    }

    @Test
    @DisplayName("R84 R18 erase of a context that was moved away says where it is, and keeps the refusal")
    void erase_movedContext_keepsTheRefusal() {
        Stores.fill(url(), "alice", "bob");
        String mapdb = "mapdb:" + folder.resolve("moved");
        Ran.of("move", url(), mapdb, "--context", "alice", "--yes");

        Ran asked = Ran.of("erase", url(), "alice");
        assertThat(asked.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(asked.err())
                .contains("It was moved to " + mapdb + ". Make sure", "loses 27 entries", "--yes")
                .contains("keystore backup", "if that store is lost without a backup")
                .doesNotContain("The credentials are among them");
        assertThat(Stores.entries(url())).isEqualTo(Map.of("alice", 27L, "bob", 27L));
        Ran erased = Ran.of("erase", url(), "alice", "--yes");

        assertThat(erased.code()).as(erased.toString()).isZero();
        assertThat(erased.out()).contains("Erased: 27 entries");
        assertThat(Stores.entries(url())).isEqualTo(Map.of("alice", 0L, "bob", 27L));
        assertThat(Stores.entries(mapdb)).isEqualTo(Map.of("alice", 27L));
        assertThat(Ran.of("inspect", url(), "alice").out()).contains("cannot be opened: moved to " + mapdb);
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url())) {
            assertThatThrownBy(() -> source.forContext("alice")).isInstanceOf(ContextMovedException.class);
        }
        Ran again = Ran.of("erase", url(), "alice", "--yes");
        assertThat(again.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(again.err()).contains("holds nothing; nothing was changed");
    }

    @Test
    @DisplayName("R74 R84 a store of which contexts were moved away can be encrypted, also with --take-over")
    void encrypt_movedContext_isEncrypted() {
        Stores.fill(url(), "alice", "bob");
        Ran.of("move", url(), target(), "--context", "alice", "--yes");
        String key = folder.resolve("root.key").toString();
        Ran.of("key", "generate", key);

        Ran encrypted = Ran.of("encrypt", url(), "--key-file", key, "--take-over", "--yes");

        assertThat(encrypted.code()).as(encrypted.toString()).isZero();
        assertThat(Ran.of("verify", url(), "--key-file", key).code()).isZero();
    }

    @Test
    @DisplayName("R53 R84 move --take-over fences the owner")
    void move_takeOver() {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            Stores.fill(alice, 20);

            assertThat(Ran.of("move", url(), target(), "--take-over", "--yes").code())
                    .isZero();

            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "x", new byte[1]))
                    .isInstanceOfAny(OwnershipLostException.class, ContextMovedException.class);
        }
        assertThat(Stores.entries(target())).isEqualTo(Map.of("alice", 27L));
    }
}
