package dev.keystore.demo;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Compares the exceptions that the page on operation explains with those of the API, in both directions. */
class OperatingPageTest {

    private static final Path PROJECT = Path.of("..");
    private static final Pattern NAMED = Pattern.compile("`(\\w+Exception)`");

    /** {@code KeyStoreException} is thrown as one of its subclasses only, and this one as one of its own three. */
    private static final Set<String> SUPERCLASSES = Set.of("KeyStoreException", "UnreadableEntryException");

    @Test
    @DisplayName("R41 the page on operation says what each exception asks for, and names no other")
    void page_namesEachException() throws Exception {
        String page = Files.readString(PROJECT.resolve("docs/operating.md"));
        Set<String> named =
                NAMED.matcher(page).results().map(match -> match.group(1)).collect(toSet());
        named.removeAll(SUPERCLASSES);
        try (Stream<Path> files = Files.list(PROJECT.resolve("keystore-api/src/main/java/dev/keystore"))) {
            Set<String> existing = files.map(
                            file -> file.getFileName().toString().replace(".java", ""))
                    .filter(name -> name.endsWith("Exception") && !SUPERCLASSES.contains(name))
                    .collect(toSet());

            assertThat(existing).hasSizeGreaterThan(10);
            assertThat(named).containsExactlyInAnyOrderElementsOf(existing);
        }
    }
}
