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
 * The faults of a {@link FaultyBackend}, and a record of the calls to it.
 *
 * <pre>{@code
 * Faults faults = new Faults();
 * ContextAwareBackend backend = FaultyBackend.plain(new MemoryBackend(), faults);
 *
 * // the third write from now
 * faults.on(Operation.SAVE, Operation.DELETE).nth(3).fail(Moment.BEFORE, Kind.PERMANENT);
 * // the next two commits
 * faults.on(Operation.COMMIT).times(2).fail(Moment.MIDWAY, Kind.TRANSIENT);
 * // every load of one entry
 * faults.on(Operation.LOAD).of("session", "bob.1").forever().fail(Moment.BEFORE, () -> new RuntimeException("broken"));
 * // the next load of another entry: it has read, and returns after gate.open()
 * Gate gate = faults.on(Operation.LOAD).of("session", "bob.2").hold(Moment.AFTER);
 * }</pre>
 *
 * <p>A new object has no faults. Faults that apply to one call at the same moment take effect in the order of their
 * activation; the first failure ends the call. Every call is recorded when it arrives, whether or not it fails, and
 * kept until {@link #forgetCalls}.
 *
 * <p>Safe for use by any number of threads, also while the backend is in use.
 */
public final class Faults {

    private final Queue<Call> calls = new ConcurrentLinkedQueue<>();
    private final List<Fault> faults = new CopyOnWriteArrayList<>();

    /** Creates an object without faults. */
    public Faults() {}

    /**
     * Creates a fault for calls to some operations. It has no effect until it is activated.
     *
     * @param first an operation
     * @param more further operations
     * @return the fault
     */
    public Fault on(Operation first, Operation... more) {
        return new Fault(EnumSet.of(first, more), faults::add);
    }

    /** Removes all faults. Calls that wait at a {@link Gate} stay there until it opens. */
    public void heal() {
        faults.clear();
    }

    /** Clears the record of calls. */
    public void forgetCalls() {
        calls.clear();
    }

    /**
     * Returns the recorded calls in the order of their arrival.
     *
     * @param operations the operations to include; all if none is given
     * @return the calls
     */
    public List<Call> calls(Operation... operations) {
        List<Operation> wanted = Arrays.asList(operations);
        return calls.stream()
                .filter(call -> wanted.isEmpty() || wanted.contains(call.operation()))
                .toList();
    }

    /**
     * Returns the number of recorded calls.
     *
     * @param operations the operations to include; all if none is given
     * @return the number of calls
     */
    public int count(Operation... operations) {
        return calls(operations).size();
    }

    /**
     * Returns the number of recorded loads of an entry, in any context, including bulk loads.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @return the number of loads
     */
    public int loads(String type, String id) {
        EntryId entry = new EntryId(type, id);
        return (int) calls(Operation.LOAD).stream()
                .filter(call -> call.entries().contains(entry))
                .count();
    }

    /**
     * Returns the number of batches of each recorded commit.
     *
     * @return the sizes; 1 for a commit of a single batch
     */
    public List<Integer> groupSizes() {
        return calls(Operation.COMMIT).stream().map(call -> call.group().size()).toList();
    }

    /**
     * Returns the number of mutations of all recorded commits.
     *
     * @return the number of mutations
     */
    public int mutations() {
        return calls(Operation.COMMIT).stream()
                .flatMap(call -> call.group().stream())
                .mapToInt(batch -> batch.mutations().size())
                .sum();
    }

    /**
     * Returns the thread of each recorded commit.
     *
     * @return the threads
     */
    public List<Thread> commitThreads() {
        return calls(Operation.COMMIT).stream().map(Call::thread).toList();
    }

    /**
     * Performs a call, with the faults that apply to it.
     *
     * @param midway performs the call instead of {@code whole} if it is to fail midway with a failure
     */
    <T> T get(Call call, Supplier<T> whole, Function<RuntimeException, T> midway) {
        calls.add(call);
        List<Fault> applying =
                faults.stream().filter(fault -> fault.appliesTo(call)).toList();
        applying.forEach(fault -> fault.apply(Moment.BEFORE));
        try {
            applying.forEach(fault -> fault.apply(Moment.MIDWAY));
        } catch (RuntimeException failure) {
            return midway.apply(failure);
        }
        T result = whole.get();
        applying.forEach(fault -> fault.apply(Moment.AFTER));
        return result;
    }

    /**
     * Performs a call that returns nothing. If it is to fail midway, {@code half} runs, and then the failure is thrown.
     */
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
