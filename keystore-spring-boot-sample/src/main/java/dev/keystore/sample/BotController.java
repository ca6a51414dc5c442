package dev.keystore.sample;

import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

/** The REST end of the bot. */
@RestController
class BotController {

    private final Bot bot;

    BotController(Bot bot) {
        this.bot = bot;
    }

    @PostMapping("/peers/{peer}/messages")
    String answer(@PathVariable String peer, @RequestBody String message) {
        return bot.answer(peer, message);
    }
}
