package dev.keystore.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The progress of a command, at a terminal and elsewhere. */
class ProgressTest {

    private final AtomicLong nanoTime = new AtomicLong();

    private String shown(boolean terminal) {
        StringWriter out = new StringWriter();
        try (Progress progress = new Progress(new PrintWriter(out, true), terminal, "Copying", nanoTime::get)) {
            for (int second = 0; second < 12; second++) {
                progress.at(second, 20, 100L * second);
                nanoTime.addAndGet(TimeUnit.SECONDS.toNanos(1));
            }
        }
        return out.toString();
    }

    @Test
    @DisplayName("without a terminal, a plain line is written every 5 s, and nothing is drawn")
    void at_noTerminal_writesPlainLines() {
        assertThat(shown(false).lines())
                .hasSize(2)
                .allMatch(line -> line.startsWith("Copying: "))
                .first()
                .asString()
                .contains("5 of 20 contexts", "100 entries/s", "left");
        assertThat(shown(false)).doesNotContain("\r", "[", "\u001b");
    }

    @Test
    @DisplayName("at a terminal, a bar is drawn in place, and removed at the end")
    void at_terminal_drawsBar() {
        assertThat(shown(true)).contains("\r[").endsWith(" \r").doesNotContain("\n");
    }
}
