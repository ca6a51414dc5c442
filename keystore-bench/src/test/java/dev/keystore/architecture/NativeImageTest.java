package dev.keystore.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The analysis of GraalVM's native-image finds what the modules access dynamically, without configuration: it resolves
 * such accesses <a href="https://www.graalvm.org/jdk25/reference-manual/native-image/metadata/">if their arguments are
 * constants</a>. This searches the sources for all others.
 */
class NativeImageTest {

    private static final Path PROJECT = Path.of("..");

    private static final String CONSTANT = "(?:\"[^\"]*\"|false|[\\w.]+\\.class(?:\\.getClassLoader\\(\\))?"
            + "|MethodType\\.methodType\\([\\w., ]+\\.class\\))";

    private static final String CALLED = "(?:\\bforName|\\.find(?:Virtual|Static|Special|Constructor|VarHandle|Getter"
            + "|Setter)|\\.get(?:Declared)?(?:Method|Field|Constructor)s?|\\.getResource(?:AsStream)?"
            + "|\\bServiceLoader\\.load)";

    private static final Pattern DYNAMIC = Pattern.compile(CALLED + "\\(|\\.newInstance\\(|\\bnewProxyInstance\\b"
            + "|\\bObject(?:In|Out)putStream\\(|\\bResourceBundle\\.|\\bSystem\\.load|\\.loadClass\\(|\\.unreflect"
            + "|\\bnewUpdater\\(|\\.getRecordComponents\\(");

    private static final Pattern CONSTANT_ACCESS =
            Pattern.compile(CALLED + "\\(\\s*" + CONSTANT + "(?:,\\s*" + CONSTANT + ")*\\)");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "keystore-api",
                "keystore-core",
                "keystore-encryption",
                "keystore-backend-support",
                "keystore-backend-jdbc",
                "keystore-backend-mapdb",
                "keystore-async",
                "keystore-kotlin",
                "keystore-micrometer"
            })
    @DisplayName("R70 a native image needs no configuration for the module: it accesses nothing by a computed name")
    void sources_accessByConstantsOnly(String module) throws IOException {
        assertThat(computedAccesses(module)).isEmpty();
    }

    @Test
    @DisplayName("R70 for keystore-libsignal, a native image needs the constructors that one class chooses from")
    void libsignal_needsConfigurationForOneClass() throws IOException {
        assertThat(computedAccesses("keystore-libsignal"))
                .singleElement()
                .asString()
                .endsWith("Ciphers.java");
    }

    private static List<Path> computedAccesses(String module) throws IOException {
        try (Stream<Path> files = Files.walk(PROJECT.resolve(module).resolve("src/main"))) {
            List<Path> sources = files.filter(file -> file.toString().matches(".*\\.(java|kt)"))
                    .toList();
            assertThat(sources).isNotEmpty();
            return sources.stream().filter(NativeImageTest::hasComputedAccess).toList();
        }
    }

    @Test
    @DisplayName("R70 an access by a computed name is recognised, and one by constants is not taken for one")
    void patterns_areSpecific() {
        assertThat(List.of(
                        "Class.forName(name)",
                        "type.getDeclaredConstructor().newInstance()",
                        "Store.class.getResourceAsStream(\"a\" + version)",
                        "lookup.findVirtual(type, \"isVirtual\", MethodType.methodType(boolean.class))",
                        "Proxy.newProxyInstance(loader, types, handler)",
                        "loader.loadClass(name)",
                        "lookup.unreflectConstructor(constructor)",
                        "new ObjectInputStream(in)"))
                .allSatisfy(code -> assertThat(computed(code)).isTrue());
        assertThat(List.of(
                        "Class.forName(\"a.B\", false, Store.class.getClassLoader())",
                        "Store.class.getResourceAsStream(\"a.sql\")",
                        "lookup().findVirtual(Thread.class, \"isVirtual\", MethodType.methodType(boolean.class))",
                        "ServiceLoader.load(Provider.class).stream()"))
                .allSatisfy(code -> assertThat(computed(code)).isFalse());
    }

    private static boolean computed(String code) {
        return DYNAMIC.matcher(CONSTANT_ACCESS.matcher(code).replaceAll("")).find();
    }

    private static boolean hasComputedAccess(Path file) {
        try {
            return computed(Files.readString(file));
        } catch (IOException e) {
            throw new AssertionError("could not read " + file, e);
        }
    }
}
