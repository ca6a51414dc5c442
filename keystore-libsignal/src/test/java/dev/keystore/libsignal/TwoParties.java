package dev.keystore.libsignal;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;

/** Alice and Bob in one SQLite file, which can be closed and reopened, and fails when a test requests it. */
final class TwoParties implements AutoCloseable {

    static final SignalProtocolAddress ALICE = new SignalProtocolAddress("alice", 1);
    static final SignalProtocolAddress BOB = new SignalProtocolAddress("bob", 1);

    private static final String FILE = "keys.db";

    final Faults faults = new Faults();
    private final Path root;
    private Path folder;
    private Path image;
    private SignalKeyDatabase database;

    TwoParties(Path folder) {
        root = folder;
        this.folder = folder;
        database = open();
        startIdsAtOne(store("alice"));
        startIdsAtOne(store("bob"));
        faults.forgetCalls();
    }

    /**
     * Sets the counters, so that a test knows the ids of the pre-keys it generates, which otherwise begin at random.
     */
    private static void startIdsAtOne(SignalKeyStore store) {
        for (KeyType<?> type : List.of(KeyTypes.PRE_KEY, KeyTypes.SIGNED_PRE_KEY, KeyTypes.KYBER_PRE_KEY)) {
            store.put(PreKeyIds.LAST, type.name(), Ids.MAX_KEY_ID);
        }
    }

    SignalKeyStore store(String context) {
        return database.forContext(context);
    }

    SignalAccount alice() {
        return SignalAccount.openOrCreate(store("alice"));
    }

    SignalAccount bob() {
        return SignalAccount.openOrCreate(store("bob"));
    }

    /** Starts a session of Alice with Bob, and returns her first message. */
    CiphertextMessage firstMessage(String text) throws Exception {
        alice().startSession(BOB, bob().newPreKeyBundle(1));
        return alice().encrypt(BOB, text.getBytes(UTF_8));
    }

    /** Establishes the session on both sides, so that the next messages are no pre-key messages. */
    void converse() throws Exception {
        bob().decrypt(ALICE, firstMessage("hello"));
        alice().decrypt(BOB, bob().encrypt(ALICE, "hello".getBytes(UTF_8)));
    }

    void reopen() {
        database.close();
        database = open();
    }

    /** Overwrites an entry with bytes that are no record, as damage to the file would. */
    void damage(String context, KeyType<?> type, String id) {
        database.close();
        try (Backend sqlite = sqlite()) {
            ((ContextAwareBackend) sqlite).save(context, type.name(), id, new byte[] {1, 2, 3});
        }
        database = open();
    }

    /**
     * Copies the files as they are, as a process that is killed now would leave them: the log first, since a checkpoint
     * may move its pages to the other file meanwhile.
     */
    void copyFiles() throws IOException {
        image = Files.createTempDirectory(root, "image");
        for (String suffix : List.of("-wal", "")) {
            Path file = folder.resolve(FILE + suffix);
            if (Files.exists(file)) {
                Files.copy(file, image.resolve(FILE + suffix));
            }
        }
    }

    /** Continues with the files that were copied last, or with those of now, as after a kill. */
    void goOnAfterKill() throws IOException {
        if (image == null) {
            copyFiles();
        }
        SignalKeyDatabase killed = database;
        folder = image;
        image = null;
        faults.heal();
        database = open();
        killed.close();
    }

    private Backend sqlite() {
        String url = "jdbc:sqlite:" + folder.resolve(FILE);
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> provider.scheme().equals("jdbc:sqlite"))
                .findFirst()
                .orElseThrow()
                .open(new BackendConfig(url, Map.of()));
    }

    private SignalKeyDatabase open() {
        return SignalKeyDatabase.builder()
                .backend(FaultyBackend.grouping((ContextAwareBackend & GroupCommit) sqlite(), faults))
                .open();
    }

    @Override
    public void close() {
        database.close();
    }
}
