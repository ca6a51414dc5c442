package dev.keystore.demo;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.NodeList;

/** Compares modules and classes on the design page with those of the project, and checks the nodes of its drawings. */
class DesignPageTest {

    private static final Path PROJECT = Path.of("..");
    private static final Path PAGE = PROJECT.resolve("docs/design.md");
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `(\\w+)` \\| \\S.*");
    private static final Pattern MODULE = Pattern.compile("(\\w+)\\[\"(keystore-[\\w-]+)");
    private static final Pattern DRAWING = Pattern.compile("(?s)```mermaid\\n(.*?)```");
    private static final Pattern NODE =
            Pattern.compile("(?m)\\b(\\w+)(\\(\\[.*?]\\)|\\[\\(.*?\\)]|\\[.*?]|\\{.*?}|\\(.*?\\))(?= |$)");
    private static final Pattern ARROW =
            Pattern.compile("(?m)^ +(\\w+)(?:\\[.*?])? (?:-->|-\\. optional \\.->) (\\w+)(?:\\[.*])?$");

    @Test
    @DisplayName("the design page draws on which modules the libraries depend")
    void modules_dependAsDrawn() throws Exception {
        String drawing = Files.readString(PAGE).split("```mermaid\n", 3)[1].split("```", 2)[0];
        Map<String, String> modules =
                MODULE.matcher(drawing).results().collect(toMap(node -> node.group(1), node -> node.group(2)));
        Map<String, Set<String>> drawn = new TreeMap<>();
        Map<String, Set<String>> declared = new TreeMap<>();
        for (String module : modules.values()) {
            drawn.put(module, new TreeSet<>());
            declared.put(module, new TreeSet<>(dependencies(module)));
        }
        ARROW.matcher(drawing)
                .results()
                .forEach(arrow -> drawn.get(modules.get(arrow.group(1))).add(modules.get(arrow.group(2))));

        assertThat(drawn).hasSizeGreaterThan(10);
        assertThat(withIndirect(drawn)).isEqualTo(withIndirect(declared));
    }

    /** Mermaid shows the last label of a node in all of its places, so an id with two labels hides one of them. */
    @Test
    @DisplayName("no node of a flowchart on the design page has two labels")
    void nodes_haveOneLabel() throws IOException {
        List<String> twice = new ArrayList<>();
        int drawings = 0;
        int nodes = 0;
        for (MatchResult drawing :
                DRAWING.matcher(Files.readString(PAGE)).results().toList()) {
            if (drawing.group(1).startsWith("flowchart")) {
                Set<String> labelled = new HashSet<>();
                for (MatchResult node : NODE.matcher(withoutEdgeLabels(drawing.group(1)))
                        .results()
                        .toList()) {
                    nodes++;
                    if (!labelled.add(node.group(1))) {
                        twice.add(node.group());
                    }
                }
                drawings++;
            }
        }
        assertThat(drawings).isGreaterThan(3);
        assertThat(nodes).isGreaterThan(40);
        assertThat(twice).isEmpty();
    }

    private static String withoutEdgeLabels(String drawing) {
        return drawing.replaceAll("(--|-\\.) \"?.*? (-->|\\.->)", "-->");
    }

    /** Returns the modules of the project that a module needs to be compiled, without those of its tests. */
    private static List<String> dependencies(String module) throws Exception {
        NodeList found = (NodeList) XPathFactory.newInstance()
                .newXPath()
                .evaluate(
                        "/project/dependencies/dependency[not(scope='test')]/artifactId[starts-with(.,'keystore-')]",
                        DocumentBuilderFactory.newInstance()
                                .newDocumentBuilder()
                                .parse(PROJECT.resolve(module)
                                        .resolve("pom.xml")
                                        .toFile()),
                        XPathConstants.NODESET);
        return IntStream.range(0, found.getLength())
                .mapToObj(i -> found.item(i).getTextContent())
                .toList();
    }

    private static Map<String, Set<String>> withIndirect(Map<String, Set<String>> direct) {
        Map<String, Set<String>> all = new TreeMap<>();
        direct.forEach((module, uses) -> {
            Set<String> reached = new TreeSet<>();
            Deque<String> left = new ArrayDeque<>(uses);
            while (!left.isEmpty()) {
                if (reached.add(left.peek())) {
                    left.addAll(direct.get(left.peek()));
                }
                left.remove();
            }
            all.put(module, reached);
        });
        return all;
    }

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
