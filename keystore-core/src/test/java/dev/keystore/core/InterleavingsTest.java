package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt.forClasses;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyTypes;
import dev.keystore.Updates;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Fault.Moment;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jetbrains.kotlinx.lincheck.Actor;
import org.jetbrains.kotlinx.lincheck.execution.ExecutionScenario;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The engine's races under Lincheck's model checker. It runs a few operations on two or three threads many times,
 * switching threads at different accesses of shared memory each time. It fails if no sequential order of the operations
 * explains their results, or if a thread waits indefinitely. Its random choices come from a fixed seed. Time stands
 * still, so no deadline hides a missed wake-up.
 */
@Timeout(3_600)
class InterleavingsTest {

    @Test
    @DisplayName(
            "R4 a load concurrent with puts and clears never restores an older value, however their steps interleave")
    void find_duringPutsAndClears_isLinearizable() {
        checkCache(80, 0);
    }

    @Test
    @Tag("long")
    @DisplayName("R4 loads never restore an older value, with more threads and more operations")
    void find_duringManyPutsAndClears_isLinearizable() {
        checkCache(500, 10);
    }

    private static void checkCache(int invocations, int randomScenarios) {
        Class<?> model = CachedEntry.class;
        ModelCheckingOptions options =
                pairs(operation(model, "find"), operation(model, "put", 1), operation(model, "clear"));
        check(model, Register.class, options, invocations, randomScenarios);
    }

    @Test
    @DisplayName("R13 R15 R21 concurrent commits, some of them refused, are visible once written, and "
            + "none waits indefinitely")
    void commit_duringCommitsAndRefusals_isLinearizable() {
        checkPipeline(40, 0);
    }

    @Test
    @Tag("long")
    @DisplayName("R13 R15 R21 commits are visible once written, with more threads and more operations")
    void commit_duringManyCommitsAndRefusals_isLinearizable() {
        checkPipeline(500, 10);
    }

    private static void checkPipeline(int invocations, int randomScenarios) {
        Class<?> model = CommittedEntry.class;
        ModelCheckingOptions options = pairs(
                operation(model, "find"),
                operation(model, "put", 1),
                operation(model, "take"),
                operation(model, "putRefused"));
        check(model, Register.class, options, invocations, randomScenarios);
    }

    @Test
    @DisplayName("R20 R25 a lock has one holder at a time, and locks of several keys never end in a deadlock")
    void lock_oneKeyOrTwoInAnyOrder_isExclusiveAndEnds() {
        checkLocks(150, 0);
    }

    @Test
    @Tag("long")
    @DisplayName("R20 R25 locks are exclusive and never deadlock, with more threads and more operations")
    void lock_manyTimesOneKeyOrTwo_isExclusiveAndEnds() {
        checkLocks(500, 10);
    }

    private static void checkLocks(int invocations, int randomScenarios) {
        Class<?> model = LockedCounters.class;
        ModelCheckingOptions options =
                pairs(operation(model, "add", 1, 1), operation(model, "add", 1, 2), operation(model, "add", 2, 1));
        check(model, Counters.class, options, invocations, randomScenarios);
    }

    @Test
    @DisplayName(
            "R1 reads of the cache's table, concurrent with puts and removals in the same slot, find what is there")
    void get_duringChangesInItsSlot_isLinearizable() {
        checkTable(150, 0);
    }

    @Test
    @Tag("long")
    @DisplayName("R1 reads of the cache's table find what is there, with more threads and more operations")
    void get_duringManyChangesInItsSlot_isLinearizable() {
        checkTable(2_000, 30);
    }

    private static void checkTable(int invocations, int randomScenarios) {
        Class<?> model = CacheTable.class;
        Actor get = operation(model, "get", 1);
        ModelCheckingOptions options =
                pairs(get, operation(model, "put", 1, 5), operation(model, "remove", 1), operation(model, "remove", 2));
        List<Actor> changes =
                List.of(operation(model, "remove", 3), operation(model, "remove", 2), operation(model, "put", 3, 6));
        options.addCustomScenario(
                new ExecutionScenario(List.of(), List.of(List.of(get, get), changes), List.of(get), null));
        check(model, Numbers.class, options, invocations, randomScenarios);
    }

    /**
     * Returns scenarios of each two operations run concurrently, including an operation with itself, then the first
     * one.
     */
    private static ModelCheckingOptions pairs(Actor... operations) {
        ModelCheckingOptions options = new ModelCheckingOptions();
        for (int i = 0; i < operations.length; i++) {
            for (int j = i; j < operations.length; j++) {
                List<List<Actor>> threads = List.of(List.of(operations[i]), List.of(operations[j]));
                options.addCustomScenario(new ExecutionScenario(List.of(), threads, List.of(operations[0]), null));
            }
        }
        return options;
    }

    private static Actor operation(Class<?> model, String name, Integer... arguments) {
        Method method = Stream.of(model.getMethods())
                .filter(one -> one.getName().equals(name))
                .findFirst()
                .orElseThrow();
        return new Actor(method, List.of(arguments));
    }

