package dev.keystore.bench.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A document, a part of which is written by hand and a part by a run. */
final class Document {

    private Document() {}

    /**
     * Replaces what stands between {@code <!-- bench:part -->} and {@code <!-- /bench:part -->}.
     *
     * @throws IllegalStateException if the document lacks the marks; it was not changed
     */
    static void replace(Path file, String part, String content) throws IOException {
        String begin = "<!-- bench:" + part + " -->\n";
        String end = "<!-- /bench:" + part + " -->";
        String text = Files.readString(file);
        int from = text.indexOf(begin);
        int to = text.indexOf(end);
        if (from < 0 || to < from) {
            throw new IllegalStateException(file + " lacks " + begin.strip() + " or " + end + " after it");
        }
        Files.writeString(file, text.substring(0, from) + begin + "\n" + content + "\n" + text.substring(to));
    }
}
