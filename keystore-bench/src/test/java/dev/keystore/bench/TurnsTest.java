package dev.keystore.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TurnsTest {

    private final List<String> events = Collections.synchronizedList(new ArrayList<>());

    /** Returns what stands for a JVM: it runs iterations when it has its turn, and returns its name. */
    private Callable<String> player(Turns<String> turns, String name, int iterations) {
        int port = Integer.parseInt(turns.jvmArgument().replaceFirst("^-D" + Turn.PORT + "=", ""));
        return () -> {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                for (int i = 0; i < iterations; i++) {
                    if (socket.getInputStream().read() < 0) {
                        throw new IOException("no turn");
                    }
                    events.add(name + " begins");
                    events.add(name + " ends");
                    socket.getOutputStream().write(1);
                }
            }
            return name;
        };
    }

    @Test
    void take_ofSeveral_letsOneAtATimeRun() throws Exception {
        try (Turns<String> turns = new Turns<>()) {
            turns.start(player(turns, "a", 50));
            turns.start(player(turns, "b", 50));
            Random random = new Random(1);
            int firstOfA = 0;
            for (int i = 0; i < 50; i++) {
                int before = events.size();

                turns.take(random, () -> events.add("between"));

                List<String> turn = List.copyOf(events.subList(before, events.size()));
                assertThat(turn)
                        .isIn(
                                List.of("between", "a begins", "a ends", "between", "b begins", "b ends"),
                                List.of("between", "b begins", "b ends", "between", "a begins", "a ends"));
                firstOfA += turn.get(1).equals("a begins") ? 1 : 0;
            }
            assertThat(firstOfA).as("turns in which a is first").isBetween(10, 40);
            assertThat(turns.results()).containsExactly("a", "b");
        }
    }

    @Test
    void start_ofOneThatFails_throwsWhatItThrew() throws Exception {
        try (Turns<String> turns = new Turns<>()) {
            assertThatThrownBy(() -> turns.start(() -> {
                        throw new IOException("no memory");
                    }))
                    .hasMessageContaining("no memory");
        }
    }

    @Test
    void start_ofOneThatTakesNoTurn_isRefused() throws Exception {
        try (Turns<String> turns = new Turns<>()) {
            assertThatThrownBy(() -> turns.start(() -> "at once")).hasMessageContaining("before its first turn");
        }
    }

    @Test
    void take_ofOneThatHasExited_isRefused() throws Exception {
        try (Turns<String> turns = new Turns<>()) {
            turns.start(player(turns, "a", 1));
            turns.take(new Random(1), () -> {});

            assertThatThrownBy(() -> turns.take(new Random(1), () -> {})).hasMessageContaining("exited");
        }
    }

    @Test
    void close_endsThoseThatWait() throws Exception {
        Turns<String> turns = new Turns<>();
        turns.start(player(turns, "a", 1));

        turns.close();

        assertThatThrownBy(turns::results).hasMessageContaining("no turn");
    }
}
