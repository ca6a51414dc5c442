package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Whether a system has POSIX permissions, and can open folders, is known to one class each. */
class FileAccessTest {

    private static final Path PROJECT = Path.of("..");
    private static final Pattern OPENED_FOR_READING =
            Pattern.compile("\\.open\\([^;{]*?, StandardOpenOption\\.READ\\)");

    @Test
    @DisplayName("files that only their owner can access are created with the attributes that OwnerOnly returns")
    void permissions_haveOneHome() throws IOException {
        assertThat(mainSources(source -> source.contains("asFileAttribute("))).containsExactly("OwnerOnly.java");
    }

    @Test
    @DisplayName("folders, which Windows cannot open, are forced by Folders")
    void forcedFolders_haveOneHome() throws IOException {
        assertThat(mainSources(source -> OPENED_FOR_READING.matcher(source).find() && source.contains(".force(")))
                .containsExactly("Folders.java");
    }

    /** What a source is searched for. */
    @FunctionalInterface
    private interface Search {
        boolean finds(String source);
    }

    private static List<String> mainSources(Search search) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> modules = Files.list(PROJECT)) {
            for (Path main : modules.map(module -> module.resolve("src/main/java"))
                    .filter(Files::exists)
                    .toList()) {
                try (Stream<Path> files = Files.walk(main)) {
                    for (Path file : files.filter(each -> each.toString().endsWith(".java"))
                            .toList()) {
                        if (search.finds(Files.readString(file))) {
                            found.add(file.getFileName().toString());
                        }
                    }
                }
            }
        }
        return found;
    }
}
