package dev.keystore.bench.message;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.bench.OperationCounters;
import dev.keystore.bench.message.MessageBenchmark.Conversation;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MessageBenchmarkTest {

    private static final int MESSAGES = 4;

    @ParameterizedTest
    @EnumSource
    void message_bothWays_arrives_andIsTwoCommits(Keys keys) throws Exception {
        MessageBenchmark benchmark = new MessageBenchmark();
        benchmark.peer = keys;
        benchmark.open();
        Conversation first = new Conversation();
        first.start(benchmark, 0);
        new Conversation().start(benchmark, 1);
        long before = benchmark.commits();
        for (int n = 0; n < MESSAGES; n++) {
            assertThat(benchmark.message(first, new OperationCounters())).isEqualTo(new byte[100]);
        }
        assertThat(benchmark.commits() - before).isEqualTo(keys.isKeystore() ? 2 * MESSAGES : 0);
        benchmark.close();
    }
}
