package dev.keystore.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.core.SignalKeyDatabase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.ecc.ECKeyPair;

/** The packaged jar at a pseudo terminal: progress, prompts, and Ctrl-C. */
@Timeout(300)
class TerminalIT {

    /** So many that copying them takes a second at least. */
    private static final int CONTEXTS = 500;

    private static final int SESSIONS = 53;
    private static final long ENTRIES = SESSIONS + 7;

    private static final Pattern ONE_COPIED = Pattern.compile("[1-9]\\d* of 500 contexts");

    @TempDir
    private Path folder;

    private String url() {
        return Stores.sqlite(folder.resolve("keys.db"));
    }

    private void fillMany() {
        try (SignalKeyDatabase database = SignalKeyDatabase.open("mapdb:" + folder.resolve("many"))) {
            for (int i = 0; i < CONTEXTS; i++) {
                Stores.fill(database.forContext("account " + i), SESSIONS);
            }
        }
    }

    @Test
    @DisplayName("R90 a copy shows a bar, ends at Ctrl-C with exit code 4, and is completed by the same command")
    void copy_ctrlC_continues() throws Exception {
        fillMany();
        String source = "mapdb:" + folder.resolve("many");
        String target = url();
        try (Pty terminal = Pty.start("copy", source, target)) {
            terminal.await(ONE_COPIED.asPredicate());
            terminal.type(String.valueOf(Pty.CTRL_C));

            assertThat(terminal.exitCode()).as(terminal.shown()).isEqualTo(ExitCodes.INTERRUPTED);
            assertThat(terminal.shown())
                    .contains("\r[", "entries/s", "keystore copy: interrupted")
                    .contains("Run the same command again to continue.");
        }
        Map<String, Long> partly = Stores.entries(target);
        assertThat(partly).hasSizeBetween(1, CONTEXTS - 1);
        assertThat(partly.values()).as("each context whole or not at all").containsOnly(ENTRIES);

        try (Pty terminal = Pty.start("copy", source, target)) {
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
            assertThat(terminal.shown()).contains("already there: ", "In the target, verified: 30,000 entries");
        }
        assertThat(Stores.entries(target)).isEqualTo(Stores.entries(source));
    }

    @Test
    @DisplayName("a bar is drawn at the terminal, and not into a file that the error output goes to")
    void copy_errorsToAFile_holdNoBar() throws Exception {
        fillMany();
        Path log = folder.resolve("errors.log");
        try (Pty terminal = Pty.startWithErrorsTo(log, "copy", "mapdb:" + folder.resolve("many"), url())) {
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
            assertThat(terminal.shown()).contains("\r[", "In the target, verified: 30,000 entries");
        }
        assertThat(log).content().doesNotContain("\r", "[#", "[.");
    }

    @Test
    @DisplayName("R80 Ctrl-C in a backup ends it with exit code 4 and leaves no file; the same command completes it")
    void backup_ctrlC_runsAgain() throws Exception {
        fillMany();
        String source = "mapdb:" + folder.resolve("many");
        Path backups = Files.createDirectory(folder.resolve("backups"));
        Path file = backups.resolve("keys.backup");
        try (Pty terminal = Pty.start("backup", source, file.toString())) {
            terminal.await(ONE_COPIED.asPredicate());
            terminal.type(String.valueOf(Pty.CTRL_C));

            assertThat(terminal.exitCode()).as(terminal.shown()).isEqualTo(ExitCodes.INTERRUPTED);
            assertThat(terminal.shown()).contains("keystore backup: interrupted", "There is no new backup.");
        }
        assertThat(backups).isEmptyDirectory();

        try (Pty terminal = Pty.start("backup", source, file.toString())) {
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
        }
        assertThat(Stores.entries(Stores.sqlite(file))).isEqualTo(Stores.entries(source));
    }

