package dev.keystore.testkit;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PersistenceBackend;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The commits of the threads of a child: a function of the seed, the thread and the number of the commit, so that
 * parent and child compute the same ones. Repeating a commit immediately changes nothing.
 *
 * <p>Threads share no keys. Where the backend has contexts, each thread has separate contexts; otherwise each thread
 * has separate types.
 */
final class CrashScript {

    static final int THREADS = 4;

    private static final List<String> TYPES =
            KeyTypes.all().stream().map(KeyType::name).toList();
    private static final int TYPES_OF_THREAD = 2;
    private static final int IDS = 10;
    private static final int MAXIMUM_MUTATIONS = 6;
    private static final int MAXIMUM_BATCHES = 3;
    private static final long GOLDEN_RATIO = 0x9E3779B97F4A7C15L;

    private final long seed;
    private final Shape shape;
    private final boolean contextFree;

    private CrashScript(long seed, Shape shape, boolean contextFree) {
        this.seed = seed;
        this.shape = shape;
        this.contextFree = contextFree;
    }

    /** Returns the script for the capabilities of a backend. */
    static CrashScript of(long seed, Backend backend) {
        Shape shape = backend instanceof GroupCommit
                ? Shape.GROUPS
                : backend instanceof AtomicCommit ? Shape.BATCHES : Shape.SINGLE_WRITES;
        return new CrashScript(seed, shape, backend instanceof PersistenceBackend);
    }

    Shape shape() {
        return shape;
    }

    /** Returns whether all threads write to one context, and so must write one at a time. */
    boolean isContextFree() {
        return contextFree;
    }

    Set<String> contexts() {
        return IntStream.range(0, THREADS)
                .boxed()
                .flatMap(thread -> contexts(thread).stream())
                .collect(Collectors.toSet());
    }

    Set<String> types() {
        return IntStream.range(0, THREADS)
                .boxed()
                .flatMap(thread -> types(thread).stream())
                .collect(Collectors.toSet());
    }

    /** Returns every key that a thread ever writes to. */
    List<CrashKey> keys(int thread) {
        List<CrashKey> keys = new ArrayList<>();
        for (String context : contexts(thread)) {
            for (String type : types(thread)) {
                IntStream.rangeClosed(1, IDS).forEach(id -> keys.add(new CrashKey(context, type, "key-" + id)));
            }
        }
        return keys;
    }

    /** Returns the writes of a commit, which are atomic as far as the backend supports it. */
    List<ContextWrites> commit(int thread, long number) {
        SplittableRandom random = new SplittableRandom((seed ^ thread) + number * GOLDEN_RATIO * (thread + 1));
        int batches = shape == Shape.GROUPS ? random.nextInt(1, MAXIMUM_BATCHES + 1) : 1;
        List<ContextWrites> parts = new ArrayList<>();
        for (int i = 0; i < batches; i++) {
            String context = pick(contexts(thread), random);
            parts.add(new ContextWrites(context, mutations(context, thread, number, random)));
        }
        return parts;
    }

    /** Returns the value that a commit saves under a key. */
    byte[] value(CrashKey key, int thread, long number) {
        return CrashValue.encode(key, thread, number, seed);
    }

    private List<Mutation> mutations(String context, int thread, long number, SplittableRandom random) {
        int size = shape == Shape.SINGLE_WRITES ? 1 : random.nextInt(1, MAXIMUM_MUTATIONS + 1);
        List<Mutation> mutations = new ArrayList<>();
        if (shape != Shape.SINGLE_WRITES && random.nextInt(12) == 0) {
            mutations.add(clear(thread, random));
        }
        for (int i = 0; i < size; i++) {
            CrashKey key = new CrashKey(context, pick(types(thread), random), "key-" + random.nextInt(1, IDS + 1));
            mutations.add(
                    random.nextInt(5) == 0
                            ? new Mutation.Delete(key.type(), key.id())
                            : new Mutation.Put(key.type(), key.id(), value(key, thread, number)));
        }
        return mutations;
    }

    /** Clears the thread's entries of a context, in half the cases only those of one type. */
    private static Mutation clear(int thread, SplittableRandom random) {
        Set<String> kept = new HashSet<>();
        for (int other = 0; other < THREADS; other++) {
            if (other != thread) {
                kept.addAll(types(other));
            }
        }
        if (random.nextBoolean()) {
            kept.add(pick(types(thread), random));
        }
        return new Mutation.Clear(kept);
    }

    private List<String> contexts(int thread) {
        return contextFree
                ? List.of(PersistenceBackend.DEFAULT_CONTEXT)
                : List.of("crash-" + thread + "-left", "crash-" + thread + "-right");
    }

    private static List<String> types(int thread) {
        return TYPES.subList(thread * TYPES_OF_THREAD, (thread + 1) * TYPES_OF_THREAD);
    }

    private static String pick(List<String> from, SplittableRandom random) {
        return from.get(random.nextInt(from.size()));
    }

    /** The unit that a backend writes atomically. */
    enum Shape {
        SINGLE_WRITES("single writes"),
        BATCHES("batches"),
        GROUPS("groups of batches");

        private final String text;

        Shape(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** The mutations of a commit in one context. */
    record ContextWrites(String context, List<Mutation> mutations) {}
}