    private static void check(
            Class<?> model,
            Class<?> specification,
            ModelCheckingOptions options,
            int invocations,
            int randomScenarios) {
        options.sequentialSpecification(specification)
                .invocationsPerIteration(invocations)
                .iterations(randomScenarios)
                .threads(3)
                .actorsBefore(1)
                .actorsPerThread(2)
                .actorsAfter(1)
                .addGuarantee(
                        forClasses(type -> isOneStep(type, model)).allMethods().treatAsAtomic())
                .addGuarantee(forClasses(InterleavingsTest::isConfined)
                        .methods(method -> !method.equals("forEach"))
                        .ignore())
                // Otherwise a timed wait may end by itself, which would hide a missed wake-up.
                .addGuarantee(forClasses("java.util.concurrent.locks.LockSupport")
                        .methods("parkNanos")
                        .mute$lincheck())
                .check(model);
    }

    /**
     * Threads are switched before and after calls of such a class, never inside, where it may hold an internal lock.
     */
    private static boolean isOneStep(String type, Class<?> model) {
        return type.equals("dev.keystore.core.Storage")
                || (type.equals("dev.keystore.core.S3FifoCache") && model != CacheTable.class)
                || type.equals("java.util.concurrent.ConcurrentHashMap");
    }

    /** Objects of such a class are shared only under a lock; tracking them would take most of the time. */
    private static boolean isConfined(String type) {
        return (type.startsWith("java.util.")
                        && !type.startsWith("java.util.concurrent.")
                        && !type.startsWith("java.util.function."))
                || type.equals("java.util.concurrent.TimeUnit")
                || type.equals("java.util.concurrent.atomic.LongAdder")
                || type.startsWith("java.time.")
                || type.equals("dev.keystore.core.StackHeadroom")
                || type.equals("dev.keystore.core.Envelope");
    }

    /** One entry that the backend holds and that has not been read yet. */
    @Param(name = "value", gen = IntGen.class, conf = "1:3")
    public static class StoredEntry {

        final Fixture fixture = Fixture.of(
                Kind.GROUPING, options -> options.maximumCacheBytes(10_000).withoutStandby());

        public StoredEntry() {
            fixture.plant("session", "x", Envelope.seal("alice", "session", "x", bytes("stored")));
        }

        @Operation
        public String find() {
            return fixture.find("x");
        }

        @Operation
        public void put(@Param(name = "value") int value) {
            fixture.put("x", String.valueOf(value));
        }
    }

    public static class CachedEntry extends StoredEntry {

        @Operation
        public void clear() {
            fixture.alice.clear();
        }
    }

    public static class CommittedEntry extends StoredEntry {

        public CommittedEntry() {
            fixture.faults
                    .on(Call.Operation.COMMIT)
                    .of("session", "refused")
                    .forever()
                    .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        }

        @Operation
        public String take() {
            return text(fixture.alice.take(KeyTypes.SESSION, "x"));
        }

        @Operation
        public boolean putRefused() {
            Updates updates = new Updates();
            updates.put(KeyTypes.SESSION, "x", bytes("refused"));
            updates.put(KeyTypes.SESSION, "refused", bytes("refused"));
            try {
                fixture.alice.set(updates);
                return true;
            } catch (CommitFailedException e) {
                return false;
            }
        }
    }

    /** The specification of an entry. */
    public static class Register {

        private String value = "stored";

        public String find() {
            return value;
        }

        public void put(int next) {
            value = String.valueOf(next);
        }

        public void clear() {
            value = "absent";
        }

        public String take() {
            String taken = value;
            value = "absent";
            return taken;
        }

        public boolean putRefused() {
            return false;
        }
    }

    /** A cache of one slot, in which all nodes are linked. */
    @Param(name = "key", gen = IntGen.class, conf = "1:3")
    @Param(name = "value", gen = IntGen.class, conf = "4:6")
    public static class CacheTable {

        private static final Context CONTEXT = new Context("alice", 0, new Envelope("alice"));

        private final S3FifoCache<TestNode<Integer>> cache = new S3FifoCache<>(1_000);

        public CacheTable() {
            for (int key = 1; key <= 3; key++) {
                put(key, key);
            }
        }

        private static EntryKey key(int key) {
            return new EntryKey(CONTEXT, KeyTypes.SESSION, Integer.toString(key));
        }

        @Operation
        public int get(@Param(name = "key") int key) {
            TestNode<Integer> found = cache.get(key(key));
            return found == null ? 0 : found.value;
        }

        @Operation
        public void put(@Param(name = "key") int key, @Param(name = "value") int value) {
            cache.put(new TestNode<>(key(key), value, 1));
        }

        @Operation
        public void remove(@Param(name = "key") int key) {
            cache.remove(key(key));
        }
    }

    /** The specification of such a cache; 0 means absent. */
    public static class Numbers {

        private final int[] values = {0, 1, 2, 3};

        public int get(int key) {
            return values[key];
        }

        public void put(int key, int value) {
            values[key] = value;
        }

        public void remove(int key) {
            values[key] = 0;
        }
    }

    @Param(name = "key", gen = IntGen.class, conf = "1:2")
    public static class LockedCounters extends Counters {

        private final LockTable locks = new LockTable(Duration.ofSeconds(30));

        @Override
        @Operation
        public int add(@Param(name = "key") int first, @Param(name = "key") int second) {
            Set<String> lockKeys = new LinkedHashSet<>(List.of("key " + first, "key " + second));
            LockTable.Held held = new LockTable.Held();
            try {
                locks.acquire("alice", lockKeys, held);
                return super.add(first, second);
            } finally {
                locks.release(held);
            }
        }
    }

    /** The specification: counters for one thread at a time. */
    public static class Counters {

        private final int[] counts = new int[3];

        public int add(int first, int second) {
            return 10 * ++counts[first] + ++counts[second];
        }
    }
}
