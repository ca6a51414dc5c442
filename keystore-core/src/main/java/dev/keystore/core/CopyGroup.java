package dev.keystore.core;

import com.google.common.base.Throwables;
import com.google.common.util.concurrent.Uninterruptibles;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Copies several contexts. They share the commits: one takes all of them over in the source, one in the target, and one
 * writes all of them to the target, where each of them appears whole or not at all. If the shared commit is refused,
 * the engine writes each context in a separate one.
 *
 * <p>The steps are {@link #prepare}, {@link #read}, {@link #startCommit} or none, {@link #commit},
 * {@link #startVerifying} and {@link #finish}, or {@link #verify} in place of the last two.
 *
 * <p>Threads of this process that open one of the contexts wait until the group is closed, in both databases. So no
 * store of it is opened that could cache what the target held before, and not learn of the commit that writes it.
 *
 * <p>Concurrency: one thread uses it. What was read can be committed on another thread, while the first one reads the
 * next group, and what was written can be verified on another thread. {@link #finish} and {@link #close} wait for the
 * verification for at most ten times the {@code commitTimeout} of the target for each context. A thread that hangs
 * longer in a backend is left behind.
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

    /** The commit that runs on another thread, or null. */
    private @Nullable GroupCommit committing;

    /** The verification that runs on another thread, until it has ended or is no longer waited for; or null. */
    private @Nullable FutureTask<?> verifying;

    /** How many contexts were verified. */
    private volatile int verified;

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
     * Takes the contexts over in both databases, those that have to be written, and keeps other threads from opening
     * them; throws what {@link StoreCopy#run} does.
     */
    void prepare() {
        copies.forEach(ContextCopy::begin);
        List<ContextCopy> present =
                copies.stream().filter(ContextCopy::isUndecided).toList();
        present.forEach(ContextCopy::lockInSource);
        Map<String, Long> epochs = takeOver(source, names(present));
        present.forEach(ContextCopy::lockInTarget);
        prepareOwned(epochs);
    }

    /**
     * Does what {@link #prepare} does for contexts that nobody opens meanwhile in either database.
     *
     * @param epochs the epochs with which this process has taken them over in the source
     */
    void prepareOwned(Map<String, Long> epochs) {
        copies.forEach(copy -> copy.compare(epochs.getOrDefault(copy.name(), 0L)));
        takeOverInTarget();
    }

    /**
     * Reads contexts until {@link #MAXIMUM_BYTES} were read; throws what {@link StoreCopy#run} does.
     *
     * @return how many were begun; the others were not read
     */
    int read() {
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
        begun = read;
        return read.size();
    }

    private void takeOverInTarget() {
        List<ContextCopy> unopened =
                copies.stream().filter(ContextCopy::needsTakeOver).toList();
        Map<String, Long> epochs = takeOver(target, names(unopened));
        unopened.forEach(copy -> copy.takenOver(epochs.getOrDefault(copy.name(), 0L)));
    }

    /** Begins to write what was read, on another thread. */
    void startCommit() {
        GroupCommit commit = new GroupCommit(undecided(begun));
        committing = commit;
        if (!commit.written.isEmpty()) {
            start(commit.task);
        }
    }

    /**
     * Writes what was read, or waits uninterruptibly until the other thread has done so. Reads and writes it again as
     * long as the keys of a context are replaced meanwhile. Throws what {@link StoreCopy#run} does.
     */
    void commit() {
        GroupCommit commit = committing == null ? new GroupCommit(undecided(begun)) : committing;
        committing = null;
        while (!commit.written.isEmpty()) {
            commit.finish();
            commit = new GroupCommit(commit.readAgain());
        }
    }

    private static List<ContextCopy> undecided(List<ContextCopy> copies) {
        return copies.stream().filter(ContextCopy::isUndecided).toList();
    }

    /** A commit that writes what was read of contexts. */
    private final class GroupCommit {

        private final List<ContextCopy> written;
        private final FutureTask<?> task = new FutureTask<>(this::commit, null);

        /** The failures of those that have one. Read once the task has ended. */
        private final Map<ContextCopy, KeyStoreException> failures = new HashMap<>();

        GroupCommit(List<ContextCopy> written) {
            this.written = written;
        }

        /** A request belongs to the thread that creates it. */
        private void commit() {
            List<CommitRequest> requests =
                    written.stream().map(ContextCopy::commit).toList();
            Map<CommitRequest, KeyStoreException> failed = target.engine().commitEach(requests);
            for (int i = 0; i < requests.size(); i++) {
                KeyStoreException failure = failed.get(requests.get(i));
                if (failure != null) {
                    failures.put(written.get(i), failure);
                }
            }
        }

        /** Commits, unless another thread does, and waits for the end. */
        void finish() {
            task.run();
            await(task);
            written.forEach(copy -> copy.committed(failures.get(copy)));
        }

        /** Returns those that have to be written again, and are read again; called after the end. */
        List<ContextCopy> readAgain() {
            List<ContextCopy> outdated =
                    written.stream().filter(ContextCopy::isOutdated).toList();
            outdated.forEach(ContextCopy::read);
            return undecided(outdated);
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
        FutureTask<?> task = new FutureTask<>(this::verify, null);
        verifying = task;
        start(task);
    }

    private static void start(FutureTask<?> task) {
        Thread thread = new Thread(task, "keystore-copy");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits uninterruptibly until what was written is verified; throws what {@link StoreCopy#run} does.
     *
     * @return the copies that were begun, with their results
     */
    List<ContextCopy> finish() {
        FutureTask<?> verification = verifying;
        if (!awaitVerification()) {
            String name = begun.get(Math.min(verified, begun.size() - 1)).name();
            throw new LoadFailedException(
                    "Context \"" + name + "\" was written, but could not be verified in "
                            + verificationTimeout.toSeconds() + " s; run the copy again",
                    new TimeoutException("A call of a backend has not returned"));
        }
        if (verification != null) {
            await(verification);
        }
        return begun;
    }

    /**
     * Waits for the verification, uninterruptibly: as long as each context takes it no longer than the timeout.
     *
     * @return false if it is still running; it is not waited for again
     */
    private boolean awaitVerification() {
        FutureTask<?> running = verifying;
        verifying = null;
        if (running == null) {
            return true;
        }
        int before;
        do {
            before = verified;
            awaitEnd(running);
        } while (!running.isDone() && verified > before);
        return running.isDone();
    }

    private void awaitEnd(FutureTask<?> task) {
        try {
            Uninterruptibles.getUninterruptibly(task, verificationTimeout);
        } catch (ExecutionException | TimeoutException e) {
            // finish() throws it, or says so
        }
    }

    /** Waits uninterruptibly for the end of a task, and throws what it threw. */
    private static void await(FutureTask<?> task) {
        try {
            Uninterruptibles.getUninterruptibly(task);
        } catch (ExecutionException e) {
            Throwables.throwIfUnchecked(Objects.requireNonNull(e.getCause()));
            throw new IllegalStateException(e); // no task throws a checked exception
        }
    }

    /**
     * Waits for what runs on other threads, lets the contexts be opened again, and overwrites the keys that were loaded
     * for them.
     */
    @Override
    public void close() {
        GroupCommit started = committing;
        committing = null;
        if (started != null) {
            try {
                started.finish();
            } catch (RuntimeException | Error e) {
                // the group is closed early only because the copy has failed
            }
        }
        awaitVerification();
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
