package dev.keystore.demo;

import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextAwareBackend;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Random;

/**
 * Stands before a backend and kills the process at one of its commits: before it, in it, or after it and before its
 * caller knows. Nothing is closed or flushed then, no {@code finally} runs: {@link Runtime#halt}.
 *
 * <p>It is a proxy of every interface that the backend has, so that the engine sees all that the backend can do.
 */
final class KillSwitch {

    /** What the process ends with. */
    static final int EXIT_CODE = 99;

    /** A run makes at least as many commits: its start, three for each letter, and its end. */
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

    /** Returns the backend with this before it. */
    Backend backend() {
        return (ContextAwareBackend) Proxy.newProxyInstance(
                backend.getClass().getClassLoader(),
                backend.getClass().getInterfaces(),
                (proxy, method, arguments) ->
                        method.getName().equals("commit") ? commit(method, arguments) : forward(method, arguments));
    }

    /** Says when it will strike. */
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

    /** Halts from another thread, at a random moment of the time that a commit takes. */
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

    /** Only the first thread comes to print. */
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
        BEFORE("just before", "nothing of it is there"),
        IN("in the middle of", "all of it is there, or nothing"),
        AFTER("just after", "all of it is there, and nobody was told");

        private final String words;
        private final String effect;

        Moment(String words, String effect) {
            this.words = words;
            this.effect = effect;
        }
    }
}
