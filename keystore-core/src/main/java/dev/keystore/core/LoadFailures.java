package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.UnreadableEntryException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Translates a failed load into the exception for the reader (R3). */
final class LoadFailures {

    private LoadFailures() {}

    /**
     * Returns the exception for a load that threw {@code failure}; if an interrupt ended it, that is an interruption.
     */
    static RuntimeException of(EntryKey key, Throwable failure) {
        return of(key.context.name(), key.entryId(), failure);
    }

    private static RuntimeException of(String context, EntryId entry, Throwable failure) {
        return of(context, "entry " + entry, failure);
    }

    private static RuntimeException of(String context, String what, Throwable failure) {
        if (failure instanceof UnreadableEntryException
                || failure instanceof LoadFailedException
                || failure instanceof ClosedException) {
            return (RuntimeException) failure;
        }
        RuntimeException interruption = failure instanceof RuntimeException thrown
                ? BackendFailures.asInterruption(describe(context, what), thrown)
                : null;
        return interruption == null ? new LoadFailedException(context, what, failure) : interruption;
    }

    /** Returns what {@code load} returns; if that throws, throws what {@link #of} returns for the entry. */
    static <T extends @Nullable Object> T translated(String context, EntryId entry, Supplier<T> load) {
        try {
            return load.get();
        } catch (RuntimeException e) {
            throw of(context, entry, e);
        }
    }

    /** Returns what {@code load} returns; if that throws, throws what {@link #of} returns for {@code what}. */
    static <T> T translated(String context, String what, Supplier<T> load) {
        try {
            return load.get();
        } catch (RuntimeException e) {
            throw of(context, what, e);
        }
    }

    /** Returns the exception for a reader that waited for another thread until the deadline. */
    static LoadFailedException timedOut(EntryKey key, Duration timeout) {
        return new LoadFailedException(
                key.context.name(),
                "entry " + key.entryId(),
                new TimeoutException("another thread is still loading or writing it after " + timeout.toMillis()
                        + " ms (loadTimeout)"));
    }

    /** Returns the exception for a reader of several entries that found no snapshot of them until the deadline. */
    static LoadFailedException neverUnchanged(EntryKey first, Duration timeout) {
        return new LoadFailedException(
                first.context.name(),
                "several entries of type \"" + first.type.name() + "\"",
                new TimeoutException("commits of the context kept changing entries while they were read, for "
                        + timeout.toMillis() + " ms (loadTimeout)"));
    }

    /** Returns the exception for a reader whose thread was interrupted. */
    static OperationInterruptedException interrupted(EntryKey key) {
        return new OperationInterruptedException(describe(key));
    }

    /** Throws if this thread is interrupted, before it reads more of the entries of a context. */
    static void throwIfInterrupted(String context) {
        if (Thread.currentThread().isInterrupted()) {
            throw new OperationInterruptedException(describe(context, "the entries"));
        }
    }

    /** Throws if this thread is interrupted, before it starts a load. */
    static void throwIfInterrupted(EntryKey key) {
        if (Thread.currentThread().isInterrupted()) {
            throw interrupted(key);
        }
    }

    private static String describe(EntryKey key) {
        return describe(key.context.name(), "entry " + key.entryId());
    }

    private static String describe(String context, String what) {
        return what + " of context \"" + context + "\"";
    }
}
