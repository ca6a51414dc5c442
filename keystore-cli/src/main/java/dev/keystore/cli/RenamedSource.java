package dev.keystore.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A source that gets another name once it was imported, so that nothing uses it again.
 *
 * @param from the source
 * @param to its new name, which nothing has yet
 */
record RenamedSource(Path from, Path to) {

    /** Files next to a SQLite database without which it may be damaged. */
    private static final List<String> LOGS = List.of("-wal", "-journal");

    /**
     * Chooses the new name.
     *
     * @param accounts how many accounts the source holds
     * @throws Refusal if it must keep its name
     */
    static RenamedSource of(Path source, int accounts) {
        Path from = source.toAbsolutePath().normalize();
        String reason = whyNot(from, accounts);
        if (reason != null) {
            throw new Refusal(from + reason + ". Nothing was changed");
        }
        Path to = sibling(from, ".imported");
        for (int i = 2; exists(to); i++) {
            to = sibling(from, ".imported-" + i);
        }
        return new RenamedSource(from, to);
    }

    /** Returns why a source must keep its name, as the end of a sentence; null if it can be renamed. */
    static @Nullable String whyNot(Path from, int accounts) {
        if (accounts > 1) {
            return " holds other accounts as well, so it cannot be renamed";
        }
        for (String log : LOGS) {
            if (exists(sibling(from, log))) {
                return " cannot be renamed without " + sibling(from, log).getFileName()
                        + ": stop the client that uses it, so that it closes the database";
            }
        }
        return null;
    }

    private static Path sibling(Path path, String suffix) {
        return path.resolveSibling(path.getFileName() + suffix);
    }

    private static boolean exists(Path path) {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
    }

    /** Asks whether to rename it. */
    boolean isAccepted() {
        String answer = Terminal.ask(
                "Rename " + Text.visible(from.toString()) + " to " + Text.visible(String.valueOf(to.getFileName()))
                        + " after the import, so that nothing uses it again? [y/N] ",
                "use --rename-source");
        return answer.strip().equalsIgnoreCase("y");
    }

    /** Renames it, and returns whether that succeeded; it says why not. */
    boolean rename(PrintWriter err) {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (IOException e) {
            err.println("It was imported, but could not be renamed: " + Text.visible(e.toString()));
            return false;
        }
    }
}
