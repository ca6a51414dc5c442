package org.example.keystore.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FileBackendTest {

    @TempDir
    private Path temporary;

    private Path folder;
    private ContextAwareBackend backend;

    @BeforeEach
    void open() {
        folder = temporary.resolve("store");
        backend = (ContextAwareBackend) Child.open(folder);
        backend.save("alice", "session", "bob", new byte[] {1});
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    @DisplayName("R43 a file in another entry's place is reported as damage, and never read as that entry's value")
    void load_misplacedFile_isCorrupt() throws Exception {
        backend.save("alice", "session", "carol", new byte[] {2});
        Files.copy(file("alice", "bob"), file("alice", "mallory"));

        assertThatExceptionOfType(CorruptEntryException.class)
                .isThrownBy(() -> backend.load("alice", "session", "mallory"))
                .satisfies(e -> assertThat(e.entry()).isEqualTo(new EntryId("session", "mallory")));
        assertThat(backend.load("alice", "session", "carol")).contains(new byte[] {2});
        assertListingFails("has the header of another entry");

        backend.save("alice", "session", "mallory", new byte[] {3});
        assertThat(backend.load("alice", "session", "mallory")).contains(new byte[] {3});
        assertThat(list("alice")).hasSize(3);
    }

    @Test
    @DisplayName("R43 a file of another context is reported as damage")
    void load_fileOfAnotherContext_isCorrupt() throws Exception {
        backend.save("mallory", "session", "1", new byte[] {2});
        Path misplaced = folder.resolve("entries")
                .resolve(EntryName.folderName("mallory"))
                .resolve(new EntryName("alice", "session", "bob").fileName());
        Files.copy(file("alice", "bob"), misplaced);

        assertThat(backend.load("mallory", "session", "bob")).isEmpty();
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> list("mallory"))
                .withMessageContaining("has the header of another entry");
    }

    @Test
    @DisplayName("R43 an entry whose file is truncated within its name is reported as damage")
    void load_cutFile_isCorrupt() throws Exception {
        Files.write(file("alice", "bob"), new byte[] {0, 5, 'a'});

        assertThatExceptionOfType(CorruptEntryException.class)
                .isThrownBy(() -> backend.load("alice", "session", "bob"));
        assertListingFails("is not the file of an entry");
    }

    @Test
    @DisplayName("R3 an unreadable entry or a missing store is an error, and never an absent entry")
    void load_unreadable_isNeverAbsent() throws Exception {
        Files.createDirectory(file("alice", "carol"));
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> backend.load("alice", "session", "carol"))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(BackendException.Kind.PERMANENT));

        Files.move(folder, temporary.resolve("unmounted"));
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> backend.load("alice", "session", "bob"));
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> list("alice"));
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> list("nobody"));
    }

    @Test
    @DisplayName("a save that fails at its rename is refused, and leaves no temporary file")
    void save_renameFails_leavesNothing() throws Exception {
        Files.createDirectory(file("alice", "carol"));

        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> backend.save("alice", "session", "carol", new byte[] {2}))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(BackendException.Kind.PERMANENT));
        assertThat(folder.resolve("temporary")).isEmptyDirectory();
    }

    @Test
    @DisplayName("an interrupted thread reads, writes and lists, and its flag is preserved")
    void interrupted_everyOperation_goesThrough() {
        backend.save("alice", "session", "gone", new byte[] {1});
        Thread.currentThread().interrupt();
        backend.save("alice", "session", "bob", new byte[] {2});
        backend.save("carol", "session", "1", new byte[] {3});
        backend.delete("alice", "session", "gone");
        assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {2});
        assertThat(list("alice")).containsExactly(new EntryId("session", "bob"));

        assertThat(Thread.interrupted()).isTrue();
        assertThat(backend.load("carol", "session", "1")).contains(new byte[] {3});
    }

    @Test
    @DisplayName("an interrupt during a call does not cut it short, and a listing loses no entry")
    void interrupts_atAnyMoment_leaveEntriesWhole() throws Exception {
        Thread worker = Thread.currentThread();
        AtomicBoolean done = new AtomicBoolean();
        Thread interrupter = new Thread(() -> {
            // The number is limited: on a slow disk, no write might complete between two interrupts.
            for (int i = 0; i < 2_000 && !done.get(); i++) {
                worker.interrupt();
                LockSupport.parkNanos(200_000);
            }
        });
        interrupter.start();
        try {
            for (int i = 0; i < 50; i++) {
                backend.save("alice", "session", "bob", Child.value(i));
                backend.save("alice", "session", "carol " + i % 5, Child.value(i));
                assertThat(backend.load("alice", "session", "bob")).contains(Child.value(i));
                assertThat(list("alice")).hasSize(1 + Math.min(i + 1, 5));
            }
        } finally {
            done.set(true);
            while (interrupter.isAlive()) {
                Thread.interrupted();
                Thread.onSpinWait();
            }
            Thread.interrupted();
        }
        assertThat(folder.resolve("temporary")).isEmptyDirectory();
    }

    @Test
    @DisplayName("files and folders are accessible to their owner only, including the store's folder")
    void permissions_areTheOwners() throws Exception {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) all::iterator) {
                assertThat(PosixFilePermissions.toString(
                                Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS)))
                        .as(path.toString())
                        .isEqualTo(Files.isDirectory(path) ? "rwx------" : "rw-------");
            }
        }
    }

    @Test
    @DisplayName("R28 a closed backend refuses every call, including those of a listing that is being read")
    void closed_refuses() {
        backend.save("alice", "session", "carol", new byte[] {2});
        try (Stream<EntryId> listed = backend.list("alice")) {
            Iterator<EntryId> reading = listed.iterator();
            reading.next();
            backend.close();
            backend.close();
            assertThatIllegalStateException().isThrownBy(reading::next);
        }
        assertThatIllegalStateException().isThrownBy(() -> backend.load("alice", "session", "bob"));
        assertThatIllegalStateException().isThrownBy(() -> backend.save("alice", "session", "bob", new byte[0]));
        assertThatIllegalStateException().isThrownBy(() -> backend.delete("alice", "session", "bob"));
        assertThatIllegalStateException().isThrownBy(() -> list("alice"));
    }

    @Test
    @DisplayName("R44 a folder with other files, or of a newer format, is refused and left unchanged")
    void open_foreignFolder_isLeftAlone() throws Exception {
        Path foreign = Files.createDirectory(temporary.resolve("foreign"));
        Files.createDirectory(foreign.resolve("temporary"));
        Files.writeString(foreign.resolve("temporary").resolve("1"), "mine");
        assertThatExceptionOfType(UnsupportedFormatException.class)
                .isThrownBy(() -> Child.open(foreign))
                .withMessageContaining("is not a store of this kind");
        assertThat(files(foreign)).containsExactly("temporary", "temporary/1");

        Path newer = Files.createDirectory(temporary.resolve("newer"));
        Files.writeString(newer.resolve("format"), "keystore-example-backend 2\n");
        assertThatExceptionOfType(UnsupportedFormatException.class)
                .isThrownBy(() -> Child.open(newer))
                .withMessageContaining("keystore-example-backend 2");
        assertThat(files(newer)).containsExactly("format");

        Path file = Files.writeString(temporary.resolve("file"), "text");
        assertThatExceptionOfType(StoreOpenException.class).isThrownBy(() -> Child.open(file));
        assertThat(file).hasContent("text");
        Path orphan = temporary.resolve("missing").resolve("store");
        assertThatExceptionOfType(StoreOpenException.class).isThrownBy(() -> Child.open(orphan));
        assertThat(orphan.getParent()).doesNotExist();
    }

    @Test
    @DisplayName("R58 a store that must exist and doesn't is refused as not found, and nothing is created")
    void open_mustExist_createsNothing() throws Exception {
        Path missing = temporary.resolve("missing").resolve("store");
        assertThatExceptionOfType(StoreNotFoundException.class)
                .isThrownBy(() -> openExisting(missing))
                .withMessageContaining(missing.toString());
        assertThat(missing.getParent()).doesNotExist();

        Path empty = Files.createDirectory(temporary.resolve("empty"));
        assertThatExceptionOfType(StoreNotFoundException.class).isThrownBy(() -> openExisting(empty));
        assertThat(empty).isEmptyDirectory();

        backend.close();
        try (ContextAwareBackend existing = openExisting(folder)) {
            assertThat(existing.load("alice", "session", "bob")).contains(new byte[] {1});
        }
    }

    private static ContextAwareBackend openExisting(Path folder) {
        return (ContextAwareBackend)
                new FileBackendProvider().open(new BackendConfig("files:" + folder, Map.of(), true));
    }

    @Test
    @DisplayName("R11 a context's folder is forced before it is read for the first time (strace)")
    void load_firstOfAnOpening_forcesTheFolder() throws Exception {
        backend.close();
        String said = trace(Reader.class, folder);
        assertThat(said).contains("true");
        assertThat(temporary.resolve("trace"))
                .content()
                .contains("sync(", "<" + folder.resolve("entries").resolve(EntryName.folderName("alice")) + ">");
    }

    @Test
    @DisplayName(
            "R11 a folder's fsync that failed is not repeated: later changes are refused, and reads continue (strace)")
    void delete_fsyncFails_refusesLaterChanges() throws Exception {
        Path store = temporary.toRealPath().resolve("failing");
        Path context = store.resolve("entries").resolve(EntryName.folderName("alice"));

        // The folder was forced when it was created, and after the save.
        String said = trace(
                FsyncThatFails.class, store, "-P", context.toString(), "-e", "inject=fsync,fdatasync:error=EIO:when=3");

        assertThat(said.lines())
                .satisfiesExactly(
                        line -> assertThat(line).startsWith("first: OUTCOME_UNKNOWN " + context + ": could not fsync"),
                        line -> assertThat(line)
                                .startsWith("second: PERMANENT ")
                                .contains("check the disk"),
                        line -> assertThat(line).startsWith("other: PERMANENT ").contains("check the disk"),
                        line -> assertThat(line).isEqualTo("read: done"));
        assertThat(temporary.resolve("trace")).content().containsOnlyOnce("EIO");
    }

    /** Runs a process on a store, records its fsyncs in the file {@code trace}, and returns what it printed. */
    private String trace(Class<?> main, Path store, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of("strace", "-f", "-y", "-e", "trace=fsync,fdatasync"));
        command.addAll(List.of("-o", temporary.resolve("trace").toString()));
        command.addAll(List.of(options));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName(), store.toString()));
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            process = abort("there is no strace: " + e);
        }
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assumeTrue(process.waitFor() == 0, said);
        return said;
    }

    @Test
    @DisplayName("R31 an error while a store is opened leaves its folder unlocked")
    void open_error_releasesTheFolder() throws Exception {
        backend.close();
        Path real = folder.toRealPath();
        Path failing = (Path) Proxy.newProxyInstance(
                Path.class.getClassLoader(), new Class<?>[] {Path.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("resolve") && arguments[0].equals("format")) {
                        throw new OutOfMemoryError("planted");
                    }
                    return method.invoke(real, arguments);
                });

        assertThatExceptionOfType(OutOfMemoryError.class).isThrownBy(() -> StoreFolder.openAlone(failing));

        backend = (ContextAwareBackend) Child.open(folder);
        assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {1});
    }

    @Test
    @DisplayName("a URL without a folder, and properties, are refused")
    void open_otherForms_areRefused() {
        FileBackendProvider provider = new FileBackendProvider();
        for (String url : List.of("files:", "files: ", "file:store")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> provider.open(new BackendConfig(url, Map.of())))
                    .withMessageContaining("url");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> provider.open(new BackendConfig("files:" + folder, Map.of("password", "x1y"))))
                .withMessageContaining("[password]")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("x1y"));
    }

    private Path file(String context, String id) {
        return folder.resolve("entries")
                .resolve(EntryName.folderName(context))
                .resolve(new EntryName(context, "session", id).fileName());
    }

    private List<EntryId> list(String context) {
        try (Stream<EntryId> listed = backend.list(context)) {
            return listed.toList();
        }
    }

    private void assertListingFails(String why) {
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> list("alice"))
                .withMessageContaining(why);
    }

    private static List<String> files(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.skip(1)
                    .map(path -> folder.relativize(path).toString())
                    .sorted()
                    .toList();
        }
    }
}
