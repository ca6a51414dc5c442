package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.EntryId;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PersistenceBackend;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Correct backends survive crashes; each broken one is detected, and the message names its fault (R64). */
@Timeout(120)
class BrokenCrashesTest {

    private static final int KILLS = 3;
    private static final int MAXIMUM_KILLS = 40;
    private static final int ATTEMPTS = 5;

    @TempDir
    private Path folder;

    private final long seed = Long.getLong("crash.seed", System.nanoTime());

    @BeforeEach
    void requireStrace() throws Exception {
        Optional<String> obstacle = CrashTracer.obstacle(folder);
        Assumptions.assumeTrue(obstacle.isEmpty(), obstacle::toString);
    }

    @Test
    @DisplayName("R64 a correct backend with groups survives kills")
    void groups() {
        assertThatCode(() -> survive(new Groups())).doesNotThrowAnyException();
    }

    @Test
    @DisplayName("R64 a correct backend with one context and single writes survives kills")
    void singleWrites() {
        assertThatCode(() -> survive(new SingleWrites())).doesNotThrowAnyException();
    }

    @Test
    @DisplayName("R64 a backend that acknowledges before it writes is detected: it loses a commit")
    void acknowledgesEarly() throws Exception {
        assertDetected(new AcknowledgesEarly(), "lost: commit \\d+ of thread \\d was acknowledged, but .*");
    }

    @Test
    @DisplayName("R64 a backend that writes a commit in steps is detected: it tears the commit")
    void writesInSteps() throws Exception {
        assertDetected(
                new WritesInSteps(), "commit \\d+ of thread \\d is torn: \\[the .*\\] is there, \\[the .*\\] is not");
    }

    @Test
    @DisplayName("R64 a backend that forgets deletes is detected: deleted entries come back")
    void forgetsRemovals() throws Exception {
        assertDetected(
                new ForgetsRemovals(),
                "lost: commit \\d+ of thread \\d was acknowledged, but .*, which it deleted, holds the value of commit"
                        + " \\d+");
    }

    @Test
    @DisplayName("R64 a backend with keys and values in two files is detected: a key gets another key's value")
    void mixesUp() throws Exception {
        assertDetected(new MixesUp(), ".* holds the value of another key, written by commit \\d+ of thread \\d.*");
    }

    @Test
    @DisplayName("R64 a backend that overwrites in steps is detected: it leaves bytes that were never written")
    void overwritesInSteps() throws Exception {
        assertDetected(new OverwritesInSteps(), ".* holds \\d+ bytes that were never written: their checksum is wrong");
    }

    @Test
    @DisplayName("R64 a backend that cannot truncate a torn log is detected: it cannot be opened")
    void cannotRecover() throws Exception {
        assertDetected(
                new CannotRecover(),
                "the (backend|child) cannot (be opened and read|open the backend): .*a torn end.*");
    }

    @Test
    @DisplayName("R64 a backend whose listing does not match its entries is detected")
    void listsLate() throws Exception {
        assertDetected(new ListsLate(), "the listing of crash-\\d-\\w+, compared with its loaded entries\\].*");
    }

    /** A loaded machine may be too slow to reach a system call in time, so a kill there takes several attempts. */
    private void survive(CrashContractTest right) throws Exception {
        new CrashRun(right, Files.createDirectory(folder.resolve("moments")), seed).killAtRandomMoments(KILLS);
        int killsAtCalls = 0;
        for (int attempt = 0; attempt < ATTEMPTS && killsAtCalls == 0; attempt++) {
            killsAtCalls = run(right, attempt)
                    .killAtSystemCalls(KILLS, List.of("write"))
                    .killsAtCalls();
        }
        assertThat(killsAtCalls).isPositive();
    }

    /**
     * Asserts that a broken backend is detected each time, and that a message names its fault. The point of a kill is
     * random: a fault may first show in another way, so the expected message has several attempts.
     */
    private void assertDetected(CrashContractTest broken, String message) throws Exception {
        List<String> messages = new ArrayList<>();
        String expected = "(?s)kill \\d+, at call .* \\(crash\\.seed=-?\\d+\\): \\[?" + message;
        for (int attempt = 0;
                attempt < ATTEMPTS && messages.stream().noneMatch(one -> one.matches(expected));
                attempt++) {
            CrashRun run = run(broken, attempt);
            Throwable caught = catchThrowable(() -> run.killAtSystemCalls(MAXIMUM_KILLS, broken.systemCalls()));
            assertThat(caught).isInstanceOf(AssertionError.class);
            messages.add(String.valueOf(caught.getMessage()));
        }
        System.out.println(broken.getClass().getSimpleName() + ": "
                + messages.get(messages.size() - 1).lines().findFirst());
        assertThat(messages).anyMatch(one -> one.matches(expected));
    }

    private CrashRun run(CrashContractTest test, int attempt) throws Exception {
        return new CrashRun(test, Files.createDirectory(folder.resolve("calls-" + attempt)), seed + attempt);
    }

    static class Groups extends CrashContractTest {
        @Override
        protected Backend open(Path folder) throws Exception {
            return new LogBackend(folder);
        }

        @Override
        protected List<String> systemCalls() {
            return List.of("write");
        }
    }

    static class SingleWrites extends Groups {
        @Override
        protected Backend open(Path folder) {
            return new OneContext(folder);
        }
    }

    static class AcknowledgesEarly extends Groups {
        @Override
        protected Backend open(Path folder) {
            return new LogBackend(folder) {

                private List<Batch> pending = List.of();

                @Override
                void append(List<Batch> group) {
                    super.append(pending);
                    pending = group;
                }

                @Override
                public synchronized void close() {
                    super.append(pending);
                    super.close();
                }
            };
        }
    }

