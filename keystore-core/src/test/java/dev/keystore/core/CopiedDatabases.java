package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;

import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;

/** Two databases on backends in memory, one to copy from and one to copy to. */
abstract class CopiedDatabases {

    /** A type that the engine does not know unless a store uses it. */
    static final KeyType<byte[]> OTHER = KeyType.ofBytes("other");

    final Faults sourceFaults = new Faults();
    final Faults targetFaults = new Faults();
    final MemoryBackend sourceMemory = new MemoryBackend();
    final MemoryBackend targetMemory = new MemoryBackend();
    final Map<String, ContextResult> results = new TreeMap<>();
    SignalKeyDatabase source;
    SignalKeyDatabase target;

    /** Opens both on backends with all capabilities. */
    void open() {
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), UnaryOperator.identity());
        openTarget(FaultyBackend.complete(targetMemory.reopen(), targetFaults), UnaryOperator.identity());
    }

    void openSource(Backend backend, UnaryOperator<SignalKeyDatabase.Builder> options) {
        close(source);
        source = options.apply(SignalKeyDatabase.builder().backend(backend)).open();
        sourceFaults.forgetCalls();
    }

    void openTarget(Backend backend, UnaryOperator<SignalKeyDatabase.Builder> options) {
        close(target);
        target = options.apply(SignalKeyDatabase.builder().backend(backend)).open();
        targetFaults.forgetCalls();
    }

    private static void close(SignalKeyDatabase database) {
        if (database != null) {
            database.close();
        }
    }

    @AfterEach
    void closeBoth() {
        sourceFaults.heal();
        targetFaults.heal();
        close(source);
        close(target);
    }

    /** Opens a database on the contents of another, as another process does. */
    static SignalKeyDatabase otherProcess(MemoryBackend memory) {
        return SignalKeyDatabase.builder().backend(memory.reopen()).open();
    }

    /** Writes the entries of a context as another process, so that neither cache nor types of a database know them. */
    static void fill(MemoryBackend memory, String... contexts) {
        try (SignalKeyDatabase database = otherProcess(memory)) {
            for (String context : contexts) {
                fill(database.forContext(context), context);
            }
        }
    }

    static void fill(SignalKeyStore store, String value) {
        store.useTransaction("k", tx -> {
            for (int i = 0; i < 150; i++) {
                tx.put(KeyTypes.SESSION, "bob." + i, bytes(value + i));
            }
            tx.put(OTHER, "x", bytes(value));
            tx.put(OTHER, "/:%_. \ud83d\ude00", new byte[0]);
            tx.saveCredentials(bytes(value));
        });
    }

    StoreCopy copy() {
        results.clear();
        return StoreCopy.from(source).to(target).onContext(result -> results.put(result.context(), result));
    }

    /** Returns what a backend holds, by context and entry, as hexadecimal digits. */
    static Map<String, Map<String, String>> contents(MemoryBackend memory) {
        MemoryBackend backend = memory.reopen();
        Map<String, Map<String, String>> contents = new TreeMap<>();
        try (Stream<String> contexts = backend.contexts()) {
            contexts.forEach(context -> contents.put(context, contents(backend, context)));
        }
        return contents;
    }

    private static Map<String, String> contents(MemoryBackend backend, String context) {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<EntryId> entries = backend.list(context)) {
            entries.forEach(entry -> contents.put(
                    entry.toString(),
                    HexFormat.of()
                            .formatHex(backend.load(context, entry.type(), entry.id())
                                    .orElseThrow())));
        }
        return contents;
    }

    static String find(SignalKeyDatabase database, String context, String id) {
        return Fixture.text(database.forContext(context).find(KeyTypes.SESSION, id));
    }
}
