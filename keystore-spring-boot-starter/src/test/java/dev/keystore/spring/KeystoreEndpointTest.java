package dev.keystore.spring;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.MemoryBackend;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What the endpoint shows of a database that is open. */
class KeystoreEndpointTest {

    private static final Instant NOW = Instant.parse("2026-11-30T00:00:00Z");

    private static final byte PUBLIC = 77;
    private static final byte PRIVATE = 0x41;
    private static final byte SIGNATURE = 0x53;

    private final SignalKeyDatabase database =
            SignalKeyDatabase.builder().backend(new MemoryBackend()).open();
    private final KeystoreEndpoint endpoint = new KeystoreEndpoint(database, () -> NOW);

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    @DisplayName("the store is shown with its contexts and the counters of the engine")
    void store_isShown() {
        database.forContext("alice").put(KeyTypes.SESSION, "bob.1", new byte[] {1});

        Map<String, Object> shown = endpoint.store(null);

        assertThat(shown)
                .containsEntry("encryption", null)
                .containsEntry("namesHidden", false)
                .containsEntry("contexts", List.of("alice"))
                .containsEntry("furtherContexts", false)
                .containsEntry("unlisted", null)
                .containsEntry("open", 1)
                .containsEntry("lost", 0)
                .containsEntry("stale", 0)
                .containsEntry("unwritable", 0);
        assertThat((Map<?, ?>) shown.get("statistics"))
                .hasSize(8)
                .extracting("commits")
                .isEqualTo(1L);
    }

    @Test
    @DisplayName("a context is shown as by keystore inspect: counts, ages of keys, what to do; without opening it")
    void context_isShown() {
        SignalKeyStore alice = database.forContext("alice/1");
        Instant created = NOW.minusSeconds(40L * 24 * 3600);
        alice.put(
                KeyTypes.SIGNED_PRE_KEY,
                "7",
                new SignedPreKey(
                        new KeyPair(repeat(PUBLIC, 33), repeat(PRIVATE, 32)),
                        repeat(SIGNATURE, 64),
                        created.toEpochMilli()));

        Map<String, Object> shown = endpoint.context("alice", "1");

        assertThat(shown)
                .containsEntry("context", "alice/1")
                .containsEntry("entries", 1L)
                .containsEntry("preKeysLeft", 0L)
                .containsEntry("damagedEntries", 0L);
        assertThat((List<?>) shown.get("signedKeys")).first().asString().contains("id=7", "ageDays=40");
        assertThat(shown.get("advice"))
                .isEqualTo(List.of(
                        "One-time pre-keys left: 0. The client should upload new ones.",
                        "The newest signed pre-key is 40 days old. The client should replace it."));
        for (byte secret : List.of(PUBLIC, PRIVATE, SIGNATURE)) {
            byte[] three = repeat(secret, 3);
            assertThat(shown.toString())
                    .doesNotContain(Arrays.toString(three).substring(1, 8))
                    .doesNotContain(new String(three, ISO_8859_1))
                    .doesNotContain(Base64.getEncoder().encodeToString(three))
                    .doesNotContainIgnoringCase(HexFormat.of().formatHex(three));
        }
    }

    private static byte[] repeat(byte value, int times) {
        byte[] bytes = new byte[times];
        Arrays.fill(bytes, value);
        return bytes;
    }

    @Test
    @DisplayName("a context that holds nothing is not found, and not opened either")
    void context_empty_isNotFound() {
        assertThat(endpoint.context("nobody")).isNull();
        assertThat(database.openContexts()).isEmpty();
    }

    @Test
    @DisplayName("R8 a name that no context can have is not found")
    void context_invalidName_isNotFound() {
        assertThat(endpoint.context(" ")).isNull();
        assertThat(endpoint.context("a".repeat(1_025))).isNull();
    }

    @Test
    @DisplayName("at most 1,000 contexts are listed, and the answer says that there are more")
    void contexts_many_areLimited() {
        for (int i = 0; i <= KeystoreEndpoint.CONTEXTS_LISTED; i++) {
            database.forContext("c" + i).put(KeyTypes.LID_MAPPING, "a", "b");
        }

        Map<String, Object> shown = endpoint.store(null);

        assertThat((List<?>) shown.get("contexts")).hasSize(KeystoreEndpoint.CONTEXTS_LISTED);
        assertThat(shown).containsEntry("furtherContexts", true);
    }
}
