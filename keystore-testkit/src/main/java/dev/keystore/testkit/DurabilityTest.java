package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the tests of what a crash leaves have in common: how a backend is opened, in this process and in a child, and
 * when they run.
 */
abstract class DurabilityTest {

    private static final String ASKED = "crash.tests";
    private static final String SAMPLE = "sample";
    private static final String WHOLE = "whole";

    @TempDir
    Path folder = Path.of("");

    DurabilityTest() {}

    /**
     * Opens the backend of a folder: empty if the folder has not been given before, else with what was there when it was
     * closed, or when the process that had it open was killed or lost its power. Called in this process and in children,
     * never while another has the folder's backend open.
     *
     * @param folder an existing folder; deleted after the test
     * @throws Exception if it can't be opened: the test fails
     */
    protected abstract Backend open(Path folder) throws Exception;

    /** Returns further arguments for the JVM of a child, which has a heap of 64 MiB unless they say otherwise. */
    protected List<String> jvmArguments() {
        return List.of();
    }

    /** Creates a test object, in the child. */
    static DurabilityTest make(String className) throws ReflectiveOperationException {
        Constructor<? extends DurabilityTest> constructor =
                Class.forName(className).asSubclass(DurabilityTest.class).getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    /** Skips a test of a sample unless it was asked for. */
    static void requireSample() {
        String asked = System.getProperty(ASKED, "");
        Assumptions.assumeTrue(
                asked.equals(SAMPLE) || asked.equals(WHOLE),
                "crash tests run when asked for: -D" + ASKED + "=" + SAMPLE + " for some seconds of each, -D" + ASKED
                        + "=" + WHOLE + " for minutes");
    }

    /** Skips a test of the whole unless it was asked for. */
    static void requireWhole() {
        Assumptions.assumeTrue(
                System.getProperty(ASKED, "").equals(WHOLE),
                "it takes minutes, and runs when asked for: -D" + ASKED + "=" + WHOLE);
    }

    static long seed() {
        return Long.getLong("crash.seed", System.nanoTime());
    }
}
