package dev.keystore.sample;

import dev.keystore.spring.KeystoreCustomizer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** The bot: answers messages that it gets over HTTP. */
@SpringBootApplication
class BotApplication {

    private static final Logger LOG = LoggerFactory.getLogger(BotApplication.class);

    public static void main(String[] args) {
        SpringApplication.run(BotApplication.class, args);
    }

    @Bean
    KeystoreCustomizer reportLostContexts() {
        return builder -> builder.onOwnershipLost(context -> LOG.error("Another process uses {}", context));
    }
}
