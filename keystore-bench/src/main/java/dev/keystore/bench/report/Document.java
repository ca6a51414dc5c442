package dev.keystore.bench.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A page of which parts are written by hand and parts by a run. */
public final class Document {

    private Document() {}

    /**
     * Replaces the text between {@code <!-- bench:part -->} and {@code <!-- /bench:part -->}.
     *
     * @throws IllegalStateException if the page lacks the markers; it is not changed
     */
    public static void replace(Path file, String part, String content) throws IOException {
        String begin = "<!-- bench:" + part + " -->\n";
        String end = "<!-- /bench:" + part + " -->";
        String text = Files.readString(file);
        int from = text.indexOf(begin);
        int to = text.indexOf(end);
        if (from < 0 || to < from) {
            throw new IllegalStateException(
                    "%s has no %s followed by %s: add the markers".formatted(file, begin.strip(), end));
        }
        Files.writeString(file, text.substring(0, from) + begin + "\n" + content + "\n" + text.substring(to));
    }
}
