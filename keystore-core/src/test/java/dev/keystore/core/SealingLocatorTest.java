package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.StoreOpenException;
import dev.keystore.encryption.EncryptionProperties;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.SealingProvider;
import dev.keystore.testkit.MemoryBackend;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SealingLocatorTest {

    private static final Map<String, String> KEY = Map.of("encryption.key", "key-file:root.key");

    @TempDir
    Path folder;

    @Test
    @DisplayName("R70 the property encryption.key encrypts a store, without code")
    void property_encrypts() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        MemoryBackend memory = new MemoryBackend();
        for (String expected : List.of("absent", "value")) {
            try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                    .backend(memory.reopen())
                    .property("encryption.key", "key-file:" + key)
                    .open()) {
                assertThat(Fixture.text(database.forContext("alice").find(KeyTypes.SESSION, "x")))
                        .isEqualTo(expected);
                database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("value"));
            }
        }
        assertThatThrownBy(() ->
                        SignalKeyDatabase.builder().backend(memory.reopen()).open())
                .isInstanceOf(KeyUnavailableException.class);
    }

    @Test
    @DisplayName("R70 encryption set by code takes precedence over the property")
    void encryption_andProperty_codeWins() {
        MemoryBackend memory = new MemoryBackend();

        SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .encryption(TestEncryption.create())
                .property("encryption.key", "key-file:" + folder.resolve("missing.key"))
                .open()
                .close();

        assertThat(memory.isEmpty()).isFalse();
    }

    @Test
    @DisplayName("R76 an invalid property is refused without its value, and other properties are the backend's")
    void properties_ofEncryption_areChecked() {
        assertThatThrownBy(() -> SignalKeyDatabase.builder()
                        .backend(new MemoryBackend())
                        .property("encryption.key", "hunter2")
                        .open())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("encryption.key")
                .hasMessageNotContaining("hunter2");
        assertThat(SealingLocator.find(Map.of("checkpointBytes", "1"))).isNull();
        assertThat(SealingLocator.withoutEncryption(Map.of("checkpointBytes", "1", "encryption.key", "x")))
                .containsExactly(Map.entry("checkpointBytes", "1"));
    }

    @Test
    @DisplayName("R62 properties of encryption without a provider, or with two, are refused; the message names them")
    void providers_noneOrTwo_areRefused() {
        SealingProvider other = properties -> Optional.empty();
        SealingProvider one = new EncryptionProperties();

        assertThat(SealingLocator.find(KEY, List.of(other, one))).isNotNull();
        assertThatThrownBy(() -> SealingLocator.find(KEY, List.of()))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("dev.keystore:keystore-encryption");
        assertThatThrownBy(() -> SealingLocator.find(KEY, List.of(one, one)))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining(EncryptionProperties.class.getName());
    }
}
