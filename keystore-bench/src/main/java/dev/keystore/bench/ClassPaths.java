package dev.keystore.bench;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;

/**
 * The class path of this build and, if two are compared, that of the build before: the same, but for the classes of
 * Keystore's own modules, which are those of another checkout. The bench itself is this one's in both.
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
     * Takes the classes of {@code before}, another checkout that is compiled, if it is given.
     *
     * @throws IllegalArgumentException if a module of it is not compiled
     */
    static ClassPaths of(String now, Path project, @Nullable Path before) {
        return new ClassPaths(
                now,
                before == null ? null : replace(now, project.toAbsolutePath().normalize(), before));
    }

    private static String replace(String classPath, Path project, Path before) {
        return Arrays.stream(classPath.split(File.pathSeparator))
                .map(element -> replacement(Path.of(element).toAbsolutePath().normalize(), project, before))
                .map(Path::toString)
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static Path replacement(Path element, Path project, Path before) {
        if (!element.startsWith(project) || !element.endsWith(CLASSES)) {
            return element;
        }
        Path module = project.relativize(element).getName(0);
        if (module.equals(Path.of("keystore-bench"))) {
            return element;
        }
        Path classes = before.toAbsolutePath().resolve(module).resolve(CLASSES);
        if (!Files.isDirectory(classes)) {
            throw new IllegalArgumentException(classes + " is missing: compile the other checkout first");
        }
        return classes;
    }

    /** Returns the class path of this JVM. */
    static String ofThisJvm() {
        return System.getProperty(PROPERTY);
    }

    boolean compares() {
        return before != null;
    }

    /** Does something whose forks are to have one of the two; JMH gives a fork what this property says. */
    <T> T with(boolean old, Forking<T> forking) throws RunnerException {
        String own = ofThisJvm();
        System.setProperty(PROPERTY, old && before != null ? before : now);
        try {
            return forking.run();
        } finally {
            System.setProperty(PROPERTY, own);
        }
    }

    /** Something that runs JMH. */
    interface Forking<T> {
        T run() throws RunnerException;
    }
}
