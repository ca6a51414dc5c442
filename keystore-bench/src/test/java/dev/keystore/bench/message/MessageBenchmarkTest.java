package dev.keystore.bench.message;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.bench.OperationCounters;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MessageBenchmarkTest {

    @ParameterizedTest
    @EnumSource
    void message_bothWays_arrives(Keys keys) throws Exception {
        MessageBenchmark benchmark = new MessageBenchmark();
        benchmark.peer = keys;
        benchmark.open();
        for (int n = 0; n < 4; n++) {
            assertThat(benchmark.message(new OperationCounters())).isEqualTo(new byte[100]);
        }
        benchmark.close();
    }
}
