package dev.keystore.testkit;

import java.util.List;
import java.util.stream.Stream;

/**
 * The recorded changes of one store.
 *
 * @param folder the name of the store's folder
 * @param seed the seed of the commits
 * @param past the changes by earlier processes, starting with the empty folder
 * @param changes the changes by the last process
 */
record RecordedStore(String folder, long seed, List<DiskChange> past, List<DiskChange> changes) {

    /** Returns a store that no process has opened since {@code past}. */
    static RecordedStore of(String folder, long seed, List<DiskChange> past) {
        return new RecordedStore(folder, seed, past, List.of());
    }

    RecordedStore withChanges(List<DiskChange> recorded) {
        return new RecordedStore(folder, seed, past, List.copyOf(recorded));
    }

    /** Returns all changes by earlier processes and the first {@code count} changes by the last one. */
    List<DiskChange> until(int count) {
        return Stream.concat(past.stream(), changes.stream().limit(count)).toList();
    }

    List<DiskChange> all() {
        return until(changes.size());
    }

    /** Returns the number of the last commit that each thread had acknowledged after some changes. */
    static long[] acknowledged(List<DiskChange> changes) {
        long[] acknowledged = new long[CrashScript.THREADS];
        for (DiskChange change : changes) {
            if (change instanceof DiskChange.Print print && ChildProtocol.isAcknowledgement(print.line())) {
                String[] words = print.line().split(" ", -1);
                acknowledged[Integer.parseInt(words[2])] = Long.parseLong(words[3]);
            }
        }
        return acknowledged;
    }

    long acknowledgements() {
        return changes.stream()
                .filter(change ->
                        change instanceof DiskChange.Print print && ChildProtocol.isAcknowledgement(print.line()))
                .count();
    }

    int failedForces() {
        return (int) changes.stream()
                .filter(change -> change instanceof DiskChange.ForceEnd end && !end.isSuccess())
                .count();
    }
}
