package dev.keystore.bench.message;

import dev.keystore.bench.Counted;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.MemoryBackend;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;

/** A message encrypted by one party and decrypted by the other, one way and then the other. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@State(Scope.Benchmark)
@SuppressWarnings("NullAway.Init") // JMH fills in the parameters, and calls the setup
public class MessageBenchmark {

    private static final SignalProtocolAddress ALICE = new SignalProtocolAddress("alice", 1);
    private static final SignalProtocolAddress BOB = new SignalProtocolAddress("bob", 1);

    /** What keeps the keys. */
    public enum Keys {
        /** A store, its backend in memory. */
        KEYSTORE,
        /** libsignal's own. */
        IN_MEMORY
    }

    /** What keeps the keys. */
    @Param
    public Keys peer;

    private final byte[] plaintext = new byte[100];
    private SignalKeyDatabase database;
    private Party alice;
    private Party bob;
    private boolean answer;

    /** Lets the parties meet. */
    @Setup
    public void open() throws Exception {
        database = SignalKeyDatabase.builder().backend(new MemoryBackend()).open();
        boolean keystore = peer == Keys.KEYSTORE;
        alice = keystore ? KeystoreParty.of(database.forContext("alice")) : MemoryParty.create();
        bob = keystore ? KeystoreParty.of(database.forContext("bob")) : MemoryParty.create();
        alice.startSession(BOB, bob.newBundle());
        message();
        message();
    }

    /** Closes the store. */
    @TearDown
    public void close() {
        database.close();
    }

    /** Sends a message and receives it. */
    @Benchmark
    public byte[] message(Counted counted) throws Exception {
        counted.count();
        return message();
    }

    private byte[] message() throws Exception {
        answer = !answer;
        if (answer) {
            CiphertextMessage message = alice.encrypt(BOB, plaintext);
            return bob.decrypt(ALICE, message);
        }
        CiphertextMessage message = bob.encrypt(ALICE, plaintext);
        return alice.decrypt(BOB, message);
    }
}