    static class WritesInSteps extends Groups {
        @Override
        protected Backend open(Path folder) {
            return new LogBackend(folder) {
                @Override
                void append(List<Batch> group) {
                    for (Batch batch : group) {
                        for (Mutation mutation : batch.mutations()) {
                            super.append(List.of(new Batch(batch.context(), 0, 0, List.of(mutation))));
                        }
                    }
                }
            };
        }
    }

    static class ForgetsRemovals extends Groups {
        @Override
        protected Backend open(Path folder) {
            return new OneContext(folder) {
                @Override
                public void delete(String type, String id) {
                    log.memory.delete(DEFAULT_CONTEXT, type, id);
                }
            };
        }
    }

    static class CannotRecover extends Groups {
        @Override
        protected Backend open(Path folder) {
            long before = LogBackend.size(folder);
            LogBackend opened = new LogBackend(folder) {
                @Override
                void append(List<Batch> group) {
                    byte[] record = record(group);
                    write(Arrays.copyOf(record, Integer.BYTES));
                    write(Arrays.copyOfRange(record, Integer.BYTES, record.length));
                }
            };
            if (LogBackend.size(folder) != before) {
                throw new IllegalStateException("the log has a torn end");
            }
            return opened;
        }
    }

    static class ListsLate extends Groups {
        @Override
        protected Backend open(Path folder) throws Exception {
            LogBackend listing = new LogBackend(Files.createDirectories(folder.resolve("listing")));
            return new LogBackend(folder) {
                @Override
                public synchronized void commit(List<Batch> group) {
                    super.commit(group);
                    listing.commit(group);
                }

                @Override
                public Stream<EntryId> list(String context) {
                    return listing.list(context);
                }
            };
        }
    }

    /**
     * Keys and values are numbered separately: a kill between them leaves one value too many, which shifts later ones.
     */
    static class MixesUp extends Groups {
        @Override
        protected Backend open(Path folder) throws Exception {
            LogBackend values = new LogBackend(Files.createDirectories(folder.resolve("values")));
            return new OneContext(folder) {

                private int valueCount =
                        Math.toIntExact(values.list(DEFAULT_CONTEXT).count());
                private int keyCount = super.list()
                        .mapToInt(
                                key -> 1 + Math.abs(number(key.type(), key.id()).orElseThrow()))
                        .max()
                        .orElse(1);

                @Override
                public synchronized Optional<byte[]> load(String type, String id) {
                    return number(type, id)
                            .filter(number -> number > 0)
                            .flatMap(number -> values.load(DEFAULT_CONTEXT, "value", Integer.toString(number)));
                }

                @Override
                public synchronized void save(String type, String id, byte[] value) {
                    values.save(DEFAULT_CONTEXT, "value", Integer.toString(++valueCount), value);
                    super.save(type, id, bytes(keyCount));
                    keyCount++;
                }

                @Override
                public synchronized void delete(String type, String id) {
                    number(type, id).ifPresent(number -> super.save(type, id, bytes(-Math.abs(number))));
                }

                @Override
                public Stream<EntryId> list() {
                    return super.list()
                            .filter(key -> number(key.type(), key.id()).orElseThrow() > 0);
                }

                private Optional<Integer> number(String type, String id) {
                    return super.load(type, id)
                            .map(bytes -> ByteBuffer.wrap(bytes).getInt());
                }

                private static byte[] bytes(int number) {
                    return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
                }
            };
        }
    }

    /** One file for each key, overwritten in two steps. */
    static class OverwritesInSteps extends Groups {
        @Override
        protected Backend open(Path folder) {
            return new OneContext(folder) {
                @Override
                public Optional<byte[]> load(String type, String id) {
                    try {
                        Path file = file(type, id);
                        return Files.exists(file) ? Optional.of(Files.readAllBytes(file)) : Optional.empty();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }

                @Override
                public void save(String type, String id, byte[] value) {
                    try (OutputStream out = Files.newOutputStream(file(type, id))) {
                        out.write(value, 0, value.length / 2);
                        out.write(value, value.length / 2, value.length - value.length / 2);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }

                @Override
                public void delete(String type, String id) {
                    try {
                        Files.deleteIfExists(file(type, id));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }

                @Override
                public Stream<EntryId> list() {
                    try (Stream<Path> files = Files.list(folder)) {
                        return files
                                .map(file -> file.getFileName().toString().split("\\+", 2))
                                .filter(name -> name.length == 2)
                                .map(name -> new EntryId(name[0], name[1]))
                                .toList()
                                .stream();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }

                private Path file(String type, String id) {
                    return folder.resolve(type + "+" + id);
                }
            };
        }
    }

    /** A correct backend with one context. */
    static class OneContext implements PersistenceBackend {

        final LogBackend log;

        OneContext(Path folder) {
            log = new LogBackend(folder);
        }

        @Override
        public Optional<byte[]> load(String type, String id) {
            return log.load(DEFAULT_CONTEXT, type, id);
        }

        @Override
        public void save(String type, String id, byte[] value) {
            log.save(DEFAULT_CONTEXT, type, id, value);
        }

        @Override
        public void delete(String type, String id) {
            log.delete(DEFAULT_CONTEXT, type, id);
        }

        @Override
        public Stream<EntryId> list() {
            return log.list(DEFAULT_CONTEXT);
        }

        @Override
        public void close() {
            log.close();
        }
    }
}
