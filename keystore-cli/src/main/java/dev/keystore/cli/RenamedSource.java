package dev.keystore.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

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
        if (accounts > 1) {
            throw new Refusal(from + " holds other accounts as well, so it cannot be renamed. Nothing was changed");
        }
        for (String log : LOGS) {
            if (exists(sibling(from, log))) {
                throw new Refusal(from + " cannot be renamed without "
                        + sibling(from, log).getFileName()
                        + ": stop the client that uses it, so that it closes the database."
                        + " Nothing was changed");
            }
        }
        Path to = sibling(from, ".imported");
        for (int i = 2; exists(to); i++) {
            to = sibling(from, ".imported-" + i);
        }
        return new RenamedSource(from, to);
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
