package dev.keystore.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Compares the rule numbers that code and pages cite with those of the contract page, in both directions. */
class ContractPageTest {

    private static final Path PROJECT = Path.of("..");
    private static final Path PAGE = PROJECT.resolve("docs/contract.md");
    private static final Path TESTKIT = PROJECT.resolve("keystore-testkit/src/main/java");
    private static final Map<String, String> LANGUAGES = Map.of("java", ".java", "kotlin", ".kt");
    private static final String PLANNED = "*(planned)*";

    private static final Pattern CITATION = Pattern.compile("\\bR(\\d{1,3})\\b");
    private static final Pattern RULE = Pattern.compile("- \\*\\*R(\\d+)\\*\\* .*");

    @Test
    @DisplayName("every rule number that code or a page cites is on the contract page")
    void citations_areOnThePage() {
        Map<Integer, Boolean> rules = rules();

        Map<Path, Set<Integer>> unknown = new TreeMap<>();
        for (Path file : cited()) {
            Set<Integer> numbers = citations(file);
            numbers.removeAll(rules.keySet());
            if (!numbers.isEmpty()) {
                unknown.put(file, numbers);
            }
        }

        assertThat(unknown).as("numbers that are not on %s", PAGE).isEmpty();
    }

    @Test
    @DisplayName("every rule of the contract page that is built is cited by a test")
    void builtRules_areCitedByTests() {
        Set<Integer> built = rules().entrySet().stream()
                .filter(Map.Entry::getValue)
                .map(Map.Entry::getKey)
                .collect(Collectors.toCollection(TreeSet::new));

        Set<Integer> uncited = new TreeSet<>(built);
        sources("test").forEach(file -> uncited.removeAll(citations(file)));
        files(TESTKIT, Integer.MAX_VALUE, ".java").forEach(file -> uncited.removeAll(citations(file)));

        assertThat(built).hasSizeGreaterThan(40);
        assertThat(uncited).as("built rules that no test cites").isEmpty();
    }

    @Test
    @DisplayName("the contract page lists each rule once, in the order of the numbers")
    void rules_areInOrder() {
        assertThat(read(PAGE)
                        .lines()
                        .map(RULE::matcher)
                        .filter(Matcher::matches)
                        .map(rule -> Integer.valueOf(rule.group(1))))
                .isSorted()
                .doesNotHaveDuplicates();
    }

    /** Returns whether each rule of the page is built. */
    private static Map<Integer, Boolean> rules() {
        Map<Integer, Boolean> rules = new TreeMap<>();
        boolean sectionPlanned = false;
        for (String line : read(PAGE).lines().toList()) {
            Matcher rule = RULE.matcher(line);
            if (line.startsWith("## ")) {
                sectionPlanned = line.contains(PLANNED);
            } else if (rule.matches()) {
                rules.put(Integer.valueOf(rule.group(1)), !sectionPlanned && !line.contains(PLANNED));
            }
        }
        return rules;
    }

    private static List<Path> cited() {
        List<Path> cited = new ArrayList<>(sources("main"));
        cited.addAll(sources("test"));
        cited.addAll(files(PROJECT, 1, ".md"));
        cited.addAll(files(PROJECT.resolve("docs"), 1, ".md"));
        return cited;
    }

    /** Returns the files of Java and Kotlin in each module, of {@code main} or of {@code test}. */
    private static List<Path> sources(String part) {
        try (DirectoryStream<Path> modules = Files.newDirectoryStream(PROJECT, "keystore-*")) {
            List<Path> sources = new ArrayList<>();
            for (Path module : modules) {
                for (Map.Entry<String, String> language : LANGUAGES.entrySet()) {
                    Path folder = module.resolve("src").resolve(part).resolve(language.getKey());
                    if (Files.isDirectory(folder)) {
                        sources.addAll(files(folder, Integer.MAX_VALUE, language.getValue()));
                    }
                }
            }
            assertThat(sources).hasSizeGreaterThan(50);
            LANGUAGES
                    .values()
                    .forEach(suffix ->
                            assertThat(sources).anyMatch(file -> file.toString().endsWith(suffix)));
            return sources;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> files(Path folder, int depth, String suffix) {
        try (Stream<Path> files = Files.find(folder, depth, (file, attributes) -> attributes.isRegularFile())) {
            return files.filter(file -> file.toString().endsWith(suffix)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Set<Integer> citations(Path file) {
        return CITATION.matcher(read(file))
                .results()
                .map(citation -> Integer.valueOf(citation.group(1)))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
