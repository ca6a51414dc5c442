package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The pages are wrapped at 120 characters, except for tables, code, and what the benchmark writes. */
class MarkdownTest {

    private static final Path PROJECT = Path.of("..");
    private static final int LIMIT = 120;

    @Test
    void linesOfText_areNotTooLong() throws IOException {
        List<String> tooLong = new ArrayList<>();
        for (Path page : pages()) {
            boolean wrapped = true;
            int number = 0;
            for (String line : Files.readAllLines(page)) {
                number++;
                if (line.stripLeading().startsWith("```") || line.matches("<!-- /?bench:.* -->")) {
                    wrapped = !wrapped;
                } else if (wrapped && !line.startsWith("|") && line.length() > LIMIT) {
                    tooLong.add(PROJECT.relativize(page) + ":" + number);
                }
            }
        }
        assertThat(tooLong).as("lines of more than %d characters", LIMIT).isEmpty();
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        for (Path folder : List.of(PROJECT, PROJECT.resolve("docs"))) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
            }
        }
        assertThat(pages).isNotEmpty();
        return pages;
    }
}
