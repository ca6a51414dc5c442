package dev.keystore.libsignal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextInspection.Use;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.testkit.MemoryBackend;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Looks at a real account with {@link StoreInspection}, which does not know libsignal. */
class AccountInspectionTest {

    private final MemoryBackend memory = new MemoryBackend();

    @Test
    @DisplayName(
            "the pre-keys of an account are counted, with the ages of signed and Kyber keys, and which are used once")
    void inspect_account_showsKeysAndAges() {
        Instant before = Instant.now().minus(Duration.ofSeconds(1));
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            SignalAccount account = SignalAccount.create(database.forContext("alice"));
            account.generatePreKeys(7);
            account.generateSignedPreKey();
            account.generateKyberPreKeys(3);
            account.generateLastResortKyberPreKey();
        }
        ContextInspection found;
        try (StoreInspection store =
                SignalKeyDatabase.builder().backend(memory.reopen()).openToInspect()) {
            found = store.inspect("alice");
        }

        assertThat(found.isIntact()).isTrue();
        assertThat(found.types().get("pre-key").entries()).isEqualTo(7);
        assertThat(keys(found, key -> key.entry().type().equals("signed-pre-key")))
                .hasSize(1);
        assertThat(keys(found, key -> key.use() == Use.ONCE)).hasSize(3);
        assertThat(keys(found, key -> key.use() == Use.MANY)).hasSize(2);
        assertThat(found.signedKeys())
                .hasSize(5)
                .allSatisfy(key -> assertThat(key.created())
                        .hasValueSatisfying(created -> assertThat(created).isBetween(before, Instant.now())));
    }

    private static List<SignedKey> keys(ContextInspection found, Predicate<SignedKey> wanted) {
        return found.signedKeys().stream().filter(wanted).toList();
    }
}
