package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;

/**
 * The common part of crash and power-loss tests: how a backend is opened, in this process and in a child, and when they
 * run.
 */
abstract class DurabilityTest {

    private static final String PROPERTY = "crash.tests";
    private static final String SAMPLE = "sample";
    private static final String WHOLE = "whole";

    @TempDir
    Path folder = Path.of("");

    DurabilityTest() {}

    /**
     * Opens the backend of a folder: an empty one if the folder is new, otherwise with the entries it had when it was
     * closed, or when the process that had it open was killed or lost its power. Called in this process and in
     * children, but never while another process has the backend open.
     *
     * @param folder an existing folder; deleted after the test
     * @return the opened backend
     * @throws Exception if it cannot be opened; the test fails
     */
    protected abstract Backend open(Path folder) throws Exception;

    /**
     * Returns further arguments for the JVM of a child process. The default is none; children have a heap of 64 MiB.
     *
     * @return options of the {@code java} command
     */
    protected List<String> jvmArguments() {
        return List.of();
    }

    /** Creates a test object in the child. */
    static DurabilityTest create(String className) throws ReflectiveOperationException {
        Constructor<? extends DurabilityTest> constructor =
                Class.forName(className).asSubclass(DurabilityTest.class).getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    /** Skips a test of the sample unless the system property asks for the sample or the whole. */
    static void requireSample() {
        String value = System.getProperty(PROPERTY, "");
        Assumptions.assumeTrue(
                value.equals(SAMPLE) || value.equals(WHOLE),
                "crash tests run only on request: -D" + PROPERTY + "=" + SAMPLE + " takes seconds for each, -D"
                        + PROPERTY + "=" + WHOLE + " takes minutes");
    }

    /** Skips a test of the whole unless the system property asks for the whole. */
    static void requireWhole() {
        Assumptions.assumeTrue(
                System.getProperty(PROPERTY, "").equals(WHOLE),
                "this test takes minutes and runs only on request: -D" + PROPERTY + "=" + WHOLE);
    }

    static long seed() {
        return Long.getLong("crash.seed", System.nanoTime());
    }

    /** Prints a line about a test that has passed. */
    final void report(String scenario, Object figures, long seed) {
        System.out.printf(
                "%s, %s: %s; nothing lost or torn; crash.seed=%d%n",
                getClass().getSimpleName(), scenario, figures, seed);
    }
}
