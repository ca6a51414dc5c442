package dev.keystore.demo;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Compares the exceptions that the page on operation explains with those that callers get, in both directions. */
class OperatingPageTest {

    private static final Path PROJECT = Path.of("..");
    private static final List<String> MODULES =
            List.of("keystore-api", "keystore-core", "keystore-encryption", "keystore-interop", "keystore-libsignal");
    private static final Pattern NAMED = Pattern.compile("`(\\w+Exception)`");
    private static final Pattern MARKED = Pattern.compile("`(\\w+Exception)` \\*");
    private static final Pattern LINKED = Pattern.compile("\\{@link (\\w+Exception)}");
    private static final Pattern PUBLIC = Pattern.compile("(?m)^public [\\w ]*class (\\w+Exception) ");

    /**
     * {@code KeyStoreException} and {@code UnreadableEntryException} are thrown as one of their subclasses only, and
     * backends throw {@code BackendException} to the engine.
     */
    private static final Set<String> NOT_FOR_CALLERS =
            Set.of("KeyStoreException", "UnreadableEntryException", "BackendException");

    @Test
    @DisplayName("R41 the page on operation says what each exception asks for, and names no other")
    void page_namesEachException() throws Exception {
        String page = Files.readString(PROJECT.resolve("docs/operating.md"));
        Set<String> named =
                NAMED.matcher(page).results().map(match -> match.group(1)).collect(toSet());
        named.removeAll(NOT_FOR_CALLERS);
        Set<String> existing = new TreeSet<>();
        for (String module : MODULES) {
            existing.addAll(exceptions(PROJECT.resolve(module).resolve("src/main/java")));
        }
        existing.removeAll(NOT_FOR_CALLERS);

        assertThat(existing).hasSizeGreaterThan(20);
        assertThat(named).containsExactlyInAnyOrderElementsOf(existing);
    }

    @Test
    @DisplayName("R41 the page marks the exceptions that KeyStoreException lists, since data may have changed")
    void page_marksThoseThatMayHaveWritten() throws Exception {
        Path api = PROJECT.resolve("keystore-api/src/main/java/dev/keystore");
        String root = Files.readString(api.resolve("KeyStoreException.java"));
        Set<String> named =
                LINKED.matcher(root).results().map(match -> match.group(1)).collect(toSet());
        Set<String> marked = MARKED.matcher(Files.readString(PROJECT.resolve("docs/operating.md")))
                .results()
                .map(match -> match.group(1))
                .collect(toSet());

        assertThat(named).hasSizeGreaterThan(5);
        assertThat(marked).containsAll(named);
    }

    private static Set<String> exceptions(Path folder) throws IOException {
        Set<String> found = new TreeSet<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(each -> each.toString().endsWith("Exception.java"))
                    .toList()) {
                PUBLIC.matcher(Files.readString(file)).results().forEach(match -> found.add(match.group(1)));
            }
        }
        return found;
    }
}
