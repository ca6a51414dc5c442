package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Lines have at most 120 characters: those of Java, where the formatter leaves long text as it is, and of Kotlin; and
 * those of the pages, except for tables, code, and what the benchmark writes. Neither uses words that a reader has to
 * translate into the usual ones, nor sentences that a reader has to read twice. And no two classes of main code have
 * one name.
 */
class TextTest {

    private static final Path PROJECT = Path.of("..");
    private static final int LIMIT = 120;

    /**
     * What to write instead: reported; readers, callers; rolled back; indefinitely, continuously, several times;
     * except; rebuilt, retried; separate; bypassing the cache; alongside, during, next to; continues; creates, issues;
     * disk; is alive; transactions, tasks. The last ones are former identifiers, such as that of ownershipLostReported
     * and handOff.
     */
    private static final Pattern UNUSUAL_WORDS = Pattern.compile(
            "\\b(told|those who|the one who|taken back|for ever|all the time|a few times over|(but|save) for"
                    + "|made (anew|again)|of (its|their) own(?! key)|past (the|any|every) cache|\\w*beside(?!s\\b)\\w*"
                    + "|(go|goes|going|went|gone) on(?! top)|(gives?|gave|given|giving) out|medium|lives|dies with"
                    + "|(the|their|these|those|its|several|all|of|>) works"
                    + "|\\w*loss_?reported|passOn|isPassing|outlast)\\b",
            Pattern.CASE_INSENSITIVE);

    /** Each stands for a noun that the reader has to find; a sentence with two of them is read twice. */
    private static final String PRONOUN = "\\b(?:that of|those (?:of|that|whose)|one (?:that|whose))\\b";

    /** In a sentence, or in a part of one that ends with a colon or a semicolon. */
    private static final Pattern TWO_PRONOUNS =
            Pattern.compile(PRONOUN + "[^.:;|@<{]*?" + PRONOUN, Pattern.CASE_INSENSITIVE);

    /** A page or a class with more of these does not say when: during the copy, since then, at the same time. */
    private static final int MAXIMUM_MEANWHILES = 2;

    private static final Pattern MEANWHILE = Pattern.compile("\\bmeanwhile\\b", Pattern.CASE_INSENSITIVE);
    private static final int MAXIMUM_README_WORDS = 1_199;

    /** This file names the words. */
    private static final Set<String> UNCHECKED = Set.of("TextTest.java");

    /** Package-private in modules that no one reads on one walk: options of the command; the overwriting of keys. */
    private static final Set<String> ACCEPTED_TWINS = Set.of("Secrets.java");

    @Test
    void linesOfPages_areNotTooLong() throws IOException {
        List<String> tooLong = new ArrayList<>();
        for (Path page : pages()) {
            boolean wrapped = true;
            int number = 0;
            for (String line : Files.readAllLines(page)) {
                number++;
                if (line.stripLeading().startsWith("```") || line.matches("<!-- /?bench:.* -->")) {
                    wrapped = !wrapped;
                } else if (wrapped && !line.startsWith("|") && isTooLong(line)) {
                    tooLong.add(PROJECT.relativize(page) + ":" + number);
                }
            }
        }
        assertThat(tooLong).as("lines of more than %d characters", LIMIT).isEmpty();
    }

    @Test
    void linesOfSources_areNotTooLong() throws IOException {
        List<String> tooLong = new ArrayList<>();
        for (Path source : sources()) {
            int number = 0;
            for (String line : Files.readAllLines(source)) {
                number++;
                if (isTooLong(line)) {
                    tooLong.add(PROJECT.relativize(source) + ":" + number);
                }
            }
        }
        assertThat(tooLong).as("lines of more than %d characters", LIMIT).isEmpty();
    }

    @Test
    void words_areTheUsualOnes() throws IOException {
        List<String> unusual = new ArrayList<>();
        for (Path file : Stream.concat(pages().stream(), sources().stream()).toList()) {
            if (!UNCHECKED.contains(file.getFileName().toString())) {
                UNUSUAL_WORDS
                        .matcher(Files.readString(file))
                        .results()
                        .forEach(word -> unusual.add(PROJECT.relativize(file) + ": " + word.group()));
            }
        }
        assertThat(unusual).isEmpty();
    }

    @Test
    void sentences_areReadOnce() throws IOException {
        List<String> unclear = new ArrayList<>();
        for (Path file : readFiles()) {
            String text = Files.readString(file);
            TWO_PRONOUNS
                    .matcher(asParagraphs(file, text))
                    .results()
                    .forEach(part -> unclear.add(PROJECT.relativize(file) + ": " + part.group()));
            if (MEANWHILE.matcher(text).results().count() > MAXIMUM_MEANWHILES) {
                unclear.add(PROJECT.relativize(file) + ": meanwhile");
            }
        }
        assertThat(unclear).isEmpty();
    }

    @Test
    void readme_isShort() throws IOException {
        int words = Files.readString(PROJECT.resolve("README.md")).strip().split("\\s+").length;
        assertThat(words).as("words of the README").isLessThanOrEqualTo(MAXIMUM_README_WORDS);
    }

    @Test
    void namesOfMainClasses_areDifferent() throws IOException {
        Map<String, List<Path>> byName = new TreeMap<>();
        for (Path source : sources()) {
            String name = source.getFileName().toString();
            if (source.toString().contains("/src/main/") && !name.matches("(package|module)-info\\.java")) {
                byName.computeIfAbsent(name, key -> new ArrayList<>()).add(PROJECT.relativize(source));
            }
        }
        assertThat(byName).hasSizeGreaterThan(500);
        byName.values().removeIf(files -> files.size() == 1);
        assertThat(byName.keySet()).as("classes of one name in %s", byName).isEqualTo(ACCEPTED_TWINS);
    }

    private static boolean isTooLong(String line) {
        return line.codePointCount(0, line.length()) > LIMIT;
    }

    /** Returns the pages, and the sources of main code. */
    private static List<Path> readFiles() throws IOException {
        return Stream.concat(
                        pages().stream(),
                        sources().stream().filter(file -> file.toString().contains("/src/main/")))
                .toList();
    }

    /** Returns a text with each paragraph or comment in one line. A paragraph, an item and a row end with a bar. */
    private static String asParagraphs(Path file, String text) {
        return file.toString().endsWith(".md")
                ? text.replaceAll("(?m)^```[^`]*?^```", "|")
                        .replaceAll("\\n\\s*(\\n|-|\\d+\\.|#|\\|)", "|")
                        .replaceAll("\\s+", " ")
                : text.replaceAll("\\n\\s*(/\\*)?\\*+ *(?=\\n|@|<)", "|").replaceAll("\\n\\s*(\\*|//) ", " ");
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        for (Path folder : List.of(PROJECT, PROJECT.resolve("docs"))) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
            }
        }
        assertThat(pages).isNotEmpty();
        return pages;
    }

    private static List<Path> sources() throws IOException {
        List<Path> sources = new ArrayList<>();
        try (Stream<Path> modules = Files.list(PROJECT)) {
            for (Path module : modules.filter(folder -> Files.exists(folder.resolve("pom.xml")))
                    .toList()) {
                try (Stream<Path> files = Files.walk(module.resolve("src"))) {
                    files.filter(file -> file.toString().matches(".*\\.(java|kt)"))
                            .forEach(sources::add);
                }
            }
        }
        assertThat(sources).hasSizeGreaterThan(500);
        return sources;
    }
}
