package dev.keystore.mapdb;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The groups that are committed but not yet applied to MapDB's map, in memory, the oldest first.
 *
 * <p>Concurrency: the thread that holds the writer's lock adds groups, the maintenance thread removes them, and any
 * thread reads. No thread waits. A group is added as a whole, by one write to a field, which can't fail.
 */
final class UnappliedGroups {

    private static final NetChanges NOTHING = new NetChanges();
    private static final List<Change> NO_CHANGES = List.of();

    private volatile Group applied;
    private volatile Group newest;

    /** Creates an instance without groups; the map holds all records up to {@code last}. */
    UnappliedGroups(long last) {
        applied = new Group(last, 0, NOTHING, NO_CHANGES);
        newest = applied;
    }

    /** A group that is committed, or about to be. */
    static final class Group {
        private final long number;
        private final long totalBytes;
        private NetChanges netChanges;
        private List<Change> changes;
        private volatile @Nullable Group next;

        private Group(long number, long totalBytes, NetChanges netChanges, List<Change> changes) {
            this.number = number;
            this.totalBytes = totalBytes;
            this.netChanges = netChanges;
            this.changes = changes;
        }

        /** Returns the number of its record in the journal. */
        long number() {
            return number;
        }

        /** Returns its changes, in their order. */
        List<Change> changes() {
            return changes;
        }
    }

    /** Prepares the group that follows the newest one. The values are copied, since the arrays belong to the caller. */
    Group prepare(List<Change> changes) {
        List<Change> copies = new ArrayList<>(changes.size());
        for (Change change : changes) {
            copies.add(change.copy());
        }
        NetChanges netChanges = new NetChanges();
        netChanges.accept(copies);
        return new Group(newest.number + 1, newest.totalBytes + Change.bytes(copies), netChanges, copies);
    }

    /** Adds the group that was prepared last. From then on it is committed, and can be read. */
    void add(Group group) {
        newest.next = group;
        newest = group;
    }

    /** Returns the number of the newest committed record. */
    long newest() {
        return newest.number;
    }

    /** Returns how many groups are not yet in the map. */
    int groups() {
        return (int) (newest.number - applied.number);
    }

    /** Returns the approximate size of these groups, in bytes. */
    long bytes() {
        return newest.totalBytes - applied.totalBytes;
    }

    /** Returns the oldest group, or {@code null} if there is none. */
    @Nullable
    Group oldest() {
        return applied.next;
    }

    /** Removes the groups up to a record, whose changes the map holds. No thread may be reading. */
    void removeUpTo(long number) {
        for (Group next = applied.next; next != null && next.number <= number; next = applied.next) {
            // Otherwise an unreachable group in the old generation would keep younger ones in memory.
            applied.next = null;
            applied = next;
            next.netChanges = NOTHING;
            next.changes = NO_CHANGES;
        }
    }

    /** Returns the net changes of each group, the oldest first. */
    List<NetChanges> netChanges() {
        List<NetChanges> found = new ArrayList<>();
        for (Group group = applied.next; group != null; group = group.next) {
            found.add(group.netChanges);
        }
        return found;
    }
}
