package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.torture.child.MessageStepsChild;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ends processes at the steps between network, ratchet and application, without giving them time for anything. */
class MessageStepsKilledTest {

    @TempDir
    private Path folder;

    @Test
    @Timeout(120)
    @DisplayName("R11 R12 a message is sent at least once and handled once, wherever the process ends: two steps")
    void killedAtTwoSteps() throws Exception {
        long seed = Long.getLong("keystore.seed", System.nanoTime());
        System.out.println("MessageStepsKilledTest from seed " + seed + " (keystore.seed)");
        List<Integer> steps = new ArrayList<>(
                IntStream.rangeClosed(1, MessageStepsChild.STEPS).boxed().toList());
        Collections.shuffle(steps, new Random(seed));
        killAt(steps.subList(0, 2));
    }

    @Test
    @Tag("long")
    @Timeout(600)
    @DisplayName("R11 R12 a message is sent at least once and handled once, wherever the process ends: all steps")
    void killedAtEachStep() throws Exception {
        killAt(IntStream.rangeClosed(1, MessageStepsChild.STEPS).boxed().toList());
    }

    private void killAt(List<Integer> steps) throws Exception {
        List<String> messages = new ArrayList<>();
        for (int step : steps) {
            messages.add("killed at step " + step);
            assertThat(run(messages.get(messages.size() - 1), step)).isEqualTo(MessageStepsChild.HALTED);
        }
        messages.add("not killed");
        assertThat(run("not killed", 0)).isZero();

        List<String> log = Files.readAllLines(folder.resolve("log"));
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore bob = database.forContext("bob");
            List<String> expected = new ArrayList<>(messages);
            if (steps.contains(1)) {
                expected.remove("killed at step 1"); // it was not encrypted yet: the first commit was not written
            }
            for (String message : expected) {
                assertThat(log).as("what happened").contains("sent " + message);
                assertThat(bob.find(MessageStepsChild.HANDLED, message))
                        .as("how often %s was handled", message)
                        .hasValueSatisfying(times -> assertThat(times).hasSize(1));
            }
            try (Stream<String> handled = bob.ids(MessageStepsChild.HANDLED, "")) {
                assertThat(handled).hasSize(expected.size());
            }
            assertThat(SignalAccount.open(bob).inbox().pending()).isEmpty();
            assertThat(SignalAccount.open(database.forContext("alice")).outbox().pending())
                    .isEmpty();
        }
    }

    private int run(String message, int step) throws IOException, InterruptedException {
        Path temporary = Files.createDirectories(folder.resolve("tmp"));
        Process child = KillableJvm.start(
                MessageStepsChild.class,
                List.of(url(), folder.toString(), message, Integer.toString(step)),
                folder.resolve("output"),
                temporary);
        return KillableJvm.exitCode(child, 60, temporary);
    }

    private String url() {
        return "jdbc:sqlite:" + folder.resolve("keys.db");
    }
}
