package dev.keystore.spring.test.application;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spring.test.KeystoreTest;
import dev.keystore.testkit.MemoryBackend;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;

/** Stores that the slice has not created, like one of the main class: what they hold outlives each test. */
class RealStoreTest {

    private static void isKept(SignalKeyDatabase database, RepetitionInfo repetition) {
        SignalKeyStore store = database.forContext("alice");
        if (repetition.getCurrentRepetition() == 1) {
            store.saveCredentials(new byte[] {1});
        } else {
            assertThat(store.credentials()).isPresent();
        }
    }

    @Nested
    @KeystoreTest
    class OfDatabaseBean {

        @TestConfiguration(proxyBeanMethods = false)
        static class Main {

            @Bean
            SignalKeyDatabase realDatabase() {
                return SignalKeyDatabase.builder().backend(new MemoryBackend()).open();
            }
        }

        @Autowired
        private SignalKeyDatabase database;

        @RepeatedTest(2)
        @DisplayName("R18 a database that is a bean of the application is not erased")
        void database_isKept(RepetitionInfo repetition) {
            isKept(database, repetition);
        }
    }

    @Nested
    @KeystoreTest
    class OfBackendBean {

        @TestConfiguration(proxyBeanMethods = false)
        static class Main {

            @Bean
            Backend realBackend() {
                return new MemoryBackend();
            }
        }

        @Autowired
        private SignalKeyDatabase database;

        @RepeatedTest(2)
        @DisplayName("R18 a database on a backend that is a bean of the application is not erased")
        void backend_isKept(RepetitionInfo repetition) {
            isKept(database, repetition);
        }
    }
}
