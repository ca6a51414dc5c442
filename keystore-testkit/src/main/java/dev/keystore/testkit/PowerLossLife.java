package dev.keystore.testkit;

import java.util.List;
import java.util.stream.Stream;

/**
 * What one process did to one store.
 *
 * @param folder the name of the store's folder
 * @param seed of what is committed
 * @param past what earlier processes changed, from the empty folder on
 * @param changes what this one changed
 */
record PowerLossLife(String folder, long seed, List<DiskChange> past, List<DiskChange> changes) {

    /** Returns a life that has not begun. */
    static PowerLossLife planned(String folder, long seed, List<DiskChange> past) {
        return new PowerLossLife(folder, seed, past, List.of());
    }

    PowerLossLife lived(List<DiskChange> recorded) {
        return new PowerLossLife(folder, seed, past, List.copyOf(recorded));
    }

    /** Returns all changes until some changes of this process. */
    List<DiskChange> until(int point) {
        return Stream.concat(past.stream(), changes.stream().limit(point)).toList();
    }

    /** Returns all changes. */
    List<DiskChange> all() {
        return until(changes.size());
    }

    /** Returns the number of the last commit that each thread had acknowledged after some changes. */
    static long[] acknowledged(List<DiskChange> changes) {
        long[] acknowledged = new long[CrashScript.THREADS];
        for (DiskChange change : changes) {
            if (change instanceof DiskChange.Say say && say.line().startsWith(CrashChild.ACKNOWLEDGED + " ")) {
                String[] words = say.line().split(" ", -1);
                acknowledged[Integer.parseInt(words[2])] = Long.parseLong(words[3]);
            }
        }
        return acknowledged;
    }

    long acknowledgements() {
        return changes.stream()
                .filter(change ->
                        change instanceof DiskChange.Say say && say.line().startsWith(CrashChild.ACKNOWLEDGED + " "))
                .count();
    }

    int failures() {
        return (int) changes.stream()
                .filter(change -> change instanceof DiskChange.ForceEnd end && !end.isDone())
                .count();
    }
}
