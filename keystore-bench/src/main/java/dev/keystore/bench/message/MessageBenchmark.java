package dev.keystore.bench.message;

import dev.keystore.bench.OperationCounters;
import dev.keystore.bench.TemporaryFolder;
import dev.keystore.bench.commit.RecordLog;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.MemoryBackend;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.ThreadParams;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;

/**
 * Messages that one party encrypts and the other decrypts, in both directions alternately. Each thread has two parties,
 * and all parties of a Keystore use one database.
 *
 * <p>Run it with {@code mvn -q compile -Pbench -Dbench.options="--only=MESSAGE"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class MessageBenchmark {

    private static final SignalProtocolAddress ALICE = new SignalProtocolAddress("alice", 1);
    private static final SignalProtocolAddress BOB = new SignalProtocolAddress("bob", 1);

    /** The key stores that are compared. */
    public enum Keys {
        /** Keystore on a backend in memory: not durable. */
        KEYSTORE("Keystore, backend in memory"),
        /** Keystore on SQLite: each encryption and each decryption is one durable commit. */
        KEYSTORE_SQLITE("Keystore on SQLite"),
        /** libsignal's in-memory store. */
        IN_MEMORY("libsignal's store in memory"),
        /** The same, and each session is written to SQLite by raw JDBC, in groups. */
        JDBC_SQLITE_GROUPS_TUNED("the same, and written to SQLite by raw JDBC, in groups, tuned"),
        /** The same, and each session is appended to a file, in groups. */
        APPEND_GROUPS("the same, and appended to a file, in groups");

        private final String title;

        Keys(String title) {
            this.title = title;
        }

        /** Returns its name in the tables. */
        public String title() {
            return title;
        }

        boolean isKeystore() {
            return this == KEYSTORE || this == KEYSTORE_SQLITE;
        }
    }

    /** The key store of the parties. */
    @Param
    public Keys peer;

    private TemporaryFolder folder;
    private SignalKeyDatabase database;
    private @Nullable RecordLog log;

    /** Opens the store. */
    @Setup
    public void open() throws Exception {
        folder = TemporaryFolder.create("messages");
        database = peer == Keys.KEYSTORE_SQLITE
                ? SignalKeyDatabase.open("jdbc:sqlite:" + folder.path().resolve("keys.db"))
                : SignalKeyDatabase.builder().backend(new MemoryBackend()).open();
        log = switch (peer) {
            case JDBC_SQLITE_GROUPS_TUNED -> RecordLog.inSqlite(folder.path().resolve("raw.db"));
            case APPEND_GROUPS -> RecordLog.appending(folder.path().resolve("append.log"));
            default -> null;
        };
    }

    /** Closes the store, and deletes its files. */
    @TearDown
    public void close() throws Exception {
        database.close();
        if (log != null) {
            log.close();
        }
        folder.close();
    }

    /** Returns the number of commits of all parties so far; 0 on libsignal's store. */
    long commits() {
        return database.stats().commits();
    }

    /** The two parties of a thread. */
    @State(Scope.Thread)
    public static class Conversation {

        private final byte[] plaintext = new byte[100];
        private MessageParty alice;
        private MessageParty bob;
        private boolean answer;

        /** Starts a session between the parties. */
        @Setup
        public void start(MessageBenchmark benchmark, ThreadParams thread) throws Exception {
            start(benchmark, thread.getThreadIndex());
        }

        void start(MessageBenchmark benchmark, int thread) throws Exception {
            alice = party(benchmark, "alice-" + thread);
            bob = party(benchmark, "bob-" + thread);
            alice.startSession(BOB, bob.newBundle());
            exchange();
            exchange();
        }

        private static MessageParty party(MessageBenchmark benchmark, String context) {
            if (benchmark.peer.isKeystore()) {
                return KeystoreParty.of(benchmark.database.forContext(context));
            }
            RecordLog log = benchmark.log;
            return log == null ? MemoryParty.create() : MemoryParty.logging(context, log);
        }

        private byte[] exchange() throws Exception {
            answer = !answer;
            if (answer) {
                CiphertextMessage message = alice.encrypt(BOB, plaintext);
                return bob.decrypt(ALICE, message);
            }
            CiphertextMessage message = bob.encrypt(ALICE, plaintext);
            return alice.decrypt(BOB, message);
        }
    }

    /** Encrypts and decrypts one message. */
    @Benchmark
    public byte[] message(Conversation conversation, OperationCounters counted) throws Exception {
        counted.count();
        return conversation.exchange();
    }
}
