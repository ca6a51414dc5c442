package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.keystore.CorruptEntryException;
import dev.keystore.KeyReader;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.testkit.MemoryBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class UncachedReaderTest {

    private final MemoryBackend backend = new MemoryBackend();

    private SignalKeyDatabase open() {
        return SignalKeyDatabase.builder().backend(backend.reopen()).open();
    }

    @Test
    @DisplayName("R91 an uncached reader returns what the backend holds, and leaves the cache as it is")
    void reads_comeFromTheBackend() {
        try (SignalKeyDatabase database = open();
                SignalKeyDatabase other = open()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", bytes("former"));
            alice.put(KeyTypes.LID_MAPPING, "bob", "former");
            alice.saveCredentials(bytes("former"));
            SignalKeyStore behind = other.forContext("alice");
            behind.put(KeyTypes.SESSION, "bob.1", bytes("now"));
            behind.put(KeyTypes.SESSION, "bob.2", bytes("new"));
            behind.delete(KeyTypes.LID_MAPPING, "bob");
            behind.saveCredentials(bytes("now"));
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).hasValue(bytes("former"));

            KeyReader uncached = alice.uncached();
            assertThat(uncached.context()).isEqualTo("alice");
            assertThat(uncached.inTransaction()).isFalse();
            assertThat(uncached.find(KeyTypes.SESSION, "bob.1")).hasValue(bytes("now"));
            assertThat(uncached.find(KeyTypes.LID_MAPPING, "bob")).isEmpty();
            assertThat(uncached.credentials()).hasValue(bytes("now"));
            Map<String, byte[]> found = uncached.get(KeyTypes.SESSION, List.of("bob.2", "bob.3", "bob.1", "bob.2"));
            assertThat(found).containsOnlyKeys("bob.2", "bob.1");
            assertThat(found.keySet()).containsExactly("bob.2", "bob.1");
            assertThat(found.get("bob.1")).isEqualTo(bytes("now"));
            try (Stream<String> ids = uncached.ids(KeyTypes.SESSION, "bob")) {
                assertThat(ids).containsExactlyInAnyOrder("bob.1", "bob.2");
            }
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).hasValue(bytes("former"));
            assertThat(alice.credentials()).hasValue(bytes("former"));
        }
    }

    @Test
    @DisplayName("R91 many ids are read in pages, damaged entries are reported, and bad ids refused")
    void oddReads_areReported() {
        KeyReader closed;
        try (SignalKeyDatabase database = open()) {
            SignalKeyStore alice = database.forContext("alice");
            List<String> ids = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                ids.add("id" + i);
                alice.put(KeyTypes.SESSION, "id" + i, bytes("value " + i));
            }
            assertThat(alice.uncached().get(KeyTypes.SESSION, ids).keySet()).containsExactlyElementsOf(ids);
            backend.reopen().save("alice", "session", "id7", bytes("not sealed"));
            assertThatExceptionOfType(CorruptEntryException.class)
                    .isThrownBy(() -> alice.uncached().find(KeyTypes.SESSION, "id7"));
            assertThat(alice.find(KeyTypes.SESSION, "id7")).hasValue(bytes("value 7"));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> alice.uncached().find(KeyTypes.SESSION, " "));
            closed = alice.uncached();
        }
        assertThatIllegalStateException().isThrownBy(() -> closed.find(KeyTypes.SESSION, "id7"));
        assertThatIllegalStateException().isThrownBy(closed::credentials);
    }
}
