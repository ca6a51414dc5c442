package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.EntryId;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.StoreSealing;
import dev.keystore.testkit.MemoryBackend;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Copies many contexts in a process with a small heap, between backends that hold few contexts at a time. */
class StoreCopyMemoryTest {

    private static final int ENTRIES = 1;

    @Test
    @Timeout(60)
    @DisplayName("R90 the heap that a copy needs does not grow with the number of contexts: 60,000 in 16 MiB")
    void run_manyContexts_fitsIntoASmallHeap() throws Exception {
        copyInChild(60_000, "-Xmx16m");
    }

    @Test
    @Tag("long")
    @Timeout(600)
    @DisplayName("R90 the heap that a copy needs does not grow with the number of contexts: 200,000 in 16 MiB")
    void run_veryManyContexts_fitsIntoASmallHeap() throws Exception {
        copyInChild(200_000, "-Xmx16m");
    }

    private static void copyInChild(int contexts, String heap) throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        heap,
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        String.valueOf(contexts))
                .inheritIO()
                .start();
        try {
            assertThat(child.waitFor(500, TimeUnit.SECONDS)).isTrue();
            assertThat(child.exitValue()).isZero();
        } finally {
            child.destroyForcibly();
        }
    }

    /** The process that copies. */
    static final class Child {

        private Child() {}

        /** Runs with the number of contexts. */
        public static void main(String[] args) {
            int contexts = Integer.parseInt(args[0]);
            try (SignalKeyDatabase source = SignalKeyDatabase.builder()
                            .backend(new Generated(contexts))
                            .open();
                    SignalKeyDatabase target = SignalKeyDatabase.builder()
                            .backend(new Forgetful())
                            .encryption(TestEncryption.create())
                            .open()) {
                CopyReport report = StoreCopy.from(source)
                        .to(target)
                        .listener(progress -> {})
                        .run();
                if (report.contexts(Outcome.COPIED) != contexts || report.entries() != (long) contexts * ENTRIES) {
                    throw new AssertionError(report.toString());
                }
            }
        }
    }

    /** Holds any number of contexts, whose entries are generated when they are read. */
    private record Generated(int count) implements ContextAwareBackend, ContextListing {

        @Override
        public Stream<String> contexts() {
            return IntStream.range(0, count).mapToObj(i -> "context " + i);
        }

        @Override
        public Stream<EntryId> list(String context) {
            return context.startsWith("context ")
                    ? IntStream.range(0, ENTRIES).mapToObj(i -> new EntryId("session", "bob." + i))
                    : Stream.empty();
        }

        @Override
        public Optional<byte[]> load(String context, String type, String id) {
            return type.equals("session")
                    ? Optional.of(Envelope.seal(context, type, id, (context + id).getBytes(UTF_8)))
                    : Optional.empty();
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void delete(String context, String type, String id) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {}
    }

    /** Holds the mark of the store, and the contexts of the last two commits. */
    private static final class Forgetful implements ContextAwareBackend, GroupCommit, ContextListing {

        private final MemoryBackend mark = new MemoryBackend();
        private volatile List<MemoryBackend> commits = List.of(new MemoryBackend());

        private List<MemoryBackend> of(String context) {
            return context.equals(StoreSealing.MARK.type()) ? List.of(mark) : commits;
        }

        @Override
        public Optional<byte[]> load(String context, String type, String id) {
            return of(context).stream()
                    .flatMap(commit -> commit.load(context, type, id).stream())
                    .findFirst();
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {
            of(context).get(0).save(context, type, id, value);
        }

        @Override
        public void delete(String context, String type, String id) {
            of(context).forEach(commit -> commit.delete(context, type, id));
        }

        @Override
        public void commit(List<Batch> group) {
            if (!group.get(0).context().equals(StoreSealing.MARK.type())) {
                commits = List.of(new MemoryBackend(), commits.get(0));
            }
            of(group.get(0).context()).get(0).commit(group);
        }

        @Override
        public Stream<EntryId> list(String context) {
            return of(context).stream().flatMap(commit -> commit.list(context));
        }

        @Override
        public Stream<String> contexts() {
            return Stream.concat(Stream.of(mark), commits.stream()).flatMap(MemoryBackend::contexts);
        }

        @Override
        public void close() {}
    }
}
