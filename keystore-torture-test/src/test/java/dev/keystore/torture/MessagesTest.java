package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The messages in the sources of all modules. */
class MessagesTest {

    private static final Pattern LITERAL =
            Pattern.compile("\"((?:[^\"\\\\\\n]|\\\\.)*)\"(?:\\s*\\+\\s*\"((?:[^\"\\\\\\n]|\\\\.)*)\")*");
    private static final Pattern COPY =
            Pattern.compile("(?i)\\b(from|by|with) an? (back-?up|copy)\\b|\\b(old|older|earlier|former|previous|saved)"
                    + " (copy|copies|file|folder|store)\\b");

    /** The operating system's and the JDK's messages spell such words out, and users search for them. */
    private static final Pattern CONTRACTION = Pattern.compile("\\b\\w+n't\\b");

    /** The first literal of an exception, after the value that its message may begin with. */
    private static final Pattern BEGINNING = Pattern.compile("(new (?:StoreOpen|StoreNotFound|UnsupportedFormat|"
            + "IllegalState)Exception|BackendException\\s*\\.(?:permanent|transientFailure|outcomeUnknown))"
            + "\\(\\s*(?:([\\w.]+(?:\\(\\))?)\\s*\\+\\s*)?\"([^\"]*)\"");

    private static final Pattern LOG_REMOVAL =
            Pattern.compile("(?i)\\b(move|delete|remove|rename|erase|discard)\\b[^;.]*\\b(log|journal)s?\\b");

    @Test
    @DisplayName("R11 no message advises to move or delete a log, which may hold the last commits")
    void messages_ofLogs_keepThem() throws IOException {
        assertThat(messages(LOG_REMOVAL)).isEmpty();
    }

    @Test
    @DisplayName("R46 a message about an old copy warns against copying it into place, or names restore")
    void messages_ofOldCopies_warn() throws IOException {
        List<String> found = messages(COPY);
        assertThat(found).as("messages about copies").isNotEmpty();
        assertThat(found).allSatisfy(text -> assertThat(text).containsAnyOf("never copy", "keystore restore"));
    }

    @Test
    @DisplayName("R41 messages have no contractions")
    void messages_haveNoContractions() throws IOException {
        assertThat(messages(CONTRACTION)).isEmpty();
    }

    @Test
    @DisplayName("R41 a failure to open, and one of a backend, begins with the place and with what could not be done")
    void failures_beginWithPlaceAndOperation() throws IOException {
        List<String> found = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (Path source : sources()) {
            Matcher beginnings = BEGINNING.matcher(Files.readString(source));
            while (beginnings.find()) {
                String beginning = beginnings.group(3);
                String value = beginnings.group(2);
                boolean isSentence = value == null
                        && Character.isUpperCase(beginning.charAt(0))
                        && !source.toString().contains("-backend");
                boolean hasOwnBeginning = value != null
                        && (beginnings.group(1).contains("IllegalState") || value.endsWith("getMessage()"));
                found.add(beginning);
                if (!isSentence && !hasOwnBeginning && !beginning.matches(": |: could not .*")) {
                    others.add(source.getFileName() + ": " + beginnings.group());
                }
            }
        }
        assertThat(found).as("beginnings of messages").hasSizeGreaterThan(50);
        assertThat(others).as("messages that begin otherwise").isEmpty();
    }

    /** Returns the literal parts of messages that a pattern finds. */
    private static List<String> messages(Pattern pattern) throws IOException {
        List<String> found = new ArrayList<>();
        for (Path source : sources()) {
            Matcher texts = LITERAL.matcher(Files.readString(source));
            while (texts.find()) {
                String text = texts.group().replaceAll("\"\\s*\\+\\s*\"", "");
                if (pattern.matcher(text).find()) {
                    found.add(source.getFileName() + ": " + text);
                }
            }
        }
        return found;
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        try (DirectoryStream<Path> modules = Files.newDirectoryStream(Path.of(".."), "keystore-*")) {
            for (Path module : modules) {
                Path main = module.resolve("src").resolve("main");
                if (Files.isDirectory(main)
                        && !module.endsWith("keystore-bench")
                        && !module.endsWith("keystore-demo")) {
                    try (Stream<Path> files = Files.walk(main)) {
                        sources.addAll(files.filter(file -> file.toString().endsWith(".java"))
                                .toList());
                    }
                }
            }
        }
        return sources;
    }
}
