package dev.keystore.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.json.JsonParserFactory;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** An application with a web server and Boot's actuator, started as a whole. */
@Timeout(180)
@ExtendWith(OutputCaptureExtension.class)
class StartedApplicationTest {

    @TempDir
    private Path folder;

    @EnableAutoConfiguration
    static class Application {}

    /** Its database is in memory. */
    @EnableAutoConfiguration
    static class InMemory {

        private final MemoryBackend memory = new MemoryBackend();
        private final Faults faults = new Faults();

        @Bean
        Backend backend() {
            return FaultyBackend.complete(memory.reopen(), faults);
        }
    }

    /** Answers when the test lets the transaction continue. */
    @EnableAutoConfiguration
    @RestController
    static class Slow {

        private final CountDownLatch begun = new CountDownLatch(1);
        private final CountDownLatch release = new CountDownLatch(1);
        private final SignalKeyDatabase database;

        Slow(SignalKeyDatabase database) {
            this.database = database;
        }

        @GetMapping("/actuator/slow")
        String write() throws InterruptedException {
            return database.forContext("alice").transaction("bob", tx -> {
                begun.countDown();
                assertThat(release.await(60, TimeUnit.SECONDS)).isTrue();
                tx.put(KeyTypes.SESSION, "bob.1", new byte[] {7});
                return "written";
            });
        }
    }

    private ConfigurableApplicationContext start(String... more) {
        return start(Application.class, more);
    }

    private static ConfigurableApplicationContext start(Class<?> application, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "--server.port=0",
                "--server.address=127.0.0.1",
                "--spring.config.location=optional:classpath:/absent/", // the sample has properties
                "--management.endpoints.web.exposure.include=*",
                "--management.endpoint.health.show-details=always"));
        arguments.addAll(List.of(more));
        return SpringApplication.run(application, arguments.toArray(String[]::new));
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
            assertShownByParameter(context);
        }
    }

    /** A path cannot name them: Boot removes its empty parts. */
    private static void assertShownByParameter(ConfigurableApplicationContext context) throws Exception {
        for (String name : List.of("alice/", "alice//1", "/alice")) {
            context.getBean(SignalKeyDatabase.class).forContext(name).put(KeyTypes.SESSION, "a", new byte[] {1});
            assertThat(get(context, "keystore?name=" + name).body()).contains("\"context\":\"" + name + "\"");
        }
        assertThat(get(context, "keystore?name=nobody").statusCode()).isEqualTo(404);
    }

    @Test
    @DisplayName("each status of health is answered as the page says, alone and within the health of the application")
    void health_isAnsweredByStatus() throws Exception {
        try (ConfigurableApplicationContext context = start(
                InMemory.class,
                "--management.endpoint.health.group.plain.include=keystore",
                "--management.endpoint.health.group.ordered.include=keystore",
                "--management.endpoint.health.group.ordered.status.order=DOWN,OUT_OF_SERVICE,UP,WARNING,UNKNOWN")) {
            InMemory application = context.getBean(InMemory.class);
            SignalKeyDatabase database = context.getBean(SignalKeyDatabase.class);
            SignalKeyStore alice = database.forContext("alice");
            SignalKeyStore bob = database.forContext("bob");
            assertThat(status(context, "health/keystore")).isEqualTo("200 UP");
            assertThat(status(context, "health")).isEqualTo("200 UP");

            application.faults.on(Operation.LOAD).times(2).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThat(status(context, "health/keystore")).isEqualTo("503 DOWN");
            assertThat(status(context, "health")).isEqualTo("503 DOWN");

            lose(alice, application);
            assertThat(status(context, "health/keystore")).isEqualTo("200 WARNING");
            assertThat(status(context, "health")).isEqualTo("200 UP");
            assertThat(status(context, "health/plain")).isEqualTo("200 UNKNOWN");
            assertThat(status(context, "health/ordered")).isEqualTo("200 WARNING");

            lose(bob, application);
            assertThat(status(context, "health/keystore")).isEqualTo("503 OUT_OF_SERVICE");
            assertThat(status(context, "health")).isEqualTo("503 OUT_OF_SERVICE");
        }
    }

    private static void lose(SignalKeyStore store, InMemory application) {
        application.memory.takeOver(store.context());
        assertThatThrownBy(() -> store.put(KeyTypes.SESSION, "x", new byte[] {1}))
                .isInstanceOf(OwnershipLostException.class);
    }

    /** Returns the status of HTTP and that of health. */
    private static String status(ConfigurableApplicationContext context, String path) throws Exception {
        HttpResponse<String> answer = get(context, path);
        Object status =
                JsonParserFactory.getJsonParser().parseMap(answer.body()).get("status");
        return answer.statusCode() + " " + status;
    }

    @Test
    @DisplayName(
            "R28 a request that is running when the application is closed is answered, and what it wrote is durable")
    void close_requestRuns_completesIt() throws Exception {
        String url = "jdbc:sqlite:" + folder.resolve("keys.db");
        ConfigurableApplicationContext context = start(Slow.class, "--keystore.url=" + url);
        Slow slow = context.getBean(Slow.class);
        int port = Integer.parseInt(context.getEnvironment().getRequiredProperty("local.server.port"));
        FutureTask<HttpResponse<String>> answer = new FutureTask<>(() -> get(context, "slow"));
        new Thread(answer, "request").start();
        assertThat(slow.begun.await(60, TimeUnit.SECONDS)).isTrue();

        CompletableFuture<Void> closed = CompletableFuture.runAsync(context::close);
        while (accepts(port)) {
            Thread.onSpinWait();
        }
        assertThat(closed).isNotDone();
        slow.release.countDown();

        assertThat(answer.get(60, TimeUnit.SECONDS).body()).isEqualTo("written");
        closed.get(60, TimeUnit.SECONDS);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            assertThat(database.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .hasValue(new byte[] {7});
        }
    }

    private static boolean accepts(int port) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
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
