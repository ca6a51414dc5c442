package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.ContextAwareBackend;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Imports into a backend that loses a write, which the cache cannot know. */
@Timeout(60)
class VerificationTest {

    @TempDir
    Path temporary;

    /** Keeps entries in memory; once {@link #isLosing}, the entry of a lost id stays as it was. */
    private static final class LosingBackend implements ContextAwareBackend {

        private final Map<EntryId, byte[]> entries = new ConcurrentHashMap<>();
        private volatile boolean isLosing;

        private boolean loses(String id) {
            return isLosing && id.equals("lost");
        }

        @Override
        public Optional<byte[]> load(String context, String type, String id) {
            return Optional.ofNullable(entries.get(new EntryId(type, id)));
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {
            if (!loses(id)) {
                entries.put(new EntryId(type, id), value.clone());
            }
        }

        @Override
        public void delete(String context, String type, String id) {
            if (!loses(id)) {
                entries.remove(new EntryId(type, id));
            }
        }

        @Override
        public Stream<EntryId> list(String context) {
            return entries.keySet().stream();
        }

        @Override
        public void close() {
            // nothing to release
        }
    }

    @Test
    @DisplayName(
            "R91 imports and exports are verified against the backend, not against the cache that they have filled")
    void lostWrite_isFound() throws Exception {
        LosingBackend backend = new LosingBackend();
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(backend).open()) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport.from(BaileysFolder.at(folder("1"))).to(alice);
            AccountImport second =
                    AccountImport.from(BaileysFolder.at(folder("2"))).replacing();
            backend.isLosing = true;
            assertThatExceptionOfType(ImportNotVerifiedException.class)
                    .isThrownBy(() -> second.to(alice))
                    .withMessageContaining("the value of lid-mapping/lost differs");
            assertThat(alice.find(KeyTypes.LID_MAPPING, "lost")).hasValue("2");
            assertThat(alice.verify()).isEmpty();
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> AccountExport.from(alice).to(BaileysFolder.at(temporary.resolve("exported"))))
                    .withMessageContaining("the value of lid-mapping/lost differs");
        }
    }

    @Test
    @DisplayName("R91 an import into a context with a damaged record of another type names the record")
    void damagedRecord_isNamed() throws Exception {
        LosingBackend backend = new LosingBackend();
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(backend).open()) {
            SignalKeyStore alice = database.forContext("alice");
            EntryId other = new EntryId("application", "1");
            alice.put(KeyType.ofBytes(other.type()), other.id(), new byte[] {1});
            backend.entries.put(other, new byte[] {1, 2, 3});
            AccountImport described = AccountImport.from(BaileysFolder.at(folder("1")));
            assertThat(alice.verify()).containsExactly(other);
            assertThatExceptionOfType(ImportNotVerifiedException.class)
                    .isThrownBy(() -> described.to(alice))
                    .withMessageContaining("the record of application/1 is damaged");
        }
    }

    private Path folder(String value) throws Exception {
        Path folder = Files.createDirectory(temporary.resolve("folder-" + value));
        Files.write(folder.resolve("lid-mapping-lost.json"), ("\"" + value + "\"").getBytes(UTF_8));
        Files.write(folder.resolve("lid-mapping-kept.json"), ("\"" + value + "\"").getBytes(UTF_8));
        return folder;
    }
}
