package dev.keystore.sample;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;

/** Starts the bot as its user does, on a free port of the loopback interface. */
@Timeout(180)
class BotApplicationTest {

    static final String HISTOGRAMS = "management.metrics.distribution.percentiles-histogram.keystore=true";

    @TempDir
    private Path folder;

    private ConfigurableApplicationContext start(String... properties) {
        List<String> arguments = new ArrayList<>(List.of(properties));
        arguments.add("--server.port=0");
        arguments.add("--server.address=127.0.0.1");
        arguments.add("--management.server.port=0");
        arguments.add("--keystore.url=jdbc:sqlite:" + folder.resolve("bot.db"));
        return SpringApplication.run(BotApplication.class, arguments.toArray(String[]::new));
    }

    private static HttpRequest.Builder request(ConfigurableApplicationContext bot, String path) {
        String server = path.startsWith("/actuator/") ? "management" : "server";
        String port = bot.getEnvironment().getRequiredProperty("local." + server + ".port");
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    }

    private static String send(HttpRequest.Builder request) throws Exception {
        return HttpClient.newHttpClient()
                .send(request.build(), BodyHandlers.ofString())
                .body();
    }

    private static String answer(ConfigurableApplicationContext bot, String message) throws Exception {
        return send(request(bot, "/peers/bob/messages").POST(BodyPublishers.ofString(message)));
    }

    @Test
    @DisplayName("R11 the bot continues where it was when it is started again, and reports its health")
    void bot_startedTwice_goesOn() throws Exception {
        try (ConfigurableApplicationContext bot = start()) {
            assertThat(answer(bot, "hello")).isEqualTo("1: hello");
        }
        try (ConfigurableApplicationContext bot = start()) {
            assertThat(answer(bot, "bye")).isEqualTo("2: bye");
            assertThat(send(request(bot, "/actuator/health/keystore"))).contains("\"status\":\"UP\"");
            assertThat(send(request(bot, "/actuator/keystore/bot"))).contains("\"types\":{\"session\":{\"entries\":1,");
            assertThat(send(request(bot, "/actuator/prometheus")))
                    .contains("keystore_commit_seconds_count{result=\"written\"} 1")
                    .contains("keystore_contexts_opened_total 1.0") // in the constructor of the bot, before binding
                    .doesNotContain("keystore_commit_seconds_bucket");
        }
    }

    @Test
    @DisplayName("R100 a property turns histograms on")
    void histograms_turnedOnByProperty_arePublished() throws Exception {
        try (ConfigurableApplicationContext bot = start("--" + HISTOGRAMS)) {
            assertThat(answer(bot, "hello")).isEqualTo("1: hello");
            assertThat(send(request(bot, "/actuator/prometheus")))
                    .contains("keystore_commit_seconds_bucket{result=\"written\",le=\"+Inf\"} 1");
        }
    }
}
