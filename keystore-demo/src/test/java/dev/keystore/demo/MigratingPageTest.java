package dev.keystore.demo;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the examples of the page on migrating, on a folder that Baileys wrote. */
class MigratingPageTest {

    private static final Path PAGE = Path.of("../docs/migrating.md");
    private static final Path DATA = Path.of("../keystore-interop/src/test/resources/baileys/7.0.0-rc14/bot-a");

    @TempDir
    private Path folder;

    @Test
    @DisplayName("the Java examples of the page run one after the other: import, then a message, then the way back")
    void examples_run() throws Exception {
        Path source = Files.createDirectory(folder.resolve("auth_info_baileys"));
        try (var files = Files.list(DATA)) {
            for (Path file : files.toList()) {
                Files.copy(file, source.resolve(file.getFileName()));
            }
        }
        List<String> examples = PageExamples.blocks(PAGE, "java");
        assertThat(examples).hasSize(6);
        PageExamples page = new PageExamples(folder);

        assertThat(page.run("Import", examples.get(0))).isEqualTo("tctoken-915550100003@lid.json: CARRIED ");
        page.run("Message", examples.get(5));
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("keys.db"))) {
            SignalKeyStore alice = database.forContext("alice");
            assertThat(alice.find(KeyTypes.PRE_KEY, "17")).isEmpty();
            assertThat(alice.find(KeyTypes.SESSION, "15550100002.7")).isPresent();
        }
        Path accounts = Files.createDirectories(folder.resolve("signal-cli/data"));
        Files.writeString(accounts.resolve("accounts.json"), "{\"version\":2,\"accounts\":[]}");
        page.run("SignalCli", examples.get(3));
        assertThat(page.run("Export", examples.get(1))).isEqualTo("true");
        page.run("ExportEverything", examples.get(2));
        assertThat(folder.resolve("alice.jsonl")).isNotEmptyFile();
        try (var exported = Files.list(folder.resolve("auth_info_exported"));
                var imported = Files.list(DATA)) {
            assertThat(exported).hasSize((int) imported.count() - 1);
        }
        page.run("SenderKeys", examples.get(4));
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("keys.db"));
                Stream<String> ids = database.forContext("alice").ids(KeyTypes.SENDER_KEY, "")) {
            UUID distribution = UUID.nameUUIDFromBytes("120363000000000001@g.us".getBytes(UTF_8));
            assertThat(ids)
                    .containsExactlyInAnyOrder(
                            distribution + ":15550100001.7",
                            distribution + ":15550100002.7",
                            distribution + ":15550100003.7");
        }
    }
}
