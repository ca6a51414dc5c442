package dev.keystore.sample;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spring.test.KeystoreTest;
import org.junit.jupiter.api.RepeatedTest;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Import;

@KeystoreTest
@Import(Bot.class)
class BotTest {

    @Autowired
    private Bot bot;

    @RepeatedTest(2)
    void answer_numbersTheMessagesOfEachPeer() {
        for (int number = 1; number <= 300; number++) {
            assertThat(bot.answer("bob", "hello")).isEqualTo(number + ": hello");
        }
        assertThat(bot.answer("carol", "hello")).isEqualTo("1: hello");
    }
}
