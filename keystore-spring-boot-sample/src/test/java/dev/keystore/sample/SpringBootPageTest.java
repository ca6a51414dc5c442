package dev.keystore.sample;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Keeps the code and the properties in the pages equal to those of the sample, which other tests run. */
class SpringBootPageTest {

    private static final Path DOCS = Path.of("..", "docs");

    @Test
    @DisplayName("each excerpt of the page occurs in the source of the sample")
    void excerpts_occurInSource() throws Exception {
        List<String> sources;
        try (Stream<Path> files = Files.walk(Path.of("src"))) {
            sources = files.filter(Files::isRegularFile)
                    .map(file -> withoutSpace(read(file)))
                    .toList();
        }
        List<String> excerpts = Pattern.compile("(?ms)^```(?:java|properties)\\R(.*?)^```")
                .matcher(read(DOCS.resolve("spring-boot.md")))
                .results()
                .map(match -> withoutSpace(match.group(1)))
                .toList();

        assertThat(excerpts)
                .hasSizeGreaterThan(3)
                .allSatisfy(excerpt -> assertThat(sources)
                        .anySatisfy(source -> assertThat(source).contains(excerpt)));
    }

    @Test
    @DisplayName("R100 the page of metrics names the property that turns histograms on")
    void metricsPage_namesThePropertyOfHistograms() {
        assertThat(read(DOCS.resolve("metrics.md"))).contains("`" + BotApplicationTest.HISTOGRAMS + "`");
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
