package dev.keystore.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares the classes that the design page lists with those of the modules, in both directions. */
class DesignPageTest {

    private static final Path PROJECT = Path.of("..");
    private static final Path PAGE = PROJECT.resolve("docs/design.md");
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `(\\w+)` \\| \\S.*");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "keystore-core",
                "keystore-encryption",
                "keystore-interop",
                "keystore-micrometer",
                "keystore-async",
                "keystore-kotlin",
                "keystore-spring-boot-starter",
                "keystore-spring-boot-starter-test",
                "keystore-backend-support",
                "keystore-backend-jdbc",
                "keystore-backend-mapdb"
            })
    @DisplayName("the design page lists each top-level class of the module once, and no other")
    void tables_listEachClass(String module) throws Exception {
        assertThat(listed(module))
                .as("classes that %s lists for %s", PAGE, module)
                .containsExactlyInAnyOrderElementsOf(classes(module));
    }

    private static List<String> listed(String module) throws IOException {
        String heading = "\n### `" + module + "`\n";
        String page = Files.readString(PAGE);
        assertThat(page).contains(heading);
        String section =
                page.substring(page.indexOf(heading) + heading.length()).split("\n###? ", -1)[0];
        return ROW.matcher(section).results().map(row -> row.group(1)).toList();
    }

    private static List<String> classes(String module) throws IOException {
        try (Stream<Path> files = Files.walk(PROJECT.resolve(module).resolve("src/main"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.matches("\\w+\\.(java|kt)"))
                    .map(name -> name.substring(0, name.indexOf('.')))
                    .toList();
        }
    }
}
