package dev.keystore.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.core.SignalKeyDatabase;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;

/** An application with a web server and Boot's actuator, started as a whole. */
@Timeout(180)
@ExtendWith(OutputCaptureExtension.class)
class StartedApplicationTest {

    @TempDir
    private Path folder;

    @EnableAutoConfiguration
    static class Application {}

    private ConfigurableApplicationContext start(String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "--server.port=0",
                "--server.address=127.0.0.1",
                "--spring.config.location=optional:classpath:/absent/", // the sample has properties
                "--management.endpoints.web.exposure.include=*",
                "--management.endpoint.health.show-details=always"));
        arguments.addAll(List.of(more));
        return SpringApplication.run(Application.class, arguments.toArray(String[]::new));
    }

    private static HttpResponse<String> get(ConfigurableApplicationContext context, String path) throws Exception {
        String port = context.getEnvironment().getRequiredProperty("local.server.port");
        URI uri = URI.create("http://127.0.0.1:" + port + "/actuator/" + path);
        return HttpClient.newHttpClient().send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    }

    @Test
    @DisplayName("R100 R101 health, the endpoint and the metrics of the database are served")
    void actuator_servesTheDatabase() throws Exception {
        try (ConfigurableApplicationContext context =
                start("--keystore.url=jdbc:sqlite:" + folder.resolve("keys.db"))) {
            context.getBean(SignalKeyDatabase.class).forContext("alice").put(KeyTypes.SESSION, "bob.1", new byte[] {1});

            HttpResponse<String> health = get(context, "health");
            assertThat(health.statusCode()).isEqualTo(200);
            assertThat(health.body())
                    .contains("\"openContexts\":1,", "\"lostContexts\":0")
                    .doesNotContain("alice");
            assertThat(get(context, "keystore").body()).contains("\"contexts\":[\"alice\"]", "\"commits\":1");
            assertThat(get(context, "keystore/alice").body())
                    .contains("\"types\":{\"session\":{\"entries\":1,\"bytes\":1,\"largestBytes\":1}}");
            assertThat(get(context, "keystore/nobody").statusCode()).isEqualTo(404);
            assertThat(get(context, "prometheus").body())
                    .contains("keystore_commit_seconds_count{result=\"written\"} 1");
            assertThat(get(context, "configprops").body()).contains("keystore-dev.keystore.spring");
        }
    }

    @Test
    @DisplayName("a failed start says which property is wrong and what to do")
    void failedStart_saysWhatToDo(CapturedOutput output) {
        assertThatThrownBy(this::start).isNotNull();
        assertThat(output).contains("APPLICATION FAILED TO START", "keystore.url is not set.", "jdbc:sqlite:keys.db");
    }

    @Test
    @DisplayName("R72 a failed start says which root key is missing and where it is configured")
    void failedStart_withoutKey_saysWhatToDo(CapturedOutput output) {
        String[] arguments = {
            "--keystore.url=jdbc:sqlite:" + folder.resolve("keys.db"),
            "--keystore.encryption.key-file=" + folder.resolve("missing.key")
        };
        assertThatThrownBy(() -> start(arguments)).isNotNull();
        assertThat(output)
                .contains("APPLICATION FAILED TO START", "missing.key", "keystore.encryption.key-file, passphrase-env");
    }
}
