package dev.keystore.core;

import dev.keystore.core.CommitState.Done;
import dev.keystore.core.CommitState.Step;
import dev.keystore.spi.Batch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The commits that a leader has taken from the queue to write them as one, and the progress of that write.
 *
 * <p>Concurrency: only the holder of the lead uses it.
 *
 * <p>Recovery: if a leader fails with an error, the next one finishes the group from what is recorded here (R31). Each
 * field is written before or after the step that it records, never during it. {@link #outcome}, {@link #failure} and
 * {@link #failures} are written directly and not through a method: after a {@link StackOverflowError} a call might
 * fail.
 */
final class CommitGroup {

    /**
     * The result of checking a group.
     *
     * @param batches what to write
     * @param passed the commits that passed the check, including those that write nothing
     * @param failed the commits that failed it, each with its end: its context refuses commits, or what it read has
     *     changed or could not be read again
     */
    record CheckResult(List<Batch> batches, List<CommitRequest> passed, Map<CommitRequest, Done> failed) {

        static final CheckResult NOTHING = new CheckResult(List.of(), List.of(), Map.of());

        /**
         * Moves the commits that passed to state {@code WRITING}. If one of them has ended since the check, returns
         * false and leaves the others in state {@code TAKEN}: the group has to be checked again, and until then they
         * may end.
         */
        boolean beginWriting() {
            boolean all = true;
            for (CommitRequest commit : passed) {
                all &= commit.state.advance(Step.TAKEN, Step.WRITING);
            }
            if (!all) {
                for (CommitRequest commit : passed) {
                    commit.state.returnTo(Step.TAKEN);
                }
            }
            return all;
        }
    }

    private final List<CommitRequest> requests = new ArrayList<>();
    private final InFlight write = InFlight.forWrite();
    private CheckResult checked = CheckResult.NOTHING;
    private boolean sent;
    private boolean counted;

    /** What is measured of the write; null if nobody listens, or nothing was sent. */
    private FlightEvents.@Nullable GroupWrite measured;

    /** The outcome of the write, once the backend's call has ended. */
    @Nullable
    WriteOutcome outcome;

    /** What the last leader that failed threw. */
    @Nullable
    Throwable failure;

    /** How many leaders failed before they had finished this group. */
    int failures;

    /**
     * Adds a commit, unless it has ended. It is added before it counts as taken, so an error in between loses nothing.
     */
    void add(CommitRequest request) {
        requests.add(request);
        if (!request.state.take()) {
            requests.remove(requests.size() - 1);
        }
    }

    /** Returns the commits in the order of the queue. */
    List<CommitRequest> requests() {
        return Collections.unmodifiableList(requests);
    }

    boolean isEmpty() {
        return requests.isEmpty();
    }

    int size() {
        return requests.size();
    }

    /** Returns what readers of the entries wait for while the group is being written. */
    InFlight inFlightWrite() {
        return write;
    }

    /** Returns the result of the last check. */
    CheckResult checked() {
        return checked;
    }

    void recordCheck(CheckResult result) {
        checked = result;
    }

    /** Returns whether the backend was called, or was about to be. */
    boolean isSent() {
        return sent;
    }

    void markSent() {
        sent = true;
    }

    /** Begins to measure the write. */
    void startMeasuring(EngineEvents events) {
        measured = events.beginGroupWrite();
    }

    /** Returns what is measured of the write; null if nobody listens, or nothing was sent. */
    FlightEvents.@Nullable GroupWrite measured() {
        return measured;
    }

    /** Counts a further sending, because the outcome is unknown. */
    void countSending() {
        if (measured != null) {
            measured.sendings++;
        }
    }

    /** Records that at least one commit is written again after a transient failure. */
    void markRetried() {
        if (measured != null) {
            measured.retried = true;
        }
    }

    /** Ends the time that is measured, since the outcome is known. */
    void stopMeasuring() {
        if (measured != null) {
            measured.stop();
        }
    }

    /** Reports what was measured. */
    void report(EngineEvents events, WriteOutcome known) {
        events.end(measured, checked.batches().size(), known);
    }

    /** Marks it as counted; returns false if it was already. */
    boolean tryMarkCounted() {
        boolean first = !counted;
        counted = true;
        return first;
    }
}
