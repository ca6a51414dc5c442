package dev.keystore.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.ContextNotFoundException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.MemoryBackend;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What a failed start says if a bean opens a context in its constructor, as the documentation shows. */
@Timeout(60)
class StoreOpenFailureAnalyzerTest {

    private final MemoryBackend memory = new MemoryBackend();

    @TempDir
    private Path folder;

    @Configuration(proxyBeanMethods = false)
    private static class Bot {
        @Bean
        SignalKeyStore store(SignalKeyDatabase database) {
            return database.forContext("bot");
        }
    }

    private ApplicationContextRunner bot(MemoryBackend backend, String... properties) {
        return Runners.keystore(properties)
                .withBean(Backend.class, backend::reopen)
                .withUserConfiguration(Bot.class);
    }

    private static FailureAnalysis analysis(Throwable failure) {
        return new StoreOpenFailureAnalyzer().analyze(failure);
    }

    @Test
    @DisplayName("R53 the start of a second instance fails with the owner and the property that refuses it")
    void contextOwned_namesProperty() {
        try (SignalKeyDatabase owner =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            owner.forContext("bot");
            bot(memory, "keystore.refuse-owned=true").run(context -> {
                FailureAnalysis analysis = analysis(context.getStartupFailure());
                assertThat(analysis.getDescription()).contains("\"bot\" is owned by");
                assertThat(analysis.getAction()).contains("unset keystore.refuse-owned");
            });
        }
    }

    @Test
    @DisplayName("R82 the start with an old copy of the store fails with what is stale and the properties to check")
    void contextStale_namesProperties() {
        String anchor = "keystore.freshness.anchor=file:" + folder.resolve("anchor");
        bot(memory, anchor).run(StoreOpenFailureAnalyzerTest::write);
        MemoryBackend copy = memory.copy();
        bot(memory, anchor).run(StoreOpenFailureAnalyzerTest::write);

        bot(copy, anchor).run(context -> {
            FailureAnalysis analysis = analysis(context.getStartupFailure());
            assertThat(analysis.getDescription()).contains("\"bot\" was refused: it is older");
            assertThat(analysis.getAction()).contains("keystore.url", "keystore.freshness.anchor");
        });
    }

    private static void write(ApplicationContext context) {
        context.getBean(SignalKeyStore.class).put(KeyTypes.SESSION, "a", new byte[] {1});
    }

    @Test
    @DisplayName("R58 a context that the application asked for by name is left to its exception")
    void contextNotFound_isNotAnalyzed() {
        assertThat(analysis(new ContextNotFoundException("bot", "any entry"))).isNull();
    }
}
