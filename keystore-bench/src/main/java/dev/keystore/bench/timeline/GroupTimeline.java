package dev.keystore.bench.timeline;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.ToLongFunction;

/**
 * The steps between the end of one group's write and the end of the next one's, in the median over the groups of a
 * trace.
 *
 * @param commits the number of commits
 * @param groups the number of groups
 * @param bars the steps
 * @param cycle the time from the end of one write to the end of the next
 * @param commit the time of a commit, from its addition to the queue until its thread returns
 */
record GroupTimeline(int commits, int groups, List<Bar> bars, Distribution cycle, Distribution commit) {

    /**
     * A step.
     *
     * @param isInBackend whether it is the backend's
     * @param begin when it begins, from the end of the previous group's write
     * @param length how long it takes
     */
    record Bar(String title, boolean isInBackend, Distribution begin, Distribution length) {}

    /** A group, and the one that was written just before it. */
    private record Pair(TracedGroup previous, TracedGroup next) {}

    /** When a step began and ended. */
    private record Interval(long beginNanos, long endNanos) {

        static Interval of(TracedCall call) {
            return new Interval(call.beginNanos(), call.endNanos());
        }

        /** Returns the interval from the least to the most of a time of several commits; empty if there are none. */
        static Optional<Interval> of(List<TracedGroup.Commit> commits, ToLongFunction<TracedGroup.Commit> nanos) {
            return commits.isEmpty()
                    ? Optional.empty()
                    : Optional.of(new Interval(
                            commits.stream().mapToLong(nanos).min().orElseThrow(),
                            commits.stream().mapToLong(nanos).max().orElseThrow()));
        }
    }

    /** Where a step runs. */
    private enum Place {
        ENGINE,
        BACKEND
    }

    /**
     * What a bar shows.
     *
     * @param interval returns when the step began and ended, from the previous group and the next one
     */
    private record Step(String title, Place place, BiFunction<TracedGroup, TracedGroup, Optional<Interval>> interval) {}

    /** In the order of the chart. */
    private static final List<Step> STEPS = List.of(
            new Step("publish to the cache", Place.ENGINE, ofPrevious(TracedMethod.PUBLISH)),
            new Step(
                    "end the commits, wake their threads",
                    Place.ENGINE,
                    (previous, next) -> Optional.of(new Interval(
                            previous.step(TracedMethod.PUBLISH).endNanos(),
                            previous.step(TracedMethod.CONCLUDE).endNanos()))),
            new Step(
                    "their threads return, first to last",
                    Place.ENGINE,
                    (previous, next) -> Interval.of(
                            previous.commits(), commit -> commit.whole().endNanos())),
            new Step("hand off the lead", Place.ENGINE, ofPrevious(TracedMethod.HAND_OFF)),
            new Step(
                    "next commits are added, first to last",
                    Place.ENGINE,
                    (previous, next) -> Interval.of(next.commits(), TracedGroup.Commit::addedNanos)),
            new Step(
                    "the next leader wakes",
                    Place.ENGINE,
                    (previous, next) -> Optional.of(new Interval(
                            previous.step(TracedMethod.HAND_OFF).beginNanos(),
                            next.lead().beginNanos()))),
            new Step("take the group", Place.ENGINE, ofNext(TracedMethod.TAKE)),
            new Step("check it", Place.ENGINE, ofNext(TracedMethod.CHECK)),
            new Step("write it to the backend", Place.BACKEND, ofNext(TracedMethod.WRITE)),
            new Step(
                    "… of which the fsync",
                    Place.BACKEND,
                    (previous, next) -> next.fsync().map(Interval::of)));

    private static BiFunction<TracedGroup, TracedGroup, Optional<Interval>> ofPrevious(TracedMethod method) {
        return (previous, next) -> Optional.of(Interval.of(previous.step(method)));
    }

    private static BiFunction<TracedGroup, TracedGroup, Optional<Interval>> ofNext(TracedMethod method) {
        return (previous, next) -> Optional.of(Interval.of(next.step(method)));
    }

    /**
     * Returns the timeline of a trace.
     *
     * @throws IllegalArgumentException if the trace has less than two groups
     */
    static GroupTimeline of(List<TracedCall> calls) {
        List<TracedGroup> groups = TracedGroup.of(calls);
        List<Pair> pairs = new ArrayList<>();
        for (int at = 1; at < groups.size(); at++) {
            pairs.add(new Pair(groups.get(at - 1), groups.get(at)));
        }
        List<TracedGroup.Commit> commits =
                groups.stream().flatMap(group -> group.commits().stream()).toList();
        return new GroupTimeline(
                commits.size(),
                groups.size(),
                bars(pairs),
                Distribution.of(
                        pairs.stream().mapToLong(pair -> pair.next.writtenNanos() - pair.previous.writtenNanos())),
                Distribution.of(
                        commits.stream().mapToLong(commit -> commit.whole().endNanos() - commit.addedNanos())));
    }

    double commitsOfAGroup() {
        return (double) commits / groups;
    }

    private static List<Bar> bars(List<Pair> pairs) {
        return STEPS.stream().flatMap(step -> bar(step, pairs).stream()).toList();
    }

    /** Returns the bar of a step; empty if no group has the step. */
    private static Optional<Bar> bar(Step step, List<Pair> pairs) {
        List<Long> begins = new ArrayList<>();
        List<Long> lengths = new ArrayList<>();
        for (Pair pair : pairs) {
            step.interval.apply(pair.previous, pair.next).ifPresent(interval -> {
                begins.add(interval.beginNanos - pair.previous.writtenNanos());
                lengths.add(interval.endNanos - interval.beginNanos);
            });
        }
        return begins.isEmpty()
                ? Optional.empty()
                : Optional.of(new Bar(
                        step.title,
                        step.place == Place.BACKEND,
                        Distribution.of(begins.stream().mapToLong(Long::longValue)),
                        Distribution.of(lengths.stream().mapToLong(Long::longValue))));
    }
}
