package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import dev.keystore.spi.ContextAwareBackend;
import java.nio.file.Path;
import org.junit.jupiter.api.Nested;

/** Without faults, each variant keeps the contract of its delegate. */
class FaultyBackendContractTest {

    @Nested
    class Plain extends BackendContractTest {

        private final MemoryBackend contents = new MemoryBackend();

        @Override
        protected Backend open(Path folder) {
            return FaultyBackend.plain((ContextAwareBackend) contents.reopen(), new Faults());
        }
    }

    @Nested
    class Atomic extends BackendContractTest {

        private final MemoryBackend contents = new MemoryBackend();

        @Override
        protected Backend open(Path folder) {
            return FaultyBackend.atomic(contents.reopen(), new Faults());
        }
    }

    @Nested
    class Complete extends BackendContractTest {

        private final MemoryBackend contents = new MemoryBackend();

        @Override
        protected Backend open(Path folder) {
            return FaultyBackend.complete(contents.reopen(), new Faults());
        }
    }
}
