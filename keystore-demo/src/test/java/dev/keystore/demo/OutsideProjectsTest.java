package dev.keystore.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Builds and runs projects outside this build, as their authors do who follow the pages: from the dependencies and the
 * code that the pages show, with what {@code mvn install} has put into the local repository.
 */
@EnabledIfSystemProperty(named = "outside", matches = ".*", disabledReason = "needs mvn install before")
@Timeout(300)
class OutsideProjectsTest {

    private static final Path DOCS = Path.of("..", "docs");
    private static final Path README = Path.of("..", "README.md");
    private static final Path SAMPLE = Path.of("..", "keystore-spring-boot-sample", "src");

    /** What Maven ends its output with, even if it is asked for no colors. */
    private static final Pattern COLOR = Pattern.compile("\\x1b\\[[0-9;]*m");

    @TempDir
    private Path folder;

    private String dependencies = "";
    private String parent = "";
    private String properties = "";
    private String plugins = "";

    @Test
    @DisplayName("a plain project with what the README names runs its examples")
    void readme() throws Exception {
        dependOnThoseOf(README);
        List<String> examples = PageExamples.blocks(README, "java");
        assertThat(runJava("First", examples.get(0))).isEqualTo("[bob.1] decrypted with KeyPair[33 and 32 bytes]");
        assertThat(runJava("Backend", examples.get(2))).isEqualTo("1234");
    }

    @Test
    @DisplayName("with keystore-libsignal added, the example of the README runs")
    void libsignal() throws Exception {
        dependOnThoseOf(README);
        dependOnThoseOf(DOCS.resolve("libsignal.md"));
        assertThat(runJava("Signal", PageExamples.blocks(README, "java").get(1)))
                .isEqualTo("hello");
    }

    @Test
    @DisplayName("with keystore-micrometer and a registry added, the examples of its page run")
    void metrics() throws Exception {
        Path page = DOCS.resolve("metrics.md");
        dependOnThoseOf(README);
        dependOnThoseOf(page);
        depend("io.micrometer:micrometer-registry-prometheus:" + version("micrometer"));
        List<String> examples = PageExamples.blocks(page, "java");
        assertThat(runJava("Metrics", examples.get(0)))
                .isEqualTo("keystore_commit_seconds_count{result=\"written\"} 1");
        assertThat(runJava("SlowTransactions", examples.get(2))).isEqualTo("committed");
    }

    @Test
    @DisplayName("with keystore-async added, the example of its page runs")
    void async() throws Exception {
        Path page = DOCS.resolve("async.md");
        dependOnThoseOf(README);
        dependOnThoseOf(page);
        assertThat(runJava("Async", PageExamples.blocks(page, "java").get(0))).isEqualTo("1234");
    }

    @Test
    @DisplayName("with keystore-encryption added, a store is encrypted as its page says")
    void encryption() throws Exception {
        Path page = DOCS.resolve("encryption.md");
        dependOnThoseOf(README);
        dependOnThoseOf(page);
        String example = PageExamples.blocks(page, "java").get(0);
        assertThat(example).contains("/etc/keystore/root.key");
        assertThat(runJava("Encrypted", example.replace("/etc/keystore/root.key", "root.key") + """
                System.out.println(database.storeId().isPresent());
                database.close();
                """))
                .isEqualTo("true");
    }

    @Test
    @DisplayName("a Kotlin project with keystore-kotlin runs the examples of its page")
    void kotlin() throws Exception {
        Path page = DOCS.resolve("kotlin.md");
        String kotlin = version("kotlin");
        dependOnThoseOf(README);
        dependOnThoseOf(page);
        depend("org.jetbrains.kotlin:kotlin-stdlib:" + kotlin);
        plugins = """
                <plugin>
                  <groupId>org.jetbrains.kotlin</groupId>
                  <artifactId>kotlin-maven-plugin</artifactId>
                  <version>%s</version>
                  <configuration>
                    <jvmTarget>17</jvmTarget>
                    <sourceDirs><sourceDir>src/main/kotlin</sourceDir></sourceDirs>
                  </configuration>
                  <executions>
                    <execution><goals><goal>compile</goal></goals></execution>
                  </executions>
                </plugin>
                """.formatted(kotlin);
        List<String> examples = PageExamples.blocks(page, "kotlin");
        write("src/main/kotlin/First.kt", examples.get(0));
        write("src/main/kotlin/Second.kt", examples.get(1));
        assertThat(run("FirstKt")).isEqualTo("1234");
        assertThat(run("SecondKt")).isEqualTo("[bob, carol]");
    }

    @Test
    @DisplayName("a project on Spring Boot 3 runs the sample and the tests of the page")
    void springBoot3() throws Exception {
        springBoot(version("spring-boot-3"), "spring-boot-starter-web");
    }

