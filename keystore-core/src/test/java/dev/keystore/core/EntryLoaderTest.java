package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.testkit.MemoryBackend;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class EntryLoaderTest {

    private static final Duration LOAD_TIMEOUT = Duration.ofSeconds(20);

    private final Context context = new Context("alice", 0, new Envelope("alice"));
    private final CachedEntries cache = new CachedEntries(100_000);
    private final EntryLoader loader = new EntryLoader(
            cache,
            new Storage(new MemoryBackend(), KeyStoreOptions.builder().build()),
            LOAD_TIMEOUT,
            new EngineEvents(List.of()));

    @Test
    @DisplayName("R31 a clear that ended with an error, and is still registered, does not keep entries from being read")
    void load_afterAClearThatWasLeftBehind_loadsOnce() {
        InFlight clear = InFlight.forWrite();
        loader.beginClear(clear, context);
        clear.complete();

        EntryKey key = new EntryKey(context, KeyTypes.SESSION, "bob.1");
        Entry loaded = loader.load(key, System.nanoTime() + LOAD_TIMEOUT.toNanos());
        assertThat(cache.getValid(key)).isSameAs(loaded);
        assertThat(loader.loads()).isEqualTo(1);
    }
}
