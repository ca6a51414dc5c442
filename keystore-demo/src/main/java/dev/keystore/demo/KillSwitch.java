package dev.keystore.demo;

import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Wraps a backend and kills the process at one of its commits: before it, during it, or after it but before the caller
 * learns of it. It uses {@link Runtime#halt}, so nothing is closed or flushed and no {@code finally} block runs.
 *
 * <p>The wrapper is a proxy for all interfaces of the backend, so that the engine detects all its capabilities.
 */
final class KillSwitch {

    /** The exit code of a killed process. */
    static final int EXIT_CODE = 99;

    /** The minimum number of commits of a run: one at its start, three for each letter, and one at its end. */
    private static final int COMMITS_A_RUN = 2 + 3 * Script.LETTERS_A_RUN;

    private final Backend backend;
    private final Random random;
    private final PrintStream out;
    private final int fatalCommit;
    private final Moment moment;
    private int commits;
    private long lastCommitNanos = 1_000_000;

    KillSwitch(Backend backend, long seed, PrintStream out) {
        this.backend = backend;
        this.out = out;
        random = new Random(seed);
        fatalCommit = 1 + random.nextInt(COMMITS_A_RUN);
        moment = Moment.values()[random.nextInt(Moment.values().length)];
    }

    /** Returns the wrapped backend. */
    Backend backend() {
        return (ContextAwareBackend) Proxy.newProxyInstance(
                backend.getClass().getClassLoader(),
                interfaces(),
                (proxy, method, arguments) ->
                        method.getName().equals("commit") ? commit(method, arguments) : forward(method, arguments));
    }

    /** Returns the interfaces of the backend, its capabilities among them. */
    private Class<?>[] interfaces() {
        return Stream.<Class<?>>iterate(backend.getClass(), Objects::nonNull, Class::getSuperclass)
                .flatMap(each -> Arrays.stream(each.getInterfaces()))
                .distinct()
                .toArray(Class<?>[]::new);
    }

    /** Prints which commit will be killed. */
    void announce() {
        out.printf("  This run will be killed %s its commit %d.%n%n", moment.words, fatalCommit);
    }

    private Object commit(Method method, Object[] arguments) throws Throwable {
        boolean fatal = ++commits == fatalCommit;
        if (fatal && moment == Moment.BEFORE) {
            halt(arguments[0]);
        }
        if (fatal && moment == Moment.IN) {
            haltWithin(lastCommitNanos, arguments[0]);
        }
        long start = System.nanoTime();
        Object result = forward(method, arguments);
        lastCommitNanos = System.nanoTime() - start;
        if (fatal) {
            halt(arguments[0]);
        }
        return result;
    }

    private Object forward(Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(backend, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    /** Halts from another thread, after a random part of the time that a commit takes. */
    private void haltWithin(long nanos, Object committed) {
        long start = System.nanoTime();
        long delayNanos = (long) (random.nextDouble() * nanos);
        Thread killer = new Thread(() -> {
            while (System.nanoTime() - start < delayNanos) {
                Thread.onSpinWait();
            }
            halt(committed);
        });
        killer.setDaemon(true);
        killer.start();
    }

    /** Never returns, so that only the first thread prints. */
    private synchronized void halt(Object committed) {
        List<?> batches = committed instanceof List<?> group ? group : List.of(committed);
        Batch batch = (Batch) batches.get(0);
        out.printf(
                "%n  Killed %s commit %d (%s, %d entries): %s. Run it again.%n",
                moment.words, commits, batch.context(), batch.mutations().size(), moment.effect);
        out.flush();
        Runtime.getRuntime().halt(EXIT_CODE);
    }

    private enum Moment {
        BEFORE("just before", "nothing of it was written"),
        IN("in the middle of", "all of it was written, or nothing"),
        AFTER("just after", "all of it was written, but the caller does not know");

        private final String words;
        private final String effect;

        Moment(String words, String effect) {
            this.words = words;
            this.effect = effect;
        }
    }
}
