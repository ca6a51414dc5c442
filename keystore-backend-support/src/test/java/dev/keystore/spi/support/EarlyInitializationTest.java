package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.invoke.MethodHandles;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class EarlyInitializationTest {

    private static final AtomicInteger INITIALIZED = new AtomicInteger();

    private static final class Needed {
        static {
            INITIALIZED.incrementAndGet();
        }
    }

    @Test
    @DisplayName("R31 a class is initialized before it is used, once")
    void of_notInitialized_initializes() {
        EarlyInitialization.of(MethodHandles.lookup(), Needed.class);
        EarlyInitialization.of(MethodHandles.lookup(), Needed.class);
        assertThat(INITIALIZED).hasValue(1);
    }

    @Test
    void of_inaccessibleClass_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EarlyInitialization.of(MethodHandles.publicLookup(), Needed.class))
                .withMessageContaining("lookup");
    }
}
