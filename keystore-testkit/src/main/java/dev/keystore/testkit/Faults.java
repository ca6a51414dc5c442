package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What goes wrong in a {@link FaultyBackend}, and the record of what it was asked.
 *
 * <pre>{@code
 * Faults faults = new Faults();
 * ContextAwareBackend backend = FaultyBackend.plain(new MemoryBackend(), faults);
 *
 * // the third write from here
 * faults.on(Operation.SAVE, Operation.DELETE).nth(3).fail(Moment.BEFORE, Kind.PERMANENT);
 * // the next two commits
 * faults.on(Operation.COMMIT).times(2).fail(Moment.MIDWAY, Kind.TRANSIENT);
 * // every load of one entry
 * faults.on(Operation.LOAD).of("session", "bob.1").forever().fail(Moment.BEFORE, () -> new RuntimeException("broken"));
 * // the next load of another: it has read, and does not return before gate.open()
 * Gate gate = faults.on(Operation.LOAD).of("session", "bob.2").hold(Moment.AFTER);
 * }</pre>
 *
 * <p>To begin with, nothing goes wrong. Of several faults that happen to one call, at one moment, each takes effect in
 * the order in which they were put; the first failure ends the call. Every call is recorded as it arrives, whether or not
 * it fails, and kept until {@link #forgetCalls}.
 *
 * <p>Safe for use by any number of threads, also while the backend is in use.
 */
public final class Faults {

    private final Queue<Call> calls = new ConcurrentLinkedQueue<>();
    private final List<Fault> faults = new CopyOnWriteArrayList<>();

    /** Makes a script of no faults. */
    public Faults() {}

    /** Begins a fault that happens to calls of some operations. */
    public Fault on(Operation first, Operation... more) {
        return new Fault(this, EnumSet.of(first, more));
    }

    /** Drops all faults. What waits at a {@link Gate} stays there until it opens. */
    public void heal() {
        faults.clear();
    }

    /** Forgets the calls so far. */
    public void forgetCalls() {
        calls.clear();
    }

    /** Returns the calls so far of some operations, or of all if none is given, in the order in which they arrived. */
    public List<Call> calls(Operation... operations) {
        List<Operation> wanted = Arrays.asList(operations);
        return calls.stream()
                .filter(call -> wanted.isEmpty() || wanted.contains(call.operation()))
                .toList();
    }

    /** Returns the number of calls so far of some operations, or of all if none is given. */
    public int count(Operation... operations) {
        return calls(operations).size();
    }

    /** Returns how many loads so far have asked for an entry, in whatever context, those in bulk included. */
    public int loads(String type, String id) {
        EntryId entry = new EntryId(type, id);
        return (int) calls(Operation.LOAD).stream()
                .filter(call -> call.entries().contains(entry))
                .count();
    }

    /** Returns the number of batches of each commit so far; 1 for one that was not a group. */
    public List<Integer> groupSizes() {
        return calls(Operation.COMMIT).stream().map(call -> call.group().size()).toList();
    }

    /** Returns the number of mutations of all commits so far. */
    public int mutations() {
        return calls(Operation.COMMIT).stream()
                .flatMap(call -> call.group().stream())
                .mapToInt(batch -> batch.mutations().size())
                .sum();
    }

    /** Returns the thread of each commit so far. */
    public List<Thread> commitThreads() {
        return calls(Operation.COMMIT).stream().map(Call::thread).toList();
    }

    void put(Fault fault) {
        faults.add(fault);
    }

    /**
     * Does a call with what happens to it.
     *
     * @param midway what to do instead of {@code whole} when it fails midway, with the failure
     */
    <T> T get(Call call, Supplier<T> whole, Function<RuntimeException, T> midway) {
        calls.add(call);
        List<Fault> happening =
                faults.stream().filter(fault -> fault.happensTo(call)).toList();
        happening.forEach(fault -> fault.happen(Moment.BEFORE));
        try {
            happening.forEach(fault -> fault.happen(Moment.MIDWAY));
        } catch (RuntimeException failure) {
            return midway.apply(failure);
        }
        T result = whole.get();
        happening.forEach(fault -> fault.happen(Moment.AFTER));
        return result;
    }

    /** Does a call that returns nothing. {@code half} may throw; the failure is thrown after it. */
    void run(Call call, Runnable whole, Consumer<RuntimeException> half) {
        this.<Boolean>get(
                call,
                () -> {
                    whole.run();
                    return Boolean.TRUE;
                },
                failure -> {
                    half.accept(failure);
                    throw failure;
                });
    }
}
