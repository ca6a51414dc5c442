package dev.keystore.examples;

import dev.keystore.spi.Backend;
import dev.keystore.spi.ContextAwareBackend;
import java.io.PrintStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Random;

/**
 * Stands before a backend and kills the process at one of its commits: before it, in it, or after it and before its
 * caller knows. Nothing is closed or flushed then, no {@code finally} runs: {@link Runtime#halt}.
 *
 * <p>It is a proxy of every interface that the backend has, so that the engine sees what the backend can do.
 */
final class KillSwitch implements InvocationHandler {

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

    private KillSwitch(Backend backend, Random random, PrintStream out) {
        this.backend = backend;
        this.random = random;
        this.out = out;
        fatalCommit = 1 + random.nextInt(COMMITS_A_RUN);
        moment = Moment.values()[random.nextInt(Moment.values().length)];
    }

    /** Returns the backend with a kill switch before it, and says when it will strike. */
    static Backend before(Backend backend, long seed, PrintStream out) {
        KillSwitch killSwitch = new KillSwitch(backend, new Random(seed), out);
        out.printf("  This run will be killed %s its commit %d.%n%n", killSwitch.moment, killSwitch.fatalCommit);
        return (ContextAwareBackend) Proxy.newProxyInstance(
                backend.getClass().getClassLoader(), backend.getClass().getInterfaces(), killSwitch);
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        if (!method.getName().equals("commit")) {
            return forward(method, arguments);
        }
        boolean fatal = ++commits == fatalCommit;
        if (fatal && moment == Moment.BEFORE) {
            halt();
        }
        if (fatal && moment == Moment.IN) {
            haltWithin(lastCommitNanos);
        }
        long start = System.nanoTime();
        Object result = forward(method, arguments);
        lastCommitNanos = System.nanoTime() - start;
        if (fatal) {
            halt();
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
    private void haltWithin(long nanos) {
        long halt = System.nanoTime() + (long) (random.nextDouble() * nanos);
        Thread killer = new Thread(() -> {
            while (System.nanoTime() < halt) {
                Thread.onSpinWait();
            }
            halt();
        });
        killer.setDaemon(true);
        killer.start();
    }

    /** Only the first caller comes to print. */
    private synchronized void halt() {
        out.printf("%n  Killed %s commit %d. Run it again.%n", moment, fatalCommit);
        out.flush();
        Runtime.getRuntime().halt(EXIT_CODE);
    }

    private enum Moment {
        BEFORE("just before"),
        IN("in the middle of"),
        AFTER("just after");

        private final String words;

        Moment(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }
}