    @Test
    @DisplayName("a project on Spring Boot 4 runs the sample and the tests of the page")
    void springBoot4() throws Exception {
        springBoot(version("spring-boot-4"), "spring-boot-starter-webmvc");
    }

    private void springBoot(String version, String web) throws Exception {
        List<String> blocks = PageExamples.blocks(DOCS.resolve("spring-boot.md"), "xml");
        dependencies = blocks.get(0);
        properties = "<maven.compiler.parameters>true</maven.compiler.parameters>" // as of spring-boot-starter-parent
                + blocks.get(1).replaceAll("</?properties>", "");
        parent = """
                <parent>
                  <groupId>org.springframework.boot</groupId>
                  <artifactId>spring-boot-dependencies</artifactId>
                  <version>%s</version>
                </parent>
                """.formatted(version);
        String keystore = groups("<version>(.*?)</version>", dependencies).get(0);
        depend("dev.keystore:keystore-micrometer:" + keystore);
        depend("io.micrometer:micrometer-registry-prometheus");
        depend("org.springframework.boot:" + web);
        depend("org.springframework.boot:spring-boot-starter-actuator");
        depend("dev.keystore:keystore-spring-boot-starter-test:" + keystore + ":test");
        depend("org.springframework.boot:spring-boot-starter-test::test");
        try (Stream<Path> files = Files.walk(SAMPLE)) {
            for (Path file : files.filter(Files::isRegularFile)
                    .filter(each -> !each.endsWith("SpringBootPageTest.java"))
                    .toList()) {
                write("src/" + SAMPLE.relativize(file), Files.readString(file));
            }
        }
        assertThat(maven("test")).contains("Tests run: 4, Failures: 0, Errors: 0, Skipped: 0");
    }

    /** Returns a version that this build uses, by the name of its property. */
    private static String version(String name) throws IOException {
        String poms = Files.readString(Path.of("..", "pom.xml"))
                + Files.readString(Path.of("..", "keystore-kotlin", "pom.xml"));
        return groups("<" + name + "\\.version>(.*?)<", poms).get(0);
    }

    private static List<String> groups(String pattern, String text) {
        return Pattern.compile(pattern)
                .matcher(text)
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    private void dependOnThoseOf(Path page) throws IOException {
        dependencies += String.join("", PageExamples.blocks(page, "xml"));
    }

    /** Adds a dependency, with version and scope unless they are empty or missing. */
    private void depend(String coordinates) {
        String[] parts = coordinates.split(":", -1);
        dependencies += "<dependency><groupId>" + parts[0] + "</groupId><artifactId>" + parts[1] + "</artifactId>"
                + (parts.length > 2 && !parts[2].isEmpty() ? "<version>" + parts[2] + "</version>" : "")
                + (parts.length > 3 ? "<scope>" + parts[3] + "</scope>" : "")
                + "</dependency>\n";
    }

    /** Compiles an example, and returns the last line that it prints. */
    private String runJava(String name, String example) throws Exception {
        write("src/main/java/" + name + ".java", PageExamples.asClass(name, example));
        return run(name);
    }

    private String run(String mainClass) throws Exception {
        String output = maven(
                "-q", "compile", "org.codehaus.mojo:exec-maven-plugin:3.6.4:java", "-Dexec.mainClass=" + mainClass);
        return output.lines()
                .map(line -> COLOR.matcher(line).replaceAll(""))
                .filter(line -> !line.isBlank())
                .reduce((first, last) -> last)
                .orElse("");
    }

    private void write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    /** Runs Maven in the project, and returns what it prints. */
    private String maven(String... arguments) throws Exception {
        write("pom.xml", """
                <project xmlns="http://maven.apache.org/POM/4.0.0">
                  <modelVersion>4.0.0</modelVersion>
                  %s
                  <groupId>org.example</groupId>
                  <artifactId>outside</artifactId>
                  <version>1</version>
                  <properties>
                    <maven.compiler.release>17</maven.compiler.release>
                    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
                    %s
                  </properties>
                  <dependencies>
                    %s
                  </dependencies>
                  <build>
                    <plugins>
                      %s
                      <plugin>
                        <artifactId>maven-compiler-plugin</artifactId>
                        <version>3.14.1</version>
                      </plugin>
                    </plugins>
                  </build>
                </project>
                """.formatted(parent, properties, dependencies, plugins));
        List<String> command = new ArrayList<>(List.of("mvn", "-B"));
        command.add("-Dmaven.repo.local=" + System.getProperty("localRepository"));
        command.addAll(groups("(\\S+)", System.getProperty("outside")));
        command.addAll(List.of(arguments));
        Path output = folder.resolve("output");
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            assertThat(process.waitFor(280, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroy();
        }
        String printed = Files.readString(output);
        assertThat(process.exitValue()).as("%s", printed).isZero();
        return printed;
    }
}
