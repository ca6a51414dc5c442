package dev.keystore.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Keeps the excerpts in docs/writing-a-backend.md equal to the source they explain. */
class WritingABackendTest {

    private static final Path PAGE = Path.of("..", "docs", "writing-a-backend.md");
    private static final Path EXAMPLE = Path.of("..", "keystore-example-backend");

    @Test
    @DisplayName("every excerpt of the page occurs in the source of the example")
    void excerpts_occurInSource() throws Exception {
        List<String> sources = new ArrayList<>(List.of(withoutSpace(read(EXAMPLE.resolve("pom.xml")))));
        try (Stream<Path> files = Files.walk(EXAMPLE.resolve("src"))) {
            files.filter(Files::isRegularFile).forEach(file -> sources.add(withoutSpace(read(file))));
        }
        List<String> excerpts = Pattern.compile("(?ms)^```\\w+\\R(.*?)^```")
                .matcher(Files.readString(PAGE))
                .results()
                .map(match -> match.group(1))
                .toList();

        assertThat(excerpts)
                .hasSizeGreaterThan(10)
                .allSatisfy(excerpt -> assertThat(sources)
                        .anySatisfy(source -> assertThat(source).contains(withoutSpace(excerpt))));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String withoutSpace(String text) {
        return text.replaceAll("\\s", "");
    }
}
