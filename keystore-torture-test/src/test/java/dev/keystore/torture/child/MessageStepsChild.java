package dev.keystore.torture.child;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyType;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.libsignal.StoredMessage;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;

/**
 * A process in which Alice sends a message to Bob, and which halts at a step. Before that it delivers what an earlier
 * process left. The network is a folder with a file for each message.
 */
public final class MessageStepsChild {

    /** The exit code of a process that halted. */
    public static final int HALTED = 99;

    /**
     * The steps at which it can halt: before and after each of the four commits, after the message was sent and after
     * it was acknowledged.
     */
    public static final int STEPS = 10;

    /** The messages that Bob handled, by their ids; the value has a byte for each time. */
    public static final KeyType<byte[]> HANDLED = KeyType.ofBytes("steps-handled");

    private static final SignalProtocolAddress ALICE = new SignalProtocolAddress("alice", 1);
    private static final SignalProtocolAddress BOB = new SignalProtocolAddress("bob", 1);

    private final Path network;
    private final SignalKeyStore bobsStore;
    private final SignalAccount alice;
    private final SignalAccount bob;
    private int stepsUntilHalt = Integer.MAX_VALUE;

    private MessageStepsChild(SignalKeyDatabase database, Path network) {
        this.network = network;
        bobsStore = database.forContext("bob");
        alice = SignalAccount.openOrCreate(database.forContext("alice"));
        bob = SignalAccount.openOrCreate(bobsStore);
    }

    /** Runs with the URL of the store, the folder of the network, the id of the message, and the step or 0. */
    public static void main(String[] args) throws Exception {
        Faults faults = new Faults();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(FaultyBackend.grouping((ContextAwareBackend & GroupCommit) open(args[0]), faults))
                .open()) {
            MessageStepsChild child = new MessageStepsChild(database, Path.of(args[1]));
            child.deliver();
            if (child.alice.sessions().list().isEmpty()) {
                child.alice.startSession(BOB, child.bob.newPreKeyBundle(1));
            }
            int step = Integer.parseInt(args[3]);
            child.stepsUntilHalt = step > 0 ? step : Integer.MAX_VALUE;
            faults.on(Operation.COMMIT).forever().run(Moment.BEFORE, child::step);
            faults.on(Operation.COMMIT).forever().run(Moment.AFTER, child::step);
            child.alice.outbox().encrypt(args[2], BOB, args[2].getBytes(UTF_8));
            child.deliver();
        }
    }

    private static Backend open(String url) {
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> url.startsWith(provider.scheme() + ":"))
                .findFirst()
                .orElseThrow()
                .open(new BackendConfig(url, Map.of()));
    }

    private void step() {
        stepsUntilHalt--;
        if (stepsUntilHalt == 0) {
            Runtime.getRuntime().halt(HALTED);
        }
    }

    private void deliver() throws Exception {
        for (StoredMessage message : alice.outbox().pending()) {
            send(message);
            step();
            alice.outbox().confirm(message.id());
        }
        for (Path file : arrived()) {
            try {
                bob.inbox().receive(file.getFileName().toString(), ALICE, parsed(Files.readAllBytes(file)));
            } catch (DuplicateMessageException e) {
                if (bobsStore.find(HANDLED, file.getFileName().toString()).isEmpty()) {
                    throw new IllegalStateException(file + " was recognized and not handled", e);
                }
                log("recognized " + file.getFileName());
            }
            Files.delete(file);
            step();
        }
        for (StoredMessage message : bob.inbox().pending()) {
            bob.inbox().handle(message, tx -> {
                byte[] before = tx.find(HANDLED, message.id()).orElse(new byte[0]);
                tx.put(HANDLED, message.id(), Arrays.copyOf(before, before.length + 1));
                return true;
            });
        }
    }

    private void send(StoredMessage message) throws IOException {
        Path file = network.resolve("incoming");
        byte[] body = message.body();
        Files.write(
                file,
                ByteBuffer.allocate(1 + body.length)
                        .put((byte) message.type())
                        .put(body)
                        .array());
        Files.move(
                file,
                Files.createDirectories(network.resolve("queue")).resolve(message.id()),
                StandardCopyOption.REPLACE_EXISTING);
        log("sent " + message.id());
    }

    private List<Path> arrived() throws IOException {
        try (Stream<Path> files = Files.list(Files.createDirectories(network.resolve("queue")))) {
            return files.sorted().toList();
        }
    }

    private void log(String line) throws IOException {
        Files.writeString(network.resolve("log"), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static CiphertextMessage parsed(byte[] message) throws Exception {
        byte[] body = Arrays.copyOfRange(message, 1, message.length);
        return message[0] == CiphertextMessage.PREKEY_TYPE ? new PreKeySignalMessage(body) : new SignalMessage(body);
    }
}
