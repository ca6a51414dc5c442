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

    private static final String WRITE = "write it to the backend";
    private static final String FSYNC = "… of which the fsync";

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
        List<Bar> bars = new ArrayList<>();
        add(bars, pairs, "publish to the cache", previous(TracedMethod.PUBLISH));
        add(
                bars,
                pairs,
                "end the commits, wake their threads",
                (previous, next) -> Optional.of(new Interval(
                        previous.step(TracedMethod.PUBLISH).endNanos(),
                        previous.step(TracedMethod.CONCLUDE).endNanos())));
        add(
                bars,
                pairs,
                "their threads return, first to last",
                (previous, next) ->
                        Interval.of(previous.commits(), commit -> commit.whole().endNanos()));
        add(bars, pairs, "hand off the lead", previous(TracedMethod.HAND_OFF));
        add(
                bars,
                pairs,
                "next commits are added, first to last",
                (previous, next) -> Interval.of(next.commits(), TracedGroup.Commit::addedNanos));
        add(
                bars,
                pairs,
                "the next leader wakes",
                (previous, next) -> Optional.of(new Interval(
                        previous.step(TracedMethod.HAND_OFF).beginNanos(),
                        next.lead().beginNanos())));
        add(bars, pairs, "take the group", next(TracedMethod.TAKE));
        add(bars, pairs, "check it", next(TracedMethod.CHECK));
        add(bars, pairs, WRITE, next(TracedMethod.WRITE));
        add(bars, pairs, FSYNC, (previous, next) -> next.fsync().map(Interval::of));
        return bars;
    }

    private static BiFunction<TracedGroup, TracedGroup, Optional<Interval>> previous(TracedMethod step) {
        return (previous, next) -> Optional.of(Interval.of(previous.step(step)));
    }

    private static BiFunction<TracedGroup, TracedGroup, Optional<Interval>> next(TracedMethod step) {
        return (previous, next) -> Optional.of(Interval.of(next.step(step)));
    }

    private static void add(
            List<Bar> bars,
            List<Pair> pairs,
            String title,
            BiFunction<TracedGroup, TracedGroup, Optional<Interval>> step) {
        List<Long> begins = new ArrayList<>();
        List<Long> lengths = new ArrayList<>();
        for (Pair pair : pairs) {
            step.apply(pair.previous, pair.next).ifPresent(interval -> {
                begins.add(interval.beginNanos - pair.previous.writtenNanos());
                lengths.add(interval.endNanos - interval.beginNanos);
            });
        }
        if (!begins.isEmpty()) {
            bars.add(new Bar(
                    title,
                    title.equals(WRITE) || title.equals(FSYNC),
                    Distribution.of(begins.stream().mapToLong(Long::longValue)),
                    Distribution.of(lengths.stream().mapToLong(Long::longValue))));
        }
    }
}
