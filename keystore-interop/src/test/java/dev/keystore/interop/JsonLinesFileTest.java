package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.TcToken;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import dev.keystore.interop.TransferReport.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonLinesFileTest {

    private static final KeyType<byte[]> PUSH = KeyType.ofBytes("push-token");

    @TempDir
    Path temporary;

    private SignalKeyDatabase database;
    private SignalKeyStore alice;
    private Path file;

    @BeforeEach
    void fill() {
        database = Samples.database(temporary);
        alice = database.forContext("alice");
        file = temporary.resolve("alice.jsonl");
        KeyPair pair = new KeyPair(new byte[33], new byte[] {1, 2});
        Map<String, Boolean> flags = new LinkedHashMap<>(Map.of("b.1", true));
        flags.put("a.1", false);
        alice.put(KeyTypes.SESSION, "bob / ü.1", new byte[] {1, 2, 3});
        alice.put(KeyTypes.SESSION, "empty", new byte[0]);
        alice.put(KeyTypes.PRE_KEY, "1", pair);
        alice.put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(pair, new byte[64], -5));
        alice.put(KeyTypes.KYBER_PRE_KEY, "1", new byte[] {7});
        alice.put(KeyTypes.SENDER_KEY, "g::u::1", new byte[] {8});
        alice.put(KeyTypes.SENDER_KEY_MEMORY, "g", flags);
        alice.put(KeyTypes.IDENTITY_KEY, "bob.1", new byte[] {5});
        alice.put(KeyTypes.APP_STATE_SYNC_KEY, "AAAA", new byte[] {6});
        alice.put(
                KeyTypes.APP_STATE_SYNC_VERSION,
                "regular",
                new AppStateSyncVersion(Long.MAX_VALUE, new byte[] {9}, Map.of("index", new byte[] {1})));
        alice.put(KeyTypes.LID_MAPPING, "1", "2\n");
        alice.put(KeyTypes.DEVICE_LIST, "1", List.of("0", "7", "0"));
        alice.put(KeyTypes.TC_TOKEN, "1", new TcToken(new byte[] {1}, OptionalLong.empty(), OptionalLong.of(-3)));
        alice.put(PUSH, "1", new byte[] {4});
        alice.saveCredentials(new byte[] {0, -1});
    }

    @AfterEach
    void close() {
        database.close();
    }

    private TransferReport export() {
        return AccountExport.from(alice).including(PUSH).to(JsonLinesFile.at(file));
    }

    @Test
    @DisplayName("R91 R93 what is exported as JSON Lines is imported with the same ids and values, of every type")
    void roundTrip_ofEveryType() {
        TransferReport out = export();
        SignalKeyStore bob = database.forContext("bob");
        TransferReport dry = AccountImport.from(JsonLinesFile.at(file)).dryRun(bob);
        assertThat(Samples.isEmpty(bob)).isTrue();
        TransferReport in = AccountImport.from(JsonLinesFile.at(file)).to(bob);

        assertThat(in.isComplete()).as("%s", in.items()).isTrue();
        assertThat(in.items()).hasSize(15).isEqualTo(dry.items());
        assertThat(in.types()).isEqualTo(out.types()).hasSize(14);
        assertThat(bob.find(KeyTypes.SENDER_KEY_MEMORY, "g").orElseThrow().keySet())
                .containsExactly("b.1", "a.1");
        assertThat(bob.find(PUSH, "1")).isPresent();
        assertThat(Difference.between(Samples.read(JsonLinesFile.at(file)), alice))
                .isNull();
        assertThat(AccountImport.from(JsonLinesFile.at(file)).to(bob).outcome()).isEqualTo(Outcome.ALREADY_THERE);
    }

    @Test
    @DisplayName("R93 what imports keep beyond the standard types is exported without naming it")
    void export_hasTheTypesOfImports() {
        List<KeyType<byte[]>> types =
                List.of(WhatsmeowDatabase.DETAILS, SignalCliAccount.DETAILS, BaileysFolder.UNKNOWN_FILE);
        types.forEach(type -> alice.put(type, "one", new byte[] {3}));

        TransferReport out = AccountExport.from(alice).to(JsonLinesFile.at(file));

        SignalKeyStore bob = database.forContext("bob");
        assertThat(AccountImport.from(JsonLinesFile.at(file)).to(bob).types()).isEqualTo(out.types());
        assertThat(types).allMatch(type -> bob.find(type, "one").isPresent());
        assertThat(bob.find(PUSH, "1")).isEmpty();
    }

    @Test
    @DisplayName("R92 a file of which any byte was changed, or the end is missing, is refused as a whole")
    void damagedFile_isRefused() throws Exception {
        export();
        byte[] whole = Files.readAllBytes(file);
        SignalKeyStore bob = database.forContext("bob");
        for (int at = 0; at < whole.length - 1; at += 11) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 1;
            Files.write(file, damaged);
            assertRefused("byte " + at);
            Files.write(file, Arrays.copyOf(whole, at));
            assertRefused("cut at " + at);
        }
        assertThat(Samples.isEmpty(bob)).isTrue();
    }

    private void assertRefused(String damage) {
        assertThatExceptionOfType(ForeignStoreException.class)
                .as(damage)
                .isThrownBy(() -> Samples.read(JsonLinesFile.at(file)))
                .withMessageContaining("could not import it");
    }

    @Test
    @DisplayName("R92 a file of a newer version is refused by version, with the version that is known")
    void newerVersion_isRefused() throws Exception {
        write("{\"format\":\"keystore\",\"version\":2,\"context\":\"a\"}");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(JsonLinesFile.at(file)))
                .withMessageContaining("it is of version 2; known is version 1");
    }

    /** Writes lines with a last line that matches. */
    private void write(String... lines) throws Exception {
        String all = String.join("\n", lines) + "\n";
        String sha256 = HexFormat.of().formatHex(Sha256.of(all.getBytes(UTF_8)));
        Files.writeString(file, all + "{\"entries\":" + (lines.length - 1) + ",\"sha256\":\"" + sha256 + "\"}\n");
    }

    @Test
    @DisplayName("R92 a line that cannot be used is named with its number, and the others are imported")
    void wrongLine_isNamed() throws Exception {
        write(
                "{\"format\":\"keystore\",\"version\":1}",
                "{\"type\":\"session\",\"id\":\"a.1\",\"value\":\"AQ==\"}",
                "{\"type\":\"session\",\"id\":\"a.1\",\"value\":\"AQ==\"}",
                "{\"type\":\"session\",\"id\":\" \",\"value\":\"AQ==\"}",
                "{\"type\":\"session\",\"id\":\"b.1\",\"value\":\"A\"}",
                "{\"type\":\"pre-key\",\"id\":\"1\",\"value\":\"AQ==\"}",
                "{\"type\":\"../x\",\"id\":\"1\",\"value\":\"AQ==\"}",
                "{\"type\":\"lid-mapping\",\"id\":\"1\",\"value\":\"\\ud800\"}",
                "{\"type\":\"lid-mapping\",\"id\":\"\\ud800\",\"value\":\"1\"}",
                "{\"type\":\"session\",\"id\":\"c.1\",\"value\":\"AQ==\",\"more\":1}",
                "17",
                "{\"type\":\"session\",\"id\":\"d.1\",\"value\":\"AQ==\"}");
        SignalKeyStore bob = database.forContext("bob");

        TransferReport report = AccountImport.from(JsonLinesFile.at(file)).to(bob);

        assertThat(report.items(Fate.CARRIED)).extracting(TransferItem::name).containsExactly("line 12", "line 2");
        assertThat(report.items(Fate.DAMAGED)).hasSize(9);
        assertThat(bob.find(KeyTypes.SESSION, "d.1")).isPresent();
    }

    @Test
    @DisplayName("R92 a file that is written while it is read is refused, and so is one that continues after its end")
    void changingFile_isRefused() throws Exception {
        export();
        SignalKeyStore bob = database.forContext("bob");
        AccountImport changing = AccountImport.from(JsonLinesFile.at(file)).listener(progress -> {
            if (progress.items() == 3) {
                Samples.changeOneByte(file);
            }
        });
        assertThatExceptionOfType(ForeignStoreException.class).isThrownBy(() -> changing.to(bob));
        Files.delete(file);
        export();
        byte[] whole = Files.readAllBytes(file);
        AccountImport replaced = AccountImport.from(JsonLinesFile.at(file)).listener(progress -> {
            if (progress.items() == 15) {
                replace();
            }
        });
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> replaced.to(bob))
                .withMessageContaining("it was changed while it was read");
        assertThat(Samples.isEmpty(bob)).isTrue();
        Files.write(file, whole);
        Files.writeString(file, "\n{}\n", StandardOpenOption.APPEND);
        assertRefused("more lines");
    }

    /** Replaces the file by another one that is complete. */
    private void replace() {
        try {
            write("{\"format\":\"keystore\",\"version\":1}", "{\"type\":\"lid-mapping\",\"id\":\"1\",\"value\":\"1\"}");
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    @DisplayName("a file that exists is not replaced")
    void existingFile_isRefused() throws Exception {
        Files.writeString(file, "mine");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(this::export)
                .withMessageContaining("it exists");
        assertThat(file).hasContent("mine");
    }

    @Test
    @DisplayName("R92 a line of millions of values is refused before it fills the memory")
    void lineOfManyValues_isDamaged() throws Exception {
        String many = "{},".repeat(1_000_000) + "{}";
        write(
                "{\"format\":\"keystore\",\"version\":1}",
                "{\"type\":\"session\",\"id\":\"a.1\",\"value\":[" + many + "]}");

        assertThat(Samples.read(JsonLinesFile.at(file)).items())
                .singleElement()
                .satisfies(item -> assertThat(item.reason()).startsWith("it is not JSON that can be read"));
    }

    @Test
    @DisplayName("R92 a pipe is refused, not waited for")
    void pipe_isRefused() throws Exception {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/usr/bin/mkfifo")));
        assertThat(new ProcessBuilder("/usr/bin/mkfifo", file.toString())
                        .start()
                        .waitFor())
                .isZero();
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertRefused("a pipe"));
    }

    @Test
    @DisplayName("an import that replaces erases a context that holds entries of other types only")
    void replacing_erasesOtherTypes() {
        export();
        SignalKeyStore bob = database.forContext("bob");
        KeyType<byte[]> other = KeyType.ofBytes("other");
        bob.put(other, "1", new byte[] {5});

        AccountImport.from(JsonLinesFile.at(file)).replacing().to(bob);

        assertThat(bob.find(other, "1")).isEmpty();
        assertThat(bob.find(KeyTypes.SESSION, "empty")).isPresent();
    }

    @Test
    @DisplayName("R93 with the types that an inspection finds, everything that a context holds is exported")
    void export_ofEveryType() {
        AccountExport everything = AccountExport.from(alice);
        database.inspection()
                .inspect("alice")
                .types()
                .keySet()
                .forEach(name -> everything.including(KeyType.ofBytes(name)));
        everything.to(JsonLinesFile.at(file));

        SignalKeyStore bob = database.forContext("bob");
        AccountImport.from(JsonLinesFile.at(file)).to(bob);

        assertThat(bob.find(PUSH, "1")).isPresent();
        assertThat(database.inspection().inspect("bob").types())
                .isEqualTo(database.inspection().inspect("alice").types());
    }
}
