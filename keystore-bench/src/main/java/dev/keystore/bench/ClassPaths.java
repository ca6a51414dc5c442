package dev.keystore.bench;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The class path of this build and, if two builds are compared, that of the other one. The other class path has the
 * classes of Keystore's modules from another checkout; the benchmark and the libraries are the same in both.
 */
final class ClassPaths {

    private static final String PROPERTY = "java.class.path";
    private static final Path CLASSES = Path.of("target", "classes");

    private final String now;
    private final @Nullable String before;

    private ClassPaths(String now, @Nullable String before) {
        this.now = now;
        this.before = before;
    }

    /**
     * Returns the class paths of this build and of {@code before}, another checkout, if it is given.
     *
     * @throws IllegalArgumentException if a module of the other checkout is not compiled
     */
    static ClassPaths of(String now, Path project, @Nullable Path before) {
        return new ClassPaths(
                now,
                before == null ? null : replace(now, project.toAbsolutePath().normalize(), before));
    }

    private static String replace(String classPath, Path project, Path before) {
        return Arrays.stream(classPath.split(File.pathSeparator))
                .map(element -> Path.of(element).toAbsolutePath().normalize())
                .flatMap(element -> replacement(element, project, before).stream())
                .map(Path::toString)
                .collect(Collectors.joining(File.pathSeparator));
    }

    /** Returns the classes of the same module in the other checkout; empty if it has no such module. */
    private static Optional<Path> replacement(Path element, Path project, Path before) {
        if (!element.startsWith(project) || !element.endsWith(CLASSES)) {
            return Optional.of(element);
        }
        Path module = project.relativize(element).getName(0);
        if (module.equals(Path.of("keystore-bench"))) {
            return Optional.of(element);
        }
        if (Files.exists(before.resolve("pom.xml")) && Files.notExists(before.resolve(module))) {
            return Optional.empty();
        }
        Path classes = before.toAbsolutePath().resolve(module).resolve(CLASSES);
        if (!Files.isDirectory(classes)) {
            throw new IllegalArgumentException("no folder " + classes + ": compile the other checkout first");
        }
        return Optional.of(classes);
    }

    /** Returns the class path of this JVM. */
    static String ofThisJvm() {
        return System.getProperty(PROPERTY);
    }

    boolean compares() {
        return before != null;
    }

    /** Runs JMH so that its forks get one of the two class paths: JMH reads it from a system property. */
    <T, X extends Exception> T with(boolean old, ForkedRun<T, X> run) throws X {
        String original = ofThisJvm();
        System.setProperty(PROPERTY, old && before != null ? before : now);
        try {
            return run.start();
        } finally {
            System.setProperty(PROPERTY, original);
        }
    }

    /** A call that starts a fork of JMH. */
    interface ForkedRun<T, X extends Exception> {
        T start() throws X;
    }
}
