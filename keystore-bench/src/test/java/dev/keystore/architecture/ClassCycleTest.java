package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.NodeList;

/**
 * The classes of a module do not depend on each other in a cycle. A nested class counts as part of its top-level class.
 *
 * <p>The modules are those of the root POM. This module is built after them, so their classes are compiled.
 */
class ClassCycleTest {

    private static final Path PROJECT = Path.of("..");

    /** The handle of a transaction can run nested transactions (R26), so its type appears in its own supertype. */
    private static final Map<String, String> ACCEPTED =
            Map.of("dev.keystore.Transaction", "dev.keystore.KeyOperations");

    static List<String> modules() throws Exception {
        NodeList modules = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(PROJECT.resolve("pom.xml").toFile())
                .getElementsByTagName("module");
        return IntStream.range(0, modules.getLength())
                .mapToObj(n -> modules.item(n).getTextContent().strip())
                .filter(module -> Files.exists(PROJECT.resolve(module).resolve("src/main")))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("modules")
    void classesOfAModule_haveNoCycle(String module) throws IOException {
        Path folder = PROJECT.resolve(module).resolve("target/classes");
        assertThat(folder).as("compile the whole project first").isDirectory();
        Map<String, Set<String>> dependencies = dependencies(folder);
        assertThat(dependencies).as("classes in %s", folder).isNotEmpty();

        assertThat(cycle(dependencies)).as("cycle of classes in %s", module).isEmpty();
    }

    private static Map<String, Set<String>> dependencies(Path folder) throws IOException {
        Map<String, Set<String>> dependencies = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file :
                    files.filter(file -> file.toString().endsWith(".class")).toList()) {
                ClassDependencies one = ClassDependencies.of(Files.readAllBytes(file));
                Set<String> uses = dependencies.computeIfAbsent(one.topLevelClass(), name -> new TreeSet<>());
                uses.addAll(one.uses());
                uses.removeIf(name -> name.equals(ACCEPTED.get(one.topLevelClass())));
            }
        }
        return dependencies;
    }

    /** Returns the classes of one cycle in order; none if there is no cycle. */
    private static List<String> cycle(Map<String, Set<String>> dependencies) {
        Map<String, Set<String>> left = new TreeMap<>(dependencies);
        while (left.values().removeIf(uses -> Collections.disjoint(uses, left.keySet()))) {
            // Each pass removes classes that use none of those left.
        }
        List<String> path = new ArrayList<>();
        Optional<String> next = left.keySet().stream().findFirst();
        while (next.isPresent() && !path.contains(next.get())) {
            path.add(next.get());
            next = left.get(next.get()).stream().filter(left::containsKey).findFirst();
        }
        return next.map(first -> path.subList(path.indexOf(first), path.size())).orElse(List.of());
    }
}
