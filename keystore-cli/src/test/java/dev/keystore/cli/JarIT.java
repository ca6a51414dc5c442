package dev.keystore.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalAccount;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.example.keystore.files.FileBackendProvider;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.state.PreKeyRecord;

/** The packaged jar, as a file and as a process. */
@Timeout(120)
class JarIT {

    @TempDir
    private Path folder;

    private String filled() {
        String url = Stores.sqlite(folder.resolve("keys.db"));
        Stores.fill(url, "alice", "bob");
        return url;
    }

    private static List<String> names() throws Exception {
        try (JarFile jar = new JarFile(JarProcess.JAR.toFile())) {
            return jar.stream().map(ZipEntry::getName).toList();
        }
    }

    private static String resource(String name) throws Exception {
        try (JarFile jar = new JarFile(JarProcess.JAR.toFile())) {
            return new String(jar.getInputStream(jar.getEntry(name)).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    @DisplayName("each class of the jar is of a part that THIRD-PARTY.txt lists with its licence, none under the AGPL")
    void parts_areListed() throws Exception {
        String list = resource("META-INF/THIRD-PARTY.txt");
        List<String> packages = list.lines()
                .dropWhile(line -> !line.startsWith("packages "))
                .skip(1)
                .map(line -> line.split(" ", 2)[0])
                .toList();
        assertThat(packages).hasSizeGreaterThan(10);
        Set<String> unlisted = names().stream()
                .filter(name -> name.endsWith(".class"))
                .map(name -> name.replaceFirst("META-INF/versions/\\d+/", ""))
                .filter(name -> packages.stream().noneMatch(each -> name.startsWith(each + "/")))
                .collect(Collectors.toSet());
        assertThat(unlisted).isEmpty();
        assertThat(packages).allMatch(each -> containsPackage(each));
        assertThat(list).doesNotContain("AGPL", "GPL");
    }

    private static boolean containsPackage(String name) {
        try {
            return names().stream().anyMatch(each -> each.startsWith(name + "/"));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    @DisplayName(
            "the build leaves one file to run, which refers to no other; without its parts it is original-keystore")
    void jar_standsAlone() throws Exception {
        try (Stream<Path> files = Files.list(JarProcess.JAR.toAbsolutePath().getParent());
                JarFile jar = new JarFile(JarProcess.JAR.toFile())) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .filteredOn(name -> name.endsWith(".jar"))
                    .containsOnly("keystore.jar", "original-keystore.jar");
            assertThat(jar.getManifest().getMainAttributes())
                    .doesNotContainKey(Attributes.Name.CLASS_PATH)
                    .containsEntry(Attributes.Name.MAIN_CLASS, "dev.keystore.cli.Main");
        }
    }

    @Test
    @DisplayName("the jar holds the licences and notices of its parts, all providers, and no module descriptor")
    void resources_areMerged() throws Exception {
        assertThat(resource("META-INF/services/dev.keystore.spi.BackendProvider")
                        .lines())
                .containsExactlyInAnyOrder(
                        "dev.keystore.jdbc.SqliteBackendProvider",
                        "dev.keystore.jdbc.PostgresBackendProvider",
                        "dev.keystore.mapdb.MapdbBackendProvider");
        assertThat(resource("META-INF/services/java.sql.Driver")).contains("org.sqlite.JDBC", "org.postgresql.Driver");
        assertThat(resource("META-INF/services/dev.keystore.spi.SealingProvider"))
                .contains("dev.keystore.encryption.EncryptionProperties");
        assertThat(resource("META-INF/LICENSE")).contains("Apache License", "PostgreSQL Global Development Group");
        assertThat(resource("META-INF/LICENSE.txt")).contains("QOS.ch");
        assertThat(resource("META-INF/LICENSE.md")).contains("Bouncy Castle");
        assertThat(resource("META-INF/NOTICE")).contains("Copyright The Keystore authors");
        assertThat(names())
                .contains("LICENSE-EPL-1.0.txt", "LICENSE-EDL-1.0.txt")
                .noneMatch(name -> name.endsWith("module-info.class"));
    }

    /** R53: commands that only look read what an owner has committed, and leave it the context; others refuse. */
    private void assertReadAlongsideOwner(String url) throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            SignalKeyStore alice = database.forContext("alice");
            Stores.fill(alice, 20);

            Ran other = JarProcess.run("contexts", url); // another process
            assertThat(other.code()).as(other.toString()).isZero();
            assertThat(other.out().lines().toList())
                    .hasSize(2)
                    .last()
                    .asString()
                    .contains("(alive)", "1:1", "alice");
            String copy = Stores.sqlite(folder.resolve("copy.db"));
            for (String[] looking : new String[][] {
                {"contexts", url},
                {"inspect", url},
                {"verify", url},
                {"copy", url, copy, "--dry-run"},
                {"move", url, copy, "--dry-run"}
            }) {
                Ran ran = Ran.of(looking);
                assertThat(ran.code()).as(ran.toString()).isZero();
                assertThat(ran.out()).contains("27");
            }
            for (String[] writing :
                    new String[][] {{"erase", url, "alice", "--yes"}, {"copy", url, copy}, {"move", url, copy, "--yes"}
                    }) {
                Ran ran = Ran.of(writing);
                assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
                assertThat(ran.err()).contains("in use by process");
            }
            alice.delete(KeyTypes.SESSION, "bob.1"); // it still owns the context
            Ran read = Ran.of("verify", url, "alice");
            assertThat(read.out()).contains("26 entries", ": intact");
        }
    }

    @Test
    @DisplayName("the jar works on SQLite, MapDB and PostgreSQL, with passwords from the environment")
    void commands_onAllBackends() throws Exception {
        String url = filled();
        Map<String, Long> entries = Stores.entries(url);
        String mapdb = "mapdb:" + folder.resolve("mapdb");
        Ran toMapdb = JarProcess.run("copy", url, mapdb);
        assertThat(toMapdb.code()).as(toMapdb.toString()).isZero();
        assertThat(toMapdb.warnings()).isEmpty();
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setPGStartupWait(Duration.ofMinutes(1))
                .start()) {
            String postgres =
                    "jdbc:postgresql://localhost:" + server.getPort() + "/postgres?user=postgres&sslmode=disable";
            Map<String, String> environment = Map.of("STORE_PASSWORD", "pw-5f1c", "STORE_PASSPHRASE", "seven words");

            Ran ran = JarProcess.run(
                    environment,
                    "copy",
                    mapdb,
                    postgres,
                    "--target-password-env",
                    "STORE_PASSWORD",
                    "--target-passphrase-env",
                    "STORE_PASSPHRASE",
                    "--json");

            assertThat(ran.code()).as(ran.toString()).isZero();
            assertThat(ran.json().get("entries").asLong()).isEqualTo(54);
            Ran verified =
                    JarProcess.run(environment, "verify", postgres, "--passphrase-env", "STORE_PASSPHRASE", "--json");
            assertThat(verified.code()).as(verified.toString()).isZero();
            assertThat(verified.json().get("entries").asLong()).isEqualTo(54);
            Ran compacted = JarProcess.run(environment, "compact", postgres, "--passphrase-env", "STORE_PASSPHRASE");
            assertThat(compacted.code()).isEqualTo(ExitCodes.FAILED);
            assertThat(compacted.err()).contains("nothing was changed");
            try (Connection connection = DriverManager.getConnection(postgres);
                    Statement statement = connection.createStatement()) {
                statement.execute("CREATE DATABASE owned");
                statement.execute("CREATE SCHEMA whatsmeow");
                statement.execute("CREATE TABLE whatsmeow.whatsmeow_version (version INTEGER)");
                statement.execute("INSERT INTO whatsmeow.whatsmeow_version VALUES (15)");
                statement.execute("CREATE TABLE whatsmeow.whatsmeow_device (jid TEXT, registration_id BIGINT, noise_key"
                        + " bytea, identity_key bytea, signed_pre_key bytea, signed_pre_key_id INTEGER,"
                        + " signed_pre_key_sig bytea)");
                statement.execute("INSERT INTO whatsmeow.whatsmeow_device VALUES ('1:7@s.whatsapp.net', 5,"
                        + " decode(repeat('01', 32), 'hex'), decode(repeat('02', 32), 'hex'),"
                        + " decode(repeat('03', 32), 'hex'), 1, decode(repeat('04', 64), 'hex'))");
            }
            assertReadAlongsideOwner(postgres.replace("/postgres?", "/owned?"));
            Ran imported = JarProcess.run(
                    environment,
                    "import",
                    "whatsmeow",
                    postgres + "&currentSchema=whatsmeow",
                    url,
                    "--context",
                    "imported",
                    "--source-password-env",
                    "STORE_PASSWORD",
                    "--json");
            // The other tables are missing, and named.
            assertThat(imported.code()).as(imported.toString()).isEqualTo(ExitCodes.FINDINGS);
            assertThat(imported.json()
                            .get("types")
                            .get("signed-pre-key")
                            .get("entries")
                            .asInt())
                    .isEqualTo(1);
            assertThat(ran + "" + verified + compacted + imported).doesNotContain("pw-5f1c", "seven words");
        }
        assertThat(Stores.entries(mapdb)).isEqualTo(entries);
    }

    @Test
    @DisplayName("further backends are found in a folder of jars")
    void backends_ofAFolder() throws Exception {
        String url = filled();
        String backends = jars(FileBackendProvider.class);
        String target = new FileBackendProvider().scheme() + ":" + folder.resolve("copy");
        Ran unknown = JarProcess.run("copy", url, target, "--context", "alice");
        assertThat(unknown.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(unknown.err()).contains("No backend is registered");

        Ran ran = JarProcess.run("copy", url, target, "--context", "alice", "--backends", backends);
        assertThat(ran.code()).as(ran.toString()).isZero();

        try (SignalKeyDatabase database = SignalKeyDatabase.open(target)) {
            assertThat(database.forExistingContext("alice").verify()).isEmpty();
        }
    }

    @Test
    @DisplayName("R84 an account of keystore-libsignal is restored with its jars in --backends, and issues no id twice")
    void restore_accountOfLibsignal() throws Exception {
        String url = Stores.sqlite(folder.resolve("keys.db"));
        String file = folder.resolve("keys.backup").toString();
        String target = Stores.sqlite(folder.resolve("new.db"));
        int last;
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            SignalAccount alice = SignalAccount.create(database.forContext("alice"));
            last = alice.generatePreKeys(10).get(9).getId();
        }
        assertThat(JarProcess.run("backup", url, file).code()).isZero();
        Ran refused = JarProcess.run("restore", file, target, "--yes");
        assertThat(refused.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(refused.err()).contains("holds an account of keystore-libsignal", "--backends FOLDER");

        String backends = jars(SignalAccount.class, PreKeyRecord.class);
        Ran restored = JarProcess.run("restore", file, target, "--yes", "--json", "--backends", backends);

        assertThat(restored.code()).as(restored.toString()).isZero();
        assertThat(restored.json().get("dropped").get("pre-key").asLong()).isEqualTo(10);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(target)) {
            SignalAccount alice = SignalAccount.open(database.forExistingContext("alice"));
            assertThat(alice.needsUpload()).isTrue();
            int next = alice.generatePreKeys(1).get(0).getId();
            assertThat(Math.floorMod(next - last, 0xFFFFFE)).isGreaterThan(1_000_000); // ids begin again after the last
        }
    }

    /** Returns a folder with the jars of classes. */
    private String jars(Class<?>... classes) throws Exception {
        Path jars = Files.createDirectory(folder.resolve("backends"));
        for (Class<?> each : classes) {
            Path source = Path.of(
                    each.getProtectionDomain().getCodeSource().getLocation().toURI());
            Path jar = jars.resolve(each.getSimpleName() + ".jar");
            if (Files.isDirectory(source)) {
                zip(source, jar);
            } else {
                Files.copy(source, jar);
            }
        }
        return jars.toString();
    }

    private static void zip(Path classes, Path jar) throws Exception {
        try (OutputStream out = Files.newOutputStream(jar);
                ZipOutputStream zip = new ZipOutputStream(out);
                Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                zip.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
                zip.write(Files.readAllBytes(file));
            }
        }
    }

