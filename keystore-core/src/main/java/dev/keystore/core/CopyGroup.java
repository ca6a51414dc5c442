package dev.keystore.core;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Copies several contexts. They share the commits: one takes all of them over in the source, one in the target, and one
 * writes all of them to the target, where each of them appears whole or not at all. If the shared commit is refused,
 * the engine writes each context in a separate one.
 *
 * <p>Threads of this process that open one of the contexts wait until the group is closed, in both databases. So no
 * store of it is opened that could cache what the target held before, and not learn of the commit that writes it.
 *
 * <p>Concurrency: one thread uses it. What was written is verified on another thread, while the first one writes the
 * next group. {@link #finish} and {@link #close} wait for that thread, for at most ten times the {@code commitTimeout}
 * of the target for each context. A thread that hangs longer in a backend is left behind.
 */
final class CopyGroup implements AutoCloseable {

    /** Once so much was read, what was read is written, and the contexts that are left are not begun. */
    static final long MAXIMUM_BYTES = 8 << 20;

    private final SignalKeyDatabase source;
    private final SignalKeyDatabase target;
    private final Duration verificationTimeout;

    /** Those that have to be closed: at first all, then only those that were begun. */
    private List<ContextCopy> copies;

    /** Those that were begun, in their order. */
    private List<ContextCopy> begun = List.of();

    /** The thread that verifies, until it is known to have ended, or is no longer waited for. */
    private @Nullable Thread verifier;

    /** How many contexts the verifier has verified. */
    private volatile int verified;

    /** What ended the verifier; read once it has ended. */
    private @Nullable Throwable failure;

    /** Creates a group whose contexts may each take ten times the commit timeout of the target to be verified. */
    CopyGroup(SignalKeyDatabase source, SignalKeyDatabase target, List<ContextCopy> copies) {
        this(source, target, copies, target.options().commitTimeout().multipliedBy(10));
    }

    /**
     * Creates a group.
     *
     * @param verificationTimeout the maximum time to wait until another thread has verified one context
     */
    CopyGroup(
            SignalKeyDatabase source,
            SignalKeyDatabase target,
            List<ContextCopy> copies,
            Duration verificationTimeout) {
        this.source = source;
        this.target = target;
        this.copies = copies;
        this.verificationTimeout = verificationTimeout;
    }

    /**
     * Copies contexts, as their owner in the source, except for the verification; throws what {@link StoreCopy#run}
     * does.
     *
     * @return how many were begun; the others were not read
     */
    int write() {
        copies.forEach(ContextCopy::begin);
        List<ContextCopy> present =
                copies.stream().filter(ContextCopy::isUndecided).toList();
        present.forEach(ContextCopy::lockInSource);
        Map<String, Long> epochs = takeOver(source, names(present));
        present.forEach(ContextCopy::lockInTarget);
        writeOwned(epochs);
        return begun.size();
    }

    /**
     * Copies contexts like {@link #write}, which nobody opens meanwhile in either database.
     *
     * @param epochs the epochs with which this process has taken them over in the source
     */
    void writeOwned(Map<String, Long> epochs) {
        copies.forEach(copy -> copy.compare(epochs.getOrDefault(copy.name(), 0L)));
        takeOverInTarget();
        List<ContextCopy> read = new ArrayList<>();
        long bytes = 0;
        for (ContextCopy copy : copies) {
            if (bytes >= MAXIMUM_BYTES) {
                break;
            }
            copy.read();
            bytes += copy.bytesRead();
            read.add(copy);
        }
        copies.subList(read.size(), copies.size()).forEach(ContextCopy::close);
        copies = read; // the others may be used by the next group
        commit(read.stream().filter(ContextCopy::isUndecided).toList());
        begun = read;
    }

    private void takeOverInTarget() {
        List<ContextCopy> unopened =
                copies.stream().filter(ContextCopy::needsTakeOver).toList();
        Map<String, Long> epochs = takeOver(target, names(unopened));
        unopened.forEach(copy -> copy.takenOver(epochs.getOrDefault(copy.name(), 0L)));
    }

    /** Writes what was read. Reads and writes it again as long as the keys of a context are replaced meanwhile. */
    private void commit(List<ContextCopy> read) {
        List<ContextCopy> left = read;
        while (!left.isEmpty()) {
            List<CommitRequest> commits = left.stream().map(ContextCopy::commit).toList();
            Map<CommitRequest, KeyStoreException> failures = target.engine().commitEach(commits);
            for (int i = 0; i < commits.size(); i++) {
                left.get(i).committed(failures.get(commits.get(i)));
            }
            left = left.stream().filter(ContextCopy::isOutdated).toList();
            left.forEach(ContextCopy::read);
            left = left.stream().filter(ContextCopy::isUndecided).toList();
        }
    }

    /** Returns the size of the contexts that were begun, in bytes. */
    long bytes() {
        return begun.stream()
                .mapToLong(copy ->
                        copy.isUndecided() ? copy.bytesRead() : copy.result().bytes())
                .sum();
    }

    /** Verifies what was written, on this thread; throws what {@link StoreCopy#run} does. */
    void verify() {
        for (int i = 0; i < begun.size(); i++) {
            begun.get(i).verify();
            verified = i + 1;
        }
    }

    /** Begins to verify what was written, on another thread. */
    void startVerifying() {
        Thread started = new Thread(
                () -> {
                    try {
                        verify();
                    } catch (RuntimeException | Error e) {
                        failure = e;
                    }
                },
                "keystore-copy");
        started.setDaemon(true);
        started.start();
        verifier = started;
    }

    /**
     * Waits uninterruptibly until what was written is verified; throws what {@link StoreCopy#run} does.
     *
     * @return the copies that were begun, with their results
     */
    List<ContextCopy> finish() {
        if (!awaitVerifier()) {
            String name = begun.get(Math.min(verified, begun.size() - 1)).name();
            throw new LoadFailedException(
                    "Context \"" + name + "\" was written, but could not be verified in "
                            + verificationTimeout.toSeconds() + " s; run the copy again",
                    new TimeoutException("A call of a backend has not returned"));
        }
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure instanceof RuntimeException exception) {
            throw exception;
        }
        return begun;
    }

    /**
     * Waits for the verifier, uninterruptibly: as long as each context takes it no longer than the timeout.
     *
     * @return false if it is still running; it is not waited for again
     */
    private boolean awaitVerifier() {
        Thread running = verifier;
        verifier = null;
        if (running == null) {
            return true;
        }
        int before;
        do {
            before = verified;
            Uninterruptibles.joinUninterruptibly(running, verificationTimeout);
        } while (running.isAlive() && verified > before);
        return !running.isAlive();
    }

    /** Lets the contexts be opened again, and overwrites the keys that were loaded for them. */
    @Override
    public void close() {
        awaitVerifier();
        copies.forEach(ContextCopy::close);
    }

    private static Map<String, Long> takeOver(SignalKeyDatabase database, List<String> names) {
        Engine engine = database.engine();
        return names.isEmpty() ? Map.of() : engine.takeovers.epochs(names, database.refusesOwned(), engine.attempts());
    }

    private static List<String> names(List<ContextCopy> copies) {
        return copies.stream().map(ContextCopy::name).toList();
    }
}
