package dev.keystore.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Checks that what the pages refer to exists. */
class PagesTest {

    private static final Path PROJECT = Path.of("..");
    private static final Pattern LINK = Pattern.compile("\\]\\((?!https?:)([^)#]*)(?:#([^)]*))?\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");
    private static final Pattern TEST = Pattern.compile("(?<![*@\\w])[A-Z]\\w+Test\\b");

    static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        for (Path folder : List.of(PROJECT, PROJECT.resolve("docs"))) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.md")) {
                files.forEach(pages::add);
            }
        }
        assertThat(pages).hasSizeGreaterThan(8);
        return pages;
    }

    @ParameterizedTest
    @MethodSource("pages")
    @DisplayName("every relative link of a page leads to a file, and to a heading of it")
    void links_leadSomewhere(Path page) throws Exception {
        for (MatchResult link : LINK.matcher(Files.readString(page)).results().toList()) {
            Path target = link.group(1).isEmpty() ? page : page.resolveSibling(link.group(1));
            assertThat(target).exists();
            if (link.group(2) != null) {
                assertThat(anchors(target)).as("headings of %s", target).contains(link.group(2));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("pages")
    @DisplayName("every test that a page names exists")
    void tests_exist(Path page) throws Exception {
        Set<String> named = TEST.matcher(Files.readString(page))
                .results()
                .map(MatchResult::group)
                .collect(Collectors.toCollection(TreeSet::new));
        named.removeAll(tests());

        assertThat(named).as("tests that %s names", page).isEmpty();
    }

    private static List<String> anchors(Path page) throws IOException {
        return HEADING.matcher(Files.readString(page))
                .results()
                .map(heading -> heading.group(1)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\w\\- ]", "")
                        .replace(' ', '-'))
                .toList();
    }

    private static Set<String> tests() throws IOException {
        Set<String> tests = new TreeSet<>();
        try (DirectoryStream<Path> modules = Files.newDirectoryStream(PROJECT, "keystore-*")) {
            for (Path module : modules) {
                try (Stream<Path> files = Files.walk(module.resolve("src"))) {
                    files.map(file -> file.getFileName().toString())
                            .filter(name -> name.matches("\\w+Test\\.(java|kt)"))
                            .forEach(name -> tests.add(name.substring(0, name.indexOf('.'))));
                }
            }
        }
        return tests;
    }
}