    @Test
    @DisplayName("R91 R93 the jar imports a folder of Baileys, converts its sessions, and exports it again")
    void transfer_ofAFolder() throws Exception {
        Path source = Baileys.copy(folder.resolve("auth_info_baileys"));
        String url = Stores.sqlite(folder.resolve("keys.db"));
        String target = folder.resolve("exported").toString();

        Ran imported = JarProcess.run("import", "baileys", source.toString(), url, "--context", "alice", "--json");
        Ran exported = JarProcess.run("export", "baileys", url, target, "--context", "alice", "--json");
        Ran converted = JarProcess.run(
                "import", "baileys", source.toString(), url, "--context", "bob", "--convert-sessions", "--json");

        assertThat(imported.code()).as(imported.toString()).isZero();
        assertThat(exported.code()).as(exported.toString()).isZero();
        assertThat(Baileys.trees(Path.of(target))).isEqualTo(Baileys.trees(source));
        assertThat(converted.code()).as(converted.toString()).isZero();
        assertThat(converted.json().get("fates").get("CONVERTED").asInt()).isEqualTo(5);
    }

    @Test
    @DisplayName("the exit code of the process is that of the command; help and version work")
    void exitCodes() throws Exception {
        assertThat(JarProcess.run("verify", filled()).code()).isZero();
        assertThat(JarProcess.run("verify").code()).isEqualTo(ExitCodes.USAGE);
        Ran missing = JarProcess.run("verify", Stores.sqlite(folder.resolve("missing.db")));
        assertThat(missing.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(missing.out()).isEmpty();
        Ran version = JarProcess.run("--version");
        assertThat(version.code()).isZero();
        assertThat(version.out()).matches("keystore \\d.*\\R");
    }

    @Test
    @DisplayName("the classes of the jar are those of this build")
    void jar_isCurrent() throws Exception {
        try (FileSystem jar = FileSystems.newFileSystem(JarProcess.JAR)) {
            byte[] packaged = Files.readAllBytes(jar.getPath("dev/keystore/cli/Main.class"));
            Path built = Path.of(Main.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            if (Files.isDirectory(built)) {
                assertThat(packaged).isEqualTo(Files.readAllBytes(built.resolve("dev/keystore/cli/Main.class")));
            } else {
                assertThat(built).isEqualTo(JarProcess.JAR.toAbsolutePath());
            }
        }
    }
}
