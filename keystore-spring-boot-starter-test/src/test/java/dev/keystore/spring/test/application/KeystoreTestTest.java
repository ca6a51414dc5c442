package dev.keystore.spring.test.application;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spring.KeystoreAutoConfiguration;
import dev.keystore.spring.test.KeystoreTest;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Import;
import org.springframework.test.annotation.DirtiesContext;

/** A test as users write it. */
@KeystoreTest
@Import(Counter.class)
class KeystoreTestTest {

    @Autowired
    private Counter counter;

    @Autowired
    private SignalKeyDatabase database;

    @Autowired
    private ApplicationContext context;

    @RepeatedTest(2)
    @DisplayName("each test begins with an empty database, and the beans keep their stores")
    void database_isEmptyBeforeEachTest() {
        try (Stream<String> contexts = database.contexts()) {
            assertThat(contexts).isEmpty();
        }
        assertThat(counter.next()).isEqualTo(1);
        assertThat(counter.next()).isEqualTo(2);
    }

    @RepeatedTest(2)
    @DisplayName("a context that was taken over in a test is erased after it")
    void database_isEmptyAfterTakeOver() {
        try (Stream<String> contexts = database.contexts()) {
            assertThat(contexts).isEmpty();
        }
        database.takeOver("bob").saveCredentials(new byte[] {1});
    }

    @Test
    @DirtiesContext
    @DisplayName("a test that has closed the database does not fail afterwards")
    void database_closedByTheTest_isLeftAlone() {
        database.close();
        assertThatThrownBy(database::contexts).isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("neither components nor other auto-configurations are started")
    void slice_isAllThatStarts() {
        assertThat(context.getBeanProvider(Unwanted.class).getIfAvailable()).isNull();
        assertThat(context.getBeanProvider(KeystoreAutoConfiguration.class).getIfAvailable())
                .isNull();
    }
}