    @Test
    @DisplayName("R18 erase asks for the name of the context: another answer changes nothing, the right one erases")
    void erase_asks() throws Exception {
        Stores.fill(url(), " alice ", "bob");
        try (Pty terminal = Pty.start("erase", url(), " alice ")) {
            terminal.await(shown -> shown.contains("Type  alice  to confirm:"));
            terminal.type("yes\n");
            assertThat(terminal.exitCode()).isEqualTo(ExitCodes.FAILED);
            assertThat(terminal.shown())
                    .contains("\r\n  session: 20\r\n", "Not confirmed; nothing was changed")
                    .doesNotContain("\\u000a");
        }
        assertThat(Stores.entries(url())).hasSize(2);
        try (Pty terminal = Pty.start("erase", url(), " alice ")) {
            terminal.await(shown -> shown.contains("to confirm:"));
            terminal.type("alice\n");
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
        }
        assertThat(Stores.entries(url())).containsOnlyKeys("bob");
    }

    @Test
    @DisplayName("import offers to rename the source before it begins: Ctrl-C changes nothing, y renames it")
    void import_offersToRename() throws Exception {
        Path source = Baileys.copy(folder.resolve("auth_info_baileys"));
        try (Pty terminal = Pty.start("import", "baileys", source.toString(), url(), "--context", "alice")) {
            terminal.await(shown -> shown.contains("[y/N]"));
            terminal.type(String.valueOf(Pty.CTRL_C));
            assertThat(terminal.exitCode()).isEqualTo(130);
        }
        assertThat(folder.resolve("keys.db")).doesNotExist();
        assertThat(source).exists();
        try (Pty terminal = Pty.start("import", "baileys", source.toString(), url(), "--context", "alice")) {
            terminal.await(shown -> shown.contains("[y/N]"));
            terminal.type("y\n");
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
            assertThat(terminal.shown()).contains("Imported, verified", "Renamed to ");
        }
        assertThat(source).doesNotExist();
        assertThat(folder.resolve("auth_info_baileys.imported")).isNotEmptyDirectory();
    }

    @Test
    @DisplayName("an account of signal-cli, whose file holds another one, is imported without an offer to rename it")
    void import_ofOneOfTwoAccounts() throws Exception {
        Path source = SignalCli.write(folder, ECKeyPair.generate());
        try (Pty terminal =
                Pty.start("import", "signal-cli", source.toString(), url(), "--context", "alice", "--account", "aci")) {
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
            assertThat(terminal.shown()).contains("Imported, verified").doesNotContain("[y/N]");
        }
        assertThat(source).exists();
    }

    @Test
    @DisplayName("R76 the password of a database is asked for, once, and not shown")
    void password_isAskedFor() throws Exception {
        try (Pty terminal = Pty.start("compact", "jdbc:postgresql://127.0.0.1:1/x?user=u", "--password")) {
            terminal.await(shown -> shown.contains("Password of the database: "));
            terminal.type("correct horse\n");
            assertThat(terminal.exitCode()).as(terminal.shown()).isEqualTo(ExitCodes.FAILED);
            assertThat(terminal.shown()).contains("127.0.0.1:1").doesNotContain("horse");
        }
    }

    @Test
    @DisplayName("R76 a passphrase that is asked for is not shown; Ctrl-C at the prompt changes nothing")
    void passphrase_isAskedFor() throws Exception {
        Stores.fill(url(), "alice");
        try (Pty terminal = Pty.start("encrypt", url(), "--passphrase")) {
            terminal.await(shown -> shown.contains("assphrase: "));
            terminal.type(String.valueOf(Pty.CTRL_C));
            assertThat(terminal.exitCode()).isEqualTo(130);
        }
        assertThat(Stores.entries(url())).hasSize(1);
        try (Pty terminal = Pty.start("encrypt", url(), "--passphrase")) {
            terminal.await(shown -> shown.contains("assphrase: "));
            terminal.type("correct horse\n");
            terminal.await(shown -> shown.contains("Once more: "));
            terminal.type("correct horse\n");
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
            assertThat(terminal.shown()).contains("rewritten: 27").doesNotContain("horse");
        }
        try (Pty terminal = Pty.start("verify", url(), "--passphrase")) {
            terminal.await(shown -> shown.contains("assphrase: "));
            terminal.type("correct horse\n");
            assertThat(terminal.exitCode()).as(terminal.shown()).isZero();
            assertThat(terminal.shown())
                    .contains("1 context, 27 entries", "intact")
                    .doesNotContain("horse");
        }
    }
}
