package dev.keystore.bench.timeline;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A group of commits that was written: the calls of its leader, and the commits in it.
 *
 * @param steps the calls of the leader inside its {@link TracedMethod#LEAD}
 * @param commits the commits of the group, in the order in which they returned
 */
record TracedGroup(TracedCall lead, Map<TracedMethod, TracedCall> steps, List<Commit> commits) {

    /**
     * A commit.
     *
     * @param whole from its begin until its thread is awake again and returns
     * @param addedNanos when it was added to the queue
     */
    record Commit(TracedCall whole, long addedNanos) {}

    /** Returns the groups of a trace, in the order in which they were written. */
    static List<TracedGroup> of(List<TracedCall> calls) {
        Map<Long, List<TracedCall>> byThread = calls.stream()
                .sorted(Comparator.comparingLong(TracedCall::beginNanos))
                .collect(Collectors.groupingBy(TracedCall::thread));
        List<TracedGroup> groups = new ArrayList<>();
        List<Commit> commits = new ArrayList<>();
        for (List<TracedCall> ofThread : byThread.values()) {
            for (int at = 0; at < ofThread.size(); at++) {
                TracedCall outer = ofThread.get(at);
                if (outer.method() == TracedMethod.LEAD) {
                    TracedGroup group = of(outer, inside(ofThread, at));
                    if (group.isComplete()) {
                        groups.add(group);
                    }
                } else if (outer.method() == TracedMethod.COMMIT) {
                    inside(ofThread, at).stream()
                            .filter(call -> call.method() == TracedMethod.ADD)
                            .findFirst()
                            .ifPresent(add -> commits.add(new Commit(outer, add.beginNanos())));
                }
            }
        }
        assign(commits, groups);
        return groups.stream()
                .sorted(Comparator.comparingLong(group -> group.lead.beginNanos()))
                .toList();
    }

    /** Returns the calls that a call of a thread made, directly or not. */
    private static List<TracedCall> inside(List<TracedCall> ofThread, int outer) {
        List<TracedCall> found = new ArrayList<>();
        for (int at = outer + 1;
                at < ofThread.size()
                        && ofThread.get(at).beginNanos() <= ofThread.get(outer).endNanos();
                at++) {
            found.add(ofThread.get(at));
        }
        return found;
    }

    private static TracedGroup of(TracedCall lead, List<TracedCall> inside) {
        Map<TracedMethod, TracedCall> steps = new EnumMap<>(TracedMethod.class);
        inside.forEach(call -> steps.putIfAbsent(call.method(), call));
        return new TracedGroup(lead, steps, new ArrayList<>());
    }

    private boolean isComplete() {
        return steps.keySet()
                .containsAll(Set.of(
                        TracedMethod.TAKE,
                        TracedMethod.CHECK,
                        TracedMethod.WRITE,
                        TracedMethod.PUBLISH,
                        TracedMethod.CONCLUDE,
                        TracedMethod.HAND_OFF));
    }

    /** Assigns each commit to the first group that was taken after the commit was added to the queue. */
    private static void assign(List<Commit> commits, List<TracedGroup> groups) {
        TreeMap<Long, TracedGroup> byTake = new TreeMap<>();
        groups.forEach(group -> byTake.put(group.step(TracedMethod.TAKE).endNanos(), group));
        commits.sort(Comparator.comparingLong(commit -> commit.whole.endNanos()));
        for (Commit commit : commits) {
            Map.Entry<Long, TracedGroup> taken = byTake.ceilingEntry(commit.addedNanos);
            if (taken != null && taken.getValue().writtenNanos() <= commit.whole.endNanos()) {
                taken.getValue().commits.add(commit);
            }
        }
    }

    /** Returns the call of a step that all groups have. */
    TracedCall step(TracedMethod method) {
        return Objects.requireNonNull(steps.get(method));
    }

    /** Returns the call that waits for the fsync, if it is traced. */
    Optional<TracedCall> fsync() {
        return Optional.ofNullable(
                steps.getOrDefault(TracedMethod.FORCE_JOURNAL, steps.get(TracedMethod.COMMIT_SQLITE)));
    }

    /** Returns when the backend had written the group. */
    long writtenNanos() {
        return step(TracedMethod.WRITE).endNanos();
    }
}
